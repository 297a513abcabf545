//! What people and programs read of a run.

use portcullis::diagnostic::{Finding, Severity, Span};
use portcullis::judge::{Entry, rank, rewards};
use portcullis::model::{
    CaseResult, CaseVerdict, Digest, IsolationLevel, MinerId, RawAmount, Slug, TaskResult, Usage,
};
use portcullis::report::{self, Refused, Summary};
use portcullis::sandbox::Capabilities;
use portcullis::validator::Fault;

use crate::support::snapshots;

fn miner(name: &str) -> MinerId {
    MinerId::parse(name).expect("a miner id")
}

fn slug(name: &str) -> Slug {
    Slug::parse(name).expect("a name")
}

fn case(name: &str, verdict: CaseVerdict, message: Option<&str>, diff: Option<&str>) -> CaseResult {
    CaseResult {
        name: slug(name),
        verdict,
        usage: Usage { wall_ms: 14, cpu_ms: 12, memory_kib: 9120 },
        message: message.map(str::to_owned),
        diff: diff.map(str::to_owned),
    }
}

fn entry(name: &str, order: u64, cases: Vec<CaseResult>) -> Entry {
    let passed = cases.iter().filter(|case| case.verdict == CaseVerdict::Accepted).count();
    let judged = cases.iter().all(|case| case.verdict != CaseVerdict::InternalError);
    let score = judged.then(|| portcullis::model::Score::of_share(passed as u64, cases.len() as u64));
    Entry {
        miner_id: miner(name),
        sha256: Digest::of(name.as_bytes()),
        order,
        score,
        tasks: vec![TaskResult { task: slug("reverse_string"), score, cases }],
    }
}

/// One agent of every fate.
fn summary() -> Summary {
    use CaseVerdict::{Accepted, InternalError, TimeLimit, WrongAnswer};
    let ranked = rank(vec![
        entry(
            "late-half",
            3,
            vec![
                case("empty", Accepted, None, None),
                case("word", TimeLimit, Some("stopped after 10000 ms of wall time"), None),
            ],
        ),
        entry("good", 2, vec![case("empty", Accepted, None, None), case("word", Accepted, None, None)]),
        entry(
            "half",
            1,
            vec![
                case("empty", Accepted, None, None),
                case("word", WrongAnswer, Some("line 1 differs"), Some("@@ -1 +1 @@\n-olleh\n+hello\n")),
            ],
        ),
        entry("zero", 4, vec![case("empty", WrongAnswer, None, None), case("word", WrongAnswer, None, None)]),
    ]);
    let pool = RawAmount::from_millionths(50_000_000);
    let shares = rewards(pool, &ranked.iter().map(|entry| entry.score).collect::<Vec<_>>());
    let down = "the sandbox did not start within 30 s";
    Summary {
        pool,
        unit: "TAO".to_owned(),
        rankings: ranked.into_iter().zip(shares).collect(),
        unscored: vec![entry(
            "unlucky",
            5,
            vec![case("empty", Accepted, None, None), case("word", InternalError, Some(down), None)],
        )],
        refused: vec![Refused {
            miner_id: miner("evil"),
            sha256: Digest::of(b"evil"),
            findings: vec![Finding {
                span: Span { line: 3, column: 5, end_line: 3, end_column: 9 },
                code: "PC201".into(),
                rule: "dangerous-builtin".into(),
                severity: Severity::Error,
                message: "`e` is `builtins.eval`".to_owned(),
                help: None,
                name: Some("builtins.eval".to_owned()),
                notes: Vec::new(),
            }],
        }],
        faults: vec![Fault {
            miner_id: miner("unlucky"),
            task: slug("reverse_string"),
            message: down.to_owned(),
        }],
        left_behind: Vec::new(),
        partial: false,
        sandbox: Some(Capabilities {
            backend: "namespaces".to_owned(),
            isolation: IsolationLevel::Reduced,
            weaknesses: vec!["no cgroup could be had".to_owned()],
            details: Vec::new(),
        }),
    }
}

#[test]
fn the_table_shows_every_fate() {
    let text = anstream::adapter::strip_str(&report::table(&summary())).to_string();
    snapshots().bind(|| insta::assert_snapshot!("report-table", text));
}

#[test]
fn the_json_has_the_numbers_of_the_table() {
    snapshots().bind(|| insta::assert_snapshot!("report-json", report::json(&summary())));
}

#[test]
fn the_json_line_is_one_line() {
    let line = report::json_line(&summary());
    assert_eq!(line.lines().count(), 1);
    assert!(line.starts_with(r#"{"event":"summary","version":1,"#), "{line}");
}

#[test]
fn a_run_that_was_stopped_says_so_first() {
    let partial = Summary { partial: true, ..summary() };
    let text = anstream::adapter::strip_str(&report::table(&partial)).to_string();
    assert!(text.contains("Stopped before the end: what follows is partial."), "{text}");
    assert!(report::json(&partial).contains("\"partial\": true"));
}

#[test]
fn nobody_to_rank_is_said_and_not_shown_as_an_empty_table() {
    let nobody = Summary { rankings: Vec::new(), unscored: Vec::new(), ..summary() };
    assert!(report::table(&nobody).contains("No agent was ranked."));
}
