//! The whole life of submissions under random interleavings, crashes and clock jumps: none is
//! lost, none is completed twice, none has two scores.

use std::sync::Arc;

use portcullis::model::{Digest, IsolationLevel, MinerId, Score, SubmissionId, SubmissionState};
use portcullis::queue::{Lease, Queue, QueueError, Rules};
use portcullis::store::{Admission, Finish, Judgement, NewSubmission, Resolution, Store};
use proptest::prelude::*;
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::database::Database;
use crate::support::{StillClock, miner, submission};
use portcullis::queue::Clock as _;

/// What may happen next. Indices pick among what there is, modulo its number.
#[derive(Debug, Clone)]
enum Step {
    Upload,
    Claim {
        validator: u8,
    },
    Heartbeat {
        lease: usize,
    },
    /// `liar` reports another verdict than the truth.
    Finish {
        lease: usize,
        liar: bool,
    },
    Release {
        lease: usize,
        fault: bool,
    },
    Expire,
    /// The process dies and comes back; validators keep what they had.
    Crash,
    Clock {
        seconds: i64,
    },
    Resolve {
        submission: usize,
        release: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Upload),
        5 => (0..4_u8).prop_map(|validator| Step::Claim { validator }),
        3 => any::<usize>().prop_map(|lease| Step::Heartbeat { lease }),
        5 => (any::<usize>(), prop::bool::weighted(0.2))
            .prop_map(|(lease, liar)| Step::Finish { lease, liar }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(lease, fault)| Step::Release { lease, fault }),
        2 => Just(Step::Expire),
        1 => Just(Step::Crash),
        3 => prop_oneof![-500..500_i64, Just(10), Just(61), Just(86_400 * 400)]
            .prop_map(|seconds| Step::Clock { seconds }),
        1 => (any::<usize>(), any::<bool>())
            .prop_map(|(submission, release)| Step::Resolve { submission, release }),
    ]
}

struct World {
    database: Database,
    clock: Arc<StillClock>,
    quorum: u32,
    store: Store,
    queue: Queue,
    submissions: Vec<SubmissionId>,
    /// Everything that any validator ever held, whether it is still good or not.
    leases: Vec<Lease>,
}

const RULES: Rules = Rules { lease: std::time::Duration::from_secs(60), max_faults: 3 };

impl World {
    async fn new(quorum: u32) -> Self {
        let database = Database::fresh().await;
        let clock = StillClock::new();
        let store = Store::open_url(&database.url).await.expect("a store");
        let queue = Queue::new(store.clone(), Arc::clone(&clock) as _, RULES);
        Self { database, clock, quorum, store, queue, submissions: Vec::new(), leases: Vec::new() }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Upload => self.upload().await,
            Step::Claim { validator } => {
                let validator = miner(&format!("v{validator}"));
                if let Some(lease) = self.queue.claim(&validator).await.expect("the store works") {
                    self.leases.push(lease);
                }
            }
            Step::Heartbeat { lease } => {
                if let Some(lease) = pick(&self.leases, *lease) {
                    expected(self.queue.renew(lease.row.id, &lease.row.validator).await);
                }
            }
            Step::Finish { lease, liar } => {
                if let Some(lease) = pick(&self.leases, *lease) {
                    let judgement = judgement(lease, *liar);
                    let finished = self.queue.finish(lease.row.id, &lease.row.validator, &judgement).await;
                    assert!(!matches!(expected(finished), Some((_, Finish::LeaseEnded))));
                }
            }
            Step::Release { lease, fault } => {
                if let Some(lease) = pick(&self.leases, *lease) {
                    let done =
                        self.queue.release(lease.row.id, &lease.row.validator, *fault, "it broke").await;
                    expected(done);
                }
            }
            Step::Expire => drop(self.queue.expire().await.expect("the store works")),
            Step::Crash => {
                self.store = Store::open_url(&self.database.url).await.expect("a store");
                self.queue = Queue::new(self.store.clone(), Arc::clone(&self.clock) as _, RULES);
            }
            Step::Clock { seconds } => self.clock.advance(*seconds),
            Step::Resolve { submission, release } => {
                let resolution = if *release { Resolution::Release } else { Resolution::Reject };
                if let Some(id) = pick(&self.submissions, *submission) {
                    let now = self.clock.now();
                    self.store
                        .resolve(*id, resolution, "operator", "looked at", now)
                        .await
                        .expect("it works");
                }
            }
        }
    }

    async fn upload(&mut self) {
        let number = self.submissions.len();
        let new = NewSubmission {
            quorum: self.quorum,
            ..submission(&format!("m{}", number % 3), &number.to_string(), &self.clock)
        };
        assert!(matches!(self.store.admit(&new).await.expect("it works"), Admission::Stored(_)));
        self.submissions.push(new.id);
    }

    /// Honest validators that do not die finish whatever is open.
    async fn settle(&mut self) {
        // Whoever held something is gone.
        self.clock.advance(86_400 * 1000);
        for _ in 0..self.submissions.len() * 12 + 12 {
            let mut idle = true;
            for validator in 10..14 {
                let validator = miner(&format!("v{validator}"));
                while let Some(lease) = self.queue.claim(&validator).await.expect("it works") {
                    idle = false;
                    let judgement = judgement(&lease, false);
                    self.queue.finish(lease.row.id, &validator, &judgement).await.expect("it is live");
                }
            }
            if idle {
                return;
            }
        }
        panic!("work does not end");
    }
}

fn pick<T>(all: &[T], index: usize) -> Option<&T> {
    all.get(index.checked_rem(all.len())?)
}

/// A late or contradicting validator is told so; a failing store is a bug.
fn expected<T>(answer: Result<T, QueueError>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(QueueError::Ended(_) | QueueError::Contradicted(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

fn judgement(lease: &Lease, liar: bool) -> Judgement {
    let verdict = if liar { "wrong" } else { "right" };
    Judgement {
        sent: Digest::of(format!("{} {verdict}", lease.row.validator).as_bytes()),
        agreed: Digest::of(verdict.as_bytes()),
        backend: "fake".to_owned(),
        isolation: IsolationLevel::Full,
        tasks: Vec::new(),
        interval: None,
        score: if liar { Score::ZERO } else { Score::FULL },
    }
}

/// What must hold after every step, read from the tables themselves.
async fn check(database: &Database, admitted: usize) {
    let mut db = AnyConnection::connect(&database.url).await.expect("the database");
    let all: i64 = number(&mut db, "SELECT COUNT(*) AS n FROM submissions").await;
    assert_eq!(all, i64::try_from(admitted).expect("few"), "none is lost");
    for (claim, query) in [
        (
            "a slot is free, live or done, and nothing else",
            "SELECT COUNT(*) AS n FROM submissions s WHERE state IN ('pending', 'running') AND quorum <> slots + \
             (SELECT COUNT(*) FROM assignments a WHERE a.submission_id = s.id AND a.state IN ('live', 'done'))",
        ),
        (
            "what waits is in nobody's hands",
            "SELECT COUNT(*) AS n FROM submissions s WHERE state = 'pending' AND EXISTS (SELECT 1 FROM \
             assignments a WHERE a.submission_id = s.id AND a.state IN ('live', 'done'))",
        ),
        (
            "what is over is in nobody's hands",
            "SELECT COUNT(*) AS n FROM submissions s WHERE state NOT IN ('pending', 'running') AND EXISTS \
             (SELECT 1 FROM assignments a WHERE a.submission_id = s.id AND a.state = 'live')",
        ),
        (
            "none is completed twice",
            "SELECT COUNT(*) AS n FROM (SELECT submission_id FROM audit_events WHERE to_state = 'completed' \
             GROUP BY submission_id HAVING COUNT(*) > 1) AS twice",
        ),
        (
            "a score is what as many validators as asked for agree on",
            "SELECT COUNT(*) AS n FROM submissions s WHERE state = 'completed' AND (quorum <> (SELECT COUNT(*) \
             FROM assignments a WHERE a.submission_id = s.id AND a.state = 'done' AND a.score = s.score) OR 1 <> \
             (SELECT COUNT(DISTINCT judgement) FROM assignments a WHERE a.submission_id = s.id AND a.state = 'done'))",
        ),
        (
            "faults are bounded",
            "SELECT COUNT(*) AS n FROM submissions WHERE faults > 3 OR (faults = 3 AND state <> 'failed')",
        ),
        (
            "the last event tells the state",
            "SELECT COUNT(*) AS n FROM submissions s WHERE state <> (SELECT to_state FROM audit_events e WHERE \
             e.submission_id = s.id ORDER BY sequence DESC LIMIT 1)",
        ),
        (
            "each event begins where the one before ended",
            "SELECT COUNT(*) AS n FROM (SELECT from_state, LAG(to_state) OVER (PARTITION BY submission_id ORDER \
             BY sequence) AS before FROM audit_events) AS steps WHERE from_state IS DISTINCT FROM before",
        ),
        (
            "what is held has an open hold, and nothing else has",
            "SELECT COUNT(*) AS n FROM submissions s WHERE (state = 'held') <> EXISTS (SELECT 1 FROM holds h \
             WHERE h.submission_id = s.id AND h.resolved_at IS NULL)",
        ),
    ] {
        assert_eq!(number(&mut db, query).await, 0, "{claim}");
    }
}

async fn number(db: &mut AnyConnection, query: &'static str) -> i64 {
    sqlx::query(query).fetch_one(db).await.expect("a number").get("n")
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_run_twice_to_completion_or_scored_by_two_truths(
        quorum in 1..4_u32,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut world = World::new(quorum).await;
            for step in &steps {
                world.take(step).await;
                check(&world.database, world.submissions.len()).await;
            }
            world.settle().await;
            check(&world.database, world.submissions.len()).await;
            for id in &world.submissions {
                let state = world.store.submission(*id).await.expect("it works").expect("it is there").state;
                assert!(
                    !matches!(state, SubmissionState::Pending | SubmissionState::Running),
                    "`{id}` is still {state}"
                );
            }
        });
    }
}

#[tokio::test]
async fn steps_that_race_are_taken_once() {
    let mut world = World::new(1).await;
    for _ in 0..6 {
        world.upload().await;
    }
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..12 {
        let queue = world.queue.clone();
        racers.spawn(async move {
            let validator: MinerId = miner(&format!("v{number}"));
            let mut done = 0;
            while let Some(lease) = queue.claim(&validator).await.expect("it works") {
                let judgement = judgement(&lease, false);
                let (once, twice) = tokio::join!(
                    queue.finish(lease.row.id, &validator, &judgement),
                    queue.finish(lease.row.id, &validator, &judgement),
                );
                assert_eq!(once.expect("taken"), twice.expect("the same answer"));
                done += 1;
            }
            done
        });
    }
    let done: i32 = racers.join_all().await.into_iter().sum();
    assert_eq!(done, 6);
    check(&world.database, 6).await;
}
