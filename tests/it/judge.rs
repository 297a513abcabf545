//! Comparison, verdicts, scores, ranks and rewards.

use std::sync::Arc;

use portcullis::judge::{
    self, Checker, Comparison, Costs, Entry, Form, Interval, Measured, Rules, Scheme, TieBreaker, Tolerance,
    Weighted,
};
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
    TaskResult { task: Slug::parse("t").expect("a name"), score, split: None, cases: vec![] }
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
        interval: None,
        costs: Costs::default(),
        tasks: vec![],
    }
}

#[test]
fn of_two_submissions_alike_the_one_that_was_repeated_counts_whichever_came_first() {
    let once = entry("twice", 1, Some(5_000));
    let repeated = with_noise(once.clone(), 5_000, 5_000);
    let there = judge::rank(vec![once.clone(), repeated.clone()]);
    assert_eq!(there, judge::rank(vec![repeated, once]));
    assert!(there[0].interval.is_some());
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
    assert_eq!(shares("winner-takes-all"), ["60", "0", "0", "0"]);
    assert_eq!(shares("top-k:2"), ["40", "20", "0", "0"]);
    assert_eq!(shares("top-k:9"), ["30", "15", "15", "0"]);
    assert_eq!(shares("linear-rank"), ["30", "20", "10", "0"]);
    for wrong in ["", "top-k", "top-k:", "top-k:0", "top-k:-1", "Winner-takes-all"] {
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

fn result(name: &str, verdict: CaseVerdict) -> CaseResult {
    CaseResult {
        name: Slug::parse(name).expect("a name"),
        verdict,
        usage: Usage { wall_ms: 7, cpu_ms: 5, memory_kib: 9_000 },
        message: None,
        diff: None,
        repeats: Vec::new(),
    }
}

/// A case whose runs came to `verdicts`.
fn repeated(verdicts: &[CaseVerdict]) -> CaseResult {
    let runs = verdicts.iter().map(|verdict| result("case", *verdict)).collect();
    judge::combine(runs).expect("at least one run")
}

#[test]
fn of_several_runs_the_worst_counts_and_a_change_is_said() {
    use CaseVerdict::{Accepted, InternalError, Skipped, TimeLimit, WrongAnswer};
    let once = repeated(&[Accepted]);
    assert_eq!((once.verdict, once.is_flaky(), once.repeats.len()), (Accepted, false, 0));
    let steady = repeated(&[Accepted, Accepted]);
    assert_eq!((steady.verdict, steady.is_flaky(), steady.message), (Accepted, false, None));
    let flaky = repeated(&[Accepted, WrongAnswer, Accepted]);
    assert_eq!((flaky.verdict, flaky.is_flaky()), (WrongAnswer, true));
    assert_eq!(flaky.repeats, [Accepted, WrongAnswer, Accepted]);
    assert_eq!(flaky.message.as_deref(), Some("flaky: 1 of 3 runs came to this"));
    assert_eq!(repeated(&[WrongAnswer, TimeLimit]).verdict, TimeLimit);
    for unjudged in [InternalError, Skipped] {
        let result = repeated(&[WrongAnswer, unjudged]);
        assert_eq!((result.verdict, result.is_flaky()), (unjudged, false), "nothing is said of the agent");
    }
    assert_eq!(judge::combine(Vec::new()), None);
}

#[test]
fn the_usage_of_several_runs_is_the_largest_of_each_kind() {
    let usage = |wall_ms, cpu_ms, memory_kib| Usage { wall_ms, cpu_ms, memory_kib };
    let runs = [usage(9, 1, 100), usage(3, 2, 300)]
        .map(|usage| CaseResult { usage, ..result("case", CaseVerdict::Accepted) });
    let combined = judge::combine(runs.into()).expect("two runs");
    assert_eq!(combined.usage, usage(9, 2, 300));
}

/// Twelve cases that count the same, each with three runs, of which `flaky` failed once.
fn interval_of(flaky: usize) -> Option<Interval> {
    use CaseVerdict::{Accepted, WrongAnswer};
    let case = |index| {
        if index < flaky { repeated(&[Accepted, WrongAnswer, Accepted]) } else { repeated(&[Accepted; 3]) }
    };
    let cases: Vec<CaseResult> = (0..12).map(case).collect();
    let score = |verdicts: &[CaseVerdict]| {
        let weighted: Vec<Weighted> =
            verdicts.iter().map(|verdict| Weighted { verdict: *verdict, weight: 1 }).collect();
        judge::score_task(&weighted)
    };
    judge::interval(&[Measured { cases: &cases, score: &score }])
}

#[test]
fn an_interval_is_as_wide_as_what_moved() {
    let shown = |flaky| {
        let interval = interval_of(flaky).expect("measured more than once");
        format!("{} to {}", interval.low, interval.high)
    };
    assert_eq!(shown(0), "100 to 100");
    assert_eq!(shown(1), "91.66 to 100");
    // Each flaky case is passed again with (2/3)^3, so of six between none and four.
    assert_eq!(shown(6), "50 to 83.33");
    assert_eq!(interval_of(6), interval_of(6), "and the same each time");
}

#[test]
fn what_ran_once_or_was_not_judged_has_no_interval() {
    let score = |_: &[CaseVerdict]| Some(Score::FULL);
    let once = [result("case", CaseVerdict::Accepted)];
    assert_eq!(judge::interval(&[Measured { cases: &once, score: &score }]), None);
    assert_eq!(judge::interval(&[]), None);
    let unjudged = |_: &[CaseVerdict]| None;
    let cases = [repeated(&[CaseVerdict::Accepted; 2])];
    assert_eq!(judge::interval(&[Measured { cases: &cases, score: &unjudged }]), None);
}

fn with_noise(entry: Entry, low: u32, high: u32) -> Entry {
    let score = |hundredths| Score::from_hundredths(hundredths).expect("at most 100");
    Entry { interval: Some(Interval { low: score(low), high: score(high) }), ..entry }
}

#[test]
fn agents_equal_within_noise_tie_and_the_earlier_submission_is_first() {
    let entries = vec![
        with_noise(entry("steady-late", 5, Some(10_000)), 10_000, 10_000),
        with_noise(entry("flaky-early", 1, Some(9_000)), 9_000, 10_000),
        with_noise(entry("worse-earliest", 0, Some(8_000)), 8_000, 8_999),
    ];
    let ranked = judge::rank(entries);
    let shown: Vec<_> = ranked.iter().map(|entry| (entry.miner_id.as_str(), entry.tied)).collect();
    assert_eq!(shown, [("flaky-early", false), ("steady-late", true), ("worse-earliest", false)]);
}

#[test]
fn costs_decide_between_equal_scores_only_where_a_task_says_so() {
    let used = |cpu_ms, memory_kib| TaskResult {
        task: Slug::parse("t").expect("a name"),
        score: Some(Score::FULL),
        split: None,
        cases: [1, 2]
            .map(|_| CaseResult {
                usage: Usage { wall_ms: 0, cpu_ms, memory_kib },
                ..result("case", CaseVerdict::Accepted)
            })
            .into(),
    };
    let first = |breakers: &[TieBreaker]| {
        let with = |name, order, cpu_ms, memory_kib| Entry {
            costs: Costs::default().with(breakers, &used(cpu_ms, memory_kib)),
            ..entry(name, order, Some(10_000))
        };
        let ranked = judge::rank(vec![
            with("early", 1, 30, 300),
            with("quick", 2, 10, 200),
            with("small", 3, 20, 100),
            with("quick-but-wrong", 0, 1, 1),
        ]);
        ranked.iter().map(|entry| entry.miner_id.to_string()).find(|name| name != "quick-but-wrong")
    };
    assert_eq!(first(&[]).as_deref(), Some("early"));
    assert_eq!(first(&[TieBreaker::Time]).as_deref(), Some("quick"));
    assert_eq!(first(&[TieBreaker::Memory]).as_deref(), Some("small"));
    assert_eq!(Costs::default().with(&[TieBreaker::Time], &used(3, 9)), Costs { cpu_ms: 6, memory_kib: 0 });
    assert_eq!(Costs::default().with(&[TieBreaker::Memory], &used(3, 9)), Costs { cpu_ms: 0, memory_kib: 9 });
}

#[test]
fn who_scored_is_rewarded_even_behind_a_zero_that_noise_put_first() {
    let pool = RawAmount::from_millionths(30_000_000);
    let scores: Vec<Score> = [0, 800, 400].into_iter().filter_map(Score::from_hundredths).collect();
    for (scheme, shares) in [
        (Scheme::WinnerTakesAll, ["0", "30", "0"]),
        (Scheme::Top(1), ["0", "30", "0"]),
        (Scheme::LinearRank, ["0", "20", "10"]),
        (Scheme::Proportional, ["0", "20", "10"]),
    ] {
        let got: Vec<String> = scheme.share(pool, &scores).iter().map(ToString::to_string).collect();
        assert_eq!(got, shares, "{scheme}");
    }
}

/// Without intervals.
fn exact_entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (
        0..6_u8,
        0..4_u64,
        proptest::option::weighted(0.9, prop_oneof![Just(0), Just(10_000), 0..=10_000_u32]),
    );
    proptest::collection::vec(one, 0..12).prop_map(|entries| {
        entries.into_iter().map(|(miner, order, score)| entry(&format!("m{miner}"), order, score)).collect()
    })
}

/// Some with intervals, some with costs, on few values so that ties are common.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (0..8_u8, 0..4_u64, 0..10_u32, proptest::option::of((0..4_u32, 0..4_u32)), 0..3_u64);
    proptest::collection::vec(one, 0..16).prop_map(|entries| {
        let entry = |(miner, order, score, noise, cpu_ms): (u8, u64, u32, Option<(u32, u32)>, u64)| {
            let entry = Entry {
                costs: Costs { cpu_ms, memory_kib: 0 },
                ..entry(&format!("m{miner}"), order, Some(score * 1_000))
            };
            match noise {
                Some((below, above)) => {
                    with_noise(entry, score.saturating_sub(below) * 1_000, (score + above).min(10) * 1_000)
                }
                None => entry,
            }
        };
        entries.into_iter().map(entry).collect()
    })
}

fn interval(score: Score, interval: Option<Interval>) -> Interval {
    interval.unwrap_or(Interval::point(score))
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
    fn ranks_count_up_and_scores_down(entries in exact_entries()) {
        let ranked = judge::rank(entries);
        for (index, entry) in ranked.iter().enumerate() {
            prop_assert_eq!(entry.rank, index + 1);
        }
        prop_assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
        let miners: std::collections::BTreeSet<_> = ranked.iter().map(|ranked| &ranked.miner_id).collect();
        prop_assert_eq!(miners.len(), ranked.len());
    }

    #[test]
    fn nobody_stands_behind_one_that_is_worse(entries in entries()) {
        let ranked = judge::rank(entries);
        for (place, ahead) in ranked.iter().enumerate() {
            for behind in &ranked[place + 1..] {
                let (ahead, behind) =
                    (interval(ahead.score, ahead.interval), interval(behind.score, behind.interval));
                prop_assert!(ahead.high >= behind.low);
            }
        }
    }

    /// Again and again, of those that nothing left is better than, the one that is first by costs,
    /// submission and id.
    #[test]
    fn the_ranking_is_what_its_definition_says(mut entries in entries()) {
        let mut seen = std::collections::BTreeSet::new();
        entries.retain(|entry| seen.insert(entry.miner_id.clone()));
        let ranked = judge::rank(entries.clone());
        let of = |entry: &Entry| interval(entry.score.unwrap_or_default(), entry.interval);
        for ranked in &ranked {
            let open = entries.iter().filter(|one| !entries.iter().any(|other| of(other).low > of(one).high));
            let next = open.min_by_key(|one| (one.costs, one.order, one.miner_id.clone()));
            let next = next.expect("somebody is left").miner_id.clone();
            prop_assert_eq!(&ranked.miner_id, &next);
            entries.retain(|entry| entry.miner_id != next);
        }
        prop_assert!(entries.is_empty());
    }

    #[test]
    fn a_worse_agent_never_lowers_the_rank_of_another(
        entries in entries(), score in 0..=10_u32, above in 0..4_u32, order in 0..5_u64,
    ) {
        let before = judge::rank(entries.clone());
        let mut with = entries;
        let newcomer = entry("newcomer", order, Some(score * 1_000));
        with.push(with_noise(newcomer, score * 1_000, (score + above).min(10) * 1_000));
        let after = judge::rank(with);
        let high = Score::from_hundredths((score + above).min(10) * 1_000).expect("at most 100");
        for old in before.iter().filter(|old| interval(old.score, old.interval).low > high) {
            let new = after.iter().find(|new| new.miner_id == old.miner_id).expect("still ranked");
            prop_assert_eq!(new.rank, old.rank);
        }
    }

    #[test]
    fn rewards_of_any_ranking_are_the_whole_pool_or_nothing(
        scheme in scheme(), pool in any::<u64>(), entries in entries(),
    ) {
        let scores: Vec<Score> = judge::rank(entries).iter().map(|ranked| ranked.score).collect();
        let rewards = scheme.share(RawAmount::from_millionths(pool), &scores);
        let sum: u128 = rewards.iter().map(|reward| u128::from(reward.millionths())).sum();
        let anybody = scores.iter().any(|score| *score > Score::ZERO);
        prop_assert_eq!(sum, if anybody { u128::from(pool) } else { 0 });
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
