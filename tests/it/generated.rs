//! Cases that a round makes: from the seed through generator and reference solution to the score.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis::lint::Policy;
use portcullis::model::{CaseVerdict, Digest, MinerId};
use portcullis::sandbox::RunId;
use portcullis::task::{self, Task};
use portcullis::validator::{self, Agent, Events, Outcome, Plan};
use tokio_util::sync::CancellationToken;

use crate::support::scripted::{Act, Scripted};

const MANIFEST: &str = "title = \"Double\"\ndifficulty = \"easy\"\nprompt = \"Print the double.\"\n\n\
    [generator]\nprogram = \"generate.py\"\ncount = 2\nweight = 3\n\n\
    [[case]]\nname = \"one\"\nstdin = \"1\"\nexpected = \"2\"\n";

fn package(manifest: &str) -> (tempfile::TempDir, Result<Task, String>) {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path().join("double");
    fs::create_dir(&folder).expect("a folder");
    let write = |name: &str, content: &str| fs::write(folder.join(name), content).expect("written");
    write("task.toml", manifest);
    write("statement.md", "# Double\n");
    write("generate.py", "print('never run here')\n");
    write("solution.py", "print(int(input()) * 2)\n");
    let loaded = load(&folder, temporary.path());
    (temporary, loaded)
}

fn load(folder: &Path, root: &Path) -> Result<Task, String> {
    let without_root = |error: task::TaskError| error.to_string().replace(&root.display().to_string(), "");
    task::load(folder).map_err(without_root)
}

fn double() -> Task {
    package(MANIFEST).1.expect("it is right")
}

fn run(backend: &Scripted, task: Task, seed: u64) -> Outcome {
    let id = MinerId::parse("a").expect("a miner id");
    let agent = Agent::admit(id, b"print(1)\n", &Policy::standard()).expect("an honest agent");
    let plan = Plan {
        run: RunId::generate(),
        agents: vec![Arc::new(agent)],
        tasks: vec![Arc::new(task)],
        backend: Arc::new(backend.clone()),
        jobs: 1,
        repeat: 1,
        seed,
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

const LINES: &str = "{\"stdin\": \"5\"}\n\n{\"stdin\": \"6\", \"arguments\": [\"-x\"]}\n";

/// Generator and reference do their part; the agent knows the double of 1 and 5.
fn honest() -> Scripted {
    Scripted::new(|label, case, _| {
        let stdin = String::from_utf8_lossy(&case.stdin).into_owned();
        match label {
            "double/generator" => match case.arguments.as_slice() {
                [seed, count] if seed == "7" && count == "2" => Act::Print(LINES),
                other => panic!("the generator was started with {other:?}"),
            },
            "double/reference" => Act::Print(if stdin == "5" { "10\n" } else { "12\n" }),
            _ => Act::Print(match stdin.as_str() {
                "1" => "2\n",
                "5" => "10\n",
                _ => "no idea\n",
            }),
        }
    })
}

#[test]
fn generated_cases_are_put_to_the_agent_and_judged_by_what_the_reference_answered() {
    let backend = honest();
    let outcome = run(&backend, double(), 7);
    let cases: Vec<_> = outcome.judged[0].tasks[0]
        .cases
        .iter()
        .map(|case| (case.name.as_str(), case.verdict, case.message.as_deref()))
        .collect();
    assert_eq!(
        cases,
        [
            ("one", CaseVerdict::Accepted, None),
            ("generated-01", CaseVerdict::Accepted, None),
            ("generated-02", CaseVerdict::WrongAnswer, Some("hidden case")),
        ]
    );
    let score = outcome.judged[0].tasks[0].score.map(|score| score.to_string());
    assert_eq!(score.as_deref(), Some("57.14"), "weights 1, 3 and 3");
    let round = &outcome.rounds[0];
    assert_eq!((round.task.as_str(), round.seed, round.cases), ("double", 7, 2));
    assert_eq!(round.digest, run(&backend, double(), 7).rounds[0].digest, "the same seed, the same cases");
    assert_eq!(backend.log().opened, backend.log().closed);
}

#[test]
fn who_only_scores_needs_no_sandbox_for_it() {
    let task = double();
    let blanks: Vec<_> =
        task.cases.iter().map(|case| (case.name.as_str(), case.weight, case.is_blank())).collect();
    assert_eq!(blanks, [("one", 1, false), ("generated-01", 3, true), ("generated-02", 3, true)]);
    assert!(task.cases.iter().filter(|case| case.is_blank()).all(|case| case.hidden));
}

/// What becomes of the agent when the generator or the reference does this.
#[track_caller]
fn a_fault(what: &'static str, script: fn(&str) -> Option<Act>, message: &str) {
    let backend = Scripted::new(move |label, _, _| match script(label) {
        Some(act) => act,
        None if label == "double/generator" => Act::Print(LINES),
        None => Act::Print("1\n"),
    });
    let outcome = run(&backend, double(), 7);
    let result = &outcome.judged[0].tasks[0];
    assert_eq!(result.score, None, "{what}");
    assert!(result.cases.iter().all(|case| case.verdict == CaseVerdict::InternalError), "{what}");
    assert_eq!(outcome.faults[0].message, message, "{what}");
    assert!(!backend.log().starts.keys().any(|start| start.starts_with("a/")), "{what}: no agent is run");
}

#[test]
fn what_the_generator_or_the_reference_does_wrong_is_never_the_agents_fault() {
    a_fault(
        "a crash",
        |label| {
            let crash = Act::Say { stdout: "", stderr: "x\nKeyError: 1\n", code: 1 };
            (label == "double/generator").then_some(crash)
        },
        "`generate.py` of task `double` exited with status 1: KeyError: 1",
    );
    a_fault(
        "too few",
        |label| (label == "double/generator").then_some(Act::Print("{\"stdin\": \"5\"}\n")),
        "the generator `generate.py` printed 1 lines and not 2",
    );
    a_fault(
        "no JSON",
        |label| (label == "double/generator").then_some(Act::Print("{\"stdin\": \"5\"}\n5\n")),
        "the generator `generate.py` printed a line 2 that is no case: invalid type: integer `5`, \
         expected an object with `stdin` at line 1 column 1",
    );
    a_fault(
        "the reference fails",
        |label| (label == "double/reference").then_some(Act::Exit(3)),
        "`solution.py` of task `double` exited with status 3",
    );
    a_fault(
        "the sandbox fails",
        |label| (label == "double/generator").then_some(Act::Fail),
        "the sandbox failed while it was asked to run: the script says so",
    );
}

#[test]
fn what_is_wrong_with_a_generator_is_named_with_its_line() {
    let refused = |from: &str, to: &str| package(&MANIFEST.replacen(from, to, 1)).1.expect_err("refused");
    assert_eq!(
        refused("count = 2", "count = 0"),
        "/double/task.toml:5: a generator makes from 1 to 200 cases, not 0"
    );
    assert_eq!(
        refused("generate.py", "generator.py"),
        "/double/task.toml:5: there is no file `generator.py` in the task's folder"
    );
    assert_eq!(
        refused("generate.py", "../generate.py"),
        "/double/task.toml:5: `../generate.py` is not the name of a Python file in the task's folder"
    );
    assert_eq!(
        refused("weight = 3", "weight = 0"),
        "/double/task.toml:5: the weight of generated cases must be from 1 to 1000000"
    );
    assert_eq!(
        refused("weight = 3", "wieght = 3"),
        "/double/task.toml:8: unknown key `wieght`; did you mean `weight`?"
    );
}

#[test]
fn the_generator_and_the_reference_decide_scores_so_they_are_in_the_digest() {
    let digest = |spoil: &dyn Fn(&Path)| -> Digest {
        let (temporary, _) = package(MANIFEST);
        let folder = temporary.path().join("double");
        spoil(&folder);
        load(&folder, temporary.path()).expect("it is right").digest
    };
    let original = digest(&|_| ());
    let write = |name: &'static str| {
        move |folder: &Path| fs::write(folder.join(name), "print(3)\n").expect("written")
    };
    assert_eq!(digest(&|_| ()), original);
    assert_ne!(digest(&write("generate.py")), original);
    assert_ne!(digest(&write("solution.py")), original);
}
