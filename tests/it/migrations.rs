//! What an earlier version stored is there after the tables were changed. The same test runs on SQLite
//! and on PostgreSQL.

use std::path::Path;

use portcullis::model::{CaseVerdict, Score};
use portcullis::store::{Standing, Store};
use sqlx::AnyPool;
use sqlx::migrate::Migrator;

use crate::database::Database;

/// As the first version kept it: one JSON text. The message has what PostgreSQL takes in no text.
const RESULT: &str = r#"{"backend":"docker","isolation":"full","tasks":[{"task":"addition","score":66.66,"cases":[
 {"name":"first","verdict":"accepted","usage":{"wall_ms":12,"cpu_ms":7,"memory_kib":9000},"message":null,"diff":null},
 {"name":"second","verdict":"wrong_answer","usage":{"wall_ms":13,"cpu_ms":8,"memory_kib":9001},
  "message":"line 1 differs: \u0000☃","diff":"-1\n+2\n"}]},{"task":"zebra","score":100.0,"cases":[]}]}"#;

#[tokio::test]
async fn results_of_the_first_version_become_runs_scores_and_cases() {
    let database = Database::fresh().await;
    sqlx::any::install_default_drivers();
    // What PostgreSQL takes in no text is shown by a symbol there.
    let (engine, url, null) = if database.url.starts_with("sqlite") {
        ("sqlite", format!("{}?mode=rwc", database.url), '\0')
    } else {
        ("postgres", database.url.clone(), '␀')
    };
    let pool = AnyPool::connect(&url).await.expect("the database");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let all = Migrator::new(folder).await.expect("migrations");
    let mut before = Migrator::DEFAULT;
    before.migrations =
        all.migrations.iter().filter(|one| one.version < 20).cloned().collect::<Vec<_>>().into();
    before.run(&pool).await.expect("the tables of that version");
    let digest = "ab".repeat(32);
    let submission = portcullis::model::SubmissionId::generate();
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
