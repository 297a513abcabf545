//! A platform moves from one database engine to the other, with everything that it knows.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use portcullis::lint::{self, Policy};
use portcullis::model::{Digest, Score, SubmissionId, SubmissionState};
use portcullis::queue::{Clock as _, Lease, Queue, Rules};
use portcullis::store::{
    self, Act, Admission, Applied, BackupError, Blobs, Finish, Made, NewValidation, Regated, Resolution,
    ScoreChange, Selection, Sentence, Store, SubmissionQuery, TABLES,
};

use crate::database::Database;
use crate::rejudge::judgement;
use crate::support::{StillClock, miner, submission};

#[path = "../it/database.rs"]
mod sqlite;

struct Platform {
    store: Store,
    blobs: Blobs,
    queue: Queue,
    clock: Arc<StillClock>,
}

impl Platform {
    async fn open(url: &str, folder: &Path) -> Self {
        let (store, clock) = (Store::open_url(url).await.expect("a store"), StillClock::new());
        let blobs = Blobs::in_folder(&folder.join("sources")).expect("a folder");
        let queue = Queue::new(store.clone(), Arc::clone(&clock) as _, Rules::default());
        Self { store, blobs, queue, clock }
    }

    async fn admit(&self, who: &str, quorum: u32, hold: Option<&str>) -> SubmissionId {
        // It is refused, which does not matter here: its findings are what is stored.
        let text = format!("import os  # {who} ☃\nos.system('\\0')\n");
        let mut new = submission(who, &text, &self.clock);
        self.blobs.put(new.source, &text).await.expect("stored");
        new.policy = Digest::of(b"policy");
        new.findings = lint::check(text.as_bytes(), &Policy::standard()).findings;
        new.hold = hold.map(str::to_owned);
        new.quorum = quorum;
        new.upstream = (who == "forwarded").then(|| miner("gateway"));
        assert!(!new.findings.is_empty());
        assert!(matches!(self.store.admit(&new).await.expect("it works"), Admission::Stored(_)));
        self.clock.advance(1);
        new.id
    }

    async fn claim(&self, validator: &str) -> Lease {
        self.queue.claim(&miner(validator)).await.expect("it works").expect("work")
    }

    async fn judge(&self, validator: &str, wrong: usize, only: Option<&str>) -> Finish {
        let lease = self.claim(validator).await;
        let said = judgement(validator, wrong, only);
        self.queue.finish(lease.row.id, &miner(validator), &said).await.expect("taken").1
    }

    fn act(&self, why: &str) -> Act {
        Act { actor: "operator olga".to_owned(), why: why.to_owned(), at: self.clock.now() }
    }

    async fn set(&self, task: Option<&str>) -> uuid::Uuid {
        let selection =
            Selection { task: task.map(|task| task.parse().expect("a name")), ..Selection::default() };
        match self.store.create_rejudge(&selection, &self.act("a case was wrong, ☃ 'and' \"all\"")).await {
            Ok(Made::Set(set)) => set.id,
            other => panic!("{other:?}"),
        }
    }

    /// Something of everything, in every state.
    async fn live_through_a_season(&self) {
        let by = "operator olga";
        let completed = self.admit(&"m".repeat(64), 1, None).await;
        self.judge("v1", 1, None).await;
        self.admit("agreed", 2, None).await;
        self.judge("v1", 0, None).await;
        self.judge("v2", 0, None).await;
        // Sets: applied, dropped.
        let set = self.set(Some("addition")).await;
        for (validator, wrong) in [("v1", 0), ("v1", 0), ("v2", 0)] {
            assert_eq!(self.judge(validator, wrong, Some("addition")).await, Finish::Proposed);
        }
        let score = |hundredths| Score::from_hundredths(hundredths).expect("a score");
        let change = ScoreChange { submission: completed, before: score(7_500), after: Score::FULL };
        let task = "addition".parse().expect("a name");
        let applied = self.store.apply_rejudge(set, Some(&task), &[change], &self.act("looked at")).await;
        assert_eq!(applied.expect("it works"), Applied::Done);
        let set = self.set(None).await;
        self.judge("v1", 1, None).await;
        assert!(self.store.drop_rejudge(set, &self.act("no")).await.expect("it works"));
        // Holds: decided both ways, and open.
        let released = self.admit("forwarded", 1, Some("a person's look")).await;
        let rejected = self.admit("rejected", 1, Some("a person's look")).await;
        for (id, resolution) in [(released, Resolution::Release), (rejected, Resolution::Reject)] {
            let now = self.clock.now();
            assert!(self.store.resolve(id, resolution, by, "seen", now).await.expect("it works"));
        }
        self.judge("v2", 2, None).await;
        self.admit("disputed", 2, None).await;
        self.judge("v1", 0, None).await;
        assert_eq!(self.judge("v2", 1, None).await, Finish::Held);
        self.admit("held", 1, Some("the gate asks")).await;
        // Faults of ours, until there were too many.
        self.admit("failed", 1, None).await;
        for _ in 0..3 {
            let lease = self.claim("v3").await;
            let me = miner("v3");
            self.queue.release(lease.row.id, &me, true, "the engine is down").await.expect("given back");
        }
        // Asked again: one is held, one rejected.
        let again = [self.admit("regated", 1, None).await, self.admit("doubted", 1, None).await];
        let changes = [(again[0], Sentence::Reject), (again[1], Sentence::Hold)].map(|(submission, to)| {
            Regated { submission, from: SubmissionState::Pending, to, findings: Vec::new() }
        });
        let done = self.store.apply_recheck(Digest::of(b"new"), &changes, &self.act("stricter")).await;
        done.expect("it works");
        // Bans: one lasts, one ended. Nonces.
        let now = self.clock.now();
        for who in ["Mallory", "trudy"] {
            self.store.ban(&miner(who), "sells answers", by, now).await.expect("it works").expect("banned");
        }
        assert!(self.store.lift_ban(&miner("trudy"), "not she", by, now).await.expect("it works"));
        assert!(self.store.use_nonce(&miner("alice"), "0123456789abcdef", now).await.expect("it works"));
        // A lease that ran out, one that runs, and what waits.
        self.admit("running", 2, None).await;
        self.claim("v1").await;
        self.clock.advance(3_600);
        self.queue.expire().await.expect("it works");
        self.judge("v2", 0, None).await;
        self.claim("v1").await;
        // Bundles: one waits, one was cut off and has ended, one has failed.
        for number in 0..3 {
            let (id, now) = (uuid::Uuid::now_v7(), self.clock.now());
            let platform = uuid::Uuid::nil();
            let bundle = vec![0, 255, b'P', b'K', number];
            let task = "{\"invariants\": []} ☃".to_owned();
            let new = NewValidation { id, platform, task_id: None, task, bundle, at: now };
            self.store.add_validation(new).await.expect("stored");
            if number > 0 {
                self.store.start_validation(id).await.expect("it works").expect("it waits");
                self.store.resume_validations(platform, 3, "", now).await.expect("it works");
                self.store.start_validation(id).await.expect("it works").expect("it waits");
                let result = Some("{}").filter(|_| number == 1);
                self.store.end_validation(id, result, "a ☃\n", now).await.expect("it works");
            }
        }
        // A set with a result, a lease and free places.
        self.set(None).await;
        self.judge("v4", 0, None).await;
        self.claim("v4").await;
        self.admit("pending", 3, None).await;
    }

    /// Everything that a backup has, without what may differ: when it was made, the order of rows,
    /// and so the digests of tables.
    async fn everything(&self, file: &Path) -> BTreeMap<String, Vec<String>> {
        store::backup(&self.store, &self.blobs, file).await.expect("made");
        let mut archive = zip::ZipArchive::new(std::fs::File::open(file).expect("the file")).expect("a ZIP");
        let mut all = BTreeMap::new();
        for place in 0..archive.len() {
            let mut entry = archive.by_index(place).expect("an entry");
            let (name, mut text) = (entry.name().expect("UTF-8").into_owned(), String::new());
            entry.read_to_string(&mut text).expect("UTF-8");
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if name.starts_with("tables/") {
                lines.sort();
            }
            if name != "manifest.json" {
                all.insert(name, lines);
            }
        }
        all
    }
}

/// Moves a platform from one engine into another and on into a third place, and looks at everything.
async fn moves(from: &str, to: &str, back: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let old = Platform::open(from, &place("old")).await;
    old.live_through_a_season().await;
    let before = old.everything(&place("old.zip")).await;
    for table in TABLES {
        assert!(!before[&format!("tables/{table}.jsonl")].is_empty(), "nothing is in `{table}`");
    }
    let states = old.store.state_counts().await.expect("it works");
    assert!(states.iter().all(|(_, count)| *count > 0), "every state is there: {states:?}");

    let new = Platform::open(to, &place("new")).await;
    store::restore(&new.store, &new.blobs, &place("old.zip")).await.expect("restored");
    assert_eq!(new.everything(&place("new.zip")).await, before);
    // Also as the program reads it.
    let all = SubmissionQuery { limit: 100, ..Default::default() };
    let listed = old.store.list(&all).await.expect("it works");
    assert_eq!(new.store.list(&all).await.expect("it works"), listed);
    for submission in &listed {
        let id = submission.id;
        assert_eq!(
            new.store.events(id).await.expect("it works"),
            old.store.events(id).await.expect("it works")
        );
        assert_eq!(
            new.store.runs(id, None).await.expect("it works"),
            old.store.runs(id, None).await.expect("it works")
        );
        assert_eq!(
            new.blobs.get(submission.source).await.expect("there"),
            old.blobs.get(submission.source).await.expect("there")
        );
    }
    let sets = old.store.rejudges(None, 10).await.expect("it works");
    assert_eq!(new.store.rejudges(None, 10).await.expect("it works"), sets);
    for set in &sets {
        assert_eq!(
            new.store.rejudge_entries(set.id).await.expect("it works"),
            old.store.rejudge_entries(set.id).await.expect("it works")
        );
    }

    // Who held a lease goes on, a ban holds, and what comes now is behind what was there.
    new.clock.advance(old.clock.now().duration_since(new.clock.now()).as_secs());
    let running = listed.iter().find(|one| one.miner.as_str() == "running").expect("it is there");
    assert_eq!(running.state, SubmissionState::Running);
    let live = new.everything(&place("again.zip")).await["tables/assignments.jsonl"]
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a row"))
        .find(|row| row["state"] == "live" && row["submission_id"] == running.id.to_string())
        .expect("a lease");
    let lease = uuid::Uuid::parse_str(live["id"].as_str().expect("text")).expect("an id");
    let done = new.queue.finish(lease, &miner("v1"), &judgement("v1", 0, None)).await.expect("taken").1;
    assert_eq!(done, Finish::Completed { score: Score::FULL });
    assert!(new.store.ban_of(&miner("mallory")).await.expect("it works").is_some());
    let later = new.admit("later", 1, None).await;
    assert_eq!(new.store.newest(1).await.expect("it works")[0].id, later, "what comes now is later");
    let twice = store::restore(&new.store, &new.blobs, &place("old.zip")).await;
    assert!(matches!(twice, Err(BackupError::NotEmpty)), "{twice:?}");
    assert!(new.store.submission(later).await.expect("it works").is_some(), "nothing was touched");

    // And home again, with what has happened since.
    let since = new.everything(&place("since.zip")).await;
    let home = Platform::open(back, &place("home")).await;
    store::restore(&home.store, &home.blobs, &place("since.zip")).await.expect("restored");
    assert_eq!(home.everything(&place("home.zip")).await, since);
}

#[tokio::test]
async fn a_platform_moves_from_sqlite_to_postgresql_and_back_with_everything() {
    let (from, to, back) =
        (sqlite::Database::fresh().await, Database::fresh().await, sqlite::Database::fresh().await);
    moves(&from.url, &to.url, &back.url).await;
}

#[tokio::test]
async fn a_platform_moves_from_postgresql_to_sqlite_and_back_with_everything() {
    let (from, to, back) =
        (Database::fresh().await, sqlite::Database::fresh().await, Database::fresh().await);
    moves(&from.url, &to.url, &back.url).await;
}

#[tokio::test]
async fn a_nul_that_sqlite_kept_does_not_keep_a_platform_from_moving() {
    let (from, to) = (sqlite::Database::fresh().await, Database::fresh().await);
    let folder = tempfile::tempdir().expect("a folder");
    let old = Platform::open(&from.url, &folder.path().join("old")).await;
    // As an earlier version stored what an operator sent.
    let now = old.clock.now();
    old.store.ban(&miner("mallory"), "a \0 b", "operator olga", now).await.expect("it works");
    let file = folder.path().join("backup.zip");
    store::backup(&old.store, &old.blobs, &file).await.expect("made");
    let new = Platform::open(&to.url, &folder.path().join("new")).await;
    store::restore(&new.store, &new.blobs, &file).await.expect("restored");
    let ban = new.store.ban_of(&miner("mallory")).await.expect("it works").expect("there");
    assert_eq!(ban.reason, "a ␀ b");
}
