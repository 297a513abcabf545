//! The catalogue: every page is complete, and its examples do what they say.

use std::collections::BTreeSet;

use portcullis::diagnostic::Severity;
use portcullis::lint::{self, Family, Policy};
use portcullis::model::GateVerdict;

fn found(source: &str) -> Vec<(String, Severity, String)> {
    let report = lint::check(source.as_bytes(), &Policy::standard());
    report.findings.into_iter().map(|f| (f.code.into_owned(), f.severity, f.message)).collect()
}

#[test]
fn codes_and_names_are_unique_sorted_and_of_their_family() {
    let rules = lint::rules();
    assert!(rules.len() >= 45, "{}", rules.len());
    let codes: Vec<&str> = rules.iter().map(|rule| rule.code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), rules.len());
    assert_eq!(rules.iter().map(|rule| rule.name).collect::<BTreeSet<_>>().len(), rules.len());
    for rule in rules {
        assert_eq!(rule.code.chars().nth(2), Some(rule.family.digit()), "{rule:?}");
        assert!(rule.name.chars().all(|c| c == '-' || c.is_ascii_lowercase()), "{rule:?}");
    }
    for family in Family::ALL {
        assert!(rules.iter().any(|rule| rule.family == family), "{family:?}");
    }
}

#[test]
fn every_page_is_written() {
    for rule in lint::rules() {
        for text in [rule.what, rule.why, rule.fix] {
            assert!(text.len() > 5 && text.ends_with(['.', ')', '…', '`']), "{rule:?}: {text:?}");
        }
    }
}

#[test]
fn every_refused_example_is_found_by_its_rule() {
    // A page cannot hold an archive; `bundle.rs` is about that rule.
    for rule in lint::rules().iter().filter(|rule| rule.name != "bad-bundle") {
        // Too large for a page.
        let source =
            if rule.name == "source-too-large" { "x = 1\n".repeat(50_000) } else { rule.refused.to_owned() };
        let found = found(&source);
        assert!(
            found.iter().any(|(code, severity, _)| code == rule.code && *severity == rule.severity),
            "{rule:?}\n{source}\n{found:#?}"
        );
    }
}

#[test]
fn every_passing_example_passes() {
    for rule in lint::rules() {
        assert_eq!(found(rule.passes), [], "{rule:?}\n{}", rule.passes);
    }
}

#[test]
fn a_policy_can_lower_hold_and_silence_a_rule() {
    let verdict = |policy: &str| {
        let policy = Policy::from_toml(policy).expect("a policy");
        lint::check(b"eval('1')\n", &policy).verdict
    };
    assert_eq!(verdict(""), GateVerdict::Rejected);
    assert_eq!(verdict("[rules]\nPC201 = \"review\"\n"), GateVerdict::NeedsReview);
    assert_eq!(verdict("[rules]\ndangerous-builtin = \"warning\"\n"), GateVerdict::Accepted);
    assert_eq!(verdict("[rules]\ndangerous-builtin = \"off\"\n"), GateVerdict::Accepted);
}

#[test]
fn a_policy_can_open_and_close_modules_and_members() {
    let verdict = |policy: &str, source: &str| {
        let policy = Policy::from_toml(policy).expect("a policy");
        lint::check(source.as_bytes(), &policy).verdict
    };
    let numpy = "import numpy as np\nprint(np.zeros(3), np.linalg.norm([1]))\n";
    assert_eq!(verdict("", numpy), GateVerdict::Rejected);
    assert_eq!(verdict("[modules]\nallow = [\"numpy\"]\n", numpy), GateVerdict::Accepted);
    let member = "import os\nprint(os.getppid())\n";
    assert_eq!(verdict("", member), GateVerdict::Rejected);
    assert_eq!(verdict("[attributes]\nallow = [\"os.getppid\"]\n", member), GateVerdict::Accepted);
    assert_eq!(verdict("[modules]\ndeny = [\"json\"]\n", "import json\n"), GateVerdict::Rejected);
    assert_eq!(
        verdict("[attributes]\ndeny = [\"json.loads\"]\n", "import json\njson.loads('1')\n"),
        GateVerdict::Rejected
    );
}

#[test]
fn an_alias_is_explained_link_by_link() {
    let report = lint::check(b"e = eval\nf = e\nf('1')\n", &Policy::standard());
    let finding =
        report.findings.iter().find(|finding| finding.span.line == 3).expect("a finding at the call");
    assert_eq!(finding.message, "`f` is `builtins.eval`, which runs text as code");
    let notes: Vec<(u32, &str)> =
        finding.notes.iter().map(|note| (note.span.line, note.message.as_str())).collect();
    assert_eq!(notes, [(2, "`f` is bound to `e` here"), (1, "`e` is bound to `eval` here")]);
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let report = lint::check("eval\n".repeat(3000).as_bytes(), &Policy::standard());
    assert_eq!(report.findings.len(), 201);
    assert_eq!(report.findings[200].message, "and 2800 more findings that are not shown");
}

#[test]
fn no_number_of_warnings_hides_what_refuses() {
    let harmless = "def wait():\n    while True:\n        pass\n".repeat(5000);
    let report = lint::check(format!("{harmless}eval('1')\n").as_bytes(), &Policy::standard());
    assert_eq!(report.verdict, GateVerdict::Rejected);
    let errors: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| &*finding.rule)
        .collect();
    assert!(errors.contains(&"dangerous-builtin"), "{errors:?}");
    assert!(report.findings.len() <= 201);
}
