//! `portcullis score`: gate, run, compare and rank local files, without a server.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::running::{self, RunOptions};
use super::{Exit, Terminal, agent_file, block_on};
use crate::bundle;
use crate::lint::Policy;
use crate::model::{self, MinerId};
use crate::report::{self, Refused};
use crate::sandbox::RunId;
use crate::task::{self, Task};
use crate::validator::{Agent, Outcome, Plan};

/// Gate, run, compare and rank local agents, without a server.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis score agent.py
  portcullis score agents/ --task reverse_string
  portcullis score one.py two.py --format json > ranking.json
  portcullis score agent.py --seed 7
  portcullis score network.zip --task two_tier_network

Each agent is called after its file, or after its folder where the file is `agent.py`. Ties rank in
the order of the command line. Exit status: 0 when every agent scored 100, 1 when one did not or
was refused, 2 when we failed.")]
pub(crate) struct ScoreArguments {
    /// Agents: Python files, or folders that hold some; or bundles (ZIP) for a task that takes one.
    #[arg(required = true, value_name = "AGENT")]
    agents: Vec<PathBuf>,

    #[command(flatten)]
    options: RunOptions,

    /// What generated cases are made from. Another one each time by default, which the report tells.
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..=task::MOST_SEED))]
    seed: Option<u64>,

    /// Skip what is left of an agent that cannot reach this score (0 to 100) any more.
    #[arg(long, value_name = "SCORE", value_parser = running::parse_score)]
    at_least: Option<model::Score>,
}

impl ScoreArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        block_on(self.score(terminal))
    }

    async fn score(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let read = read(&self.agents)?;
        let tasks = fitting(self.options.tasks.load()?, &read, self.options.tasks.are_named())?;
        let (agents, refused) = gate(read, &tasks)?;
        for agent in &refused {
            terminal.say(format!("{}: refused by the gate", agent.miner_id));
        }
        let seed = self.seed.unwrap_or_else(task::random_seed);
        if !agents.is_empty() && tasks.iter().any(|task| task.generator.is_some()) {
            terminal.say(format!("seed: {seed}"));
        }
        let cancel = running::stop_on_signal(terminal)?;
        let (outcome, sandbox) = if agents.is_empty() {
            (Outcome::default(), None)
        } else {
            let needs_one = tasks.iter().any(|task| task.kind.runs_programs());
            let (backend, capabilities) =
                self.options.choose_sandbox_if(needs_one, terminal, &cancel).await?;
            let plan = Plan {
                run: RunId::generate(),
                agents,
                tasks,
                backend,
                jobs: self.options.sandbox.jobs(),
                repeat: self.options.repeat,
                seed,
                at_least: self.at_least,
                cancel,
            };
            let journal = self.options.open_journal(terminal, capabilities.as_ref())?;
            (running::watch(terminal, plan, journal, self.options.format).await, capabilities)
        };
        let summary = report::summarise(outcome, refused, self.options.terms(sandbox));
        running::print(terminal, &summary, self.options.format)?;
        if summary.partial {
            bail!("stopped before the end; what is shown is partial");
        }
        if let Some(fault) = summary.faults.first() {
            let others = match summary.faults.len() - 1 {
                0 => String::new(),
                others => format!(" (and {others} more)"),
            };
            bail!(
                "{} of {}{others} could not be judged because of a failure of ours: {}",
                fault.task,
                fault.miner_id,
                fault.message
            );
        }
        Ok(if summary.is_flawless() { Exit::Good } else { Exit::SubjectFailed })
    }
}

/// A submission as it lies on the disk.
struct Submitted {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Submitted {
    fn is_bundle(&self) -> bool {
        bundle::looks_like_one(&self.bytes)
    }
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Submitted>> {
    files(paths)?
        .into_iter()
        .map(|path| agent_file::read(&path).map(|bytes| Submitted { path, bytes }))
        .collect()
}

/// Those of `tasks` that the submissions answer. One Python file answers many tasks; a bundle is made
/// for one, so that it has to be said where there are several.
fn fitting(tasks: Vec<Arc<Task>>, read: &[Submitted], are_named: bool) -> anyhow::Result<Vec<Arc<Task>>> {
    let bundles = read.iter().filter(|read| read.is_bundle()).count();
    if bundles != 0 && bundles != read.len() {
        bail!("Python files and bundles answer different tasks; score them one after the other");
    }
    let takes_them = |task: &Arc<Task>| task.kind.bundle().is_some() == (bundles > 0);
    let (fitting, others): (Vec<_>, Vec<_>) = tasks.into_iter().partition(takes_them);
    match others.first().filter(|_| are_named || fitting.is_empty()) {
        Some(task) if bundles > 0 => bail!("the task `{}` takes one Python file, not a bundle", task.id),
        Some(task) => bail!("the task `{}` takes a bundle, not one Python file", task.id),
        None => {}
    }
    if bundles > 0 && fitting.len() > 1 {
        let known: Vec<_> = fitting.iter().map(|task| task.id.as_str()).collect();
        bail!("a bundle is made for one task; say with `--task` which of {}", known.join(", "));
    }
    Ok(fitting)
}

/// Puts every submission through the gate.
fn gate(read: Vec<Submitted>, tasks: &[Arc<Task>]) -> anyhow::Result<(Vec<Arc<Agent>>, Vec<Refused>)> {
    let policy = Policy::standard();
    let rules = tasks.first().and_then(|task| task.kind.bundle());
    let policy = match tasks.first() {
        Some(task) if rules.is_some() => Arc::new(running::task_policy(task, &policy)?),
        Some(_) | None => policy,
    };
    let (mut agents, mut refused, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for Submitted { path, bytes } in read {
        let miner_id = name(&path, &mut taken)?;
        let admitted = match &rules {
            None => Agent::admit(miner_id.clone(), &bytes, &policy),
            Some(rules) => Agent::admit_bundle(miner_id.clone(), &bytes, rules, &policy),
        };
        match admitted {
            Ok(agent) => agents.push(Arc::new(agent)),
            Err(report) => {
                refused.push(Refused { miner_id, sha256: report.sha256, findings: report.findings });
            }
        }
    }
    Ok((agents, refused))
}

/// Files as given; of a folder its `*.py` files and the `agent.py` of each folder in it, sorted.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let meta = fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        if !meta.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path).with_context(|| format!("cannot list `{}`", path.display()))? {
            let entry = entry.with_context(|| format!("cannot list `{}`", path.display()))?.path();
            let inner = entry.join("agent.py");
            if entry.is_file() && entry.extension().is_some_and(|extension| extension == "py") {
                found.push(entry);
            } else if inner.is_file() {
                found.push(inner);
            }
        }
        if found.is_empty() {
            bail!(
                "`{}` holds no agent: neither a `*.py` file nor a folder with an `agent.py`",
                path.display()
            );
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

/// A name for the agent in `path`, different from those that were taken before.
fn name(path: &Path, taken: &mut BTreeSet<String>) -> anyhow::Result<MinerId> {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let own = stem(path).with_context(|| format!("`{}` has no file name", path.display()))?;
    let folder = path.parent().and_then(stem);
    let wanted = match folder {
        Some(folder) if own == "agent" => folder,
        Some(_) | None => own,
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let mapped: String = wanted.chars().map(plain).take(56).collect();
    let base = match mapped.trim_start_matches(['_', '-']) {
        "" => "agent",
        rest => rest,
    };
    let mut candidate = base.to_owned();
    let mut count = 1;
    while !taken.insert(candidate.clone()) {
        count += 1;
        candidate = format!("{base}-{count}");
    }
    Ok(MinerId::parse(candidate)?)
}
