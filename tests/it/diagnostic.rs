//! How findings are shown, whatever the source holds.

use std::borrow::Cow;

use portcullis::diagnostic::{Finding, Note, Severity, Span, github, json, text};
use proptest::prelude::*;

use crate::support::snapshots;

fn span(line: u32, column: u32, end_line: u32, end_column: u32) -> Span {
    Span { line, column, end_line, end_column }
}

fn finding(span: Span, message: &str) -> Finding {
    Finding {
        code: Cow::Borrowed("PC201"),
        rule: Cow::Borrowed("dangerous-builtin"),
        severity: Severity::Error,
        message: message.to_owned(),
        help: Some("read a literal with `ast.literal_eval`".to_owned()),
        name: Some("builtins.eval".to_owned()),
        span,
        notes: Vec::new(),
        file: None,
    }
}

fn note(span: Span, message: &str) -> Note {
    Note { message: message.to_owned(), span }
}

#[track_caller]
fn check(name: &str, source: &str, findings: &[Finding]) {
    let shown = text::render("agent.py", Some(source), findings, false);
    snapshots().bind(|| insta::assert_snapshot!(format!("text-{name}"), shown));
}

#[test]
fn a_finding_shows_the_chain_that_made_the_name_dangerous() {
    let source = "import sys\ne = eval\n\n\ndef run(text):\n    f = e\n    return f(text)\n";
    let mut chain = finding(span(7, 12, 7, 13), "`f` is `builtins.eval`");
    chain.notes = vec![
        note(span(6, 5, 6, 6), "`f` is `e`, bound here"),
        note(span(2, 1, 2, 2), "`e` is `builtins.eval`, bound here"),
    ];
    check("chain", source, &[chain]);
}

#[test]
fn far_away_notes_get_an_excerpt_of_their_own() {
    let source = format!("e = eval\n{}e('1')\n", "x = 1\n".repeat(300));
    let mut far = finding(span(302, 1, 302, 2), "`e` is `builtins.eval`");
    far.notes = vec![note(span(1, 1, 1, 2), "`e` is `builtins.eval`, bound here")];
    check("far-note", &source, &[far]);
}

#[test]
fn a_source_cannot_drive_the_terminal_or_reorder_what_is_read() {
    let source = "name\t= '\u{1b}[2J\u{202e}evil' + eval('\u{7}')\n";
    let start = u32::try_from(source.find("eval").expect("there")).expect("short");
    // Columns count characters: the override takes three bytes and is one of them.
    let place = span(1, start - 1, 1, start + 3);
    check("escapes", source, &[finding(place, "`\u{1b}]0;title\u{7}` is no name")]);
}

#[test]
fn a_long_line_is_cut_around_the_finding() {
    let source = format!("x = [{}eval{}]\n", "1, ".repeat(3000), ", 1".repeat(3000));
    check("long-line", &source, &[finding(span(1, 9006, 1, 9010), "`eval` is `builtins.eval`")]);
}

#[test]
fn wide_characters_and_tabs_keep_the_caret_in_place() {
    let source = "if 1:\n\tprint('日本語', eval('1'))\n";
    check("wide", source, &[finding(span(2, 15, 2, 19), "`eval` is `builtins.eval`")]);
}

#[test]
fn a_span_over_many_lines_is_marked_on_its_first() {
    let source = "x = '''\n1\n2\n3\n4\n5\n6\n7\n8\n'''\ny = (\n1,\n)\n";
    let findings =
        [finding(span(1, 5, 10, 4), "a string that is code"), finding(span(11, 5, 13, 2), "a tuple")];
    check("tall", source, &findings);
}

#[test]
fn without_a_source_the_place_is_named() {
    let shown = text::render("agent.py", None, &[finding(span(1, 1, 1, 1), "not UTF-8")], false);
    snapshots().bind(|| insta::assert_snapshot!("text-no-source", shown));
}

#[test]
fn more_findings_than_anybody_reads_are_counted() {
    let many = vec![finding(span(1, 1, 1, 2), "`x`"); 300];
    let shown = text::render("agent.py", Some("x"), &many, false);
    assert!(shown.ends_with("… and 50 more in agent.py; `--format json` holds all of them\n\n"), "{shown}");
}

#[test]
fn a_github_annotation_cannot_be_ended_by_the_source() {
    let hostile = finding(span(1, 1, 1, 2), "`x\n::set-output name=a::b` 100%");
    let file = json::FileReport {
        path: "a,b:\nc.py".to_owned(),
        sha256: None,
        verdict: portcullis::model::GateVerdict::Rejected,
        findings: vec![hostile],
    };
    let shown = github::render(&[file]);
    assert_eq!(
        shown,
        "::error file=a%2Cb%3A%0Ac.py,line=1,endLine=1,col=1,endColumn=2,\
         title=PC201 dangerous-builtin::`x<U+000A>::set-output name=a::b` 100%25\
         %0Ahelp: read a literal with `ast.literal_eval`\n"
    );
}

prop_compose! {
    fn any_span()(line in 0..12_u32, column in 0..12_u32, down in 0..9_u32, right in 0..300_u32) -> Span {
        span(line, column, line + down, column.wrapping_add(right))
    }
}

proptest! {
    #[test]
    fn any_span_on_any_source_is_shown(
        source in "[a\u{e9}\u{65e5}\u{301}\t\r\n\n\u{1b}\u{202e} ]{0,400}",
        spans in proptest::collection::vec(any_span(), 1..6),
    ) {
        let mut shown = finding(spans[0], "message");
        shown.notes = spans[1..].iter().map(|&place| note(place, "note")).collect();
        let text = text::render("agent.py", Some(&source), &[shown], false);
        let drives = text.contains(['\u{1b}', '\u{202e}', '\r']);
        prop_assert!(!drives, "{}", text);
        prop_assert!(text.contains("error[PC201]: message"));
    }
}
