//! Comparison, verdicts, scores, ranks and rewards.

use std::sync::Arc;

use portcullis::judge::{self, Checker, Comparison, Entry, Form, Rules, Scheme, Tolerance, Weighted};
use portcullis::model::{
    Capture, CaseResult, CaseVerdict, Digest, Ending, IsolationLevel, Limits, MinerId, RawAmount, RunFacts,
    Score, Slug, TaskResult, Usage,
};
use proptest::prelude::*;

use crate::support::snapshots;

/// What a reader sees of a comparison.
fn shown_within(checker: Checker, tolerance: Tolerance, expected: &str, actual: &[u8]) -> String {
    match checker.compare(expected, actual, tolerance) {
        Comparison::Same => "same".to_owned(),
        Comparison::Differs { message, diff } => format!("{message}\n{}", diff.unwrap_or_default()),
    }
}

fn shown(checker: Checker, expected: &str, actual: &[u8]) -> String {
    shown_within(checker, Tolerance::default(), expected, actual)
}

#[track_caller]
fn same(checker: Checker, expected: &str, actual: &str) {
    assert_eq!(shown(checker, expected, actual.as_bytes()), "same");
}

#[track_caller]
fn differs(checker: Checker, expected: &str, actual: &str) {
    assert_ne!(shown(checker, expected, actual.as_bytes()), "same");
}

#[test]
fn exact_counts_every_byte() {
    same(Checker::Exact, "a\n", "a\n");
    same(Checker::Exact, "", "");
    differs(Checker::Exact, "a\n", "a");
    differs(Checker::Exact, "a\n", "a\r\n");
    differs(Checker::Exact, "a\n", "a \n");
    differs(Checker::Exact, "e\u{301}\n", "é\n");
}

#[test]
fn lines_ignore_blanks_at_line_ends_and_blank_lines_at_the_end() {
    same(Checker::Lines, "a\nb\n", "a \nb\t\n\n\n");
    same(Checker::Lines, "a\nb", "a\r\nb\r\n");
    same(Checker::Lines, "", "\n \n");
    differs(Checker::Lines, "a\nb\n", "a\n\nb\n");
    differs(Checker::Lines, "a\n", " a\n");
    differs(Checker::Lines, "a b\n", "a  b\n");
    differs(Checker::Lines, "\na\n", "a\n");
}

#[test]
fn tokens_ignore_how_words_are_spaced() {
    same(Checker::Tokens, "1 2\n3\n", "1\n2   3");
    same(Checker::Tokens, "", " \n\t");
    differs(Checker::Tokens, "1 2\n", "12\n");
    differs(Checker::Tokens, "1 2\n", "2 1\n");
    differs(Checker::Tokens, "a\n", "A\n");
}

#[test]
fn unordered_lines_count_how_often_a_line_is_there() {
    same(Checker::UnorderedLines, "a\nb\nc\n", "c\na \nb");
    same(Checker::UnorderedLines, "", "\n");
    same(Checker::UnorderedLines, "a\n\nb\n", "\na\nb\n");
    differs(Checker::UnorderedLines, "a\na\nb\n", "a\nb\nb\n");
    differs(Checker::UnorderedLines, "a\na\n", "a\n");
}

#[test]
fn numbers_may_be_off_by_the_tolerance() {
    let within = |absolute, relative, expected: &str, actual: &str| {
        Checker::Numbers.compare(expected, actual.as_bytes(), Tolerance { absolute, relative }).is_same()
    };
    assert!(within(1e-6, 0.0, "1.0\n", "1.0000009"));
    assert!(!within(1e-6, 0.0, "1.0\n", "1.0000011"));
    assert!(within(0.0, 1e-3, "1000 -1000", "1000.9 -1000.9"));
    assert!(!within(0.0, 1e-3, "1000", "1001.1"));
    assert!(within(0.5, 0.0, "3", "3.5"));
    assert!(within(0.0, 0.0, "1e3", "1000.0"));
    assert!(!within(0.0, 1.0, "0", "1e-300"), "there is no relative distance from zero");
    // What is no number must be the same word.
    assert!(within(1.0, 1.0, "x = 3", "x = 3.5"));
    assert!(!within(1.0, 1.0, "yes", "no"));
    assert!(!within(1.0, 1.0, "3", "three"));
    assert!(!within(1.0, 1.0, "3", "3 4"));
    // Infinities and NaN, as Python prints them.
    assert!(within(1.0, 1.0, "inf", "Infinity"));
    assert!(!within(1.0, 1.0, "inf", "-inf"));
    assert!(!within(1.0, 1.0, "1", "inf"));
    assert!(!within(1e300, 1e300, "inf", "1e308"));
    assert!(within(0.0, 0.0, "nan", "NaN"));
    assert!(!within(1.0, 1.0, "1", "nan"));
    // More digits than a double has.
    assert!(within(0.0, 0.0, "123456789012345678901234567890", "123456789012345678901234567890"));
}

#[test]
fn json_compares_values_and_not_how_they_are_written() {
    same(Checker::Json, r#"{"a": [1, 2.50], "b": null}"#, "{\"b\":null,\n \"a\":[1.0, 25e-1]}\n");
    same(Checker::Json, r#""\u00e9""#, "\"é\"");
    same(Checker::Json, "18446744073709551615", "18446744073709551615");
    differs(Checker::Json, "18446744073709551615", "18446744073709551614");
    differs(Checker::Json, "[1, 2]", "[2, 1]");
    differs(Checker::Json, "1", "true");
    differs(Checker::Json, "1", "\"1\"");
    differs(Checker::Json, "null", "NaN");
    differs(Checker::Json, "[]", "[] []");
    let near = Tolerance { absolute: 0.01, relative: 0.0 };
    assert!(Checker::Json.compare("[1, 0.5]", b"[1.001, 0.501]", near).is_same());
    let deep = "[".repeat(100_000);
    differs(Checker::Json, "[]", &deep);
}

#[test]
fn a_regular_expression_matches_the_whole_line() {
    same(Checker::Regex, "[0-9]+ ms\n(yes|no)\n", "12 ms\nno  \n\n");
    differs(Checker::Regex, "[0-9]+\n", "12x\n");
    differs(Checker::Regex, "a|b\n", "xb\n");
    differs(Checker::Regex, "a\n", "a\na\n");
    differs(Checker::Regex, ".*\n", "");
    // Backtracking engines take for ever here.
    differs(Checker::Regex, "(a*)*b\n", &"a".repeat(100_000));
    same(Checker::Regex, "gr[üu]n\n", "grün\n");
}

#[test]
fn an_answer_must_be_one_that_its_checker_understands() {
    assert!(Checker::Json.check_answer("{\"a\": 1}").is_ok());
    for (checker, answer, why) in [
        (Checker::Json, "{'a': 1}", "not JSON"),
        (Checker::Json, "NaN", "not JSON"),
        (Checker::Regex, "ok\n(\n", "its line 2 is not a regular expression"),
        (Checker::Regex, "a{1000}{1000}{1000}\n", "its line 1"),
    ] {
        let refused = checker.check_answer(answer).expect_err(answer);
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn the_first_difference_is_said_and_shown() {
    let long = "x".repeat(500);
    let many: String = (1..=40).map(|number| format!("line {number}\n")).collect();
    let cases: Vec<(&str, Checker, String, Vec<u8>)> = vec![
        (
            "a word in the middle",
            Checker::Lines,
            many.clone(),
            many.replace("line 20\n", "line twenty\n").into(),
        ),
        ("nothing printed", Checker::Lines, "a\nb\n".into(), vec![]),
        ("nothing expected", Checker::Lines, String::new(), b"oops\n".to_vec()),
        ("a line is missing", Checker::Lines, "a\nb\nc\n".into(), b"a\nb\n".to_vec()),
        ("a line too many", Checker::Lines, "a\nb\n".into(), b"a\nb\nc\n".to_vec()),
        ("no newline at the end", Checker::Exact, "a\nb\n".into(), b"a\nb".to_vec()),
        ("a newline at the end", Checker::Exact, "a".into(), b"a\n".to_vec()),
        ("carriage returns", Checker::Exact, "a\nb\n".into(), b"a\r\nb\r\n".to_vec()),
        ("blanks at the line end", Checker::Exact, "a\n".into(), b"a  \n".to_vec()),
        (
            "a long line is cut around the difference",
            Checker::Exact,
            format!("{long}A{long}\n"),
            format!("{long}B{long}\n").into(),
        ),
        (
            "control characters do not reach the terminal",
            Checker::Lines,
            "ok\n".into(),
            b"\x1b[2Jok\x07\xe2\x80\xae\n".to_vec(),
        ),
        ("not UTF-8", Checker::Lines, "ok\n".into(), b"\xff\xfe\n".to_vec()),
        ("a difference inside a long character", Checker::Exact, "🐍\n".into(), "🐌\n".into()),
        ("words", Checker::Tokens, "1 2 3\n4 5 6\n".into(), b"1 2\n3\n4 6 6\n".to_vec()),
        ("a word is missing", Checker::Tokens, "1 2 3\n".into(), b"1 2\n".to_vec()),
        ("a word too many", Checker::Tokens, "1 2\n".into(), b"1 2 3\n".to_vec()),
        ("no word", Checker::Tokens, "1\n".into(), b"\n".to_vec()),
        ("no word expected", Checker::Tokens, "\n".into(), b"1\n".to_vec()),
        ("a line is missing, in no order", Checker::UnorderedLines, "a\nb\nc\n".into(), b"c\na\n".to_vec()),
        ("a line too often", Checker::UnorderedLines, "a\nb\n".into(), b"b\na\na\n".to_vec()),
        ("another line", Checker::UnorderedLines, "b\nc\n".into(), b"c\na\nb\n".to_vec()),
        ("a number", Checker::Numbers, "1.5 2.5\n".into(), b"1.5 2.6\n".to_vec()),
        (
            "deep inside",
            Checker::Json,
            r#"{"a": {"b": [1, {"c": "x"}]}, "z": 0}"#.into(),
            br#"{"a": {"b": [1, {"c": "y"}]}, "z": 0}"#.to_vec(),
        ),
        ("a key is missing", Checker::Json, r#"{"a": {"b": 1}}"#.into(), b"{\"a\": {}}".to_vec()),
        ("a key too many", Checker::Json, "{}".into(), b"{\"\x1b\": 1}".to_vec()),
        ("a key too many, escaped", Checker::Json, "{}".into(), br#"{"\u001b[2J": 1}"#.to_vec()),
        ("a list too long", Checker::Json, "[1, 2]".into(), b"[1, 2, 3]".to_vec()),
        ("not JSON", Checker::Json, "[1, 2]".into(), b"[1, 2".to_vec()),
        (
            "a line that does not match",
            Checker::Regex,
            "took [0-9]+ ms\nok\n".into(),
            b"took 5 s\nok\n".to_vec(),
        ),
        ("a match is missing", Checker::Regex, "a\n.+\n".into(), b"a\n".to_vec()),
    ];
    let mut text = String::new();
    for (name, checker, expected, actual) in cases {
        text.push_str(&format!("== {name} ({checker:?})\n{}\n", shown(checker, &expected, &actual)));
    }
    snapshots().bind(|| insta::assert_snapshot!("judge_differences", text));
}

#[test]
fn a_diff_is_small_whatever_was_printed() {
    let outputs = [
        "\n".repeat(1 << 18),
        "ab\n".repeat(1 << 16),
        "z".repeat(1 << 18),
        "a b ".repeat(1 << 16),
        "🐍".repeat(1 << 16),
        "\u{1b}".repeat(1 << 18),
    ];
    for checker in
        [Checker::Exact, Checker::Lines, Checker::UnorderedLines, Checker::Tokens, Checker::Numbers]
    {
        for expected in &outputs {
            for actual in &outputs {
                let shown = shown(checker, expected, actual.as_bytes());
                assert!(shown.len() < 40_000, "{} bytes", shown.len());
            }
        }
    }
}

proptest! {
    #[test]
    fn a_comparison_never_fails_and_agrees_with_equality(expected in "[ab \n\u{e9}]{0,12}", actual in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'\n'), Just(b' '), any::<u8>()], 0..12)) {
        let exact = Checker::Exact.compare(&expected, &actual, Tolerance::default()).is_same();
        prop_assert_eq!(exact, expected.as_bytes() == actual.as_slice());
        let lines = Checker::Lines.compare(&expected, &actual, Tolerance::default()).is_same();
        let tokens = Checker::Tokens.compare(&expected, &actual, Tolerance::default()).is_same();
        // Each checker forgives what the stricter one forgives.
        prop_assert!(!exact || lines);
        prop_assert!(!lines || tokens);
    }
}

fn facts(ending: Ending) -> RunFacts {
    RunFacts {
        ending,
        stdout: Capture::default(),
        stderr: Capture::default(),
        oom_kills: 0,
        process_limit_hits: 0,
        usage: Usage { wall_ms: 12, cpu_ms: 9, memory_kib: 8000 },
        isolation: IsolationLevel::Full,
    }
}

fn judged(facts: &RunFacts, accepted: &[&str], hidden: bool) -> CaseResult {
    let accepted: Vec<Arc<str>> = accepted.iter().map(|answer| Arc::from(*answer)).collect();
    let name = Slug::parse("one").expect("a name");
    let limits = Limits::default();
    judge::judge_case(
        facts,
        &Rules {
            name: &name,
            form: Form::Output,
            checker: Checker::Lines,
            tolerance: Tolerance::default(),
            accepted: &accepted,
            limits: &limits,
            hidden,
        },
    )
}

#[test]
fn facts_become_verdicts_in_the_order_of_their_precedence() {
    let exited = |code| facts(Ending::Exited { code });
    let printed = |text: &str| {
        let mut facts = facts(Ending::Exited { code: 0 });
        facts.stdout.bytes = text.into();
        facts
    };
    let with = |mut facts: RunFacts, change: fn(&mut RunFacts)| {
        change(&mut facts);
        facts
    };
    let cases: Vec<(&str, RunFacts)> = vec![
        ("right", printed("42\n")),
        ("wrong", printed("41\n")),
        ("the other right answer", printed("forty-two\n")),
        ("right, and a child was killed for its memory", with(printed("42\n"), |f| f.oom_kills = 1)),
        ("wrong, and a child was killed for its memory", with(printed("4"), |f| f.oom_kills = 1)),
        ("wrong, and a fork was refused", with(printed("4"), |f| f.process_limit_hits = 3)),
        ("right answer, then a failure", with(printed("42\n"), |f| f.ending = Ending::Exited { code: 3 })),
        (
            "a traceback",
            with(exited(1), |f| {
                f.stderr.bytes =
                    b"Traceback (most recent call last):\n  ...\nIndexError: \x1b[31mrange\n".to_vec();
            }),
        ),
        ("an endless last line", with(exited(1), |f| f.stderr.bytes = vec![b'e'; 100_000])),
        ("a segmentation fault", facts(Ending::Signalled { signal: 11 })),
        ("an unusual signal", facts(Ending::Signalled { signal: 40 })),
        ("killed by somebody else", facts(Ending::Signalled { signal: 9 })),
        ("killed for its memory", with(facts(Ending::Signalled { signal: 9 }), |f| f.oom_kills = 1)),
        ("failed for want of processes", with(exited(1), |f| f.process_limit_hits = 1)),
        ("memory before processes", with(exited(1), |f| (f.oom_kills, f.process_limit_hits) = (1, 1))),
        ("wall time", facts(Ending::WallLimit)),
        ("CPU time before memory", with(facts(Ending::CpuLimit), |f| f.oom_kills = 1)),
        (
            "CPU time, ended by the kernel",
            with(facts(Ending::Signalled { signal: 24 }), |f| f.usage.cpu_ms = 10_002),
        ),
        ("SIGXCPU sent by itself", facts(Ending::Signalled { signal: 24 })),
        ("output", facts(Ending::OutputLimit)),
        ("output before time", with(facts(Ending::WallLimit), |f| f.stdout.truncated = true)),
        ("cut output is not judged", with(printed("42\n"), |f| f.stdout.truncated = true)),
        ("cancelled", facts(Ending::Cancelled)),
    ];
    let mut text = String::new();
    for (name, facts) in cases {
        let CaseResult { verdict, message, .. } = judged(&facts, &["42\n", "forty-two\n"], false);
        text.push_str(&format!("{name}: {verdict}: {}\n", message.unwrap_or_default()));
    }
    snapshots().bind(|| insta::assert_snapshot!("judge_verdicts", text));
}

#[test]
fn a_function_that_raises_what_it_should_not_is_a_runtime_error() {
    let reply = |accepted: &str, reply: &str| {
        let mut facts = facts(Ending::Exited { code: 0 });
        facts.stdout.bytes = reply.into();
        facts.stderr.bytes = b"Traceback\nKeyError: 'x'\n".to_vec();
        let accepted = [Arc::from(accepted)];
        let name = Slug::parse("one").expect("a name");
        let limits = Limits::default();
        let result = judge::judge_case(
            &facts,
            &Rules {
                name: &name,
                form: Form::Reply,
                checker: Checker::Json,
                tolerance: Tolerance::default(),
                accepted: &accepted,
                limits: &limits,
                hidden: false,
            },
        );
        format!("{}: {}", result.verdict, result.message.unwrap_or_default())
    };
    assert_eq!(reply(r#"{"returns":[1]}"#, r#"{"returns": [1.0]}"#), "accepted: ");
    assert_eq!(
        reply(r#"{"returns":[1]}"#, r#"{"returns": [2]}"#),
        "wrong_answer: `$.returns[0]`: expected `1`, got `2`"
    );
    assert_eq!(
        reply(r#"{"returns":[1]}"#, r#"{"raises": "KeyError"}"#),
        "runtime_error: raised `KeyError`: `KeyError: 'x'`"
    );
    assert_eq!(reply(r#"{"raises":"KeyError"}"#, r#"{"raises": "KeyError"}"#), "accepted: ");
    assert_eq!(
        reply(r#"{"raises":"KeyError"}"#, r#"{"raises": "ValueError"}"#),
        "wrong_answer: `$.raises`: expected `\"KeyError\"`, got `\"ValueError\"`"
    );
    assert_eq!(
        reply(r#"{"raises":"KeyError"}"#, r#"{"returns": null}"#),
        "wrong_answer: `$`: the key `raises` is missing"
    );
    assert_eq!(reply(r#"{"returns":null}"#, ""), "wrong_answer: the output is empty");
}

#[test]
fn of_a_hidden_case_only_the_verdict_is_told() {
    let mut secret = facts(Ending::Exited { code: 1 });
    secret.stderr.bytes = b"the input is 1234\n".to_vec();
    secret.stdout.bytes = b"1234\n".to_vec();
    for ending in [Ending::Exited { code: 0 }, Ending::Exited { code: 1 }, Ending::Signalled { signal: 6 }] {
        secret.ending = ending;
        let result = judged(&secret, &["5678\n"], true);
        assert_eq!(result.diff, None);
        assert_eq!(result.message.as_deref(), Some("hidden case"));
    }
}

#[test]
fn a_task_without_a_full_judgement_has_no_score() {
    let weighted = |verdicts: &[CaseVerdict]| -> Vec<Weighted> {
        verdicts.iter().map(|verdict| Weighted { verdict: *verdict, weight: 1 }).collect()
    };
    use CaseVerdict::{Accepted, InternalError, Skipped, TimeLimit, WrongAnswer};
    let score =
        |verdicts: &[CaseVerdict]| judge::score_task(&weighted(verdicts)).map(|score| score.to_string());
    assert_eq!(score(&[Accepted, Accepted]).as_deref(), Some("100"));
    assert_eq!(score(&[Accepted, Accepted, WrongAnswer]).as_deref(), Some("66.66"));
    assert_eq!(score(&[WrongAnswer, TimeLimit]).as_deref(), Some("0"));
    assert_eq!(score(&[]).as_deref(), Some("0"));
    assert_eq!(score(&[Accepted, InternalError]), None);
    assert_eq!(score(&[Accepted, Skipped]), None);
}

fn task(score: Option<u32>) -> TaskResult {
    let score = score.and_then(Score::from_hundredths);
    TaskResult { task: Slug::parse("t").expect("a name"), score, cases: vec![] }
}

#[test]
fn an_agent_scores_the_mean_of_its_tasks_rounded_down() {
    let score = |tasks: &[TaskResult]| judge::score_agent(tasks).map(|score| score.to_string());
    assert_eq!(score(&[task(Some(10_000)), task(Some(10_000))]).as_deref(), Some("100"));
    assert_eq!(score(&[task(Some(10_000)), task(Some(9_999))]).as_deref(), Some("99.99"));
    assert_eq!(score(&[task(Some(10_000)), task(Some(0)), task(Some(0))]).as_deref(), Some("33.33"));
    assert_eq!(score(&[task(Some(10_000)), task(None)]), None);
    assert_eq!(score(&[]), None);
}

fn entry(miner_id: &str, order: u64, hundredths: Option<u32>) -> Entry {
    Entry {
        miner_id: MinerId::parse(miner_id).expect("an id"),
        sha256: Digest::of(format!("{miner_id} {order}").as_bytes()),
        order,
        score: hundredths.and_then(Score::from_hundredths),
        tasks: vec![],
    }
}

#[test]
fn a_ranking_is_total_and_holds_one_entry_for_each_miner() {
    let entries = vec![
        entry("late", 9, Some(10_000)),
        entry("early", 1, Some(10_000)),
        entry("twice", 2, Some(5_000)),
        entry("twice", 7, Some(8_000)),
        entry("same-time-b", 4, Some(8_000)),
        entry("same-time-a", 4, Some(8_000)),
        entry("our-fault", 0, None),
        entry("nothing", 3, Some(0)),
    ];
    let ranked = judge::rank(entries);
    let rewards = judge::rewards(
        RawAmount::from_millionths(50_000_000),
        &ranked.iter().map(|ranked| ranked.score).collect::<Vec<_>>(),
    );
    let text: String = ranked
        .iter()
        .zip(rewards)
        .map(|(ranked, reward)| {
            format!("{} {} {} (reward: {reward} 'TAO')\n", ranked.rank, ranked.miner_id, ranked.score)
        })
        .collect();
    snapshots().bind(|| insta::assert_snapshot!("judge_ranking", text));
}

#[test]
fn the_pool_goes_to_who_scored_and_to_nobody_when_nobody_did() {
    let pool = RawAmount::from_millionths(50_000_000);
    let shares = |scores: &[u32]| -> Vec<String> {
        let scores: Vec<Score> = scores.iter().filter_map(|score| Score::from_hundredths(*score)).collect();
        judge::rewards(pool, &scores).iter().map(ToString::to_string).collect()
    };
    assert_eq!(shares(&[10_000, 0]), ["50", "0"]);
    assert_eq!(shares(&[10_000, 10_000, 10_000]), ["16.666667", "16.666667", "16.666666"]);
    assert_eq!(shares(&[0, 0]), ["0", "0"]);
    assert_eq!(shares(&[]), [] as [&str; 0]);
}

#[test]
fn a_scheme_says_who_shares_the_pool() {
    let pool = RawAmount::from_millionths(60_000_000);
    let scores: Vec<Score> =
        [10_000, 5_000, 5_000, 0].into_iter().filter_map(Score::from_hundredths).collect();
    let shares = |scheme: &str| -> Vec<String> {
        let scheme: Scheme = scheme.parse().expect(scheme);
        assert_eq!(scheme.to_string().parse(), Ok(scheme));
        scheme.share(pool, &scores).iter().map(ToString::to_string).collect()
    };
    assert_eq!(shares("proportional"), ["30", "15", "15", "0"]);
    assert_eq!(shares("winner"), ["60", "0", "0", "0"]);
    assert_eq!(shares("top:2"), ["40", "20", "0", "0"]);
    assert_eq!(shares("top:9"), ["30", "15", "15", "0"]);
    assert_eq!(shares("linear"), ["30", "20", "10", "0"]);
    for wrong in ["", "top", "top:", "top:0", "top:-1", "Winner"] {
        assert!(wrong.parse::<Scheme>().is_err(), "{wrong}");
    }
}

fn scheme() -> impl Strategy<Value = Scheme> {
    prop_oneof![
        Just(Scheme::Proportional),
        Just(Scheme::WinnerTakesAll),
        Just(Scheme::LinearRank),
        (1..6_usize).prop_map(Scheme::Top)
    ]
}

#[test]
fn a_group_is_accepted_only_as_a_whole() {
    use CaseVerdict::{Accepted, InternalError, TimeLimit, WrongAnswer};
    assert_eq!(judge::group([Accepted, Accepted]), Accepted);
    assert_eq!(judge::group([Accepted, TimeLimit, WrongAnswer]), TimeLimit);
    assert_eq!(judge::group([TimeLimit, InternalError]), InternalError);
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (
        0..6_u8,
        0..4_u64,
        proptest::option::weighted(0.9, prop_oneof![Just(0), Just(10_000), 0..=10_000_u32]),
    );
    proptest::collection::vec(one, 0..12).prop_map(|entries| {
        entries.into_iter().map(|(miner, order, score)| entry(&format!("m{miner}"), order, score)).collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_input_does_not_matter(original in entries(), seed in any::<u64>()) {
        let mut shuffled = original.clone();
        let length = shuffled.len();
        let mut state = seed;
        for index in (1..length).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(index, (state >> 33) as usize % (index + 1));
        }
        prop_assert_eq!(judge::rank(original), judge::rank(shuffled));
    }

    #[test]
    fn ranks_count_up_and_scores_down(entries in entries()) {
        let ranked = judge::rank(entries);
        for (index, entry) in ranked.iter().enumerate() {
            prop_assert_eq!(entry.rank, index + 1);
        }
        prop_assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
        let miners: std::collections::BTreeSet<_> = ranked.iter().map(|ranked| &ranked.miner_id).collect();
        prop_assert_eq!(miners.len(), ranked.len());
    }

    #[test]
    fn a_worse_agent_never_lowers_the_rank_of_another(entries in entries(), score in 0..=10_000_u32) {
        let before = judge::rank(entries.clone());
        let mut with = entries;
        with.push(entry("newcomer", u64::MAX, Some(score)));
        let after = judge::rank(with);
        for old in before.iter().filter(|old| old.score.hundredths() >= score) {
            let new = after.iter().find(|new| new.miner_id == old.miner_id).expect("still ranked");
            prop_assert_eq!(new.rank, old.rank);
        }
    }

    #[test]
    fn rewards_are_the_whole_pool_or_nothing(
        scheme in scheme(),
        pool in any::<u64>(),
        mut scores in proptest::collection::vec(0..=10_000_u32, 0..40),
    ) {
        scores.sort_unstable_by(|a, b| b.cmp(a));
        let scores: Vec<Score> = scores.into_iter().filter_map(Score::from_hundredths).collect();
        let rewards = scheme.share(RawAmount::from_millionths(pool), &scores);
        let sum: u128 = rewards.iter().map(|reward| u128::from(reward.millionths())).sum();
        let anybody = scores.iter().any(|score| *score > Score::ZERO);
        prop_assert_eq!(sum, if anybody { u128::from(pool) } else { 0 });
        for (score, reward) in scores.iter().zip(&rewards) {
            prop_assert!(*score > Score::ZERO || reward.millionths() == 0);
        }
        // A better rank is never paid less.
        prop_assert!(rewards.windows(2).all(|pair| pair[0] >= pair[1]));
    }
}
