//! `portcullis task check`: proves task packages.

use std::fmt::Write as _;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, bail};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cli::running::{self, SandboxOptions, task_policy};
use crate::cli::{Exit, Terminal};
use crate::lint::{Policy, Report};
use crate::model::{Digest, MinerId};
use crate::sandbox::{Backend, RunId};
use crate::task::{self, Came, Case, Task, TaskError, digest_of_generated};
use crate::validator::{self, Agent, Events, GenerateError, Plan};

/// Prove that tasks are what they claim to be.
///
/// The package loads; the gate lets its solutions in; the reference solution is accepted in every
/// case and in the statement's examples, and needs at most half of each limit; each wrong solution
/// gets exactly the verdict in whose folder it lies.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis task check tasks/reverse_string
  portcullis task check tasks --format json
  portcullis task check --no-run

Exit status: 0 when every task was proved, 1 when one was not, 2 when we failed.")]
pub(super) struct CheckArguments {
    /// A task package, or a folder of them. The built-in tasks by default.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Check only what needs no sandbox: the package, and what the gate says of its solutions.
    #[arg(long)]
    no_run: bool,

    /// What to print.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: CheckFormat,

    #[command(flatten)]
    sandbox: SandboxOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum CheckFormat {
    #[default]
    Text,
    Json,
}

/// What was found out about one package.
#[derive(Debug, Serialize)]
struct Checked {
    task: String,
    digest: Option<Digest>,
    /// Of what `task reveal` shows, to be published beforehand.
    hidden_digest: Option<Digest>,
    cases: usize,
    solutions: usize,
    /// What keeps the task from being proved.
    problems: Vec<String>,
    /// What could be better.
    remarks: Vec<String>,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    /// Whether the solutions were run.
    ran: bool,
    tasks: &'a [Checked],
}

impl CheckArguments {
    pub(super) async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let loaded = load(self.folder.as_deref())?;
        let runs = !self.no_run && loaded.iter().any(|(_, task)| task.is_ok());
        let bench = if runs {
            let cancel = running::stop_on_signal(terminal)?;
            let needs_one = loaded.iter().flat_map(|(_, task)| task).any(|task| task.kind.runs_programs());
            let backend = self.sandbox.choose_if(needs_one, terminal, &cancel).await?.0;
            Some(Bench { backend, jobs: self.sandbox.jobs(), cancel })
        } else {
            None
        };
        let mut all = Vec::with_capacity(loaded.len());
        for (name, task) in loaded {
            let checked = match task {
                Ok(task) => check(&task, bench.as_ref()).await?,
                Err(error) => Checked {
                    task: name,
                    digest: None,
                    hidden_digest: None,
                    cases: 0,
                    solutions: 0,
                    problems: vec![error.to_string()],
                    remarks: Vec::new(),
                },
            };
            if self.format == CheckFormat::Text {
                terminal.data(text(&checked, bench.is_some()))?;
            }
            all.push(checked);
        }
        let proved = all.iter().filter(|checked| checked.problems.is_empty()).count();
        if self.format == CheckFormat::Json {
            let document = Document { version: 1, ran: bench.is_some(), tasks: &all };
            terminal.data(serde_json::to_string_pretty(&document)?)?;
        }
        let how = if bench.is_some() { "proved" } else { "well-formed; nothing was run" };
        terminal.say(format!("{proved} of {} tasks {how}", all.len()));
        Ok(if proved == all.len() { Exit::Good } else { Exit::SubjectFailed })
    }
}

/// Each package with its name, as far as it loads.
fn load(folder: Option<&Path>) -> anyhow::Result<Vec<(String, Result<Task, TaskError>)>> {
    let Some(folder) = folder else {
        let tasks = [task::builtin()?, task::builtin_bundles()?].concat();
        return Ok(tasks.into_iter().map(|task| (task.id.to_string(), Ok(task))).collect());
    };
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let packages = task::packages(folder)?;
    Ok(packages.iter().map(|path| (name(path), task::load(path))).collect())
}

struct Bench {
    backend: Arc<dyn Backend>,
    jobs: usize,
    cancel: CancellationToken,
}

impl Bench {
    /// What `work` comes to, unless we are told to stop meanwhile; then what it made is cleared away.
    async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        if let Some(done) = self.cancel.run_until_cancelled(work).await {
            return Ok(done);
        }
        self.backend.settle().await;
        bail!("stopped before the end")
    }
}

/// Checks one task; with a bench its solutions are run too.
async fn check(task: &Task, bench: Option<&Bench>) -> anyhow::Result<Checked> {
    let mut problems = task.problems();
    let proved = match bench {
        Some(bench) => {
            let run = RunId::generate();
            let tried = bench.until_stopped(validator::try_checker(task, bench.backend.as_ref(), &run));
            problems.extend(tried.await??);
            let (rounds, wrong) = bench.until_stopped(rounds(task, bench)).await??;
            problems.extend(wrong);
            task.for_its_author(&rounds)
        }
        None => task.for_its_author(&[]),
    };
    let policy = Policy::standard();
    let (mut admitted, mut came) = (Vec::new(), vec![None; task.solutions.len()]);
    for (index, solution) in task.solutions.iter().enumerate() {
        let name = agent_name(index)?;
        let gated = match task.kind.bundle() {
            None => Agent::admit(name, &solution.source, &policy),
            Some(rules) => Agent::admit_bundle(name, &solution.source, &rules, &task_policy(task, &policy)?),
        };
        match gated {
            Ok(agent) => admitted.push((index, Arc::new(agent))),
            Err(report) => came[index] = Some(Came::Rejected(reasons(&report))),
        }
    }
    if let Some(bench) = bench
        && !admitted.is_empty()
        && !proved.cases.is_empty()
    {
        let plan = Plan {
            run: RunId::generate(),
            agents: admitted.iter().map(|(_, agent)| Arc::clone(agent)).collect(),
            tasks: vec![Arc::new(proved.clone())],
            backend: Arc::clone(&bench.backend),
            jobs: bench.jobs,
            repeat: 1,
            seed: 0,
            at_least: None,
            cancel: bench.cancel.clone(),
        };
        let (events, _) = Events::channel();
        let outcome = validator::run(plan, events).await;
        if outcome.partial {
            bail!("stopped before the end");
        }
        if let Some(fault) = outcome.faults.first() {
            bail!("task `{}` could not be run because of a failure of ours: {}", task.id, fault.message);
        }
        for ((index, _), judged) in admitted.iter().zip(outcome.judged) {
            came[*index] = judged.tasks.into_iter().next().map(Came::Ran);
        }
    }
    for (solution, came) in task.solutions.iter().zip(&came) {
        // Without a bench there is nothing to say of what the gate lets in.
        let Some(came) = came else { continue };
        let broken = task.broken_promises(solution, came);
        problems.extend(broken.into_iter().map(|what| format!("{}: {what}", solution.path)));
    }
    Ok(Checked {
        task: task.id.to_string(),
        digest: Some(task.digest),
        hidden_digest: task.hidden_digest,
        cases: task.cases.len(),
        solutions: task.solutions.len(),
        problems,
        remarks: task.remarks(),
    })
}

/// The seeds with which a generator is proved.
const SEEDS: [u64; 3] = [1, 2, 1_234_567_890_123];

/// The cases that the task's generator makes from some seeds, and what is wrong with it.
async fn rounds(task: &Task, bench: &Bench) -> anyhow::Result<(Vec<(u64, Vec<Case>)>, Vec<String>)> {
    let (mut rounds, mut problems, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    if task.generator.is_none() {
        return Ok((rounds, problems));
    }
    let task = Arc::new(task.clone());
    for seed in SEEDS {
        let mut made = Vec::new();
        // Twice: a generator that uses anything but its seed comes to something else now and then.
        for _ in 0..2 {
            let backend = bench.backend.as_ref();
            match validator::generate(&task, seed, backend, &RunId::generate()).await {
                Ok((filled, _)) => {
                    let blanks = task.cases.iter().zip(&filled.cases).filter(|(blank, _)| blank.is_blank());
                    made.push(blanks.map(|(_, case)| case.clone()).collect::<Vec<Case>>());
                }
                Err(GenerateError::Task(why)) => {
                    problems.push(format!("with seed {seed}: {why}"));
                    return Ok((rounds, problems));
                }
                Err(GenerateError::Sandbox(why)) => {
                    bail!("the cases of `{}` could not be made: {why}", task.id)
                }
            }
        }
        let digest = digest_of_generated(&made[0]);
        if digest != digest_of_generated(&made[1]) {
            problems.push(format!("two runs of the generator with seed {seed} made different cases"));
        }
        if digests.contains(&digest) {
            problems.push(format!("the generator makes the same cases of seed {seed} as of another one"));
        }
        digests.push(digest);
        rounds.extend(made.into_iter().next().map(|cases| (seed, cases)));
    }
    Ok((rounds, problems))
}

fn agent_name(index: usize) -> anyhow::Result<MinerId> {
    MinerId::parse(format!("solution-{index}")).context("a name of ours")
}

fn reasons(report: &Report) -> Vec<String> {
    let said = report.findings.iter().take(3);
    let place = |file: &Option<String>| file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
    said.map(|finding| {
        format!("{}line {}: {} {}", place(&finding.file), finding.span.line, finding.code, finding.message)
    })
    .collect()
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

fn text(checked: &Checked, ran: bool) -> String {
    let mut out = String::new();
    let Checked { task, cases, solutions, problems, remarks, digest: _, hidden_digest } = checked;
    // Writing to a string cannot fail.
    let _ = if problems.is_empty() {
        let word = if ran { "proved" } else { "well-formed" };
        writeln!(out, "{task}: {GOOD}{word}{GOOD:#} ({cases} cases, {solutions} solutions)")
    } else {
        let count = problems.len();
        writeln!(out, "{task}: {BAD}{count} problem{}{BAD:#}", if count == 1 { "" } else { "s" })
    };
    for problem in problems {
        let _ = writeln!(out, "  {problem}");
    }
    if let Some(hidden) = hidden_digest {
        let _ = writeln!(out, "  {DIM}hidden cases: {hidden}{DIM:#}");
    }
    for remark in remarks {
        let _ = writeln!(out, "  {DIM}remark: {remark}{DIM:#}");
    }
    out
}
