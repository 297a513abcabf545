//! The gate as its callers meet it.

use portcullis::lint::{self, Policy};
use portcullis::model::GateVerdict;

fn codes(source: &[u8]) -> Vec<String> {
    let report = lint::check(source, &Policy::standard());
    report.findings.into_iter().map(|finding| finding.code.into_owned()).collect()
}

#[test]
fn what_cannot_be_read_is_refused_with_its_reason() {
    for (source, code) in [
        (&b"# coding: utf-7\n"[..], "PC004"),
        (b"\xff", "PC004"),
        (b"x\0", "PC005"),
        (b"def f(:", "PC001"),
        (b"type X = int", "PC002"),
        (b"return 1", "PC003"),
        (b"def f(a, a): pass", "PC003"),
        (b"nonlocal x", "PC003"),
        (b"def f():\n  x = 1\n  global x", "PC003"),
        (b"try: pass\nexcept: pass\nexcept OSError: pass", "PC003"),
    ] {
        assert!(codes(source).iter().any(|found| found == code), "{source:?}: {:?}", codes(source));
    }
}

#[test]
fn the_text_to_run_is_the_text_that_was_checked() {
    let report = lint::check(b"\xef\xbb\xbfx = 1\r\ny = 2\r", &Policy::standard());
    assert_eq!(report.source.as_deref(), Some("x = 1\ny = 2\n"));
    assert_eq!(report.verdict, GateVerdict::Accepted);
}

#[test]
fn switching_a_source_rule_off_lets_nothing_unread_pass() {
    let policy = Policy::from_toml("[rules]\nsyntax-error = \"off\"").expect("a policy");
    assert_eq!(lint::check(b"def f(:", &policy).verdict, GateVerdict::Rejected);
}
