//! Submissions that arrive together are written together, and each gets its own answer.

use portcullis::queue::Clock as _;
use portcullis::store::{Admission, NewSubmission, Quota, Store};
use proptest::prelude::*;
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::database::Database;
use crate::support::{StillClock, miner, submission};

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
            Admission::OverQuota(_) | Admission::Banned(_) => panic!("there is no quota and no ban"),
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

/// What arrives: who, which text, and whether the miner has a quota.
fn arrivals() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((0..5usize, 0..12usize, any::<bool>()), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn those_who_come_together_are_answered_as_if_they_came_one_after_the_other(plan in arrivals()) {
        const WHO: [&str; 5] = ["alice", "Alice", "bob", "carol", "mallory"];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let clock = StillClock::new();
            let folder = tempfile::tempdir().expect("a folder");
            let open = async |name: &str| {
                let store = Store::open_file(&folder.path().join(name)).await.expect("a store");
                store.ban(&miner("Mallory"), "no", "op", clock.now()).await.expect("banned");
                store
            };
            let (one, many) = (open("one").await, open("many").await);
            let all: Vec<NewSubmission> = plan
                .iter()
                .map(|&(who, text, has_quota)| {
                    let per_day = has_quota.then_some(2);
                    let text = format!("text {text}");
                    let hold = (who == 3).then(|| "look at it".to_owned());
                    let quota = Quota { per_day, bytes: None };
                    NewSubmission { quota, hold, text: Some(text.clone().into()), ..submission(WHO[who], &text, &clock) }
                })
                .collect();
            let mut expected = Vec::new();
            for new in &all {
                expected.push(without_ban_id(one.admit(new).await.expect("it works")));
            }
            // They are polled in their order, before the task that writes gets its turn.
            let answers = futures_util::future::join_all(all.iter().map(|new| many.admit(new))).await;
            let answers: Vec<_> =
                answers.into_iter().map(|answer| without_ban_id(answer.expect("it works"))).collect();
            assert_eq!(answers, expected);
            for new in &all {
                let events = one.events(new.id).await.expect("it works");
                assert_eq!(many.events(new.id).await.expect("it works"), events);
                let stored = one.submission(new.id).await.expect("it works");
                assert_eq!(many.submission(new.id).await.expect("it works"), stored);
                let told = expected.iter().find_map(|admission| match admission {
                    Admission::Stored(told) if told.id == new.id => Some((**told).clone()),
                    _ => None,
                });
                assert_eq!(stored, told, "what is told is what is stored");
            }
        });
    }
}

/// Two bans of the same miner in two databases differ in their id.
fn without_ban_id(admission: Admission) -> Admission {
    match admission {
        Admission::Banned(mut ban) => {
            ban.id.clear();
            Admission::Banned(ban)
        }
        other => other,
    }
}

#[tokio::test]
async fn a_ban_that_was_not_seen_before_the_gate_is_seen_when_it_is_stored() {
    let database = Database::fresh().await;
    let clock = StillClock::new();
    let store = Store::open_url(&database.url).await.expect("a store");
    assert_eq!(store.known_ban_of(&miner("alice")).await.expect("it works"), None);
    let other = Store::open_url(&database.url).await.expect("another platform");
    other.ban(&miner("ALICE"), "cheating", "op", clock.now()).await.expect("it works");
    match store.admit(&submission("alice", "text", &clock)).await.expect("it works") {
        Admission::Banned(ban) => assert_eq!(ban.reason, "cheating"),
        other => panic!("{other:?}"),
    }
    assert!(
        other.known_ban_of(&miner("alice")).await.expect("it works").is_some(),
        "its own are seen at once"
    );
    other.lift_ban(&miner("alice"), "a mistake", "op", clock.now()).await.expect("it works");
    assert_eq!(other.known_ban_of(&miner("alice")).await.expect("it works"), None);
}
