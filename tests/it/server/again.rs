//! Judging again over HTTP: rejudge sets, and the gate asked again under another policy.

use portcullis::api::{
    ActRequest, RecheckApply, RecheckRequest, RejudgeRequest, RejudgeStatus, ResultRequest, RunStanding,
};
use portcullis::model::{GateVerdict, Score, SubmissionId, SubmissionState};

use super::{Platform, assignments, miner, name, problem};

fn request(task: Option<&str>) -> RejudgeRequest {
    RejudgeRequest {
        task: task.map(|task| task.parse().expect("a name")),
        policy: None,
        since: None,
        until: None,
        reason: "a case was wrong".to_owned(),
        operator: miner("olga"),
    }
}

fn act() -> ActRequest {
    ActRequest { reason: "looked at".to_owned(), operator: miner("olga") }
}

async fn judged(platform: &Platform, who: &str, source: &str, wrong: usize) -> SubmissionId {
    platform.upload(who, source).await.expect("taken");
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    let result = assignments::result("v1", wrong);
    platform.inside.submit_result(work.assignment_id, &result).await.expect("taken");
    work.submission_id
}

/// Of the tasks of an assignment only.
async fn judged_again(platform: &Platform, wrong: usize) -> SubmissionId {
    let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
    let whole = assignments::result("v1", wrong);
    let wanted = |task: &portcullis::model::TaskResult| work.tasks.iter().any(|one| one.id == task.task);
    let tasks = whole.tasks.iter().filter(|task| wanted(task)).cloned().collect();
    let taken = platform
        .inside
        .submit_result(work.assignment_id, &ResultRequest { tasks, ..whole })
        .await
        .expect("taken");
    assert_eq!((taken.status, taken.score), (SubmissionState::Completed, None));
    work.submission_id
}

#[tokio::test]
async fn an_operator_sees_every_change_and_applies_them_as_one_act() {
    let platform = Platform::start().await;
    let alice = judged(&platform, "alice", "print(1)\n", 1).await;
    let bob = judged(&platform, "bob", "print(2)\n", 0).await;
    let board = platform.client.leaderboard().await.expect("a ranking");
    assert_eq!(board.rankings[0].miner_id, miner("bob"));
    let before = platform.client.submission(alice).await.expect("known");

    let set = platform.inside.create_rejudge(&request(Some("reverse_string"))).await.expect("made");
    assert_eq!((set.runs, set.waiting, set.status), (2, 2, RejudgeStatus::Open));
    let early = problem(platform.inside.apply_rejudge(set.rejudge_id, &act()).await);
    assert_eq!((early.status, name(&early)), (409, "not-open"));
    assert_eq!(judged_again(&platform, 0).await, alice);
    assert_eq!(judged_again(&platform, 2).await, bob);

    let shown = platform.inside.rejudge(set.rejudge_id).await.expect("shown");
    assert_eq!((shown.set.waiting, shown.unchanged, shown.kept.len()), (0, 0, 0));
    let changes: Vec<_> =
        shown.changes.iter().map(|change| (change.miner_id.as_str(), change.before < change.after)).collect();
    assert_eq!(changes, [("alice", true), ("bob", false)]);
    assert_eq!(shown.changes[0].before, before.score.expect("a score"));
    assert_eq!(shown.cases.len(), 3, "one of alice's, two of bob's");
    let still = platform.client.submission(alice).await.expect("known");
    assert_eq!(still, before, "nothing counts yet");

    let applied = platform.inside.apply_rejudge(set.rejudge_id, &act()).await.expect("applied");
    assert_eq!((applied.set.status, &applied.changes), (RejudgeStatus::Applied, &shown.changes));
    let after = platform.client.submission(alice).await.expect("known");
    assert_eq!(after.score, Some(shown.changes[0].after));
    let task = |detail: &portcullis::api::SubmissionDetail| {
        detail.tasks.iter().find(|task| task.task.as_str() == "reverse_string").and_then(|task| task.score)
    };
    assert_eq!((task(&after), after.tasks.len()), (Some(Score::FULL), before.tasks.len()));
    let last = after.events.last().expect("an event");
    assert_eq!(last.actor, "operator olga");
    assert!(
        last.reason.starts_with("rejudged from ") && last.reason.ends_with(": looked at"),
        "{}",
        last.reason
    );

    let runs = platform.client.runs(alice).await.expect("known").runs;
    assert_eq!(runs.iter().map(|run| run.rejudge_id).collect::<Vec<_>>(), [None, Some(set.rejudge_id)]);
    let standing = |run: usize| {
        let task = runs[run].tasks.iter().find(|task| task.task.as_str() == "reverse_string");
        task.expect("it was judged").standing
    };
    assert_eq!((standing(0), standing(1)), (RunStanding::Superseded, RunStanding::Live));
    let again = problem(platform.inside.drop_rejudge(set.rejudge_id, &act()).await);
    assert_eq!((again.status, name(&again)), (409, "not-open"));
    assert_eq!(platform.inside.rejudges().await.expect("sets").rejudges, [applied.set]);
}

#[tokio::test]
async fn a_set_of_nothing_is_refused_and_the_routes_need_the_token() {
    let platform = Platform::start().await;
    let nothing = problem(platform.inside.create_rejudge(&request(None)).await);
    assert_eq!((nothing.status, name(&nothing)), (422, "unfit"));
    let unknown = problem(platform.inside.create_rejudge(&request(Some("no_such_task"))).await);
    assert_eq!(unknown.status, 404);
    let silent = RejudgeRequest { reason: " ".to_owned(), ..request(None) };
    assert_eq!(problem(platform.inside.create_rejudge(&silent).await).status, 400);
    assert_eq!(problem(platform.client.create_rejudge(&request(None)).await).status, 401);
    assert_eq!(problem(platform.client.rejudges().await).status, 401);
    assert_eq!(problem(platform.inside.rejudge(uuid::Uuid::now_v7()).await).status, 404);
}

#[tokio::test]
async fn a_stricter_policy_shows_what_it_would_refuse_and_takes_it_out_as_one_act() {
    let platform = Platform::start().await;
    let kept = judged(&platform, "alice", "print(1)\n", 0).await;
    let first = judged(&platform, "bob", "print(2)\n", 0).await;
    let refused = judged(&platform, "bob", "import json\n\nprint(json.dumps(2))\n", 1).await;
    let policy = "[modules]\ndeny = [\"json\"]\n".to_owned();
    let ask = RecheckRequest { policy: policy.clone(), after: None };
    let page = platform.inside.ask_recheck(&ask).await.expect("asked");
    assert_eq!((page.checked, page.next), (3, None));
    let changes: Vec<_> = page.changes.iter().map(|one| (one.submission_id, one.verdict)).collect();
    assert_eq!(changes, [(refused, GateVerdict::Rejected)]);
    assert!(!page.changes[0].findings.is_empty());
    assert_eq!(platform.client.submission(refused).await.expect("known").status, SubmissionState::Completed);
    assert!(platform.file("agents/bob.py").contains("json"));

    let apply = RecheckApply {
        policy: policy.clone(),
        submissions: vec![refused, kept],
        reason: "json is closed this season".to_owned(),
        operator: miner("olga"),
    };
    let done = platform.inside.apply_recheck(&apply).await.expect("applied");
    assert_eq!((done.rejected, done.held, done.policy), (1, 0, page.policy));
    let after = platform.client.submission(refused).await.expect("known");
    assert_eq!((after.status, after.policy, after.score), (SubmissionState::Rejected, page.policy, None));
    assert_eq!(after.findings, page.changes[0].findings);
    assert!(after.reason.expect("why").contains("json is closed this season"));
    // What counts for bob is the agent before.
    let board = platform.client.leaderboard().await.expect("a ranking");
    assert_eq!(board.rankings.iter().filter(|entry| entry.submission_id == first).count(), 1);
    assert_eq!(platform.file("agents/bob.py"), "print(2)\n");
    assert!(platform.inside.ask_recheck(&ask).await.expect("asked").changes.is_empty());

    let wrong = RecheckRequest { policy: "[rules]\nnothing = \"off\"\n".to_owned(), after: None };
    assert_eq!(problem(platform.inside.ask_recheck(&wrong).await).status, 400);
    assert_eq!(problem(platform.client.ask_recheck(&ask).await).status, 401);
    let gone = problem(platform.inside.apply_recheck(&apply).await);
    assert_eq!((gone.status, name(&gone)), (409, "not-open"));
}
