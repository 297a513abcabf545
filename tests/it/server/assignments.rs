//! Work for validators over HTTP: who may have it, for how long, and which results are taken.

use portcullis::api::{Assignment, ReleaseRequest, ResultRequest, TaskReference};
use portcullis::model::{
    CaseResult, CaseVerdict, IsolationLevel, Score, Slug, SubmissionState, TaskResult, Usage,
};
use portcullis::task::{self, Task};

use super::{Platform, miner, name, problem};

/// What an honest validator reports when `wrong` cases of each task got a wrong answer.
pub(crate) fn result(validator: &str, wrong: usize) -> ResultRequest {
    let tasks = task::builtin().expect("tasks");
    ResultRequest {
        validator: miner(validator),
        backend: "fake".to_owned(),
        isolation: IsolationLevel::Full,
        tasks: tasks.iter().map(|task| task_result(task, wrong)).collect(),
    }
}

fn task_result(task: &Task, wrong: usize) -> TaskResult {
    let cases: Vec<CaseResult> = task
        .cases
        .iter()
        .enumerate()
        .map(|(index, case)| CaseResult {
            name: case.name.clone(),
            verdict: if index < wrong { CaseVerdict::WrongAnswer } else { CaseVerdict::Accepted },
            usage: Usage { wall_ms: 3, cpu_ms: 2, memory_kib: 9_000 },
            message: Some(format!("about {} of {}", case.name, task.id)),
            diff: Some(format!("-expected of {} of {}\n+actual\n", case.name, task.id)),
            repeats: Vec::new(),
        })
        .collect();
    let (score, split) = (task.score(&cases), task.split(&cases));
    TaskResult { task: task.id.clone(), score, split, cases }
}

async fn uploaded(platform: &Platform) {
    platform.upload("alice", "print(1)\n").await.expect("taken");
}

async fn claimed(platform: &Platform, validator: &str) -> Assignment {
    platform.inside.claim(&miner(validator)).await.expect("asked").expect("work")
}

async fn state(platform: &Platform, assignment: &Assignment) -> SubmissionState {
    platform.client.submission(assignment.submission_id).await.expect("known").status
}

#[tokio::test]
async fn the_internal_routes_need_the_token() {
    let platform = Platform::start().await;
    let problem = problem(platform.client.claim(&miner("v1")).await);
    assert_eq!((problem.status, name(&problem)), (401, "unauthorized"));
    let wrong = portcullis::config::Secret::generate();
    let stranger = platform.client.clone().with_token(&wrong);
    assert_eq!(super::problem(stranger.claim(&miner("v1")).await).status, 401);
    assert_eq!(super::problem(stranger.agent_source(&miner("alice")).await).status, 401);
}

#[tokio::test]
async fn a_claim_carries_what_is_to_be_run_and_nothing_that_is_expected() {
    let platform = Platform::start().await;
    assert_eq!(platform.inside.claim(&miner("v1")).await.expect("asked"), None);
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    assert_eq!(assignment.source, "print(1)\n");
    assert_eq!(assignment.attempt, 1);
    let tasks: Vec<TaskReference> = task::builtin()
        .expect("tasks")
        .into_iter()
        .map(|task| TaskReference { id: task.id, digest: task.digest })
        .collect();
    assert_eq!(assignment.tasks, tasks);
    assert_eq!(state(&platform, &assignment).await, SubmissionState::Running);
    // It is lent: nobody else gets it.
    assert_eq!(platform.inside.claim(&miner("v2")).await.expect("asked"), None);
}

#[tokio::test]
async fn the_oldest_submission_is_lent_first() {
    let platform = Platform::start().await;
    for number in 0..3 {
        platform.upload(&format!("m{number}"), &format!("print({number})\n")).await.expect("taken");
    }
    for number in 0..3 {
        assert_eq!(claimed(&platform, "v1").await.miner_id, miner(&format!("m{number}")));
    }
}

#[tokio::test]
async fn many_validators_that_claim_at_once_never_get_the_same() {
    let platform = Platform::start().await;
    for number in 0..8 {
        platform.upload(&format!("m{number}"), &format!("print({number})\n")).await.expect("taken");
    }
    let mut claims = tokio::task::JoinSet::new();
    for number in 0..16 {
        let client = platform.inside.clone();
        claims.spawn(async move { client.claim(&miner(&format!("v{number}"))).await.expect("asked") });
    }
    let mut got: Vec<_> =
        claims.join_all().await.into_iter().flatten().map(|work| work.submission_id).collect();
    got.sort();
    assert_eq!(got.len(), 8);
    got.dedup();
    assert_eq!(got.len(), 8);
}

#[tokio::test]
async fn a_result_completes_the_submission_with_the_score_that_we_compute() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    let taken =
        platform.inside.submit_result(assignment.assignment_id, &result("v1", 0)).await.expect("taken");
    assert_eq!(taken.status, SubmissionState::Completed);
    assert_eq!(taken.score, Some(Score::FULL));
    let detail = platform.client.submission(assignment.submission_id).await.expect("known");
    assert_eq!(detail.score, Some(Score::FULL));
    let steps: Vec<_> = detail.events.iter().map(|event| event.to).collect();
    assert_eq!(steps, [SubmissionState::Pending, SubmissionState::Running, SubmissionState::Completed]);
}

#[tokio::test]
async fn of_a_hidden_case_only_the_verdict_is_public() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    platform.inside.submit_result(assignment.assignment_id, &result("v1", 99)).await.expect("taken");
    let detail = platform.client.submission(assignment.submission_id).await.expect("known");
    let (mut hidden, mut public) = (0, 0);
    for task in task::builtin().expect("tasks") {
        let shown = detail.tasks.iter().find(|result| result.task == task.id).expect("a result");
        for (case, shown) in task.cases.iter().zip(&shown.cases) {
            assert_eq!(shown.verdict, CaseVerdict::WrongAnswer);
            assert_eq!(shown.diff.is_none(), case.hidden, "{}", case.name);
            assert_eq!(shown.message.is_none(), case.hidden, "{}", case.name);
            if case.hidden { hidden += 1 } else { public += 1 }
        }
        let page = platform.client.task(&task.id).await.expect("known");
        assert!(
            page.examples
                .iter()
                .all(|example| { task.cases.iter().any(|case| case.name == example.name && !case.hidden) })
        );
        assert_eq!(page.cases, task.cases.len() as u64);
    }
    assert!(hidden > 0 && public > 0, "the built-in tasks have both kinds");
}

#[tokio::test]
async fn sending_a_result_again_is_answered_like_the_first_time() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    let first =
        platform.inside.submit_result(assignment.assignment_id, &result("v1", 1)).await.expect("taken");
    let again =
        platform.inside.submit_result(assignment.assignment_id, &result("v1", 1)).await.expect("taken");
    assert_eq!(first, again);
    let events = platform.client.submission(assignment.submission_id).await.expect("known").events;
    assert_eq!(events.len(), 3, "nothing happened the second time");
    let problem = problem(platform.inside.submit_result(assignment.assignment_id, &result("v1", 0)).await);
    assert_eq!((problem.status, name(&problem)), (409, "lease-ended"));
}

#[tokio::test]
async fn a_result_that_does_not_fit_is_refused_and_changes_nothing() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    let honest = result("v1", 1);
    let change = |change: &dyn Fn(&mut ResultRequest)| {
        let mut changed = honest.clone();
        change(&mut changed);
        changed
    };
    let strange = Slug::parse("strange").expect("a name");
    for (wrong, because) in [
        (change(&|it| it.tasks.clear()), "is missing"),
        (change(&|it| it.tasks.push(it.tasks[0].clone())), "twice"),
        (change(&|it| it.tasks[0].task = strange.clone()), "is missing"),
        (change(&|it| drop(it.tasks[0].cases.pop())), "is missing"),
        (change(&|it| it.tasks[0].cases[0].name = strange.clone()), "is missing"),
        (
            change(&|it| {
                let case = it.tasks[0].cases[0].clone();
                it.tasks[0].cases.push(CaseResult { name: strange.clone(), ..case });
            }),
            "is not a case",
        ),
        (
            change(&|it| {
                let case = it.tasks[0].cases[0].clone();
                it.tasks[0].cases.push(case);
            }),
            "twice",
        ),
        (change(&|it| it.tasks[0].score = Some(Score::FULL)), "come to"),
        (change(&|it| it.tasks[0].score = None), "come to"),
        (change(&|it| it.tasks[0].cases[0].diff = Some("x".repeat(70_000))), "more than 64 KiB"),
    ] {
        let problem = problem(platform.inside.submit_result(assignment.assignment_id, &wrong).await);
        assert_eq!((problem.status, name(&problem)), (422, "invalid-result"), "{}", problem.detail);
        assert!(problem.detail.contains(because), "{}", problem.detail);
    }
    assert_eq!(state(&platform, &assignment).await, SubmissionState::Running);
    platform.inside.submit_result(assignment.assignment_id, &honest).await.expect("the honest one is taken");
}

#[tokio::test]
async fn another_validators_assignment_is_unknown() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    let problem = problem(platform.inside.submit_result(assignment.assignment_id, &result("v2", 0)).await);
    assert_eq!((problem.status, name(&problem)), (404, "not-found"));
    let missing = platform.inside.heartbeat(assignment.assignment_id, &miner("v2")).await;
    assert_eq!(super::problem(missing).status, 404);
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease_and_silence_loses_it() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let first = claimed(&platform, "v1").await;
    for _ in 0..5 {
        platform.clock.advance(100);
        let answer = platform.inside.heartbeat(first.assignment_id, &miner("v1")).await.expect("kept");
        assert!(answer.expires_at > first.expires_at);
    }
    platform.clock.advance(121);
    let second = claimed(&platform, "v2").await;
    assert_eq!(second.submission_id, first.submission_id);
    assert_eq!(second.attempt, 2);
    // The first one comes back too late: whatever it measured does not count.
    let late = problem(platform.inside.submit_result(first.assignment_id, &result("v1", 5)).await);
    assert_eq!((late.status, name(&late)), (409, "lease-ended"));
    assert!(
        platform
            .inside
            .heartbeat(first.assignment_id, &miner("v1"))
            .await
            .expect_err("late")
            .is_lease_ended()
    );
    platform.inside.submit_result(second.assignment_id, &result("v2", 0)).await.expect("taken");
    let detail = platform.client.submission(first.submission_id).await.expect("known");
    assert_eq!(detail.score, Some(Score::FULL));
}

#[tokio::test]
async fn our_faults_are_bounded_and_named() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let mut last = None;
    for attempt in 1..=3 {
        let assignment = claimed(&platform, &format!("v{attempt}")).await;
        let release = ReleaseRequest {
            validator: miner(&format!("v{attempt}")),
            reason: "the image is gone".to_owned(),
            fault: true,
        };
        platform.inside.release(assignment.assignment_id, &release).await.expect("released");
        platform.inside.release(assignment.assignment_id, &release).await.expect("twice is fine");
        last = Some(assignment);
    }
    let detail = platform.client.submission(last.expect("claimed").submission_id).await.expect("known");
    assert_eq!(detail.status, SubmissionState::Failed);
    let reason = detail.reason.expect("a reason");
    assert!(reason.contains("we failed") && reason.contains("the image is gone"), "{reason}");
    assert_eq!(platform.inside.claim(&miner("v9")).await.expect("asked"), None);
    // It was our fault, so the same source may come again.
    platform.upload("alice", "print(1)\n").await.expect("taken");
}

#[tokio::test]
async fn giving_work_back_at_a_shutdown_is_no_fault() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    for _ in 0..5 {
        let assignment = claimed(&platform, "v1").await;
        let release =
            ReleaseRequest { validator: miner("v1"), reason: "shutting down".to_owned(), fault: false };
        platform.inside.release(assignment.assignment_id, &release).await.expect("released");
        assert_eq!(state(&platform, &assignment).await, SubmissionState::Pending);
    }
}

#[tokio::test]
async fn a_case_that_we_could_not_judge_is_no_zero() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    let mut broken = result("v1", 0);
    broken.tasks[0].cases[0].verdict = CaseVerdict::InternalError;
    broken.tasks[0].score = None;
    let taken = platform.inside.submit_result(assignment.assignment_id, &broken).await.expect("answered");
    assert_eq!((taken.status, taken.score), (SubmissionState::Pending, None));
}

#[tokio::test]
async fn two_validators_that_agree_complete_a_submission() {
    let platform = Platform::with(|settings| settings.quorum = 2).await;
    uploaded(&platform).await;
    let first = claimed(&platform, "v1").await;
    assert_eq!(platform.inside.claim(&miner("v1")).await.expect("asked"), None, "one validator counts once");
    let second = claimed(&platform, "v2").await;
    let waiting = platform.inside.submit_result(first.assignment_id, &result("v1", 1)).await.expect("taken");
    assert_eq!((waiting.status, waiting.score), (SubmissionState::Running, None));
    assert_eq!(platform.inside.claim(&miner("v1")).await.expect("asked"), None);
    let done = platform.inside.submit_result(second.assignment_id, &result("v2", 1)).await.expect("taken");
    assert_eq!(done.status, SubmissionState::Completed);
}

#[tokio::test]
async fn validators_that_disagree_put_it_before_a_person() {
    let platform = Platform::with(|settings| settings.quorum = 2).await;
    uploaded(&platform).await;
    let first = claimed(&platform, "v1").await;
    let second = claimed(&platform, "v2").await;
    platform.inside.submit_result(first.assignment_id, &result("v1", 0)).await.expect("taken");
    let held = platform.inside.submit_result(second.assignment_id, &result("v2", 1)).await.expect("taken");
    assert_eq!((held.status, held.score), (SubmissionState::Held, None));
    let detail = platform.client.submission(first.submission_id).await.expect("known");
    let reason = detail.reason.expect("a reason");
    assert!(reason.contains("`v1` says 100") && reason.contains("`v2` says"), "{reason}");
    assert!(platform.client.leaderboard().await.expect("a ranking").rankings.is_empty());
}

#[tokio::test]
async fn numbers_that_json_cannot_hold_are_refused() {
    let platform = Platform::start().await;
    uploaded(&platform).await;
    let assignment = claimed(&platform, "v1").await;
    let token = platform.file("validator.token");
    let url = format!("{}/internal/v1/assignments/{}/result", platform.url, assignment.assignment_id);
    let honest = serde_json::to_string(&result("v1", 0)).expect("JSON");
    for score in ["NaN", "1e999", "-1.0", "100.01", "33.333", "\"100\""] {
        let body = honest.replacen("\"score\":100.0", &format!("\"score\":{score}"), 1);
        assert_ne!(body, honest);
        let sent = reqwest::Client::new().post(&url).bearer_auth(token.trim()).body(body).send().await;
        assert_eq!(sent.expect("an answer").status(), 400, "{score}");
    }
    assert_eq!(state(&platform, &assignment).await, SubmissionState::Running);
}
