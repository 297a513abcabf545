//! What an earlier version stored is there after the tables were changed. The same test runs on SQLite
//! and on PostgreSQL.

use std::path::Path;

use portcullis::model::{CaseVerdict, Digest, Score, SubmissionId};
use portcullis::store::{Admission, Blobs, Standing, Store};
use sqlx::AnyPool;
use sqlx::migrate::Migrator;

use crate::database::Database;
use crate::support::{self, StillClock, miner};

/// As the first version kept it: one JSON text. The message has what PostgreSQL takes in no text.
const RESULT: &str = r#"{"backend":"docker","isolation":"full","tasks":[{"task":"addition","score":66.66,"cases":[
 {"name":"first","verdict":"accepted","usage":{"wall_ms":12,"cpu_ms":7,"memory_kib":9000},"message":null,"diff":null},
 {"name":"second","verdict":"wrong_answer","usage":{"wall_ms":13,"cpu_ms":8,"memory_kib":9001},
  "message":"line 1 differs: \u0000☃","diff":"-1\n+2\n"}]},{"task":"zebra","score":100.0,"cases":[]}]}"#;

/// A database as it was before the tables of `version`.
async fn database_before(version: i64) -> (Database, AnyPool) {
    let database = Database::fresh().await;
    sqlx::any::install_default_drivers();
    let (engine, url) = if database.url.starts_with("sqlite") {
        ("sqlite", format!("{}?mode=rwc", database.url))
    } else {
        ("postgres", database.url.clone())
    };
    let pool = AnyPool::connect(&url).await.expect("the database");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let all = Migrator::new(folder).await.expect("migrations");
    let mut before = Migrator::DEFAULT;
    before.migrations =
        all.migrations.iter().filter(|one| one.version < version).cloned().collect::<Vec<_>>().into();
    before.run(&pool).await.expect("the tables of that version");
    (database, pool)
}

#[tokio::test]
async fn results_of_the_first_version_become_runs_scores_and_cases() {
    let (database, pool) = database_before(20).await;
    // What PostgreSQL takes in no text is shown by a symbol there.
    let null = if database.url.starts_with("sqlite") { '\0' } else { '␀' };
    let digest = "ab".repeat(32);
    let submission = SubmissionId::generate();
    let run = uuid::Uuid::now_v7();
    for sql in [
        "INSERT INTO miners (id, folded, created_at) VALUES ('alice', 'alice', 1)".to_owned(),
        format!("INSERT INTO sources (sha256, bytes, created_at) VALUES ('{digest}', 1, 1)"),
        format!(
            "INSERT INTO submissions (id, miner_id, upload_sha256, source_sha256, policy, findings, state, slots, \
             quorum, score, received_at, updated_at) VALUES ('{submission}', 'alice', '{digest}', '{digest}', \
             '{digest}', '[]', 'completed', 0, 1, 8333, 1, 1)"
        ),
        format!(
            "INSERT INTO assignments (id, submission_id, validator, attempt, state, leased_at, expires_at, \
             ended_at, result_sha256, result, judgement, score) VALUES ('{run}', '{submission}', 'v1', 1, 'done', \
             1, 2, 2, '{digest}', '{RESULT}', '{digest}', 8333)"
        ),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect("stored");
    }
    pool.close().await;

    let store = Store::open_url(&database.url).await.expect("it is brought up to date");
    let runs = store.runs(submission, None).await.expect("it works");
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].id, runs[0].backend.as_str(), runs[0].isolation.as_str()), (run, "docker", "full"));
    assert!(runs[0].tasks.iter().all(|task| task.standing == Standing::Live && task.digest.is_none()));
    let results = store.live_results(submission).await.expect("it works");
    let scores: Vec<_> = results.iter().map(|result| (result.task.as_str(), result.score)).collect();
    assert_eq!(scores, [("addition", Score::from_hundredths(6_666)), ("zebra", Some(Score::FULL))]);
    let cases: Vec<_> = results[0].cases.iter().map(|case| (case.name.as_str(), case.verdict)).collect();
    assert_eq!(cases, [("first", CaseVerdict::Accepted), ("second", CaseVerdict::WrongAnswer)]);
    assert_eq!(results[0].cases[0].message, None);
    assert_eq!(results[0].cases[1].message, Some(format!("line 1 differs: {null}☃")));
    assert_eq!(results[0].cases[1].diff.as_deref(), Some("-1\n+2\n"));
    assert_eq!(results[0].cases[1].usage.memory_kib, 9_001);
}

#[tokio::test]
async fn a_source_that_was_submitted_before_the_tables_knew_the_latest_is_still_known() {
    let (database, pool) = database_before(50).await;
    let text = "print(1)\n";
    let digest = Digest::of(text.as_bytes());
    let [failed, latest] = [SubmissionId::generate(), SubmissionId::generate()];
    let submission = |id: SubmissionId, state: &str| {
        format!(
            "INSERT INTO submissions (id, miner_id, upload_sha256, source_sha256, policy, findings, state, slots, \
             quorum, received_at, updated_at) VALUES ('{id}', 'alice', '{digest}', '{digest}', '{digest}', '[]', \
             '{state}', 0, 1, 1, 1)"
        )
    };
    for sql in [
        "INSERT INTO miners (id, folded, created_at) VALUES ('alice', 'alice', 1)".to_owned(),
        format!("INSERT INTO sources (sha256, bytes, created_at) VALUES ('{digest}', 9, 1)"),
        submission(failed, "failed"),
        submission(latest, "pending"),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect("stored");
    }
    let on_shelf = database.url.starts_with("sqlite");
    if on_shelf {
        let shelve = "INSERT INTO shelf (sha256, text) VALUES ($1, $2)";
        let row = sqlx::query(shelve).bind(digest.to_string()).bind(text.as_bytes().to_vec());
        row.execute(&pool).await.expect("stored");
    }
    pool.close().await;

    let store = Store::open_url(&database.url).await.expect("it is brought up to date");
    let clock = StillClock::new();
    let again = store.admit(&support::submission("bob", text, &clock)).await.expect("it works");
    assert_eq!(again, Admission::Duplicate { earlier: latest, miner: miner("alice") });
    if on_shelf {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::in_folder(folder.path()).expect("blobs").with_shelf(&store);
        assert_eq!(&*blobs.get(digest).await.expect("it waits"), text);
        assert_eq!(blobs.settle().await.expect("moved"), 1);
        assert_eq!(&*blobs.get(digest).await.expect("it is in its place"), text);
    }
}
