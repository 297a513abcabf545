//! `portcullis validate`: claims work from a platform, scores it, reports it, prints rankings.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::running::{self, ReportFormat, RunOptions};
use super::{Exit, Terminal, block_on};
use crate::api::{Assignment, ReleaseRequest, ResultRequest, TaskReference};
use crate::client::{Client, ClientError};
use crate::config::Secret;
use crate::lint::Policy;
use crate::model::{Digest, MinerId};
use crate::report;
use crate::sandbox::{Chosen, RunId};
use crate::task::Task;
use crate::validator::{Agent, Journal, Outcome, Plan};

/// How long a stopped validator still waits for the platform.
const STOPPING: Duration = Duration::from_millis(700);

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

    /// File with this validator's token, or the platform's where all validators share it.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_TOKEN_FILE")]
    token_file: PathBuf,

    /// This validator's name; the same name never scores a submission twice. With a token of its own
    /// it is the name that the token was made for.
    #[arg(long, value_name = "NAME", default_value = "validator", env = "PORTCULLIS_VALIDATOR")]
    name: MinerId,

    /// Stop when the platform has no more work, and print the ranking of what was scored.
    #[arg(long)]
    once: bool,

    /// Seconds between two questions when there is no work.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3600))]
    poll: u16,

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
        let cancel = running::stop_on_signal(terminal)?;
        let chosen = self.options.choose_sandbox(terminal, &cancel).await?;
        let worker = Worker {
            client,
            name: self.name,
            tasks,
            journal: self.options.open_journal(terminal, Some(&chosen.capabilities))?,
            chosen,
            jobs: self.options.sandbox.jobs(),
            repeat: self.options.repeat,
            policy: Policy::standard(),
            cancel,
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
        let summary = report::summarise(total, Vec::new(), self.options.terms(capabilities));
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
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) jobs: usize,
    pub(super) repeat: u32,
    pub(super) policy: Arc<Policy>,
    pub(super) cancel: CancellationToken,
    pub(super) terminal: Terminal,
    pub(super) format: ReportFormat,
}

impl Worker {
    /// Claims one submission and sees it through. `false` when there was none.
    ///
    /// # Errors
    /// When the sandbox does not answer: a submission that is only claimed to be given back would use up
    /// its tries. When the platform does not do its part.
    pub(super) async fn work_once(&self, total: &mut Outcome) -> anyhow::Result<bool> {
        let Some(ready) = self.until_stopped(self.chosen.backend.probe()).await else { return Ok(false) };
        ready?;
        let Some(claimed) = self.until_stopped(self.client.claim(&self.name)).await else { return Ok(false) };
        let Some(assignment) = claimed? else { return Ok(false) };
        let miner = &assignment.miner_id;
        match self.see_through(&assignment, total).await {
            Ok(()) => {}
            Err(Unfinished::Lost) => {
                self.terminal.warn(format!("{miner}: the lease was lost; somebody else has the work by now"));
            }
            Err(Unfinished::GivenBack { reason, fault }) => {
                self.terminal.warn(format!("{miner}: given back: {reason}"));
                let release = ReleaseRequest { validator: self.name.clone(), reason, fault };
                let released = self.client.release(assignment.assignment_id, &release);
                match self.until_stopped(released).await {
                    Some(Ok(())) => {}
                    // It went back by itself.
                    Some(Err(error)) if error.is_lease_ended() => {}
                    Some(Err(error)) => {
                        return Err(error)
                            .with_context(|| format!("cannot give back the submission of `{miner}`"));
                    }
                    None => self.terminal.warn(format!(
                        "{miner}: the platform did not answer; it goes back when its lease ends"
                    )),
                }
            }
        }
        Ok(true)
    }

    /// Lets `work` come to its end. When the validator is stopped it gets a moment more; `None` when
    /// that was not enough.
    async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return Some(done),
            () = self.cancel.cancelled() => {}
        }
        tokio::time::timeout(STOPPING, work).await.ok()
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
            repeat: self.repeat,
            seed: assignment.seed,
            at_least: None,
            cancel: cancel.clone(),
        };
        let run = running::watch(&self.terminal, plan, self.journal.clone(), self.format);
        tokio::pin!(run);
        let outcome = tokio::select! {
            outcome = &mut run => outcome,
            lost = self.keep_lease(assignment) => {
                // What runs here is for nothing.
                cancel.cancel();
                total.left_behind.extend(run.await.left_behind);
                return Err(lost);
            }
        };
        total.left_behind.extend(outcome.left_behind);
        for round in outcome.rounds {
            if !total.rounds.contains(&round) {
                total.rounds.push(round);
            }
        }
        if outcome.partial {
            total.partial = true;
            return Err(Unfinished::stopped());
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
        self.until_stopped(self.report(assignment, &result)).await.unwrap_or(Err(Unfinished::stopped()))?;
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
    async fn keep_lease(&self, assignment: &Assignment) -> Unfinished {
        let every = Duration::from_millis(assignment.heartbeat_ms.max(100));
        loop {
            tokio::time::sleep(every).await;
            match self.client.heartbeat(assignment.assignment_id, &self.name).await {
                Ok(_) => {}
                Err(error) if error.is_temporary() => {
                    self.terminal.warn(format!("a heartbeat did not arrive, trying again: {error}"));
                }
                Err(error) => return Unfinished::refused(&error),
            }
        }
    }

    /// Posts the result, again where the platform was away for a moment: posting is idempotent.
    async fn report(&self, assignment: &Assignment, result: &ResultRequest) -> Result<(), Unfinished> {
        let mut pause = Duration::from_millis(250);
        loop {
            match self.client.submit_result(assignment.assignment_id, result).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_temporary() && pause < Duration::from_secs(16) => {
                    self.terminal.warn(format!("cannot report, trying again: {error}"));
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(Unfinished::refused(&error)),
            }
        }
    }
}

/// Why there is no result of an assignment.
enum Unfinished {
    /// The platform has given it to somebody else: there is nothing to give back.
    Lost,
    GivenBack {
        reason: String,
        fault: bool,
    },
}

impl Unfinished {
    fn fault(reason: String) -> Self {
        Self::GivenBack { reason, fault: true }
    }

    fn stopped() -> Self {
        Self::GivenBack { reason: "the validator was stopped".to_owned(), fault: false }
    }

    /// The platform does not take what it is sent about the assignment.
    fn refused(error: &ClientError) -> Self {
        if error.is_lease_ended() { Self::Lost } else { Self::fault(error.to_string()) }
    }
}
