//! What `score`, `validate` and `demo` share: their options, the choice of the sandbox, and a run
//! that is watched and can be stopped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::Terminal;
use super::machines::MachineOptions;
use crate::judge::Scheme;
use crate::lint::Policy;
use crate::model::{IsolationLevel, RawAmount, Score, Slug};
use crate::report::{self, Display, Summary, Terms};
use crate::sandbox::{self, Backend, Capabilities, Chosen};
use crate::task::{self, Task};
use crate::validator::{self, Events, Journal, Outcome, Plan};

/// How long a sandbox that is tried out may still take when we are told to stop.
const TRYING_OUT: Duration = Duration::from_millis(1500);

/// Where programs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum SandboxChoice {
    /// Docker where an engine answers and the image can be had, else namespaces.
    #[default]
    Auto,
    /// A container for each agent and task, through a Docker engine.
    Docker,
    /// Linux namespaces, without an engine.
    Namespaces,
    /// A virtual machine for each agent and task; needs `portcullis image build` once.
    Microvm,
}

/// How long one sandbox serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum IsolationChoice {
    /// All cases of one agent and one task, each with a fresh interpreter; cleaned in between.
    #[default]
    Agent,
    /// One case. Much slower; nothing at all is shared between cases.
    Case,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct SandboxOptions {
    /// Where programs run. An explicit choice never becomes a weaker one.
    #[arg(long, value_enum, default_value_t, value_name = "BACKEND", help_heading = "Sandbox")]
    sandbox: SandboxChoice,

    /// Container image with a `python3`.
    #[arg(long, value_name = "IMAGE", help_heading = "Sandbox", env = "PORTCULLIS_IMAGE")]
    image: Option<String>,

    /// Docker engine to use (`unix:///…`, `tcp://…`). `DOCKER_HOST`, then the default socket.
    #[arg(long, value_name = "URL", help_heading = "Sandbox", env = "PORTCULLIS_ENGINE")]
    engine: Option<String>,

    /// Container runtime that the engine knows, such as `runsc` or `kata`. The engine's default.
    #[arg(long, value_name = "NAME", help_heading = "Sandbox", env = "PORTCULLIS_RUNTIME")]
    runtime: Option<String>,

    /// How long one sandbox serves.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "SCOPE",
        help_heading = "Sandbox",
        env = "PORTCULLIS_ISOLATION"
    )]
    isolation: IsolationChoice,

    #[command(flatten)]
    machines: MachineOptions,

    /// Programs that run at the same time. As many as there are cores by default.
    #[arg(long, short, value_name = "N", help_heading = "Sandbox",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct TaskOptions {
    /// Folder of task packages. The built-in tasks by default.
    #[arg(long, value_name = "DIR", help_heading = "Tasks", env = "PORTCULLIS_TASKS")]
    tasks: Option<PathBuf>,

    /// Only this task; may be given more than once.
    #[arg(long = "task", value_name = "ID", help_heading = "Tasks")]
    only: Vec<Slug>,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct RewardOptions {
    /// What is shared among the agents; at most six decimals.
    #[arg(long, value_name = "AMOUNT", default_value = "50", value_parser = parse_amount,
          help_heading = "Rewards", env = "PORTCULLIS_POOL")]
    pub(super) pool: RawAmount,

    /// The name of the pool's unit.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "TAO",
        help_heading = "Rewards",
        env = "PORTCULLIS_UNIT"
    )]
    pub(super) unit: String,

    /// How the pool is shared: `proportional` to the scores, `winner-takes-all`, `top-k:K` (in
    /// proportion among the first K), `linear-rank` (by place). When nobody scored it is burned.
    #[arg(
        long,
        value_name = "SCHEME",
        default_value_t,
        help_heading = "Rewards",
        env = "PORTCULLIS_REWARDS"
    )]
    pub(super) rewards: Scheme,
}

/// What a command takes that runs agents and ranks them.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RunOptions {
    #[command(flatten)]
    pub(super) tasks: TaskOptions,

    #[command(flatten)]
    pub(super) sandbox: SandboxOptions,

    /// Run even where the sandbox cannot keep every promise. The results say so.
    #[arg(long, help_heading = "Sandbox")]
    allow_weak: bool,

    #[command(flatten)]
    rewards: RewardOptions,

    /// Run each case so many times. The worst verdict counts; a case whose verdict changes is flaky.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) repeat: u32,

    /// Write each case down in this file when it is finished, and take from it what an earlier run
    /// finished before it was killed. Remove it to measure anew. Generated cases are others unless
    /// the seed is the same.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_JOURNAL")]
    journal: Option<PathBuf>,

    /// What to print.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) format: ReportFormat,
}

impl RunOptions {
    /// As [`Self::choose_sandbox`] where something is to be run; otherwise a sandbox that runs nothing,
    /// and no word about it.
    pub(super) async fn choose_sandbox_if(
        &self,
        is_needed: bool,
        terminal: &Terminal,
        cancel: &CancellationToken,
    ) -> anyhow::Result<(Arc<dyn Backend>, Option<Capabilities>)> {
        if !is_needed {
            return Ok((Arc::new(sandbox::Refusing), None));
        }
        let chosen = self.choose_sandbox(terminal, cancel).await?;
        Ok((chosen.backend, Some(chosen.capabilities)))
    }

    /// The journal that was asked for, of runs in `sandbox`.
    pub(super) fn open_journal(
        &self,
        terminal: &Terminal,
        sandbox: Option<&Capabilities>,
    ) -> anyhow::Result<Option<Arc<Journal>>> {
        let Some(path) = &self.journal else { return Ok(None) };
        let journal = Journal::open(path, sandbox.map_or("none", |sandbox| &sandbox.backend))?;
        if journal.known() > 0 {
            terminal.say(format!(
                "journal: {} finished runs of cases in `{}`",
                journal.known(),
                path.display()
            ));
        }
        Ok(Some(Arc::new(journal)))
    }

    /// As [`SandboxOptions::choose`]; refuses a sandbox that guarantees less than it should, unless
    /// that was asked for.
    pub(super) async fn choose_sandbox(
        &self,
        terminal: &Terminal,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Chosen> {
        let chosen = self.sandbox.choose(terminal, cancel).await?;
        require_full_isolation(&chosen, self.allow_weak)?;
        Ok(chosen)
    }

    pub(super) fn terms(&self, sandbox: Option<Capabilities>) -> Terms {
        let RewardOptions { pool, unit, rewards } = self.rewards.clone();
        Terms { pool, unit, scheme: rewards, repeat: self.repeat, sandbox, allow_weak: self.allow_weak }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum ReportFormat {
    /// Tables for people.
    #[default]
    Table,
    /// One JSON object.
    Json,
    /// Every event as a line of JSON while it happens, and the object of `json` as the last line.
    Jsonl,
}

fn parse_amount(text: &str) -> Result<RawAmount, String> {
    parse_decimal(text, 6).map(RawAmount::from_millionths).ok_or_else(|| {
        format!("`{text}` is not an amount; write digits with at most six decimals, such as 12.5")
    })
}

pub(super) fn parse_score(text: &str) -> Result<Score, String> {
    parse_decimal(text, 2)
        .and_then(|hundredths| Score::from_hundredths(u32::try_from(hundredths).ok()?))
        .ok_or_else(|| format!("`{text}` is not a score; write 0 to 100 with at most two decimals"))
}

/// `12.5` with two places is 1250. Exact, or nothing.
fn parse_decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, rest) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_plain(whole) || !is_plain(rest) || rest.len() > places {
        return None;
    }
    format!("{whole}{rest:0<places$}").parse().ok()
}

impl TaskOptions {
    /// Whether tasks were named one by one.
    pub(super) fn are_named(&self) -> bool {
        !self.only.is_empty()
    }

    /// The tasks that were asked for, in order of their names.
    pub(super) fn load(&self) -> anyhow::Result<Vec<Arc<Task>>> {
        let mut tasks = match &self.tasks {
            Some(folder) => task::load_dir(folder)?,
            None => [task::builtin()?, task::builtin_bundles()?].concat(),
        };
        for wanted in &self.only {
            if !tasks.iter().any(|task| task.id == *wanted) {
                let known: Vec<_> = tasks.iter().map(|task| task.id.as_str()).collect();
                bail!("there is no task `{wanted}`; there are {}", known.join(", "));
            }
        }
        if !self.only.is_empty() {
            tasks.retain(|task| self.only.contains(&task.id));
        }
        Ok(tasks.into_iter().map(Arc::new).collect())
    }
}

impl SandboxOptions {
    pub(super) fn jobs(&self) -> usize {
        match self.jobs {
            Some(jobs) => usize::from(jobs),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// As [`Self::choose`] where something is to be run; otherwise a sandbox that runs nothing, and no
    /// word about it.
    pub(super) async fn choose_if(
        &self,
        is_needed: bool,
        terminal: &Terminal,
        cancel: &CancellationToken,
    ) -> anyhow::Result<(Arc<dyn Backend>, Option<Capabilities>)> {
        if is_needed {
            let chosen = self.choose(terminal, cancel).await?;
            Ok((chosen.backend, Some(chosen.capabilities)))
        } else {
            Ok((Arc::new(sandbox::Refusing), None))
        }
    }

    /// Chooses and probes the sandbox, says on stderr which one it is and why, and clears away
    /// what a killed run of ours left behind. When `cancel` says so it fails soon: what is tried out gets
    /// a moment to be cleared away in order.
    pub(super) async fn choose(
        &self,
        terminal: &Terminal,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Chosen> {
        let choosing = self.choose_and_sweep(terminal);
        tokio::pin!(choosing);
        tokio::select! {
            chosen = &mut choosing => return chosen,
            () = cancel.cancelled() => {}
        }
        match tokio::time::timeout(TRYING_OUT, choosing).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => bail!("stopped before anything was run"),
        }
    }

    async fn choose_and_sweep(&self, terminal: &Terminal) -> anyhow::Result<Chosen> {
        let choice = match self.sandbox {
            SandboxChoice::Auto => sandbox::Choice::Auto,
            SandboxChoice::Docker => sandbox::Choice::Docker,
            SandboxChoice::Namespaces => sandbox::Choice::Namespaces,
            SandboxChoice::Microvm => sandbox::Choice::MicroVm,
        };
        let mut settings = sandbox::Settings {
            engine: self.engine.clone(),
            runtime: self.runtime.clone(),
            reuse: match self.isolation {
                IsolationChoice::Agent => sandbox::Reuse::Agent,
                IsolationChoice::Case => sandbox::Reuse::Case,
            },
            ..sandbox::Settings::default()
        };
        if let Some(image) = &self.image {
            settings.image.clone_from(image);
        }
        settings.microvm = self.machines.settings();
        let say = |line: &str| terminal.say(line);
        let chosen = sandbox::choose(choice, &settings, &say).await?;
        terminal.say(format!("sandbox: {}", chosen.reason));
        for weakness in &chosen.capabilities.weaknesses {
            terminal.warn(format!("reduced isolation: {weakness}"));
        }
        let swept = chosen.backend.sweep().await?;
        if !swept.removed.is_empty() {
            terminal.say(format!("removed what an earlier run left behind: {}", counted(&swept.removed)));
        }
        for left in &swept.left {
            terminal.warn(format!("an earlier run left something behind: {left}"));
        }
        Ok(chosen)
    }
}

/// How many there are of each kind, which is the first word: `9 cgroups, 1 folder`.
fn counted(removed: &[String]) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for one in removed {
        *kinds.entry(one.split(' ').next().unwrap_or(one)).or_default() += 1;
    }
    let shown =
        kinds.iter().map(|(kind, count)| format!("{count} {kind}{}", if *count == 1 { "" } else { "s" }));
    shown.collect::<Vec<_>>().join(", ")
}

/// What is left, each `name: cause`, with the cause of the first: an engine that is away has one for all.
fn named_once(left: &[String]) -> String {
    let parts = left.iter().map(|one| one.split_once(": ").unwrap_or((one, "")));
    let (names, causes): (Vec<&str>, Vec<&str>) = parts.unzip();
    match causes.first().filter(|cause| !cause.is_empty()) {
        Some(cause) => format!("{} ({cause})", names.join(", ")),
        None => names.join(", "),
    }
}

/// Refuses a sandbox that guarantees less than it should, unless that was asked for.
fn require_full_isolation(chosen: &Chosen, allow_weak: bool) -> anyhow::Result<()> {
    match chosen.capabilities.isolation {
        IsolationLevel::Full => Ok(()),
        IsolationLevel::Reduced if allow_weak => Ok(()),
        IsolationLevel::Reduced => bail!(
            "the sandbox `{}` cannot keep every promise here ({}); use another one, or accept it with --allow-weak",
            chosen.capabilities.backend,
            chosen.capabilities.weaknesses.join("; ")
        ),
    }
}

/// A token that Ctrl-C, SIGTERM or a terminal that is closed cancels. A second one ends the process at
/// once.
pub(super) fn stop_on_signal(terminal: &Terminal) -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    // Who starts us with `nohup` wants us to go on.
    let mut hangup = match ignores_hangup() {
        true => None,
        false => Some(signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?),
    };
    let cancel = CancellationToken::new();
    let (token, terminal) = (cancel.clone(), *terminal);
    tokio::spawn(async move {
        let closed = async {
            match &mut hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {}, () = closed => {} }
        terminal
            .say("stopping: running programs are killed, their sandboxes removed; once more to stop at once");
        token.cancel();
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        std::process::exit(130);
    });
    Ok(cancel)
}

/// Whether SIGHUP was set to be ignored before we started.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Runs `plan` while showing what happens: as data where the format says so, else as talk.
pub(super) async fn watch(
    terminal: &Terminal,
    plan: Plan,
    journal: Option<Arc<Journal>>,
    format: ReportFormat,
) -> Outcome {
    let (events, stream) = Events::channel();
    let say = |line: &str| terminal.say(line);
    // A reader of the lines that went away is found out when the summary is printed.
    let data = |line: &str| drop(terminal.data(line));
    let display = match format {
        ReportFormat::Jsonl => Display::JsonLines(&data),
        ReportFormat::Table | ReportFormat::Json if terminal.is_watched() => Display::Bar,
        ReportFormat::Table | ReportFormat::Json => Display::Lines(&say),
    };
    let run = validator::resume(plan, journal.clone(), events);
    let (outcome, ()) = tokio::join!(run, report::follow(stream, display));
    if let Some(failure) = journal.and_then(|journal| journal.failure()) {
        terminal.warn(format!("the journal could not be written, so it does not hold everything: {failure}"));
    }
    outcome
}

/// Prints a summary as data, and what went wrong on our side as talk.
pub(super) fn print(terminal: &Terminal, summary: &Summary, format: ReportFormat) -> anyhow::Result<()> {
    if !summary.left_behind.is_empty() {
        terminal.warn(format!(
            "could not clear away: {}; the next start tries again",
            named_once(&summary.left_behind)
        ));
    }
    match format {
        ReportFormat::Table => terminal.data(report::table(summary)),
        ReportFormat::Json => terminal.data(report::json(summary)),
        ReportFormat::Jsonl => terminal.data(report::json_line(summary)),
    }
}

/// `policy` with what `task` lets its submissions import beyond it.
pub(super) fn task_policy(task: &Task, policy: &Policy) -> anyhow::Result<Policy> {
    match &task.kind {
        task::Kind::Metric(metric) => Ok(policy.allowing(metric.modules())?),
        task::Kind::Program | task::Kind::Function(_) | task::Kind::Solution(_) | task::Kind::Artifact(_) => {
            Ok(policy.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, named_once, parse_amount, parse_score};

    #[test]
    fn what_is_left_is_named_with_one_cause() {
        let left = ["container a: it is away: for good", "container b: it is away"].map(str::to_owned);
        assert_eq!(named_once(&left), "container a, container b (it is away: for good)");
        assert_eq!(named_once(&["x".to_owned()]), "x");
    }

    #[test]
    fn what_was_removed_is_counted_by_kind() {
        let removed = ["cgroup /a", "folder /tmp/b", "cgroup /c", "machine monitor 7"].map(str::to_owned);
        assert_eq!(counted(&removed), "2 cgroups, 1 folder, 1 machine");
    }

    #[test]
    fn an_amount_is_read_exactly() {
        assert_eq!(parse_amount("50").map(|amount| amount.millionths()), Ok(50_000_000));
        assert_eq!(parse_amount("0.000001").map(|amount| amount.millionths()), Ok(1));
        for wrong in ["", "-1", "1e3", ".5", "5.", "1.0000001", "NaN", "99999999999999999999"] {
            assert!(parse_amount(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_score_is_read_exactly() {
        assert_eq!(parse_score("66.66").map(|score| score.hundredths()), Ok(6666));
        assert_eq!(parse_score("100").map(|score| score.hundredths()), Ok(10_000));
        for wrong in ["100.01", "-1", "1.001", "", "NaN"] {
            assert!(parse_score(wrong).is_err(), "{wrong}");
        }
    }
}
