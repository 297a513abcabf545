//! Submissions that arrive together are written together, and each gets its own answer.

use portcullis::model::{Digest, SubmissionId};
use portcullis::queue::Clock as _;
use portcullis::store::{Admission, NewSubmission, Quota, Store};
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::database::Database;
use crate::support::{StillClock, miner};

fn submission(who: &str, text: &str, clock: &StillClock) -> NewSubmission {
    let source = Digest::of(text.as_bytes());
    NewSubmission {
        id: SubmissionId::generate(),
        miner: miner(who),
        upload: source,
        source,
        source_bytes: 1,
        policy: source,
        findings: Vec::new(),
        hold: None,
        quorum: 1,
        quota: Quota::default(),
        upstream: None,
        at: clock.now(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_come_at_once_each_gets_its_own_answer() {
    let database = Database::fresh().await;
    let clock = StillClock::new();
    let store = Store::open_url(&database.url).await.expect("a store");
    let mut arrivals = tokio::task::JoinSet::new();
    for number in 0..200 {
        // Forty texts, each five times: by one miner, by four others, one of them in another case.
        let text = format!("text {}", number % 40);
        let who = match number / 40 {
            0 => format!("first{}", number % 40),
            1 => format!("FIRST{}", number % 40),
            round => format!("late{round}x{number}"),
        };
        let (store, new) = (store.clone(), submission(&who, &text, &clock));
        arrivals.spawn(async move {
            let admission = store.admit(&new).await.expect("it works");
            (new, admission)
        });
    }
    let answers = arrivals.join_all().await;
    let stored: Vec<_> = answers.iter().filter(|(_, one)| matches!(one, Admission::Stored(_))).collect();
    assert_eq!(stored.len(), 40, "each text once");
    for (new, admission) in &answers {
        match admission {
            Admission::Stored(kept) => {
                assert_eq!((kept.id, &kept.miner), (new.id, &new.miner));
                assert_eq!(store.events(new.id).await.expect("it works").len(), 1);
            }
            Admission::Duplicate { earlier, .. } => {
                let kept = store.submission(*earlier).await.expect("it works").expect("it is there");
                assert_eq!(kept.source, new.source);
            }
            Admission::NameTaken { by } => {
                assert!(by.as_str().eq_ignore_ascii_case(new.miner.as_str()) && *by != new.miner);
            }
            Admission::OverQuota(_) => panic!("there is no quota"),
        }
    }
    // Who was not let in has left nothing.
    let mut db = AnyConnection::connect(&database.url).await.expect("the database");
    let row = sqlx::query("SELECT COUNT(*) AS n FROM miners").fetch_one(&mut db).await.expect("a number");
    assert_eq!(row.get::<i64, _>("n"), 40);
}

#[tokio::test]
async fn who_stops_waiting_stops_nobody_else() {
    let database = Database::fresh().await;
    let clock = StillClock::new();
    let store = Store::open_url(&database.url).await.expect("a store");
    for round in 0..20 {
        let mut arrivals = tokio::task::JoinSet::new();
        let mut gone = Vec::new();
        for number in 0..12 {
            let new = submission(&format!("r{round}m{number}"), &format!("{round} {number}"), &clock);
            let store = store.clone();
            let handle = arrivals.spawn(async move { store.admit(&new).await.expect("it works") });
            if number % 3 == 0 {
                gone.push(handle);
            }
        }
        // Let them begin, in whatever order, and take some away.
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        gone.iter().for_each(tokio::task::AbortHandle::abort);
        let mut answered = 0;
        while let Some(done) = arrivals.join_next().await {
            match done {
                Ok(admission) => {
                    assert!(matches!(admission, Admission::Stored(_)), "{admission:?}");
                    answered += 1;
                }
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
        assert!(answered >= 8, "{answered} of those who waited");
    }
}
