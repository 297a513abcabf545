//! `portcullis task`, as far as it needs no sandbox.

use std::fs;
use std::path::Path;

use crate::support::{project, run, snapshots};

const KINDS: [&str; 4] = ["program", "function", "solution", "artifact"];

/// In the place of the random one, so that digests are the same each time.
fn salt(task: &Path) {
    let path = task.join("hidden.salt");
    let made = fs::read_to_string(&path).expect("a salt");
    assert!(made.trim().len() == 32 && made.trim().bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    fs::write(path, "0123456789abcdef0123456789abcdef\n").expect("written");
}

#[test]
fn a_new_task_is_well_formed_and_never_written_over() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    for kind in KINDS {
        let made = run(temporary.path(), &["task", "new", kind, "--kind", kind], b"");
        assert_eq!(
            (made.code, made.stdout.as_str()),
            (Some(0), format!("tasks/{kind}\n").as_str()),
            "{made}"
        );
    }
    for kind in KINDS {
        salt(&temporary.path().join("tasks").join(kind));
    }
    let checked = run(temporary.path(), &["task", "check", "tasks", "--no-run"], b"");
    assert_eq!(checked.code, Some(0), "{checked}");
    assert!(!checked.stdout.contains("remark"), "a starter has nothing to be remarked on: {checked}");
    let again = run(temporary.path(), &["task", "new", "program"], b"");
    let bad = run(temporary.path(), &["task", "new", "../x"], b"");
    snapshots().bind(|| insta::assert_snapshot!("task_new", format!("{checked}\n\n{again}\n\n{bad}")));
}

#[test]
fn every_problem_of_a_folder_is_told() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    for name in ["good", "refused", "torn", "lonely"] {
        run(temporary.path(), &["task", "new", name], b"");
    }
    let tasks = temporary.path().join("tasks");
    for name in ["good", "refused", "torn", "lonely"] {
        salt(&tasks.join(name));
    }
    fs::write(tasks.join("refused/solution.py"), "import ctypes\n").expect("written");
    fs::write(tasks.join("torn/task.toml"), "titel = 'x'\n").expect("written");
    fs::remove_file(tasks.join("lonely/solution.py")).expect("removed");
    fs::remove_dir_all(tasks.join("lonely/wrong")).expect("removed");
    let text = run(temporary.path(), &["task", "check", "tasks", "--no-run"], b"");
    let json = run(
        temporary.path(),
        &["--quiet", "task", "check", "tasks/lonely", "--no-run", "--format", "json"],
        b"",
    );
    let missing = run(temporary.path(), &["task", "check", "nowhere"], b"");
    let empty = run(temporary.path(), &["task", "check", "."], b"");
    assert_eq!(
        [text.code, json.code, missing.code, empty.code],
        [Some(1), Some(1), Some(2), Some(2)],
        "{text}\n{json}\n{missing}\n{empty}"
    );
    let all = format!("{text}\n\n{json}\n\n{missing}\n\n{empty}");
    snapshots().bind(|| insta::assert_snapshot!("task_check", all));
}

#[test]
fn the_gate_lets_every_solution_of_ours_in() {
    let checked = run(&project("."), &["task", "check", "tasks", "--no-run"], b"");
    assert_eq!(checked.code, Some(0), "{checked}");
}
