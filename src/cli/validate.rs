//! `portcullis validate`: claims work from a platform, scores it, reports it, prints rankings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::running::{self, ReportFormat, RunOptions};
use super::{Exit, Terminal, block_on};
use crate::api::{Assignment, ReleaseRequest, ResultRequest, TaskReference};
use crate::client::Client;
use crate::config::Secret;
use crate::lint::Policy;
use crate::model::{Digest, MinerId};
use crate::report;
use crate::sandbox::{Chosen, RunId};
use crate::task::Task;
use crate::validator::{Agent, Outcome, Plan};

/// Claim work from a platform, score it, report it, and print rankings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis validate --platform http://127.0.0.1:8080 --token-file portcullis-data/validator.token --once
  portcullis validate --platform https://portcullis.example --token-file token --name validator-7

The platform writes the token into its data folder when it first starts. Expected outputs never
travel: the validator needs the same task packages as the platform, and gives work back whose tasks
it does not have. Ctrl-C gives back what is not finished.")]
pub(crate) struct ValidateArguments {
    /// The platform's address.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_PLATFORM")]
    platform: String,

    /// File with the platform's validator token.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_TOKEN_FILE")]
    token_file: PathBuf,

    /// This validator's name; the same name never scores a submission twice.
    #[arg(long, value_name = "NAME", default_value = "validator", env = "PORTCULLIS_VALIDATOR")]
    name: MinerId,

    /// Stop when the platform has no more work, and print the ranking of what was scored.
    #[arg(long)]
    once: bool,

    /// Seconds between two questions when there is no work.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3600))]
    poll: u16,

    /// Score even where the sandbox cannot keep every promise. The results say so.
    #[arg(long)]
    allow_weak: bool,

    #[command(flatten)]
    options: RunOptions,
}

impl ValidateArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        block_on(self.validate(terminal))
    }

    async fn validate(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let tasks = self.options.tasks.load()?;
        let client = Client::new(&self.platform)?.with_token(&Secret::read(&self.token_file)?);
        let chosen = self.options.sandbox.choose(terminal).await?;
        running::require_full_isolation(&chosen, self.allow_weak)?;
        let worker = Worker {
            client,
            name: self.name,
            tasks,
            chosen,
            jobs: self.options.sandbox.jobs(),
            policy: Policy::standard(),
            cancel: running::stop_on_signal(terminal)?,
            terminal: *terminal,
            format: self.options.format,
        };
        let mut total = Outcome::default();
        let mut idle = Idle::default();
        while !worker.cancel.is_cancelled() {
            match worker.work_once(&mut total).await {
                Ok(true) => idle = Idle::default(),
                Ok(false) if self.once => break,
                Ok(false) => idle.wait(terminal, "no work", self.poll, &worker.cancel).await,
                // With --once somebody waits for the answer; otherwise the platform may come back.
                Err(error) if self.once => return Err(error),
                Err(error) => idle.wait(terminal, &format!("{error:#}"), self.poll, &worker.cancel).await,
            }
        }
        let capabilities = Some(worker.chosen.capabilities);
        let summary = report::summarise(
            total,
            Vec::new(),
            self.options.rewards.pool,
            &self.options.rewards.unit,
            capabilities,
        );
        running::print(terminal, &summary, self.options.format)?;
        if let Some(fault) = summary.faults.first() {
            bail!("{} of {} could not be judged: {}", fault.task, fault.miner_id, fault.message);
        }
        Ok(Exit::Good)
    }
}

/// Says once why nothing happens, then waits in silence.
#[derive(Debug, Default)]
struct Idle {
    said: Option<String>,
}

impl Idle {
    async fn wait(&mut self, terminal: &Terminal, why: &str, seconds: u16, cancel: &CancellationToken) {
        if self.said.as_deref() != Some(why) {
            terminal.say(format!("{why}; asking again every {seconds} s"));
            self.said = Some(why.to_owned());
        }
        let _ = cancel.run_until_cancelled(tokio::time::sleep(Duration::from_secs(seconds.into()))).await;
    }
}

/// What one validator works with.
pub(super) struct Worker {
    pub(super) client: Client,
    pub(super) name: MinerId,
    pub(super) tasks: Vec<Arc<Task>>,
    pub(super) chosen: Chosen,
    pub(super) jobs: usize,
    pub(super) policy: Arc<Policy>,
    pub(super) cancel: CancellationToken,
    pub(super) terminal: Terminal,
    pub(super) format: ReportFormat,
}

impl Worker {
    /// Claims one submission and sees it through. `false` when there was none.
    pub(super) async fn work_once(&self, total: &mut Outcome) -> anyhow::Result<bool> {
        let Some(assignment) = self.client.claim(&self.name).await? else { return Ok(false) };
        match self.see_through(&assignment, total).await {
            Ok(()) => Ok(true),
            Err(Unfinished { reason, fault }) => {
                self.terminal.warn(format!("{}: given back: {reason}", assignment.miner_id));
                let release = ReleaseRequest { validator: self.name.clone(), reason, fault };
                self.client.release(assignment.assignment_id, &release).await.with_context(|| {
                    format!("cannot give back the submission of `{}`", assignment.miner_id)
                })?;
                Ok(true)
            }
        }
    }

    async fn see_through(&self, assignment: &Assignment, total: &mut Outcome) -> Result<(), Unfinished> {
        let tasks = self.tasks_of(assignment)?;
        let agent = self.admit(assignment)?;
        let cancel = self.cancel.child_token();
        let plan = Plan {
            run: RunId::generate(),
            agents: vec![Arc::new(agent)],
            tasks,
            backend: Arc::clone(&self.chosen.backend),
            jobs: self.jobs,
            at_least: None,
            cancel: cancel.clone(),
        };
        let run = running::watch(&self.terminal, plan, self.format);
        tokio::pin!(run);
        let outcome = tokio::select! {
            outcome = &mut run => outcome,
            lost = self.keep_lease(assignment) => {
                // Somebody else has the work now; what runs here is for nothing.
                cancel.cancel();
                total.left_behind.extend(run.await.left_behind);
                return Err(Unfinished::fault(format!("the lease was lost: {lost:#}")));
            }
        };
        total.left_behind.extend(outcome.left_behind);
        if outcome.partial {
            total.partial = true;
            return Err(Unfinished { reason: "the validator was stopped".to_owned(), fault: false });
        }
        if let Some(fault) = outcome.faults.first() {
            let reason = fault.message.clone();
            total.faults.extend(outcome.faults);
            return Err(Unfinished::fault(reason));
        }
        let result = ResultRequest {
            validator: self.name.clone(),
            backend: self.chosen.capabilities.backend.clone(),
            isolation: self.chosen.capabilities.isolation,
            tasks: outcome.judged.iter().flat_map(|judged| judged.tasks.clone()).collect(),
        };
        self.report(assignment, &result).await.map_err(|error| Unfinished::fault(format!("{error:#}")))?;
        total.judged.extend(outcome.judged);
        Ok(())
    }

    /// The packages of the assignment's tasks, which must be the platform's to the byte.
    fn tasks_of(&self, assignment: &Assignment) -> Result<Vec<Arc<Task>>, Unfinished> {
        let find = |wanted: &TaskReference| {
            let mine = self.tasks.iter().find(|task| task.id == wanted.id);
            match mine {
                Some(task) if task.digest == wanted.digest => Ok(Arc::clone(task)),
                Some(_) => Err(Unfinished::fault(format!(
                    "this validator's task `{}` is another version",
                    wanted.id
                ))),
                None => Err(Unfinished::fault(format!("this validator has no task `{}`", wanted.id))),
            }
        };
        assignment.tasks.iter().map(find).collect()
    }

    fn admit(&self, assignment: &Assignment) -> Result<Agent, Unfinished> {
        let bytes = assignment.source.as_bytes();
        if Digest::of(bytes) != assignment.source_sha256 {
            return Err(Unfinished::fault("the source does not match its digest".to_owned()));
        }
        match Agent::admit(assignment.miner_id.clone(), bytes, &self.policy) {
            Ok(agent) => Ok(agent.submitted_as(assignment.sha256)),
            Err(report) => {
                let first = report.findings.first().map_or("it was refused", |finding| &finding.message);
                Err(Unfinished::fault(format!("this validator's gate refuses the source: {first}")))
            }
        }
    }

    /// Sends heartbeats; returns only when the lease is gone.
    async fn keep_lease(&self, assignment: &Assignment) -> anyhow::Error {
        let every = Duration::from_millis(assignment.heartbeat_ms.max(100));
        loop {
            tokio::time::sleep(every).await;
            match self.client.heartbeat(assignment.assignment_id, &self.name).await {
                Ok(_) => {}
                Err(error) if error.is_temporary() => tracing::warn!(%error, "heartbeat failed"),
                Err(error) => return error.into(),
            }
        }
    }

    /// Posts the result, again where the platform was away for a moment: posting is idempotent.
    async fn report(&self, assignment: &Assignment, result: &ResultRequest) -> anyhow::Result<()> {
        let mut pause = Duration::from_millis(250);
        loop {
            match self.client.submit_result(assignment.assignment_id, result).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_temporary() && pause < Duration::from_secs(16) => {
                    self.terminal.warn(format!("cannot report, trying again: {error}"));
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Why an assignment goes back to the platform.
struct Unfinished {
    reason: String,
    fault: bool,
}

impl Unfinished {
    fn fault(reason: String) -> Self {
        Self { reason, fault: true }
    }
}
