//! `portcullis score`: gate, run, compare and rank local files, without a server.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::running::{self, RunOptions};
use super::{Exit, Terminal, agent_file, block_on};
use crate::lint::Policy;
use crate::model::{self, MinerId};
use crate::report::{self, Refused};
use crate::sandbox::RunId;
use crate::task;
use crate::validator::{Agent, Outcome, Plan};

/// Gate, run, compare and rank local agents, without a server.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis score agent.py
  portcullis score agents/ --task reverse_string
  portcullis score one.py two.py --format json > ranking.json
  portcullis score agent.py --seed 7

Each agent is called after its file, or after its folder where the file is `agent.py`. Ties rank in
the order of the command line. Exit status: 0 when every agent scored 100, 1 when one did not or
was refused, 2 when we failed.")]
pub(crate) struct ScoreArguments {
    /// Agents: Python files, or folders that hold some.
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
        let tasks = self.options.tasks.load()?;
        let (agents, refused) = gate(&self.agents)?;
        for agent in &refused {
            terminal.say(format!("{}: refused by the gate", agent.miner_id));
        }
        let seed = self.seed.unwrap_or_else(task::random_seed);
        if tasks.iter().any(|task| task.generator.is_some()) {
            terminal.say(format!("seed: {seed}"));
        }
        let cancel = running::stop_on_signal(terminal)?;
        let (outcome, sandbox) = if agents.is_empty() {
            (Outcome::default(), None)
        } else {
            let chosen = self.options.choose_sandbox(terminal).await?;
            let plan = Plan {
                run: RunId::generate(),
                agents,
                tasks,
                backend: Arc::clone(&chosen.backend),
                jobs: self.options.sandbox.jobs(),
                repeat: self.options.repeat,
                seed,
                at_least: self.at_least,
                cancel,
            };
            (running::watch(terminal, plan, self.options.format).await, Some(chosen.capabilities))
        };
        let summary = report::summarise(outcome, refused, self.options.terms(sandbox));
        running::print(terminal, &summary, self.options.format)?;
        if summary.partial {
            bail!("stopped before the end; what is shown is partial");
        }
        if let Some(fault) = summary.faults.first() {
            bail!(
                "{} of {} could not be judged because of a failure of ours: {}",
                fault.task,
                fault.miner_id,
                fault.message
            );
        }
        Ok(if summary.is_flawless() { Exit::Good } else { Exit::SubjectFailed })
    }
}

/// Reads every agent and puts it through the gate.
fn gate(paths: &[PathBuf]) -> anyhow::Result<(Vec<Arc<Agent>>, Vec<Refused>)> {
    let policy = Policy::standard();
    let (mut agents, mut refused, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for path in files(paths)? {
        let miner_id = name(&path, &mut taken)?;
        match Agent::admit(miner_id.clone(), &agent_file::read(&path)?, &policy) {
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
