//! `portcullis lint --watch`: what is printed follows the file.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::portcullis;

#[test]
fn a_watch_checks_again_after_every_save() {
    let folder = tempfile::tempdir().expect("a folder");
    let agent = folder.path().join("agent.py");
    fs::write(&agent, "def f(:\n").expect("a file");
    let mut command = portcullis(folder.path());
    command.args(["lint", "agent.py", "--watch", "--format", "github"]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe")).lines();

    let first = said.next().expect("a line").expect("text");
    assert!(first.contains("PC001"), "{first}");
    // Whoever has read this line knows that the watch has begun.
    let watching = talk.next().expect("a line").expect("text");
    assert_eq!(watching, "watching for changes, Ctrl-C ends");

    // As editors do: a new file, renamed over the old one.
    let new = folder.path().join("agent.py.new");
    fs::write(&new, "return 1\n").expect("a file");
    fs::rename(&new, &agent).expect("a rename");
    let second = said.find(|line| line.as_ref().is_ok_and(|line| line.contains("PC003")));
    assert!(second.is_some(), "the change was seen");

    child.kill().expect("it still runs");
    child.wait().expect("it ends");
}

#[test]
fn the_standard_input_cannot_be_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = crate::support::run(folder.path(), &["lint", "-", "--watch"], b"x");
    assert_eq!(ran.stderr, "error: `--watch` needs files or folders, not the standard input\n");
}
