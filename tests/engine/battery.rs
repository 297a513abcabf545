//! Every file in `fixtures/agents/<verdict>/`, on one backend.
//!
//! A file named after a task (`reverse_string-echo.py`) is run on that task's cases; any other is
//! run once without input, and the answer is `ok`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use portcullis::judge::{Checker, Form, Rules, Tolerance, group, judge_case};
use portcullis::model::{CaseResult, CaseVerdict, IsolationLevel, RunFacts};
use portcullis::sandbox::CaseSpec;
use portcullis::task::{self, Task};

use crate::support::{BackendUnderTest, Under, World, case, close, expect, project, trial};

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    let mut trials = Vec::new();
    for verdict in CaseVerdict::ALL {
        for file in files(&project("fixtures/agents").join(verdict.as_str())) {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            trials.push(trial(world, backend, format!("{verdict}::{name}"), async move |under| {
                check(&under, &file, verdict).await
            }));
        }
    }
    trials
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "py"))
        .collect();
    files.sort();
    files
}

async fn check(under: &Under, file: &Path, expected: CaseVerdict) -> Result<(), Failed> {
    let source = fs::read_to_string(file)?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let folder =
        name.split_once('-').map(|(task, _)| project("tasks").join(task)).filter(|path| path.is_dir());
    match folder {
        Some(folder) => on_task(under, &source, &task::load(&folder)?, expected).await,
        None => alone(under, &source, expected).await,
    }
}

async fn on_task(under: &Under, source: &str, task: &Task, expected: CaseVerdict) -> Result<(), Failed> {
    let under = Under { limits: task.limits.clone(), ..under.clone() };
    let mut session = under.open(source).await?;
    let mut verdicts = Vec::new();
    for case in &task.cases {
        let mut arguments = vec!["--task".to_owned(), task.prompt.clone()];
        arguments.extend(case.arguments.iter().cloned());
        let spec = CaseSpec { name: case.name.clone(), arguments, stdin: Arc::clone(&case.stdin) };
        verdicts.push(judge_case(&session.run(&spec).await?, &task.rules(case)).verdict);
    }
    close(session).await?;
    expect("the worst verdict", &group(verdicts), &expected)
}

async fn alone(under: &Under, source: &str, expected: CaseVerdict) -> Result<(), Failed> {
    let mut session = under.open(source).await?;
    let first = session.run(&case(&[], b"")).await?;
    has_verdict(under, &first, expected)?;
    // Nothing that the first case did makes a difference to the second.
    if matches!(expected, CaseVerdict::Accepted | CaseVerdict::WrongAnswer) {
        has_verdict(under, &session.run(&case(&[], b"")).await?, expected)?;
    }
    close(session).await?;
    if under.capabilities.backend == "microvm" {
        return Ok(()); // The next agent's machine shares nothing with this one, and takes long to boot.
    }
    let next = under.once("print('ok')").await?;
    has_verdict(under, &next, CaseVerdict::Accepted)
}

fn has_verdict(under: &Under, facts: &RunFacts, expected: CaseVerdict) -> Result<(), Failed> {
    let result = judge(under, facts);
    // Without a control group nobody counts refused processes, so the failure is all that is known.
    let expected = match (expected, under.capabilities.isolation) {
        (CaseVerdict::ProcessLimit, IsolationLevel::Reduced) => CaseVerdict::RuntimeError,
        (expected, _) => expected,
    };
    if result.verdict == expected {
        return Ok(());
    }
    let head = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
    Err(format!(
        "{} ({}), expected {expected}\n{:?} {:?} oom {} pids {}\nstdout: {}\nstderr: {}",
        result.verdict,
        result.message.unwrap_or_default(),
        facts.ending,
        facts.usage,
        facts.oom_kills,
        facts.process_limit_hits,
        head(&facts.stdout.bytes),
        head(&facts.stderr.bytes),
    )
    .into())
}

fn judge(under: &Under, facts: &RunFacts) -> CaseResult {
    let rules = Rules {
        name: &case(&[], b"").name,
        checker: Checker::Lines,
        tolerance: Tolerance::default(),
        form: Form::Output,
        accepted: &[Arc::from("ok\n")],
        limits: &under.limits,
        hidden: false,
    };
    judge_case(facts, &rules)
}
