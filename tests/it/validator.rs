//! What becomes of a plan when agents fail, when the sandbox fails, and when we do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis::judge::{Checker, Interval};
use portcullis::lint::Policy;
use portcullis::model::CaseVerdict::{self, Accepted, InternalError, RuntimeError, Skipped, WrongAnswer};
use portcullis::model::{MinerId, Score, Slug};
use portcullis::sandbox::{RunId, SandboxError};
use portcullis::task::{Case, Subtask, Task};
use portcullis::validator::{self, Agent, Event, Events, Journal, Outcome, Plan};
use tokio_util::sync::CancellationToken;

use crate::support::scripted::{Act, Scripted};

fn agent(name: &str) -> Arc<Agent> {
    let id = MinerId::parse(name).expect("a miner id");
    Arc::new(Agent::admit(id, b"print(1)\n", &Policy::standard()).expect("an honest agent"))
}

/// A task whose every answer is `ok`.
fn task(name: &str, cases: &[&str]) -> Arc<Task> {
    let case = |name: &&str| Case::new(Slug::parse(*name).expect("a name"), b"", "ok");
    let id = Slug::parse(name).expect("a name");
    Arc::new(Task::new(id, "print ok", Checker::Exact, cases.iter().map(case).collect()))
}

struct Ran {
    outcome: Outcome,
    events: Vec<Event>,
}

impl Ran {
    fn verdicts(&self, agent: usize, task: usize) -> Vec<CaseVerdict> {
        self.outcome.judged[agent].tasks[task].cases.iter().map(|case| case.verdict).collect()
    }
}

fn plan(backend: &Scripted, agents: &[&str], tasks: Vec<Arc<Task>>) -> Plan {
    Plan {
        run: RunId::generate(),
        agents: agents.iter().map(|name| agent(name)).collect(),
        tasks,
        backend: Arc::new(backend.clone()),
        jobs: 2,
        repeat: 1,
        seed: 1,
        at_least: None,
        cancel: CancellationToken::new(),
    }
}

fn run(plan: Plan) -> Ran {
    let (events, mut stream) = Events::channel();
    // Time is the test's: pauses between tries cost nothing.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(validator::run(plan, events));
    let mut seen = Vec::new();
    while let Ok(event) = stream.try_recv() {
        seen.push(event);
    }
    Ran { outcome, events: seen }
}

#[test]
fn results_come_in_the_order_of_the_plan() {
    let backend = Scripted::new(|label, _, _| Act::Print(if label.starts_with("b/") { "no" } else { "ok" }));
    let tasks = vec![task("one", &["x", "y"]), task("two", &["z"])];
    let ran = run(plan(&backend, &["a", "b", "c"], tasks));
    let names: Vec<_> = ran.outcome.judged.iter().map(|judged| judged.agent.miner_id().as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    for judged in &ran.outcome.judged {
        let tasks: Vec<_> = judged.tasks.iter().map(|task| task.task.as_str()).collect();
        assert_eq!(tasks, ["one", "two"]);
    }
    assert_eq!(ran.verdicts(0, 0), [Accepted, Accepted]);
    assert_eq!(ran.verdicts(1, 0), [WrongAnswer, WrongAnswer]);
    assert!(ran.outcome.faults.is_empty() && !ran.outcome.partial);
}

#[test]
fn every_session_that_was_opened_is_closed() {
    let backend = Scripted::new(|_, _, before| if before == 0 { Act::Fail } else { Act::Print("ok") });
    run(plan(&backend, &["a", "b"], vec![task("one", &["x", "y"])]));
    let log = backend.log();
    assert!(log.opened >= 2);
    assert_eq!(log.opened, log.closed);
}

#[test]
fn a_session_is_told_of_its_last_run_and_of_no_other() {
    let backend = Scripted::new(|_, _, _| Act::Print("ok"));
    let tasks = vec![task("one", &["x", "y"]), task("two", &["z"])];
    run(Plan { repeat: 2, jobs: 1, ..plan(&backend, &["a"], tasks) });
    let log = backend.log();
    assert_eq!(log.last, ["a/one/y", "a/two/z"]);
    assert!(log.starts.values().all(|starts| *starts == 2), "{:?}", log.starts);
}

#[test]
fn an_agents_own_failure_is_its_own() {
    let backend = Scripted::new(|_, _, _| Act::Exit(3));
    let ran = run(plan(&backend, &["a"], vec![task("one", &["x"])]));
    assert_eq!(ran.verdicts(0, 0), [RuntimeError]);
    assert_eq!(ran.outcome.judged[0].tasks[0].score, Some(Score::ZERO));
    assert!(ran.outcome.faults.is_empty());
}

#[test]
fn a_passing_fault_of_the_sandbox_costs_nothing_and_repeats_nothing() {
    let backend =
        Scripted::new(
            |_, case, before| {
                if case.name.as_str() == "y" && before < 2 { Act::Fail } else { Act::Print("ok") }
            },
        );
    let ran = run(plan(&backend, &["a"], vec![task("one", &["x", "y", "z"])]));
    assert_eq!(ran.verdicts(0, 0), [Accepted, Accepted, Accepted]);
    assert_eq!(ran.outcome.judged[0].tasks[0].score, Some(Score::FULL));
    let starts = backend.log().starts;
    assert_eq!((starts["a/one/x"], starts["a/one/y"], starts["a/one/z"]), (1, 3, 1));
    let retries = ran.events.iter().filter(|event| matches!(event, Event::Retrying { .. })).count();
    assert_eq!(retries, 2);
}

#[test]
fn a_lasting_fault_is_an_internal_error_and_never_a_zero() {
    let backend = Scripted::new(|label, case, _| {
        if label == "a/one" && case.name.as_str() == "y" { Act::Fail } else { Act::Print("ok") }
    });
    let ran = run(plan(&backend, &["a", "b"], vec![task("one", &["x", "y", "z"])]));
    assert_eq!(ran.verdicts(0, 0), [Accepted, InternalError, InternalError]);
    assert_eq!(ran.outcome.judged[0].tasks[0].score, None);
    assert_eq!(ran.outcome.faults.len(), 1);
    assert_eq!(ran.verdicts(1, 0), [Accepted, Accepted, Accepted], "the next agent is unharmed");
}

#[test]
fn a_sandbox_that_is_down_is_not_asked_forever() {
    let refuse = |_| Err(SandboxError::Failed { doing: "open", cause: "connection refused".to_owned() });
    let backend = Scripted::new(|_, _, _| Act::Print("ok")).opening(refuse);
    let names: Vec<String> = (0..20).map(|number| format!("agent-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran = run(plan(&backend, &names, vec![task("one", &["x"])]));
    assert_eq!(ran.outcome.faults.len(), 20, "each of them is told");
    assert!(backend.log().opened < 20, "but not each of them is tried: {}", backend.log().opened);
}

#[test]
fn a_panic_of_ours_costs_one_unit() {
    let backend = Scripted::new(|label, _, _| if label == "a/one" { Act::Panic } else { Act::Print("ok") });
    let ran = run(plan(&backend, &["a", "b"], vec![task("one", &["x"])]));
    assert_eq!(ran.verdicts(0, 0), [InternalError]);
    assert_eq!(ran.verdicts(1, 0), [Accepted]);
    assert_eq!(ran.outcome.faults.len(), 1);
}

#[test]
fn a_stopped_run_keeps_what_it_has_and_skips_the_rest() {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let backend = Scripted::new(move |_, case, _| {
        if case.name.as_str() == "y" {
            stop.cancel();
            Act::Hang
        } else {
            Act::Print("ok")
        }
    });
    let plan = Plan { cancel, jobs: 1, ..plan(&backend, &["a", "b"], vec![task("one", &["x", "y", "z"])]) };
    let ran = run(plan);
    assert!(ran.outcome.partial);
    assert_eq!(ran.verdicts(0, 0), [Accepted, Skipped, Skipped]);
    assert_eq!(ran.verdicts(1, 0), [Skipped, Skipped, Skipped]);
    assert_eq!(ran.outcome.judged[0].tasks[0].score, None);
    let log = backend.log();
    assert_eq!(log.opened, log.closed);
}

#[test]
fn an_agent_that_cannot_reach_the_threshold_is_not_run_to_its_end() {
    let backend =
        Scripted::new(|label, _, _| Act::Print(if label.starts_with("bad/") { "no" } else { "ok" }));
    let tasks = vec![task("one", &["p", "q", "r", "s"])];
    let plan = Plan { at_least: Score::from_hundredths(5_000), ..plan(&backend, &["bad", "good"], tasks) };
    let ran = run(plan);
    assert_eq!(ran.verdicts(0, 0), [WrongAnswer, WrongAnswer, WrongAnswer, Skipped]);
    assert_eq!(ran.verdicts(1, 0), [Accepted, Accepted, Accepted, Accepted]);
    assert!(ran.outcome.faults.is_empty());
}

#[test]
fn a_case_that_changes_its_mind_is_flaky_and_not_passed() {
    let backend = Scripted::new(|label, case, before| {
        let fails = label == "b/one" && case.name.as_str() == "y" && before == 1;
        Act::Print(if fails { "no" } else { "ok" })
    });
    let ran = run(Plan { repeat: 3, ..plan(&backend, &["a", "b"], vec![task("one", &["x", "y"])]) });
    assert_eq!(ran.verdicts(0, 0), [Accepted, Accepted]);
    assert_eq!(ran.verdicts(1, 0), [Accepted, WrongAnswer]);
    let flaky = &ran.outcome.judged[1].tasks[0].cases[1];
    assert!(flaky.is_flaky());
    assert_eq!(flaky.repeats, [Accepted, WrongAnswer, Accepted]);
    assert_eq!(ran.outcome.judged[1].tasks[0].score, Score::from_hundredths(5_000));
    assert_eq!(backend.log().starts["b/one/y"], 3);
    let intervals: Vec<_> = ran.outcome.judged.iter().map(|judged| judged.interval).collect();
    let shown = |interval: Option<Interval>| interval.map(|it| (it.low.hundredths(), it.high.hundredths()));
    assert_eq!(shown(intervals[0]), Some((10_000, 10_000)));
    assert_eq!(shown(intervals[1]), Some((5_000, 10_000)));
}

#[test]
fn a_fault_in_one_of_the_repeats_is_never_a_verdict() {
    let backend = Scripted::new(|_, _, before| if before == 1 { Act::Print("ok") } else { Act::Print("no") });
    let ran = run(Plan { repeat: 2, ..plan(&backend, &["a"], vec![task("one", &["x"])]) });
    assert_eq!(ran.verdicts(0, 0), [WrongAnswer]);
    let backend = Scripted::new(|_, _, before| if before == 0 { Act::Print("ok") } else { Act::Fail });
    let ran = run(Plan { repeat: 2, ..plan(&backend, &["a"], vec![task("one", &["x"])]) });
    assert_eq!(ran.verdicts(0, 0), [InternalError]);
    assert_eq!(ran.outcome.judged[0].tasks[0].score, None);
    assert_eq!(ran.outcome.judged[0].interval, None);
}

#[test]
fn sessions_are_closed_in_the_background_and_their_reports_kept() {
    let backend = Scripted::new(|_, _, _| Act::Print("ok")).closing_slowly();
    let names: Vec<String> = (0..12).map(|number| format!("agent-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran = run(plan(&backend, &names, vec![task("one", &["x"])]));
    let log = backend.log();
    assert_eq!((log.opened, log.closed), (12, 12), "none is forgotten at the end");
    assert_eq!(ran.outcome.left_behind.len(), 12, "{:?}", ran.outcome.left_behind);
    assert!(log.most_closing > 1, "the next one does not wait");
    assert!(log.most_closing <= 2, "and they do not pile up: {}", log.most_closing);
}

#[test]
fn the_next_session_is_opened_while_this_one_runs() {
    for jobs in [1, 2] {
        let opened = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&opened);
        // The last agents have nobody behind them.
        let backend = Scripted::new(move |label, _, _| {
            let agent: u32 =
                label.trim_start_matches("agent-").trim_end_matches("/one").parse().expect("a number");
            if agent < 4 && seen.load(Ordering::Relaxed) <= agent + 1 { Act::Wait } else { Act::Print("ok") }
        })
        .opening(move |before| {
            opened.store(before + 1, Ordering::Relaxed);
            Ok(())
        });
        let names: Vec<String> = (0..6).map(|number| format!("agent-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Each agent ends only when the session of the one behind it is open.
        let ran = run(Plan { jobs, ..plan(&backend, &names, vec![task("one", &["x"])]) });
        assert!((0..6).all(|agent| ran.verdicts(agent, 0) == [Accepted]));
    }
}

fn resume(plan: Plan, journal: &std::path::Path) -> Ran {
    let journal = Arc::new(Journal::open(journal, "scripted").expect("a journal"));
    let (events, mut stream) = Events::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(validator::resume(plan, Some(journal), events));
    let mut seen = Vec::new();
    while let Ok(event) = stream.try_recv() {
        seen.push(event);
    }
    Ran { outcome, events: seen }
}

#[test]
fn a_run_that_was_stopped_goes_on_where_it_was_and_counts_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    let tasks = || vec![task("one", &["x", "y", "z"])];
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let backend = Scripted::new(move |label, case, before| match (label, case.name.as_str(), before) {
        ("a/one", "y", 1) => {
            stop.cancel();
            Act::Hang
        }
        _ => Act::Print("ok"),
    });
    let first = resume(Plan { cancel, jobs: 1, repeat: 2, ..plan(&backend, &["a", "b"], tasks()) }, &path);
    assert_eq!(first.verdicts(0, 0), [Accepted, Skipped, Skipped]);
    // What was being written when it was killed.
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("the journal");
    std::io::Write::write_all(&mut file, b"{\"run\":\"sha256:00").expect("written");
    drop(file);

    let again = resume(Plan { repeat: 2, ..plan(&backend, &["a", "b"], tasks()) }, &path);
    assert_eq!(again.verdicts(0, 0), [Accepted; 3]);
    assert_eq!(again.verdicts(1, 0), [Accepted; 3]);
    let starts = backend.log().starts;
    assert_eq!(starts["a/one/x"], 2, "both runs of it were finished");
    assert_eq!(starts["a/one/y"], 3, "one was finished, one was killed and run again");
    assert_eq!(starts["b/one/z"], 2);
    let finished = again.events.iter().filter(|event| matches!(event, Event::CaseFinished { .. })).count();
    assert_eq!(finished, 6, "the readers see each case once");

    // Everything is known: no sandbox is opened, and the outcome is the same.
    let untouched = Scripted::new(|_, _, _| Act::Fail);
    let known = resume(Plan { repeat: 2, ..plan(&untouched, &["a", "b"], tasks()) }, &path);
    assert_eq!(known.verdicts(0, 0), [Accepted; 3]);
    assert_eq!(untouched.log().opened, 0);
    // Another agent's results are nobody else's, though the source is the same.
    let other = resume(plan(&untouched, &["c"], tasks()), &path);
    assert_eq!(other.verdicts(0, 0), [InternalError; 3]);
    let lines = std::fs::read_to_string(&path).expect("the journal").lines().count();
    assert_eq!(lines, 12, "two agents, three cases, two runs; what is our fault is not written");
}

#[test]
fn a_journal_serves_one_run_at_a_time_and_nothing_else_is_taken_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    let held = Journal::open(&path, "scripted").expect("a journal");
    let error = Journal::open(&path, "scripted").expect_err("in use").to_string();
    assert!(error.contains("is used by another run"), "{error}");
    drop(held);
    for text in ["print(1)\n", "print(1)", "{}\n"] {
        std::fs::write(&path, text).expect("written");
        let error = Journal::open(&path, "scripted").expect_err(text).to_string();
        assert!(error.contains("line 1 of") && error.contains("is not of a journal"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), text, "it is left alone");
    }
}

/// Three cases of which two are a subtask that counts as much as the third.
fn grouped() -> Arc<Task> {
    let task = task("one", &["p", "q", "r"]);
    let mut task = Task::clone(&task);
    let name = Slug::parse("pair").expect("a name");
    task.subtasks = vec![Subtask { name, weight: 1, cases: vec![0, 1] }];
    Arc::new(task)
}

#[test]
fn a_second_failure_in_a_subtask_costs_nothing_more() {
    let backend = Scripted::new(|_, case, _| Act::Print(if case.name.as_str() == "r" { "ok" } else { "no" }));
    let plan = Plan { at_least: Score::from_hundredths(5_000), ..plan(&backend, &["a"], vec![grouped()]) };
    let ran = run(plan);
    assert_eq!(ran.verdicts(0, 0), [WrongAnswer, WrongAnswer, Accepted]);
    assert_eq!(ran.outcome.judged[0].tasks[0].score, Score::from_hundredths(5_000));
}

#[test]
fn what_the_gate_refuses_cannot_become_an_agent() {
    let id = MinerId::parse("evil").expect("a miner id");
    let report = Agent::admit(id, b"def broken(:\n", &Policy::standard()).expect_err("a syntax error");
    assert!(!report.findings.is_empty());
}

/// A task of ours in which the agent writes the code that is judged.
fn writing_task() -> Arc<Task> {
    let mut tasks = portcullis::task::builtin().expect("our tasks are right");
    let place = tasks.iter().position(|task| task.question().is_some()).expect("there is one");
    Arc::new(tasks.swap_remove(place))
}

#[test]
fn what_an_agent_writes_is_judged_in_a_session_of_its_own() {
    let backend = Scripted::new(|_, case, before| match case.name.as_str() {
        "solution" if before == 0 => Act::Fail,
        "solution" => Act::Print("def reverse_words(text):\n    return text\n"),
        "one_word" => Act::Print("{\"returns\": \"word\"}\n"),
        _ => Act::Print("{\"raises\": \"KeyError\"}\n"),
    });
    let task = writing_task();
    let ran = run(plan(&backend, &["a"], vec![Arc::clone(&task)]));
    for (case, verdict) in task.cases.iter().zip(ran.verdicts(0, 0)) {
        let wanted = if case.name.as_str() == "one_word" { Accepted } else { RuntimeError };
        assert_eq!(verdict, wanted, "{}", case.name);
    }
    let log = backend.log();
    assert_eq!(log.starts[&format!("a/{}/solution", task.id)], 2, "asked again after a fault of ours");
    assert_eq!((log.opened, log.closed), (3, 3), "one that failed, one to ask, one to judge");
}

#[test]
fn what_an_agent_writes_goes_through_the_gate() {
    for (printed, why) in [
        (Act::Print("import ctypes\n"), "the gate refuses its solution: line 1: PC"),
        (Act::Print("Sure, here it is:\n"), "the gate refuses its solution: line 1: PC"),
        (Act::Exit(3), "asked for a solution, it exited with status 3"),
    ] {
        let printed = std::sync::Mutex::new(Some(printed));
        let backend = Scripted::new(move |_, case, _| {
            assert_eq!(case.name.as_str(), "solution", "nothing that was refused is run");
            printed.lock().expect("one caller").take().expect("asked once")
        });
        let task = writing_task();
        let ran = run(plan(&backend, &["a"], vec![Arc::clone(&task)]));
        assert!(ran.verdicts(0, 0).iter().all(|verdict| *verdict == RuntimeError));
        let first = &ran.outcome.judged[0].tasks[0].cases[0];
        assert_eq!(first.name, task.cases[0].name);
        let message = first.message.as_deref().unwrap_or_default();
        assert!(message.starts_with(why), "{message}");
        assert_eq!(ran.outcome.judged[0].tasks[0].score, Some(Score::ZERO));
        assert_eq!(backend.log().opened, 1);
    }
}
