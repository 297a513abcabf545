//! Any bytes get a verdict that its findings justify, and can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::diagnostic::{Severity, json::FileReport, text};
use portcullis::lint::{Policy, check};
use portcullis::model::GateVerdict;

fuzz_target!(|bytes: &[u8]| {
    let report = check(bytes, &Policy::standard());
    // The last one may say how many more there are.
    let (_, listed) = report.findings.split_last().unzip();
    assert!(listed.unwrap_or_default().is_sorted(), "findings are sorted");
    let has_error = report.findings.iter().any(|finding| finding.severity == Severity::Error);
    let rejected = report.verdict == GateVerdict::Rejected;
    assert!(rejected || !has_error, "an error refuses");
    assert!(!rejected || has_error, "a refusal has its reason");
    for finding in &report.findings {
        let span = finding.span;
        assert!(span.line >= 1 && span.column >= 1, "places count from 1");
        assert!((span.line, span.column) <= (span.end_line, span.end_column), "a span does not run backwards");
    }
    let shown = text::render("agent.py", report.source.as_deref(), &report.findings, false);
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\r']), "nothing drives the terminal");
    let file = FileReport {
        path: "agent.py".to_owned(),
        sha256: None,
        verdict: report.verdict,
        findings: report.findings,
    };
    portcullis::diagnostic::github::render(&[file]);
});
