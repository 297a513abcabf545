//! Dropping a file in `fixtures/lint/<rule>/` adds a test: the rule must find it. A file in
//! `fixtures/lint/clean/` must have no error.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::diagnostic::Severity;
use portcullis::lint::{self, Policy, Report};
use portcullis::model::GateVerdict;

use crate::support::{project, snapshots};

fn folders() -> Vec<(String, Vec<PathBuf>)> {
    let mut found = Vec::new();
    for folder in fs::read_dir(project("fixtures/lint")).expect("fixtures") {
        let folder = folder.expect("a folder").path();
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)
            .expect("a folder of fixtures")
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
            .collect();
        files.sort();
        found.push((folder.file_name().expect("a name").to_string_lossy().into_owned(), files));
    }
    found.sort();
    found
}

fn programs(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(project(folder))
        .expect("a folder of programs")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files
}

fn check(path: &Path) -> Report {
    lint::check(&fs::read(path).expect("a fixture"), &Policy::standard())
}

/// One line for each finding and each link of its chain.
fn shown(report: &Report) -> String {
    let mut text = format!("{}\n", report.verdict.as_str());
    for finding in &report.findings {
        let (span, severity) = (finding.span, finding.severity.as_str());
        let _ = writeln!(
            text,
            "{}:{}-{}:{} {severity} {} {}: {}",
            span.line,
            span.column,
            span.end_line,
            span.end_column,
            finding.code,
            finding.rule,
            finding.message
        );
        for note in &finding.notes {
            let _ = writeln!(text, "    {}:{} {}", note.span.line, note.span.column, note.message);
        }
    }
    text
}

#[test]
fn every_fixture_is_found_by_the_rule_it_is_named_after() {
    for (folder, files) in folders().into_iter().filter(|(folder, _)| folder != "clean") {
        assert!(lint::rules().iter().any(|rule| rule.name == folder), "there is no rule `{folder}`");
        for path in files {
            let report = check(&path);
            assert!(
                report.findings.iter().any(|finding| finding.rule == folder),
                "{}\n{}",
                path.display(),
                shown(&report)
            );
        }
    }
}

#[test]
fn clean_fixtures_have_no_error() {
    for (_, files) in folders().into_iter().filter(|(folder, _)| folder == "clean") {
        for path in files {
            let report = check(&path);
            let errors = report.findings.iter().any(|finding| finding.severity == Severity::Error);
            assert!(!errors, "{}\n{}", path.display(), shown(&report));
        }
    }
}

/// Programs as people write them for tasks: a file that is dropped into `fixtures/honest/` is a test.
#[test]
fn honest_programs_are_accepted() {
    for path in programs("fixtures/honest") {
        let report = check(&path);
        assert_eq!(report.verdict, GateVerdict::Accepted, "{}\n{}", path.display(), shown(&report));
    }
}

/// Hostile programs of few lines, many to a file of `fixtures/hostile/`.
#[test]
fn hostile_programs_are_refused() {
    for entry in fs::read_dir(project("fixtures/hostile")).expect("hostile programs") {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("text");
        let programs: Vec<&str> = text.split("\n### ").skip(1).collect();
        assert!(programs.len() > 50, "{}", programs.len());
        for program in programs {
            let (name, source) = program.split_once('\n').expect("a name and a program");
            let report = lint::check(source.as_bytes(), &Policy::standard());
            assert_eq!(report.verdict, GateVerdict::Rejected, "{name}\n{source}");
        }
    }
}

#[test]
fn findings_read_as_they_did() {
    for (folder, files) in folders() {
        let mut text = String::new();
        for path in files {
            let name = path.file_name().expect("a name").to_string_lossy();
            let _ = writeln!(text, "## {name}\n{}", shown(&check(&path)));
        }
        snapshots().bind(|| insta::assert_snapshot!(format!("lint_{folder}"), text));
    }
}
