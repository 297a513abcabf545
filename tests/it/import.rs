//! `portcullis task import` against packages in the format of Kattis and the ICPC.

use std::fs;
use std::path::Path;

use portcullis::judge::Checker;
use portcullis::task::{self, Protocol, Task};

use crate::support::{run, snapshots};

/// A legacy package, pass or fail, compared by the default validator with a tolerance.
const LEGACY: &[(&str, &str)] = &[
    (
        "problem.yaml",
        "# only people read some of it\nname: Half a Number\nauthor: N. N.\nlicense: cc by-sa\n\
         validation: default\nvalidator_flags: float_tolerance 1e-4\nlimits:\n  memory: 512\n  time_multiplier: 3\n",
    ),
    (".timelimit", "2\n"),
    (
        "problem_statement/problem.tex",
        "\\problemname{Half}\n\\section*{Input}\nOne number $n$, \\emph{not} negative.\n",
    ),
    ("problem_statement/problem.sv.tex", "\\problemname{Halva}\n"),
    ("data/sample/1.in", "3\n"),
    ("data/sample/1.ans", "1.5\n"),
    ("data/sample/1.desc", "odd\n"),
    ("data/secret/01-Even.in", "4\n"),
    ("data/secret/01-Even.ans", "2.0\n"),
    ("data/secret/group a/02.x.in", "0\n"),
    ("data/secret/group a/02.x.ans", "0.0\n"),
    ("submissions/accepted/refused.py", "import ctypes\nprint(int(input()) / 2)\n"),
    ("submissions/accepted/right.py", "print(int(input()) / 2)\n"),
    ("submissions/accepted/right.cc", "int main() {}\n"),
    ("submissions/wrong_answer/whole.py", "print(int(input()) // 2)\n"),
    ("submissions/run_time_error/raises.py", "print(1 / (int(input()) - 3))\n"),
    ("submissions/partially_accepted/some.py", "print(1)\n"),
    ("input_format_validators/check.py", "pass\n"),
];

/// A package of 2023-07 with groups, scores and an output validator in Python.
const SCORED: &[(&str, &str)] = &[
    (
        "problem.yaml",
        "problem_format_version: 2023-07-draft\ntype: scoring\nname:\n  sv: Delare\n  en: A Divisor\n\
         uuid: 5ca6ba5b-0000-0000-0000-000000000000\nlimits:\n  time_limit: 1.5\n  output: 1\n\
         constants:\n  n: 5\n",
    ),
    ("statement/problem.en.md", "Print a divisor of `n` that is neither 1 nor `n`.\n"),
    ("output_validator/check/validate.py", "import sys\nsys.exit(43)\n"),
    ("data/testdata.yaml", "on_reject: continue\nrange: 0 100\n"),
    ("data/sample/1.in", "9\n"),
    ("data/sample/1.ans", "3\n"),
    (
        "data/secret/small/testdata.yaml",
        "accept_score: 40\ngrader_flags: min\noutput_validator_flags: strict 7\n",
    ),
    ("data/secret/small/1.in", "4\n"),
    ("data/secret/small/1.ans", "2\n"),
    ("data/secret/small/2.in", "6\n"),
    ("data/secret/small/2.ans", "2\n"),
    ("data/secret/large/testdata.yaml", "accept_score: 2.5\n"),
    ("data/secret/large/1.in", "1000000\n"),
    ("data/secret/large/1.ans", "2\n"),
    ("submissions/accepted/two.py", "print(3)\n"),
];

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
}

/// Imports `files` with the command and loads what it wrote.
fn import(name: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, crate::support::Ran, Option<Task>) {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    write(&temporary.path().join(name), files);
    let ran = run(temporary.path(), &["task", "import", name], b"");
    let task = task::load(&temporary.path().join("tasks").join(name)).ok();
    (temporary, ran, task)
}

#[test]
fn a_legacy_package_becomes_a_task_and_what_is_lost_is_listed() {
    let (temporary, ran, task) = import("half", LEGACY);
    assert_eq!(ran.code, Some(0), "{ran}");
    let task = task.expect("it loads");
    assert_eq!((task.title.as_str(), task.checker), ("Half a Number", Checker::NumbersIgnoreCase));
    assert_eq!((task.tolerance.absolute, task.tolerance.relative), (1e-4, 1e-4));
    assert_eq!((task.limits.cpu_ms, task.limits.wall_ms, task.limits.memory_kib), (2000, 4000, 512 * 1024));
    let names: Vec<_> = task.cases.iter().map(|case| (case.name.as_str(), case.hidden)).collect();
    assert_eq!(names, [("1", false), ("01-even", true), ("group_a-02_x", true)]);
    let solutions: Vec<_> = task.solutions.iter().map(|solution| solution.path.as_str()).collect();
    assert_eq!(solutions, ["solution.py", "wrong/runtime_error/raises.py", "wrong/wrong_answer/whole.py"]);
    assert!(!task.solutions[0].source.starts_with(b"import"), "the one that the gate lets in");
    assert_eq!(task.examples.len(), 1);
    assert!(task.prompt.contains("One number $n$, *not* negative."), "{}", task.prompt);
    let checked = run(temporary.path(), &["task", "check", "tasks/half", "--no-run"], b"");
    assert_eq!(checked.code, Some(0), "{checked}");
    snapshots().bind(|| insta::assert_snapshot!("task_import_legacy", ran));
}

#[test]
fn a_scored_package_with_an_output_validator_becomes_a_task_with_subtasks_and_a_checker_program() {
    let (_temporary, ran, task) = import("divisor", SCORED);
    assert_eq!(ran.code, Some(0), "{ran}");
    let task = task.expect("it loads");
    assert_eq!(task.title, "A Divisor");
    let checker = task.checker_program.as_ref().expect("a checker program");
    assert_eq!((checker.protocol, checker.arguments.join(" ").as_str()), (Protocol::Icpc, "strict 7"));
    assert_eq!((task.limits.cpu_ms, task.limits.output_bytes), (1500, 1024 * 1024));
    let weights: Vec<_> = task.cases.iter().map(|case| (case.name.as_str(), case.weight)).collect();
    assert_eq!(weights, [("1", 1), ("large-1", 3), ("small-1", 1), ("small-2", 1)]);
    let groups: Vec<_> =
        task.subtasks.iter().map(|group| (group.name.as_str(), group.weight, group.cases.len())).collect();
    assert_eq!(groups, [("small", 40, 2)]);
    snapshots().bind(|| insta::assert_snapshot!("task_import_scored", ran));
}

#[test]
fn what_would_change_the_problem_is_refused() {
    let with = |name: &'static str, content: &'static str| {
        let mut files: Vec<(&str, &str)> =
            LEGACY.iter().filter(|(known, _)| *known != name).copied().collect();
        files.push((name, content));
        files
    };
    let custom = "name: x\nvalidation: custom\n";
    let cases: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("no problem.yaml", LEGACY.iter().filter(|(name, _)| *name != "problem.yaml").copied().collect()),
        ("YAML that is none", with("problem.yaml", "name: [a\nx: }\n")),
        ("a name that is a list", with("problem.yaml", "name: [a, b]\n")),
        ("an unknown version", with("problem.yaml", "problem_format_version: 2035-01\n")),
        ("an interactive problem", with("problem.yaml", "validation: custom interactive\n")),
        (
            "another interactive problem",
            with("problem.yaml", "problem_format_version: 2023-07\ntype: interactive\n"),
        ),
        ("an unknown flag", with("problem.yaml", "validator_flags: case_insensitive\n")),
        ("a time limit below 0", with("problem.yaml", "limits: {time_limit: -1}\n")),
        ("a validator that is missing", with("problem.yaml", custom)),
        (
            "a validator in C++",
            [with("problem.yaml", custom), vec![("output_validators/v/validate.cc", "int main() {}\n")]]
                .concat(),
        ),
        (
            "a validator of two files",
            [
                with("problem.yaml", custom),
                vec![("output_validators/v/validate.py", ""), ("output_validators/v/library.py", "")],
            ]
            .concat(),
        ),
        (
            "groups with different comparisons",
            [
                LEGACY.to_vec(),
                vec![
                    ("data/secret/testdata.yaml", "output_validator_flags: case_sensitive\n"),
                    ("data/secret/group a/testdata.yaml", "output_validator_flags: float_tolerance 1\n"),
                ],
            ]
            .concat(),
        ),
        ("no case", LEGACY.iter().filter(|(name, _)| !name.starts_with("data/")).copied().collect()),
        (
            "a bomb of aliases",
            with(
                "problem.yaml",
                "a: &a [1,1,1,1]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d]\nf: [*e,*e,*e,*e]\ng: [*e,*e,*e,*e]\nh: [*e,*e,*e,*e]\ni: [*e,*e,*e,*e]\nj: [*e,*e,*e,*e]\nk: [*e,*e,*e,*e]\nl: [*e,*e,*e,*e]\nm: [*e,*e,*e,*e]\nn: [*e,*e,*e,*e]\no: [*e,*e,*e,*e]\np: [*e,*e,*e,*e]\nq: [*e,*e,*e,*e]\n",
            ),
        ),
    ];
    let mut text = String::new();
    for (what, files) in cases {
        let (temporary, ran, task) = import("half", &files);
        assert_eq!(ran.code, Some(2), "{what}: {ran}");
        assert!(
            task.is_none() && !temporary.path().join("tasks/half").exists(),
            "{what}: nothing is written"
        );
        let said = ran.stderr.replace(&temporary.path().display().to_string(), "");
        let last = said.trim().lines().last().unwrap_or_default().to_owned();
        text.push_str(&format!("{what}:\n    {last}\n"));
    }
    snapshots().bind(|| insta::assert_snapshot!("task_import_refused", text));
}

#[test]
fn a_link_in_a_package_is_not_followed() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let package = temporary.path().join("half");
    write(&package, LEGACY);
    fs::write(temporary.path().join("secret"), "not of the package\n").expect("a file");
    std::os::unix::fs::symlink("../../../secret", package.join("data/secret/leak.in")).expect("a link");
    let ran = run(temporary.path(), &["task", "import", "half"], b"");
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("data/secret/leak.in`: it is a link"), "{ran}");
}

#[test]
fn nothing_is_written_over() {
    let (temporary, _, _) = import("half", LEGACY);
    let before = fs::read(temporary.path().join("tasks/half/hidden.salt")).expect("a salt");
    let again = run(temporary.path(), &["task", "import", "half"], b"");
    assert_eq!(again.code, Some(2), "{again}");
    assert_eq!(fs::read(temporary.path().join("tasks/half/hidden.salt")).expect("a salt"), before);
}
