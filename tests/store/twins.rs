//! Several platforms on one database.

use std::sync::Arc;

use portcullis::model::{Digest, IsolationLevel, Score};
use portcullis::queue::{Clock as _, Queue, Rules};
use portcullis::store::{Admission, BanPage, Judgement, NewSubmission, Quota, Store, SubmissionQuery};

use crate::database::Database;
use crate::support::{StillClock, miner, submission};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_platforms_never_lend_the_same_submission() {
    let database = Database::fresh().await;
    let clock = StillClock::new();
    let stores = [
        Store::open_url(&database.url).await.expect("one"),
        Store::open_url(&database.url).await.expect("two"),
    ];
    for number in 0..40 {
        let new = submission(&format!("m{number}"), &number.to_string(), &clock);
        assert!(matches!(stores[number % 2].admit(&new).await.expect("it works"), Admission::Stored(_)));
    }
    let mut validators = tokio::task::JoinSet::new();
    for number in 0..8 {
        let queue = Queue::new(stores[number % 2].clone(), Arc::clone(&clock) as _, Rules::default());
        validators.spawn(async move {
            let me = miner(&format!("v{number}"));
            let mut mine = Vec::new();
            while let Some(lease) = queue.claim(&me).await.expect("it works") {
                let judgement = Judgement {
                    sent: Digest::of(me.as_str().as_bytes()),
                    agreed: Digest::of(b""),
                    backend: "fake".to_owned(),
                    isolation: IsolationLevel::Full,
                    tasks: Vec::new(),
                    interval: None,
                    score: Score::FULL,
                };
                queue.finish(lease.row.id, &me, &judgement).await.expect("taken");
                mine.push(lease.submission.id);
            }
            mine
        });
    }
    let mut all: Vec<_> = validators.join_all().await.into_iter().flatten().collect();
    all.sort();
    let lent = all.len();
    all.dedup();
    assert_eq!((lent, all.len()), (40, 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_source_at_two_platforms_at_once_is_stored_once() {
    let database = Database::fresh().await;
    let clock = StillClock::new();
    let stores = [
        Store::open_url(&database.url).await.expect("one"),
        Store::open_url(&database.url).await.expect("two"),
    ];
    for round in 0..10 {
        let mut uploads = tokio::task::JoinSet::new();
        for number in 0..8 {
            let store = stores[number % 2].clone();
            let new = submission(&format!("r{round}m{number}"), &round.to_string(), &clock);
            uploads.spawn(async move { store.admit(&new).await.expect("it works") });
        }
        let stored = uploads.join_all().await;
        assert_eq!(stored.iter().filter(|done| matches!(done, Admission::Stored(_))).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quota_holds_at_all_platforms_together() {
    let database = Database::fresh().await;
    let clock = StillClock::new();
    let stores = [
        Store::open_url(&database.url).await.expect("one"),
        Store::open_url(&database.url).await.expect("two"),
    ];
    let mut uploads = tokio::task::JoinSet::new();
    for number in 0..16 {
        let store = stores[number % 2].clone();
        let quota = Quota { per_day: Some(5), bytes: Some(12) };
        let new = submission("alice", &number.to_string(), &clock);
        let new = NewSubmission { source_bytes: 1, quota, ..new };
        uploads.spawn(async move { store.admit(&new).await.expect("it works") });
    }
    let done = uploads.join_all().await;
    assert_eq!(done.iter().filter(|done| matches!(done, Admission::Stored(_))).count(), 5);
    assert!(
        stores[0].ban(&miner("Alice"), "why", "operator", clock.now()).await.expect("it works").is_some()
    );
    assert!(
        stores[1].ban(&miner("alice"), "why", "operator", clock.now()).await.expect("it works").is_none()
    );
    let queue = Queue::new(stores[1].clone(), Arc::clone(&clock) as _, Rules::default());
    assert!(
        queue.claim(&miner("v1")).await.expect("it works").is_none(),
        "nothing of a banned miner is lent"
    );
    assert!(stores[1].lift_ban(&miner("alice"), "why", "operator", clock.now()).await.expect("it works"));
    assert!(queue.claim(&miner("v1")).await.expect("it works").is_some());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let database = Database::fresh().await;
    let clock = StillClock::new();
    let store = Store::open_url(&database.url).await.expect("a store");
    let mut ids = Vec::new();
    for number in 0..5 {
        let hold = Some("looked at by hand".to_owned());
        let new =
            NewSubmission { hold, ..submission(&format!("m{}", number % 2), &number.to_string(), &clock) };
        assert!(matches!(store.admit(&new).await.expect("it works"), Admission::Stored(_)));
        let by = format!("operator {number}");
        store.ban(&miner(&format!("b{number}")), "why", &by, clock.now()).await.expect("it works");
        ids.push(new.id);
    }
    // Oldest first, and then newest first.
    let held = store.holds_after(Some(ids[1]), 2).await.expect("it works");
    assert_eq!(held.iter().map(|hold| hold.submission).collect::<Vec<_>>(), ids[2..4]);
    let of = async |query: SubmissionQuery| {
        let listed = store.list(&SubmissionQuery { limit: 2, ..query }).await.expect("it works");
        listed.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(of(SubmissionQuery::default()).await, [ids[4], ids[3]]);
    assert_eq!(of(SubmissionQuery { after: Some(ids[3]), ..Default::default() }).await, [ids[2], ids[1]]);
    let miner_0 = SubmissionQuery { miner: Some(miner("m0")), after: Some(ids[3]), ..Default::default() };
    assert_eq!(of(miner_0).await, [ids[2], ids[0]]);
    let completed = Some(portcullis::model::SubmissionState::Completed);
    assert!(of(SubmissionQuery { state: completed, ..Default::default() }).await.is_empty());
    store.lift_ban(&miner("b0"), "why", "operator", clock.now()).await.expect("it works");
    let page = BanPage { after: None, ended: false, limit: 2 };
    let bans = store.bans(&page).await.expect("it works");
    assert_eq!(bans.iter().map(|ban| ban.miner.as_str()).collect::<Vec<_>>(), ["b1", "b2"]);
    let page = BanPage { after: Some(bans[1].id.clone()), ended: true, limit: 9 };
    assert_eq!(store.bans(&page).await.expect("it works").len(), 2);
}
