//! `portcullis score` where it needs no sandbox: bad input, and agents that the gate refuses.

use std::fs;
use std::path::Path;

use crate::support::{Ran, project, run, snapshots};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn good() -> Vec<u8> {
    fs::read(project("fixtures/agents/demo/good.py")).expect("the fixture")
}

/// The command fails as ours, says one sentence that holds `sentence`, and prints no data.
#[track_caller]
fn fails(folder: &Path, arguments: &[&str], sentence: &str) {
    let ran = run(folder, arguments, b"");
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stdout.is_empty(), "{ran}");
    assert!(ran.stderr.contains(sentence), "{ran}");
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{ran}");
}

#[test]
fn a_missing_agent_is_named() {
    fails(folder().path(), &["score", "nope.py"], "cannot read `nope.py`: No such file");
}

#[test]
fn an_agent_that_is_far_too_large_is_not_even_read() {
    let folder = folder();
    let file = fs::File::create(folder.path().join("big.py")).expect("a file");
    file.set_len(100 * 1024 * 1024).expect("a sparse file");
    fails(folder.path(), &["score", "big.py"], "`big.py` is larger than 16 MiB");
}

#[test]
fn an_empty_agent_is_a_slip_and_not_an_agent() {
    let folder = folder();
    fs::write(folder.path().join("empty.py"), b"").expect("written");
    fails(folder.path(), &["score", "empty.py"], "`empty.py` is empty");
}

#[test]
fn a_folder_without_agents_is_named() {
    let folder = folder();
    fs::create_dir(folder.path().join("agents")).expect("a folder");
    fails(folder.path(), &["score", "agents"], "`agents` holds no agent");
}

#[test]
fn an_unknown_task_is_told_with_the_known_ones() {
    let folder = folder();
    fs::write(folder.path().join("a.py"), good()).expect("written");
    fails(folder.path(), &["score", "a.py", "--task", "nope"], "there is no task `nope`; there are");
}

#[test]
fn a_tasks_folder_with_a_missing_case_is_told() {
    let folder = folder();
    fs::write(folder.path().join("a.py"), good()).expect("written");
    fs::create_dir_all(folder.path().join("tasks/half/cases")).expect("a folder");
    fs::write(folder.path().join("tasks/half/statement.md"), "Half.\n").expect("written");
    fs::write(
        folder.path().join("tasks/half/task.toml"),
        "title = \"Half\"\ndifficulty = \"easy\"\nprompt = \"Print half.\"\nchecker = \"exact\"\n",
    )
    .expect("written");
    fs::write(folder.path().join("tasks/half/cases/one.in"), "4\n").expect("written");
    fails(folder.path(), &["score", "a.py", "--tasks", "tasks"], "cases/one");
}

#[test]
fn a_pool_that_is_no_amount_is_refused() {
    let folder = folder();
    let ran = run(folder.path(), &["score", "a.py", "--pool", "NaN"], b"");
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("`NaN` is not an amount"), "{ran}");
}

/// Three files, one of them in a folder of its own; the gate refuses each.
fn refused(format: &str) -> Ran {
    let folder = folder();
    fs::create_dir_all(folder.path().join("alice")).expect("a folder");
    fs::write(folder.path().join("alice/agent.py"), "import socket\n").expect("written");
    fs::write(folder.path().join("binary.py"), b"\x7fELF\0\0").expect("written");
    fs::write(folder.path().join("latin.py"), b"print('\xe9')\n").expect("written");
    run(folder.path(), &["score", ".", "--format", format], b"")
}

#[test]
fn agents_that_the_gate_refuses_are_shown_with_their_reasons_and_never_run() {
    let ran = refused("table");
    assert_eq!(ran.code, Some(1), "{ran}");
    snapshots().bind(|| insta::assert_snapshot!("score-refused", ran));
}

#[test]
fn the_json_names_the_same_agents() {
    let ran = refused("json");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let names: Vec<_> =
        report["rejected"].as_array().expect("a list").iter().map(|one| &one["miner_id"]).collect();
    assert_eq!(names, ["alice", "binary", "latin"]);
    assert_eq!(report["version"], 1);
    assert_eq!(report["rankings"], serde_json::json!([]));
}

#[test]
fn every_shell_gets_a_completion_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = run(folder().path(), &["completions", shell], b"");
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stdout.contains("validate") && ran.stdout.contains("at-least"), "{shell}");
    }
}
