//! `portcullis lint` as its users meet it. Sources here break only rules about the text itself, so
//! that these tests are about the command.

use std::fs;
use std::path::Path;

use portcullis::diagnostic::json::Document;
use tempfile::TempDir;

use crate::support::{Ran, run, snapshots};

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

const GOOD: (&str, &[u8]) = ("good.py", b"import sys\nprint(sys.stdin.read()[::-1])\n");
const BROKEN: (&str, &[u8]) = ("broken.py", b"def solve(text):\n    return text[::-1\n\nprint(1)\n");

#[track_caller]
fn screen(name: &str, ran: &Ran) {
    let mut settings = snapshots();
    // The policy's digest and the version change with the catalogue and the release.
    settings.add_filter("sha256:[0-9a-f]{64}", "sha256:POLICY");
    settings.add_filter(r#""semanticVersion": "[^"]*""#, r#""semanticVersion": "VERSION""#);
    settings.bind(|| insta::assert_snapshot!(format!("lint-{name}"), ran));
}

#[track_caller]
fn fails_with(ran: &Ran, message: &str) {
    assert_eq!(ran.code, Some(2), "{ran}");
    assert_eq!(ran.stderr.trim_end(), format!("error: {message}"));
}

#[test]
fn a_good_file_is_accepted() {
    let folder = folder(&[GOOD]);
    let ran = run(folder.path(), &["lint", "good.py"], b"");
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (Some(0), "good.py: accepted\n", ""));
}

#[test]
fn a_refused_file_shows_every_finding_and_exits_with_1() {
    let folder = folder(&[BROKEN]);
    screen("broken", &run(folder.path(), &["lint", "broken.py"], b""));
}

#[test]
fn a_folder_is_checked_in_the_order_of_its_paths_without_what_git_ignores() {
    let folder = folder(&[
        GOOD,
        BROKEN,
        ("a/z.py", b"x = 1\n"),
        ("a/__init__.py", b""),
        ("a/readme.txt", b"def ("),
        ("venv/bad.py", b"def ("),
        (".hidden/bad.py", b"def ("),
        (".gitignore", b"venv/\n"),
    ]);
    screen("folder", &run(folder.path(), &["lint", "."], b""));
    let without_path = run(folder.path(), &["lint"], b"");
    assert_eq!(without_path.stdout, run(folder.path(), &["lint", "."], b"").stdout);
}

#[test]
fn a_path_given_twice_is_checked_once() {
    let folder = folder(&[GOOD]);
    let ran = run(folder.path(), &["lint", "good.py", "./good.py", "."], b"");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "good.py: accepted\n"));
}

#[test]
fn the_standard_input_is_a_file() {
    let folder = folder(&[]);
    screen("stdin", &run(folder.path(), &["lint", "-"], BROKEN.1));
}

#[test]
fn the_json_is_the_contract() {
    let folder = folder(&[BROKEN, GOOD]);
    let ran = run(folder.path(), &["lint", "--format", "json", "good.py", "broken.py"], b"");
    let document: Document = serde_json::from_str(&ran.stdout).expect("the document");
    assert_eq!((document.version, document.summary.files, document.summary.rejected), (1, 2, 1));
    screen("json", &ran);
}

#[test]
fn sarif_names_rules_and_places() {
    let folder = folder(&[BROKEN]);
    let ran = run(folder.path(), &["lint", "--format", "sarif", "broken.py"], b"");
    let mut log: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].take();
    assert!(rules.as_array().is_some_and(|rules| rules.iter().any(|rule| rule["id"] == "PC001")));
    let stdout = serde_json::to_string_pretty(&log).expect("JSON");
    screen("sarif", &Ran { stdout, ..ran });
}

#[test]
fn github_annotations_are_one_line_each() {
    let folder = folder(&[BROKEN, GOOD]);
    screen("github", &run(folder.path(), &["lint", "--format", "github"], b""));
}

#[test]
fn statistics_count_findings_by_rule() {
    let folder = folder(&[GOOD, BROKEN, ("a.py", b"return 1\n"), ("b.py", b"return 1\nyield 1\n")]);
    screen("statistics", &run(folder.path(), &["lint", "--statistics"], b""));
    let ran = run(folder.path(), &["lint", "--statistics", "--format", "json"], b"");
    let document: Document = serde_json::from_str(&ran.stdout).expect("the document");
    assert_eq!(document.statistics.expect("asked for")[0].findings, 3);
}

#[test]
fn a_newer_target_accepts_newer_syntax() {
    let folder = folder(&[("new.py", b"type Point = tuple[int, int]\n")]);
    assert_eq!(run(folder.path(), &["lint", "new.py"], b"").code, Some(1));
    assert_eq!(run(folder.path(), &["lint", "--target-version", "3.12", "new.py"], b"").code, Some(0));
    let unknown = run(folder.path(), &["lint", "--target-version", "2.7", "new.py"], b"");
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("which are 3.8 to 3.14"), "{unknown}");
}

#[test]
fn a_policy_file_decides_and_its_mistakes_are_named() {
    let folder = folder(&[
        GOOD,
        ("small.toml", b"[limits]\nsource-bytes = 8\n"),
        ("typo.toml", b"[limit]\n"),
        ("broken.toml", b"= 1"),
    ]);
    let refused = run(folder.path(), &["lint", "good.py", "--policy", "small.toml"], b"");
    assert_eq!(refused.code, Some(1), "{refused}");
    fails_with(
        &run(folder.path(), &["lint", "good.py", "--policy", "typo.toml"], b""),
        "the policy `typo.toml` cannot be used: unknown key `limit`; did you mean `limits`?",
    );
    fails_with(
        &run(folder.path(), &["lint", "good.py", "--policy", "none.toml"], b""),
        "cannot read the policy `none.toml`: No such file or directory (os error 2)",
    );
    assert_eq!(run(folder.path(), &["lint", "good.py", "--policy", "broken.toml"], b"").code, Some(2));
}

#[test]
fn what_cannot_be_checked_is_named_in_one_sentence() {
    let folder = folder(&[("empty.py", b""), ("notes/a.txt", b"x"), GOOD]);
    let lint = |path: &str, stdin: &[u8]| run(folder.path(), &["lint", path], stdin);
    fails_with(&lint("none.py", b""), "cannot read `none.py`: No such file or directory (os error 2)");
    fails_with(&lint("empty.py", b""), "`empty.py` is empty");
    fails_with(&lint("-", b""), "the standard input is empty");
    fails_with(&lint("notes", b""), "`notes` holds no Python file (`*.py`)");
}

#[test]
fn what_can_be_checked_is_shown_beside_what_cannot() {
    let folder = folder(&[GOOD, BROKEN]);
    let ran = run(folder.path(), &["lint", "none.py", "broken.py", "neither.py"], b"");
    screen("partial", &ran);
    let ran = run(folder.path(), &["lint", "none.py", "good.py", "--format", "json"], b"");
    let document: Document = serde_json::from_str(&ran.stdout).expect("the document");
    assert_eq!((ran.code, document.errors.len(), document.summary.accepted), (Some(2), 1, 1));
}

#[test]
fn bytes_that_are_no_source_are_findings() {
    let folder = folder(&[
        ("binary.py", b"\x7fELF\0\0\0\x01"),
        ("latin1.py", b"x = '\xe9'\n"),
        ("utf7.py", b"# coding: utf-7\n"),
    ]);
    screen("no-source", &run(folder.path(), &["lint"], b""));
}

#[test]
fn a_file_of_any_size_is_read_no_further_than_the_limit() {
    let folder = folder(&[]);
    let file = fs::File::create(folder.path().join("huge.py")).expect("a file");
    // Sparse: it takes no room on the disk.
    file.set_len(100 << 20).expect("a size");
    let ran = run(folder.path(), &["lint", "huge.py", "--format", "json"], b"");
    let document: Document = serde_json::from_str(&ran.stdout).expect("the document");
    assert_eq!((ran.code, &*document.files[0].findings[0].rule), (Some(1), "source-too-large"));
    assert_eq!(document.files[0].sha256, None, "the digest of a part is not that of the file");
    if Path::new("/dev/zero").exists() {
        assert_eq!(run(folder.path(), &["lint", "/dev/zero"], b"").code, Some(1));
    }
}

#[test]
fn colour_is_there_only_when_wanted() {
    let folder = folder(&[BROKEN]);
    let lint = |color: &str| run(folder.path(), &["--color", color, "lint", "broken.py"], b"").stdout;
    assert!(lint("always").contains("\u{1b}["));
    assert!(!lint("never").contains('\u{1b}'));
    assert!(!lint("auto").contains('\u{1b}'));
}
