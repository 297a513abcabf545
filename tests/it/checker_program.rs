//! What becomes of a case whose judge is a program of the task's author.

use std::sync::Arc;

use portcullis::judge::Checker;
use portcullis::lint::Policy;
use portcullis::model::{CaseResult, CaseVerdict, MinerId, Slug};
use portcullis::sandbox::RunId;
use portcullis::task::{Case, CheckerProgram, Protocol, Task};
use portcullis::validator::{self, Agent, Events, Outcome, Plan};
use tokio_util::sync::CancellationToken;

use crate::support::scripted::{Act, Scripted};

fn slug(name: &str) -> Slug {
    Slug::parse(name).expect("a name")
}

fn task(name: &str, cases: &[&str]) -> Task {
    let cases = cases.iter().map(|name| Case::new(slug(name), b"question", "expected")).collect();
    let mut task = Task::new(slug(name), "print ok", Checker::Program, cases);
    task.checker_program = Some(CheckerProgram {
        path: "checker.py".to_owned(),
        source: Arc::from("print('\"<source>\" and \\'\\'\\' \u{1f40d}')\n"),
        protocol: Protocol::Files,
        arguments: vec!["--strict".to_owned(), "a\"b".to_owned()],
    });
    task
}

fn run(backend: &Scripted, agents: &[&str], tasks: Vec<Task>) -> Outcome {
    let admit = |name: &&str| {
        let id = MinerId::parse(*name).expect("a miner id");
        Arc::new(Agent::admit(id, b"print(1)\n", &Policy::standard()).expect("an honest agent"))
    };
    let plan = Plan {
        run: RunId::generate(),
        agents: agents.iter().map(admit).collect(),
        tasks: tasks.into_iter().map(Arc::new).collect(),
        backend: Arc::new(backend.clone()),
        jobs: 1,
        repeat: 1,
        seed: 1,
        at_least: None,
        cancel: CancellationToken::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (events, _stream) = Events::channel();
    runtime.block_on(validator::run(plan, events))
}

/// One case whose agent prints `out`; the checker program does `act`.
fn judged(case_is_hidden: bool, act: fn(u32) -> Act) -> (CaseResult, Outcome, Scripted) {
    let backend = Scripted::new(
        move |label, _, before| {
            if label.ends_with("/checker") { act(before) } else { Act::Print("out\n") }
        },
    );
    let mut task = task("one", &["x"]);
    task.cases[0].hidden = case_is_hidden;
    let outcome = run(&backend, &["a"], vec![task]);
    (outcome.judged[0].tasks[0].cases[0].clone(), outcome, backend)
}

#[test]
fn status_0_accepts_and_status_1_refuses_with_the_first_line_as_the_reason() {
    let (accepted, outcome, backend) = judged(false, |_| Act::Print("fine\n"));
    assert_eq!((accepted.verdict, accepted.message), (CaseVerdict::Accepted, None));
    assert!(outcome.faults.is_empty());
    assert_eq!((backend.log().opened, backend.log().closed), (2, 2), "each in a session of its own");
    let refuse = |_| Act::Say { stdout: "\n  edge 3 is used \u{1b}[31mtwice\nmore\n", stderr: "", code: 1 };
    let (refused, outcome, _) = judged(false, refuse);
    assert_eq!(refused.verdict, CaseVerdict::WrongAnswer);
    assert_eq!(refused.message.as_deref(), Some("edge 3 is used \\u{1b}[31mtwice"));
    assert!(outcome.faults.is_empty());
}

#[test]
fn a_long_reason_is_cut() {
    let line: &'static str = "x".repeat(100_000).leak();
    let backend = Scripted::new(move |label, _, _| {
        if label.ends_with("/checker") {
            Act::Say { stdout: line, stderr: "", code: 1 }
        } else {
            Act::Print("out\n")
        }
    });
    let outcome = run(&backend, &["a"], vec![task("one", &["x"])]);
    let message = outcome.judged[0].tasks[0].cases[0].message.clone().expect("a reason");
    assert!(message.chars().count() < 300 && message.ends_with('…'), "{message}");
}

#[test]
fn of_a_hidden_case_the_reason_is_not_told() {
    let (refused, _, _) = judged(true, |_| Act::Say { stdout: "the answer is 42\n", stderr: "", code: 1 });
    assert_eq!(refused.verdict, CaseVerdict::WrongAnswer);
    assert_eq!(refused.message.as_deref(), Some("hidden case"));
}

#[test]
fn any_other_ending_is_a_fault_of_the_task_and_never_a_score() {
    let crash = |_| Act::Say { stdout: "", stderr: "Traceback\nKeyError: 'secret'\n", code: 70 };
    let (result, outcome, backend) = judged(false, crash);
    assert_eq!(result.verdict, CaseVerdict::InternalError);
    assert_eq!(outcome.judged[0].tasks[0].score, None);
    let said = "the checker program `checker.py` exited with status 70 on case `x`: KeyError: 'secret'";
    assert_eq!(outcome.faults[0].message, said);
    assert_eq!(backend.log().starts["a/one/checker/x"], 1, "it would fail again");
    let (result, outcome, _) = judged(true, crash);
    let told = format!("{:?} {:?}", result.message, outcome.faults);
    assert!(!told.contains("secret"), "its last words may hold the answer: {told}");
}

#[test]
fn a_checker_that_fails_does_not_stop_other_tasks() {
    let backend = Scripted::new(|label, _, _| match label {
        label if label.ends_with("/checker") => Act::Exit(2),
        _ => Act::Print("ok"),
    });
    let broken = task("broken", &["x", "y"]);
    let good = Task::new(slug("good"), "print ok", Checker::Exact, vec![Case::new(slug("z"), b"", "ok")]);
    let outcome = run(&backend, &["a", "b", "c", "d", "e"], vec![broken, good]);
    for judged in &outcome.judged {
        assert_eq!(judged.tasks[0].score, None);
        let verdicts: Vec<_> = judged.tasks[0].cases.iter().map(|case| case.verdict).collect();
        assert_eq!(verdicts, [CaseVerdict::InternalError; 2]);
        assert_eq!(judged.tasks[1].score.map(|score| score.to_string()).as_deref(), Some("100"));
    }
    assert_eq!(outcome.faults.len(), 5);
}

#[test]
fn a_sandbox_that_fails_under_the_checker_is_tried_again() {
    let (result, outcome, backend) =
        judged(false, |before| if before < 2 { Act::Fail } else { Act::Print("") });
    assert_eq!(result.verdict, CaseVerdict::Accepted);
    assert!(outcome.faults.is_empty());
    assert_eq!(backend.log().starts["a/one/x"], 1, "the agent is not run again");
}

#[test]
fn an_agent_that_failed_is_judged_without_the_checker() {
    let backend =
        Scripted::new(|label, _, _| if label.ends_with("/checker") { Act::Panic } else { Act::Exit(1) });
    let outcome = run(&backend, &["a"], vec![task("one", &["x"])]);
    assert_eq!(outcome.judged[0].tasks[0].cases[0].verdict, CaseVerdict::RuntimeError);
}

#[test]
fn the_checker_gets_input_expected_answer_and_output_and_the_agent_only_the_input() {
    let task = task("one", &["x"]);
    let checker = task.checker_program.as_ref().expect("a checker");
    let stdin = checker.stdin(&task.cases[0], b"actual\xff");
    assert_eq!(&*stdin, b"{\"actual\":7,\"expected\":8,\"input\":8}\nquestionexpectedactual\xff");
    assert_eq!(&*task.invocation(&task.cases[0]).stdin, b"question");
    assert!(!task.program(&"print(1)\n".into()).contains("checker"));
    let program = checker.program();
    let line = |start: &str| {
        let line = program.lines().find_map(|line| line.strip_prefix(start)).expect("the line");
        serde_json::from_str::<serde_json::Value>(line).expect("JSON, which is Python too")
    };
    assert_eq!(line("NAME = "), "checker.py");
    assert_eq!(line("SOURCE = "), &*checker.source);
    assert_eq!(line("PROTOCOL = "), "files");
    assert_eq!(line("ARGUMENTS = "), serde_json::json!(["--strict", "a\"b"]));
}
