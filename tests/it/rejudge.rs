//! Runs, scores and cases as the store keeps them, and rejudge sets beside them. The same tests run
//! on SQLite and on PostgreSQL.

use std::sync::Arc;

use portcullis::model::{
    CaseResult, CaseVerdict, Digest, IsolationLevel, Score, Slug, Split, SubmissionId, SubmissionState,
    TaskResult, Usage,
};
use portcullis::queue::{Clock as _, Lease, Queue, Rules};
use portcullis::store::{
    Act, Admission, Applied, Finish, JudgedTask, Judgement, Made, NewSubmission, Rechecked, Regated,
    RejudgeState, ScoreChange, Selection, Sentence, Standing, Store,
};

use crate::database::Database;
use crate::support::{StillClock, miner, submission};

struct World {
    _database: Database,
    clock: Arc<StillClock>,
    store: Store,
    queue: Queue,
}

fn score(hundredths: u32) -> Score {
    Score::from_hundredths(hundredths).expect("a score")
}

fn slug(name: &str) -> Slug {
    Slug::parse(name).expect("a name")
}

/// Two tasks of two cases; `wrong` of the first task's are wrong.
pub(crate) fn judgement(validator: &str, wrong: usize, only: Option<&str>) -> Judgement {
    let case = |name: &str, wrong: bool| CaseResult {
        name: slug(name),
        verdict: if wrong { CaseVerdict::WrongAnswer } else { CaseVerdict::Accepted },
        usage: Usage { wall_ms: 12, cpu_ms: 7, memory_kib: 9_000 },
        message: wrong.then(|| "a NUL \0 and a snowman ☃".to_owned()),
        diff: wrong.then(|| "-1\n+\0\n".to_owned()),
        repeats: if wrong { vec![CaseVerdict::Accepted, CaseVerdict::WrongAnswer] } else { Vec::new() },
    };
    let task = |id: &str, wrong: usize| {
        let cases = vec![case("first", wrong > 0), case("second", wrong > 1)];
        let score = Some(Score::of_share(2 - wrong as u64, 2));
        JudgedTask {
            digest: Digest::of(id.as_bytes()),
            result: TaskResult {
                task: slug(id),
                score,
                split: Some(Split { public: Score::FULL, hidden: Score::ZERO }),
                cases,
            },
        }
    };
    let mut tasks = vec![task("addition", wrong), task("zebra", 0)];
    tasks.retain(|task| only.is_none_or(|only| task.result.task.as_str() == only));
    let sum: u32 = tasks.iter().filter_map(|task| task.result.score).map(Score::hundredths).sum();
    Judgement {
        sent: Digest::of(format!("{validator} {wrong}").as_bytes()),
        agreed: Digest::of(wrong.to_string().as_bytes()),
        backend: "fake".to_owned(),
        isolation: IsolationLevel::Full,
        score: score(sum / u32::try_from(tasks.len()).expect("few")),
        tasks,
        interval: (wrong > 0).then_some((Score::ZERO, Score::FULL)),
    }
}

impl World {
    async fn new() -> Self {
        let database = Database::fresh().await;
        let clock = StillClock::new();
        let store = Store::open_url(&database.url).await.expect("a store");
        let queue = Queue::new(store.clone(), Arc::clone(&clock) as _, Rules::default());
        Self { _database: database, clock, store, queue }
    }

    fn act(&self) -> Act {
        Act { actor: "operator olga".to_owned(), why: "a case was wrong".to_owned(), at: self.clock.now() }
    }

    async fn admit(&self, name: &str, quorum: u32) -> SubmissionId {
        let policy = Digest::of(b"policy");
        let new = NewSubmission { policy, quorum, ..submission(name, name, &self.clock) };
        assert!(matches!(self.store.admit(&new).await.expect("it works"), Admission::Stored(_)));
        new.id
    }

    async fn claim(&self, validator: &str) -> Option<Lease> {
        self.queue.claim(&miner(validator)).await.expect("it works")
    }

    async fn judge(&self, validator: &str, wrong: usize, only: Option<&str>) -> Finish {
        let lease = self.claim(validator).await.expect("work");
        let said = judgement(validator, wrong, only);
        self.queue.finish(lease.row.id, &miner(validator), &said).await.expect("taken").1
    }

    async fn set(&self, selection: Selection) -> uuid::Uuid {
        match self.store.create_rejudge(&selection, &self.act()).await.expect("it works") {
            Made::Set(set) => set.id,
            other => panic!("{other:?}"),
        }
    }

    async fn score_of(&self, id: SubmissionId) -> Option<Score> {
        self.store.submission(id).await.expect("it works").expect("it is there").score
    }

    async fn standings(&self, id: SubmissionId) -> Vec<(String, Standing)> {
        let runs = self.store.runs(id, Some(&slug("addition"))).await.expect("it works");
        runs.iter().map(|run| (run.validator.to_string(), run.tasks[0].standing)).collect()
    }
}

#[tokio::test]
async fn a_result_is_kept_case_by_case_and_read_back_as_it_was() {
    let world = World::new().await;
    let id = world.admit("alice", 2).await;
    assert_eq!(world.judge("v1", 1, None).await, Finish::Waiting);
    assert_eq!(world.judge("v2", 1, None).await, Finish::Completed { score: score(7_500) });

    let expected: Vec<TaskResult> =
        judgement("v1", 1, None).tasks.into_iter().map(|task| task.result).collect();
    assert_eq!(world.store.live_results(id).await.expect("it works"), expected);
    let runs = world.store.runs(id, None).await.expect("it works");
    assert_eq!(runs.len(), 2);
    for run in &runs {
        assert_eq!(
            (run.policy, run.score, run.backend.as_str()),
            (Digest::of(b"policy"), score(7_500), "fake")
        );
        let digests: Vec<_> = run.tasks.iter().map(|task| (task.task.as_str(), task.digest)).collect();
        assert_eq!(
            digests,
            [("addition", Some(Digest::of(b"addition"))), ("zebra", Some(Digest::of(b"zebra")))]
        );
        assert!(run.tasks.iter().all(|task| task.standing == Standing::Live));
    }
    let intervals = world.store.live_intervals().await.expect("it works");
    assert_eq!(intervals.into_iter().collect::<Vec<_>>(), [(id, (Score::ZERO, Score::FULL))]);
}

#[tokio::test]
async fn what_is_released_from_a_hold_is_scored_anew_and_the_old_scores_are_history() {
    let world = World::new().await;
    let id = world.admit("alice", 2).await;
    world.judge("v1", 1, None).await;
    assert_eq!(world.judge("v2", 0, None).await, Finish::Held);
    let release = portcullis::store::Resolution::Release;
    assert!(
        world.store.resolve(id, release, "olga", "v1 was wrong", world.clock.now()).await.expect("it works")
    );
    world.judge("v1", 0, None).await;
    world.judge("v2", 0, None).await;
    let standings: Vec<Standing> = world.standings(id).await.into_iter().map(|(_, one)| one).collect();
    use Standing::{Live, Superseded};
    assert_eq!(standings, [Superseded, Superseded, Live, Live]);
}

#[tokio::test]
async fn a_set_runs_beside_the_live_scores_and_is_applied_as_one_act() {
    let world = World::new().await;
    let (alice, bob) = (world.admit("alice", 1).await, world.admit("bob", 1).await);
    world.judge("v1", 1, None).await;
    world.judge("v1", 0, None).await;
    let set = world.set(Selection { task: Some(slug("addition")), ..Selection::default() }).await;

    // New work goes first.
    let carol = world.admit("carol", 1).await;
    let lease = world.claim("v1").await.expect("work");
    assert_eq!((lease.submission.id, lease.row.rejudge), (carol, None));
    world.queue.finish(lease.row.id, &miner("v1"), &judgement("v1", 0, None)).await.expect("taken");

    // It was the case: alice was right.
    for expected in [alice, bob] {
        let lease = world.claim("v1").await.expect("work");
        assert_eq!((lease.submission.id, lease.row.rejudge), (expected, Some(set)));
        let said = judgement("v1", 0, Some("addition"));
        let once = world.queue.finish(lease.row.id, &miner("v1"), &said).await.expect("taken");
        let twice = world.queue.finish(lease.row.id, &miner("v1"), &said).await.expect("the same answer");
        assert_eq!((&once.1, once == twice), (&Finish::Proposed, true));
    }
    assert_eq!(world.score_of(alice).await, Some(score(7_500)), "nothing counts yet");
    let entries = world.store.rejudge_entries(set).await.expect("it works");
    let of_alice = &entries[0];
    assert_eq!((of_alice.submission, of_alice.waiting, of_alice.disputed), (alice, 0, false));
    assert_eq!(of_alice.live[&slug("addition")], score(5_000));
    assert_eq!(of_alice.proposed[&slug("addition")], Score::FULL);
    assert!(!of_alice.proposed.contains_key(&slug("zebra")));
    let cases = world.store.rejudge_cases(set, 100).await.expect("it works");
    let none = world.store.rejudge_cases(set, 0).await.expect("it works");
    assert!(none.is_empty(), "at most as many as were asked for");
    let changes: Vec<_> = cases.iter().map(|c| (c.submission, c.case.as_str(), c.before, c.after)).collect();
    assert_eq!(changes, [(alice, "first", Some(CaseVerdict::WrongAnswer), CaseVerdict::Accepted)]);

    let scores = [
        ScoreChange { submission: alice, before: score(7_500), after: Score::FULL },
        ScoreChange { submission: bob, before: Score::FULL, after: Score::FULL },
    ];
    let task = slug("addition");
    // Computed on an old reading: nothing of it is done.
    let stale = [scores[1].clone(), ScoreChange { before: Score::ZERO, ..scores[0].clone() }];
    let done = world.store.apply_rejudge(set, Some(&task), &stale, &world.act()).await.expect("it works");
    assert_eq!(done, Applied::Moved(alice));
    assert_eq!(
        world.standings(bob).await,
        [("v1".to_owned(), Standing::Live), ("v1".to_owned(), Standing::Proposed)]
    );

    let done = world.store.apply_rejudge(set, Some(&task), &scores, &world.act()).await.expect("it works");
    assert_eq!(done, Applied::Done);
    assert_eq!(world.score_of(alice).await, Some(Score::FULL));
    assert_eq!(
        world.standings(alice).await,
        [("v1".to_owned(), Standing::Superseded), ("v1".to_owned(), Standing::Live)]
    );
    let live = world.store.live_results(alice).await.expect("it works");
    assert_eq!(live.len(), 2, "the task that was not judged again still counts");
    let last = world.store.events(alice).await.expect("it works").pop().expect("an event");
    assert_eq!((last.actor.as_str(), last.to), ("operator olga", SubmissionState::Completed));
    assert_eq!(last.reason, "rejudged from 75 to 100: a case was wrong");
    assert_eq!(world.store.events(bob).await.expect("it works").len(), 3, "nothing happened to bob");
    let again = world.store.apply_rejudge(set, Some(&task), &scores, &world.act()).await.expect("it works");
    assert_eq!(again, Applied::NotOpen);
    assert_eq!(world.store.rejudge_changes(set).await.expect("it works"), scores[..1]);
}

#[tokio::test]
async fn a_dropped_set_changes_nothing_and_its_work_is_over() {
    let world = World::new().await;
    let (alice, _) = (world.admit("alice", 1).await, world.admit("bob", 1).await);
    world.judge("v1", 1, None).await;
    world.judge("v1", 1, None).await;
    let set = world.set(Selection::default()).await;
    assert_eq!(world.judge("v1", 0, None).await, Finish::Proposed);
    let late = world.claim("v1").await.expect("work");
    let unfinished = world.store.apply_rejudge(set, None, &[], &world.act()).await.expect("it works");
    assert_eq!(unfinished, Applied::Unfinished { waiting: 1 });

    assert!(world.store.drop_rejudge(set, &world.act()).await.expect("it works"));
    assert!(!world.store.drop_rejudge(set, &world.act()).await.expect("it works"));
    let ended = world.queue.finish(late.row.id, &miner("v1"), &judgement("v1", 0, None)).await;
    assert!(matches!(ended, Err(portcullis::queue::QueueError::Ended(_))), "{ended:?}");
    assert_eq!(world.claim("v2").await.map(|lease| lease.row.id), None);
    assert_eq!(world.score_of(alice).await, Some(score(7_500)));
    assert_eq!(
        world.standings(alice).await,
        [("v1".to_owned(), Standing::Live), ("v1".to_owned(), Standing::Dropped)]
    );
    let set = world.store.rejudge(set).await.expect("it works").expect("it is there");
    assert_eq!(set.state, RejudgeState::Dropped);
    assert_eq!(
        set.resolved.map(|(by, _, why)| (by, why)),
        Some(("operator olga".to_owned(), "a case was wrong".to_owned()))
    );
}

#[tokio::test]
async fn a_set_holds_what_was_asked_for_and_nothing_else() {
    let world = World::new().await;
    let early = world.admit("alice", 1).await;
    world.clock.advance(1_000);
    let noon = world.clock.now();
    let late = world.admit("bob", 2).await;
    for validator in ["v1", "v2", "v1"] {
        if let Some(lease) = world.claim(validator).await {
            let said = judgement(validator, 0, None);
            world.queue.finish(lease.row.id, &miner(validator), &said).await.expect("taken");
        }
    }
    while let Some(lease) = world.claim("v2").await {
        world.queue.finish(lease.row.id, &miner("v2"), &judgement("v2", 0, None)).await.expect("taken");
    }
    world.admit("waits", 1).await;
    let members = async |selection: Selection| match world
        .store
        .create_rejudge(&selection, &world.act())
        .await
        .expect("it works")
    {
        Made::Set(set) => {
            let entries = world.store.rejudge_entries(set.id).await.expect("it works");
            entries.iter().map(|entry| (entry.submission, entry.waiting)).collect::<Vec<_>>()
        }
        Made::Empty => Vec::new(),
        Made::TooMany { .. } => panic!("few"),
    };
    let all = Selection::default();
    assert_eq!(members(all.clone()).await, [(early, 1), (late, 2)], "as many validators as before");
    assert_eq!(members(Selection { since: Some(noon), ..all.clone() }).await, [(late, 2)]);
    assert_eq!(members(Selection { until: Some(noon), ..all.clone() }).await, [(early, 1)]);
    assert_eq!(members(Selection { task: Some(slug("unknown")), ..all.clone() }).await, []);
    assert_eq!(members(Selection { policy: Some(Digest::of(b"other")), ..all.clone() }).await, []);
    assert_eq!(members(Selection { policy: Some(Digest::of(b"policy")), ..all }).await.len(), 2);
}

#[tokio::test]
async fn places_of_a_set_expire_are_given_back_and_fail_when_we_failed_too_often() {
    let world = World::new().await;
    let id = world.admit("alice", 1).await;
    world.judge("v1", 0, None).await;
    let set = world.set(Selection::default()).await;
    let first = world.claim("v1").await.expect("work");
    assert!(world.claim("v2").await.is_none(), "it is lent");
    world.clock.advance(60);
    world.queue.renew(first.row.id, &miner("v1")).await.expect("live");
    world.clock.advance(100);
    assert!(world.claim("v2").await.is_none(), "the heartbeat kept it");
    world.clock.advance(1_000);
    let second = world.claim("v2").await.expect("its time was up");
    let late = world.queue.finish(first.row.id, &miner("v1"), &judgement("v1", 0, None)).await;
    assert!(late.is_err(), "{late:?}");
    world.queue.release(second.row.id, &miner("v2"), false, "shutting down").await.expect("given back");
    for _ in 0..2 {
        let lease = world.claim("v3").await.expect("work");
        world
            .queue
            .release(lease.row.id, &miner("v3"), true, "the engine is down")
            .await
            .expect("given back");
    }
    assert!(world.claim("v4").await.is_none(), "three faults are enough");
    let entries = world.store.rejudge_entries(set).await.expect("it works");
    assert_eq!(entries[0].failed.as_deref(), Some("the engine is down"));
    assert_eq!(world.score_of(id).await, Some(Score::FULL));
}

#[tokio::test]
async fn validators_that_disagree_about_a_set_are_seen() {
    let world = World::new().await;
    world.admit("alice", 2).await;
    world.judge("v1", 0, None).await;
    world.judge("v2", 0, None).await;
    let set = world.set(Selection::default()).await;
    world.judge("v1", 0, None).await;
    assert!(world.claim("v1").await.is_none(), "it counts once");
    world.judge("v2", 1, None).await;
    let entries = world.store.rejudge_entries(set).await.expect("it works");
    assert!(entries[0].disputed && entries[0].waiting == 0);
}

#[tokio::test]
async fn a_recheck_holds_and_rejects_as_one_act_or_not_at_all() {
    let world = World::new().await;
    let (done, held) = (world.admit("alice", 1).await, world.admit("bob", 1).await);
    world.judge("v1", 0, None).await;
    let lease = world.claim("v1").await.expect("bob's");
    let waits = world.admit("carol", 1).await;
    let regated = |submission, from, to| Regated { submission, from, to, findings: Vec::new() };
    let changes = [
        regated(done, SubmissionState::Completed, Sentence::Reject),
        regated(held, SubmissionState::Running, Sentence::Hold),
        regated(waits, SubmissionState::Running, Sentence::Reject),
    ];
    let policy = Digest::of(b"stricter");
    let answer = world.store.apply_recheck(policy, &changes, &world.act()).await.expect("it works");
    assert_eq!(answer, Rechecked::Moved(waits), "it is pending");
    assert_eq!(world.score_of(done).await, Some(Score::FULL), "nothing was done");

    let changes =
        [changes[0].clone(), changes[1].clone(), regated(waits, SubmissionState::Pending, Sentence::Reject)];
    let answer = world.store.apply_recheck(policy, &changes, &world.act()).await.expect("it works");
    assert_eq!(answer, Rechecked::Done);
    let state = async |id| world.store.submission(id).await.expect("it works").expect("there");
    let rejected = state(done).await;
    assert_eq!((rejected.state, rejected.score, rejected.policy), (SubmissionState::Rejected, None, policy));
    assert_eq!(state(held).await.state, SubmissionState::Held);
    assert_eq!(state(waits).await.state, SubmissionState::Rejected);
    let holds = world.store.holds(10).await.expect("it works");
    assert_eq!(holds.iter().map(|hold| hold.submission).collect::<Vec<_>>(), [held]);
    let late = world.queue.finish(lease.row.id, &miner("v1"), &judgement("v1", 0, None)).await;
    assert!(late.is_err(), "whoever worked on it is told");
    assert!(world.claim("v2").await.is_none());
    let last = world.store.events(done).await.expect("it works").pop().expect("an event");
    assert!(
        last.reason.contains(&policy.to_string()) && last.reason.ends_with("a case was wrong"),
        "{}",
        last.reason
    );
}
