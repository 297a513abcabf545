//! `portcullis demo`: the whole chain in one command, on this machine, leaving nothing behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use tokio_util::sync::CancellationToken;

use super::running::{self, ReportFormat, SandboxOptions};
use super::validate::Worker;
use super::{Exit, Terminal, block_on};
use crate::client::Client;
use crate::config::Secret;
use crate::diagnostic::text;
use crate::judge::Scheme;
use crate::lint::Policy;
use crate::model::{MinerId, RawAmount, Score, Slug};
use crate::report::{self, Terms};
use crate::server::{self, Settings};
use crate::task::{self, Task};
use crate::validator::Outcome;

/// Show the whole chain: a platform, three agents, a sandbox, a ranking.
///
/// Starts a platform on a free loopback port with a temporary data folder, uploads a good, a wrong
/// and a hostile agent, runs what the gate lets in, prints the ranking, and removes everything.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 only if all of that really happened.")]
pub(crate) struct DemoArguments {
    #[command(flatten)]
    sandbox: SandboxOptions,
}

const TASK: &str = "reverse_string";
const POOL: RawAmount = RawAmount::from_millionths(50_000_000);

struct Sample {
    name: &'static str,
    about: &'static str,
    source: &'static str,
    is_hostile: bool,
}

const SAMPLES: &[Sample] = &[
    Sample {
        name: "good",
        about: "solves the task",
        source: include_str!("../../fixtures/agents/demo/good.py"),
        is_hostile: false,
    },
    Sample {
        name: "wrong",
        about: "runs, but its answers are wrong",
        source: include_str!("../../fixtures/agents/demo/wrong.py"),
        is_hostile: false,
    },
    Sample {
        name: "hostile",
        about: "hides what it calls behind other names",
        source: include_str!("../../fixtures/agents/demo/hostile.py"),
        is_hostile: true,
    },
];

impl DemoArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        block_on(self.demo(terminal))
    }

    async fn demo(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let cancel = running::stop_on_signal(terminal)?;
        let folder = tempfile::Builder::new()
            .prefix("portcullis-demo-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let path = folder.path().to_owned();

        let only = Slug::parse(TASK)?;
        let mut tasks = task::builtin()?;
        tasks.retain(|task| task.id == only);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut settings = Settings::new(listen, path.clone(), tasks.clone());
        settings.pool = POOL;
        let platform = server::bind(settings).await?;
        let (url, token) = (platform.url(), platform.token().clone());
        terminal.say(format!("platform: {url}, task `{TASK}`, data in {}", path.display()));

        let stop = CancellationToken::new();
        let serving = tokio::spawn(platform.serve_until(stop.clone().cancelled_owned()));
        let shown = self.show(terminal, &url, token, tasks, cancel).await;
        // Whatever happened, everything is shut down and removed first and judged afterwards.
        stop.cancel();
        let served = serving.await.context("the platform broke off")?;
        let removed = folder.close();
        shown?;
        served?;
        removed.with_context(|| format!("cannot remove `{}`", path.display()))?;
        ensure!(!path.exists(), "`{}` is still there", path.display());
        terminal.say("shut down; nothing is left behind");
        Ok(Exit::Good)
    }

    async fn show(
        &self,
        terminal: &Terminal,
        url: &str,
        token: Secret,
        tasks: Vec<Task>,
        cancel: CancellationToken,
    ) -> anyhow::Result<()> {
        let client = Client::new(url)?.with_token(&token);
        for sample in SAMPLES {
            upload(terminal, &client, sample).await?;
        }

        let chosen = self.sandbox.choose(terminal, &cancel).await?;
        let worker = Worker {
            client,
            name: MinerId::parse("demo")?,
            tasks: tasks.into_iter().map(Arc::new).collect(),
            chosen,
            journal: None,
            jobs: self.sandbox.jobs(),
            repeat: 1,
            policy: Policy::standard(),
            cancel,
            terminal: *terminal,
            format: ReportFormat::Table,
        };
        let mut total = Outcome::default();
        while worker.work_once(&mut total).await? {
            if worker.cancel.is_cancelled() {
                bail!("stopped before the end");
            }
        }
        let swept = worker.chosen.backend.sweep().await?;
        // It shows the chain to everybody; the sandbox has warned where it is weaker here.
        let terms = Terms {
            pool: POOL,
            unit: "TAO".to_owned(),
            scheme: Scheme::default(),
            repeat: worker.repeat,
            sandbox: Some(worker.chosen.capabilities),
            allow_weak: true,
        };
        let summary = report::summarise(total, Vec::new(), terms);
        running::print(terminal, &summary, ReportFormat::Table)?;

        ensure!(summary.left_behind.is_empty() && swept.left.is_empty(), "a sandbox was left behind");
        let best = summary.rankings.first();
        let is_good = best.is_some_and(|(ranked, reward)| {
            ranked.miner_id.as_str() == "good" && ranked.score == Score::FULL && *reward == POOL
        });
        ensure!(is_good && summary.rankings.len() == 2, "the ranking is not what it should be");
        let board = worker.client.leaderboard().await?;
        let agrees = board
            .rankings
            .first()
            .is_some_and(|standing| standing.miner_id.as_str() == "good" && standing.score == Score::FULL);
        ensure!(agrees, "the platform's leaderboard does not agree with the ranking");
        Ok(())
    }
}

/// Uploads one sample and shows what the gate said of it.
async fn upload(terminal: &Terminal, client: &Client, sample: &Sample) -> anyhow::Result<()> {
    terminal.say(format!("\nupload: {} ({})", sample.name, sample.about));
    match client.upload(sample.name, sample.source.as_bytes().to_vec()).await {
        Ok(uploaded) if !sample.is_hostile => {
            terminal.say(format!("accepted as submission {}", uploaded.submission_id));
            Ok(())
        }
        Ok(_) => bail!("the gate let the agent `{}` in", sample.name),
        Err(error) => match error.findings() {
            Some(findings) if sample.is_hostile && !findings.is_empty() => {
                let name = format!("{}.py", sample.name);
                terminal.say(text::render(&name, Some(sample.source), findings, true).trim_end());
                terminal.say("refused by the gate; nothing was stored");
                Ok(())
            }
            Some(_) | None => {
                Err(error).with_context(|| format!("the agent `{}` was not taken", sample.name))
            }
        },
    }
}
