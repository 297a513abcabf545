//! What people and programs read of a run.

use portcullis::diagnostic::{Finding, Severity, Span};
use portcullis::judge::{Costs, Entry, Interval, Scheme, rank, rewards};
use portcullis::model::{
    CaseResult, CaseVerdict, Digest, IsolationLevel, MinerId, RawAmount, Score, Slug, Split, TaskResult,
    Usage,
};
use portcullis::report::{self, Refused, Summary, Terms};
use portcullis::sandbox::Capabilities;
use portcullis::validator::{Fault, Round};

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
        repeats: Vec::new(),
    }
}

fn entry(name: &str, order: u64, cases: Vec<CaseResult>) -> Entry {
    let passed = cases.iter().filter(|case| case.verdict == CaseVerdict::Accepted).count();
    let judged = cases.iter().all(|case| case.verdict != CaseVerdict::InternalError);
    let score = judged.then(|| Score::of_share(passed as u64, cases.len() as u64));
    Entry {
        miner_id: miner(name),
        sha256: Digest::of(name.as_bytes()),
        order,
        score,
        interval: None,
        costs: Costs::default(),
        tasks: vec![TaskResult { task: slug("reverse_string"), score, split: None, cases }],
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
        terms: Terms {
            pool,
            unit: "TAO".to_owned(),
            scheme: Scheme::Proportional,
            repeat: 1,
            sandbox: Some(Capabilities {
                backend: "namespaces".to_owned(),
                isolation: IsolationLevel::Reduced,
                weaknesses: vec!["no cgroup could be had".to_owned()],
                details: Vec::new(),
            }),
            allow_weak: true,
        },
        rounds: vec![Round { task: slug("range_sums"), seed: 7, cases: 6, digest: Digest::of(b"cases") }],
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
                file: None,
            }],
        }],
        faults: vec![Fault {
            miner_id: miner("unlucky"),
            task: slug("reverse_string"),
            message: down.to_owned(),
        }],
        left_behind: Vec::new(),
        partial: false,
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

/// Two agents whose cases were run three times; one changed its mind, and knows the public cases best.
fn measured() -> Summary {
    let score = |hundredths| Score::from_hundredths(hundredths).expect("at most 100");
    let with = |entry: Entry, low, high, split| {
        let mut entry = Entry { interval: Some(Interval { low: score(low), high: score(high) }), ..entry };
        entry.tasks[0].split = Some(split);
        entry
    };
    let steady = entry("steady", 2, vec![case("empty", CaseVerdict::Accepted, None, None)]);
    let message = "flaky: 1 of 3 runs came to this; hidden case";
    let mut moved = case("word", CaseVerdict::WrongAnswer, Some(message), None);
    moved.repeats = vec![CaseVerdict::Accepted, CaseVerdict::WrongAnswer, CaseVerdict::Accepted];
    let flaky = entry("flaky", 1, vec![case("empty", CaseVerdict::Accepted, None, None), moved]);
    let ranked = rank(vec![
        with(steady, 10_000, 10_000, Split { public: score(10_000), hidden: score(10_000) }),
        with(flaky, 5_000, 10_000, Split { public: score(10_000), hidden: Score::ZERO }),
    ]);
    let mut summary = summary();
    summary.terms.repeat = 3;
    summary.terms.sandbox = None;
    let scores: Vec<Score> = ranked.iter().map(|entry| entry.score).collect();
    let rewards = summary.terms.scheme.share(summary.terms.pool, &scores);
    Summary {
        rankings: ranked.into_iter().zip(rewards).collect(),
        unscored: Vec::new(),
        refused: Vec::new(),
        faults: Vec::new(),
        ..summary
    }
}

#[test]
fn flaky_cases_intervals_ties_and_the_gap_to_hidden_cases_are_shown() {
    let text = anstream::adapter::strip_str(&report::table(&measured())).to_string();
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?} columns");
    snapshots().bind(|| insta::assert_snapshot!("report-measured", text));
    let json: serde_json::Value = serde_json::from_str(&report::json(&measured())).expect("JSON");
    let first = &json["rankings"][0];
    assert_eq!(first["miner_id"], "flaky");
    assert_eq!(first["interval"], serde_json::json!({ "low": 50.0, "high": 100.0 }));
    assert_eq!(first["tasks"][0]["split"], serde_json::json!({ "public": 100.0, "hidden": 0.0 }));
    assert_eq!(first["tasks"][0]["cases"][1]["flaky"], true);
    assert_eq!(
        first["tasks"][0]["cases"][1]["repeats"],
        serde_json::json!(["accepted", "wrong_answer", "accepted"])
    );
    assert_eq!((&first["tied"], &json["rankings"][1]["tied"]), (&false.into(), &true.into()));
}

#[test]
fn a_pool_that_nobody_earned_is_burned_and_it_is_said() {
    let nobody = || {
        let mut summary = summary();
        summary.unscored.clear();
        summary.faults.clear();
        summary.rankings.retain(|(ranked, _)| ranked.score == Score::ZERO);
        summary
    };
    let text = anstream::adapter::strip_str(&report::table(&nobody())).to_string();
    assert!(text.contains("Nobody scored: 50 'TAO' are burned."), "{text}");
    assert!(report::json(&nobody()).contains("\"burned\": 50.0"));
    // Somebody may still be judged.
    let partial = Summary { partial: true, ..nobody() };
    assert!(report::json(&partial).contains("\"burned\": 0.0"));
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
