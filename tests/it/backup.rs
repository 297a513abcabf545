//! Backup and restore: everything, from either engine into either, or nothing. The same tests run on
//! SQLite and on PostgreSQL.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use portcullis::model::{Digest, SubmissionId};
use portcullis::store::{self, Admission, BackupError, Blobs, NewSubmission, SHELF, Store, TABLES};
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::database::Database;
use crate::support::{StillClock, submission};

async fn admit(store: &Store, blobs: &Blobs, clock: &StillClock, number: usize) -> SubmissionId {
    let text = format!("print({number})\n");
    let source = Digest::of(text.as_bytes());
    blobs.put(source, &text).await.expect("stored");
    let hold = number.is_multiple_of(3).then(|| "a person's look, ☃ and all".to_owned());
    let new = NewSubmission { hold, ..submission(&format!("m{number}"), &text, clock) };
    assert!(matches!(store.admit(&new).await.expect("it works"), Admission::Stored(_)));
    new.id
}

fn blobs(folder: &Path) -> Blobs {
    Blobs::in_folder(&folder.join("sources")).expect("a folder")
}

#[tokio::test]
async fn every_table_is_in_a_backup() {
    let database = Database::fresh().await;
    let store = Store::open_url(&database.url).await.expect("a store");
    drop(store);
    let mut db = AnyConnection::connect(&database.url).await.expect("the database");
    let sql = if database.url.starts_with("sqlite") {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    } else {
        "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()"
    };
    let rows = sqlx::query(sql).fetch_all(&mut db).await.expect("names");
    let mut found: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    found.retain(|name| name != "_sqlx_migrations" && name != SHELF);
    found.sort();
    let mut known: Vec<&str> = TABLES.to_vec();
    known.sort_unstable();
    assert_eq!(found, known, "a new table belongs into `TABLES` of src/store/dump.rs");
}

#[tokio::test]
async fn what_is_restored_is_what_was_there_and_goes_on_from_there() {
    let (database, folder, clock) =
        (Database::fresh().await, tempfile::tempdir().expect("a folder"), StillClock::new());
    let store = Store::open_url(&database.url).await.expect("a store");
    let old = blobs(folder.path());
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(admit(&store, &old, &clock, number).await);
    }
    let file = folder.path().join("backup.zip");
    let made = store::backup(&store, &old, &file).await.expect("made");
    assert_eq!((made.submissions, made.sources), (7, 7));
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o077, 0, "it holds agents");
    let again = store::backup(&store, &old, &file).await;
    assert!(matches!(again, Err(BackupError::File { .. })), "it overwrites nothing: {again:?}");

    let (fresh, target) = (Database::fresh().await, tempfile::tempdir().expect("a folder"));
    let restored = Store::open_url(&fresh.url).await.expect("a store");
    let new = blobs(target.path());
    assert_eq!(store::restore(&restored, &new, &file).await.expect("restored"), made);
    for id in &ids {
        let before = store.submission(*id).await.expect("it works");
        assert_eq!(restored.submission(*id).await.expect("it works"), before);
        assert_eq!(restored.events(*id).await.expect("it works"), store.events(*id).await.expect("it works"));
        new.get(before.expect("there").source).await.expect("its source is there");
    }
    assert_eq!(restored.holds(10).await.expect("it works"), store.holds(10).await.expect("it works"));
    let later = admit(&restored, &new, &clock, 100).await;
    let sequence = async |id| restored.submission(id).await.expect("it works").expect("there").sequence;
    assert!(sequence(later).await > sequence(ids[6]).await, "what comes now is later");
    let twice = store::restore(&restored, &new, &file).await;
    assert!(matches!(twice, Err(BackupError::NotEmpty)), "{twice:?}");
}

#[tokio::test]
async fn a_backup_under_load_is_one_moment_and_whole() {
    let (database, folder, clock) =
        (Database::fresh().await, tempfile::tempdir().expect("a folder"), StillClock::new());
    let store = Store::open_url(&database.url).await.expect("a store");
    let old = blobs(folder.path());
    let before = admit(&store, &old, &clock, 1_000).await;
    let uploads = tokio::spawn({
        let (store, old, clock) = (store.clone(), old.clone(), std::sync::Arc::clone(&clock));
        async move {
            for number in 0..60 {
                admit(&store, &old, &clock, number).await;
            }
        }
    });
    let mut files = Vec::new();
    for number in 0..4 {
        let file = folder.path().join(format!("{number}.zip"));
        store::backup(&store, &old, &file).await.expect("made");
        files.push(file);
    }
    uploads.await.expect("no panic");
    for file in files {
        let (fresh, target) = (Database::fresh().await, tempfile::tempdir().expect("a folder"));
        let restored = Store::open_url(&fresh.url).await.expect("a store");
        let new = blobs(target.path());
        let report = store::restore(&restored, &new, &file).await.expect("restored");
        assert!(restored.submission(before).await.expect("it works").is_some());
        let all = restored.newest(1_000).await.expect("it works");
        assert_eq!(all.len() as u64, report.submissions);
        for submission in all {
            new.get(submission.source).await.expect("its source is there, whole");
            assert!(!restored.events(submission.id).await.expect("it works").is_empty(), "with its event");
        }
    }
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_nothing_is_restored() {
    let (database, folder, clock) =
        (Database::fresh().await, tempfile::tempdir().expect("a folder"), StillClock::new());
    let store = Store::open_url(&database.url).await.expect("a store");
    let old = blobs(folder.path());
    for number in 0..3 {
        admit(&store, &old, &clock, number).await;
    }
    let file = folder.path().join("backup.zip");
    store::backup(&store, &old, &file).await.expect("made");
    let bytes = fs::read(&file).expect("the file");
    let (fresh, target) = (Database::fresh().await, tempfile::tempdir().expect("a folder"));
    let restored = Store::open_url(&fresh.url).await.expect("a store");
    let new = blobs(target.path());
    let step = (bytes.len() / 40).max(1);
    for place in (0..bytes.len()).step_by(step) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x55;
        let path = folder.path().join("damaged.zip");
        fs::write(&path, &damaged).expect("written");
        // A byte that decides nothing (of a date, say) may differ; then everything is right.
        if store::restore(&restored, &new, &path).await.is_ok() {
            assert_eq!(restored.newest(10).await.expect("it works").len(), 3, "byte {place}");
            return;
        }
        assert!(restored.is_empty().await.expect("it works"), "byte {place}");
    }
    let path = folder.path().join("short.zip");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
    assert!(store::restore(&restored, &new, &path).await.is_err());
    assert!(restored.is_empty().await.expect("it works"));
}
