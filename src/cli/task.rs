//! `portcullis task`: prove task packages, start a new one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, bail};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::running::{self, SandboxOptions};
use super::{Exit, Terminal, block_on};
use crate::lint::{Policy, Report};
use crate::model::{Digest, MinerId, Slug};
use crate::sandbox::{Chosen, RunId};
use crate::task::{self, Came, Task, TaskError, Template};
use crate::validator::{self, Agent, Events, Plan};

/// Prove task packages, or start a new one.
#[derive(Debug, clap::Args)]
pub(crate) struct TaskArguments {
    #[command(subcommand)]
    command: TaskCommand,
}

#[derive(Debug, clap::Subcommand)]
enum TaskCommand {
    Check(CheckArguments),
    New(NewArguments),
}

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
struct CheckArguments {
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

/// Start a task: a small one that `task check` proves, to be rewritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis task new word_count
  portcullis task new parse_date --kind function --dir competition/tasks")]
struct NewArguments {
    /// Its name: lower-case ASCII letters, digits, `-` and `_`.
    name: Slug,

    /// What an agent is asked for: a program that answers, or a function.
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    kind: NewKind,

    /// The folder in which the task's folder is made.
    #[arg(long, value_name = "DIR", default_value = "tasks")]
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum NewKind {
    #[default]
    Program,
    Function,
}

impl TaskArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        match self.command {
            TaskCommand::Check(check) => block_on(check.run(terminal)),
            TaskCommand::New(new) => new.run(terminal),
        }
    }
}

impl NewArguments {
    fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let template = match self.kind {
            NewKind::Program => Template::Program,
            NewKind::Function => Template::Function,
        };
        let folder = task::scaffold(&self.dir, &self.name, template)?;
        terminal.data(folder.display().to_string())?;
        terminal.say(format!("prove it with `portcullis task check {}`", folder.display()));
        Ok(Exit::Good)
    }
}

/// What was found out about one package.
#[derive(Debug, Serialize)]
struct Checked {
    task: String,
    digest: Option<Digest>,
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
    async fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let loaded = load(self.folder.as_deref())?;
        let runs = !self.no_run && loaded.iter().any(|(_, task)| task.is_ok());
        let bench = if runs {
            let cancel = running::stop_on_signal(terminal)?;
            let chosen = self.sandbox.choose(terminal).await?;
            Some(Bench { chosen, jobs: self.sandbox.jobs(), cancel })
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
        return Ok(task::builtin()?.into_iter().map(|task| (task.id.to_string(), Ok(task))).collect());
    };
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let packages = task::packages(folder)?;
    Ok(packages.iter().map(|path| (name(path), task::load(path))).collect())
}

struct Bench {
    chosen: Chosen,
    jobs: usize,
    cancel: CancellationToken,
}

/// Checks one task; with a bench its solutions are run too.
async fn check(task: &Task, bench: Option<&Bench>) -> anyhow::Result<Checked> {
    let policy = Policy::standard();
    let (mut admitted, mut came) = (Vec::new(), vec![None; task.solutions.len()]);
    for (index, solution) in task.solutions.iter().enumerate() {
        match Agent::admit(agent_name(index)?, &solution.source, &policy) {
            Ok(agent) => admitted.push((index, Arc::new(agent))),
            Err(report) => came[index] = Some(Came::Rejected(reasons(&report))),
        }
    }
    if let Some(bench) = bench
        && !admitted.is_empty()
    {
        let plan = Plan {
            run: RunId::generate(),
            agents: admitted.iter().map(|(_, agent)| Arc::clone(agent)).collect(),
            tasks: vec![Arc::new(task.for_its_author())],
            backend: Arc::clone(&bench.chosen.backend),
            jobs: bench.jobs,
            repeat: 1,
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
    let mut problems = task.problems();
    for (solution, came) in task.solutions.iter().zip(&came) {
        // Without a bench there is nothing to say of what the gate lets in.
        let Some(came) = came else { continue };
        let broken = task.broken_promises(solution, came);
        problems.extend(broken.into_iter().map(|what| format!("{}: {what}", solution.path)));
    }
    Ok(Checked {
        task: task.id.to_string(),
        digest: Some(task.digest),
        cases: task.cases.len(),
        solutions: task.solutions.len(),
        problems,
        remarks: task.remarks(),
    })
}

fn agent_name(index: usize) -> anyhow::Result<MinerId> {
    MinerId::parse(format!("solution-{index}")).context("a name of ours")
}

fn reasons(report: &Report) -> Vec<String> {
    let said = report.findings.iter().take(3);
    said.map(|finding| format!("line {}: {} {}", finding.span.line, finding.code, finding.message)).collect()
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

fn text(checked: &Checked, ran: bool) -> String {
    let mut out = String::new();
    let Checked { task, cases, solutions, problems, remarks, digest: _ } = checked;
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
    for remark in remarks {
        let _ = writeln!(out, "  {DIM}remark: {remark}{DIM:#}");
    }
    out
}
