//! A session that stays open over the cases of one agent: drives the runner, keeps the host's own
//! clock and byte count, and replaces the sandbox when a case may have left something in it.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::wire::{self, End, Greeting, Reply};
use super::{CaseSpec, SandboxError, Session, SessionSpec, SweepReport};
use crate::model::{Capture, Ending, IsolationLevel, RunFacts, Usage};

/// After a frame is written the case's process exists at once; only a machine that stands still
/// needs longer.
const START: Duration = Duration::from_secs(20);
/// The runner's clock decides; ours decides when the runner does not.
const GRACE: Duration = Duration::from_secs(3);
/// From process 1 to its greeting. A cold disk or an emulated machine takes seconds.
const GREETING: Duration = Duration::from_secs(30);
/// For the end of the link when the runner was ended.
const LAST_FRAMES: Duration = Duration::from_secs(20);
/// What the process around a runner may say about a failure.
const LAST_WORDS: u64 = 4096;

/// A runner that hears nothing for so long ends, so that no sandbox outlives us for ever.
pub(super) const IDLE_S: u64 = 3600;

/// Makes the sandboxes of one session, each with a runner in it.
#[async_trait]
pub(super) trait Launch: Clone + Send + Sync + fmt::Debug + 'static {
    async fn launch(&self, spec: &SessionSpec) -> Result<Box<dyn Sandbox>, SandboxError>;

    fn isolation(&self) -> IsolationLevel;

    /// After how many cases a sandbox is replaced anyway.
    fn cases_per_sandbox(&self) -> u32;

    /// What goes on although nobody waits for it: sandboxes that are being made or removed. A backend
    /// [settles](super::Backend::settle) it.
    fn background(&self) -> &TaskTracker;

    /// Removes what was kept of retired sandboxes. Nothing is launched after it.
    async fn close(&self) -> SweepReport {
        SweepReport::default()
    }
}

/// Waits until nothing is in `background` any more.
pub(super) async fn settle(background: &TaskTracker) {
    background.close();
    background.wait().await;
    background.reopen();
}

/// A sandbox that runs, with the runner at the other end of the link. Dropping it ends it too.
#[async_trait]
pub(super) trait Sandbox: Send {
    fn link(&mut self) -> &mut Link;

    /// The kernel's counters, where this side can read them.
    async fn counters(&mut self) -> Counters;

    /// Ends the runner and everything below it, and leaves the link open: what was said before can
    /// still be read there, and its end shows that the way from the runner is open.
    fn halt(&mut self) -> BoxFuture<'static, Result<(), SandboxError>>;

    /// Whether the kernel ended the runner itself for want of memory, where only an engine knows.
    async fn was_killed_for_memory(&mut self) -> bool {
        false
    }

    /// Why the runner is gone, for the error message.
    async fn last_words(&mut self) -> String;

    /// Ends everything in it, after cases that ended well. What is dear to make and holds nothing of them
    /// may be kept for the next sandbox of the same session.
    async fn retire(self: Box<Self>) -> SweepReport {
        self.destroy().await
    }

    /// Ends everything in it and removes it.
    async fn destroy(self: Box<Self>) -> SweepReport;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counters {
    pub(super) oom_kills: u64,
    pub(super) process_limit_hits: u64,
}

/// Both directions of the channel to the runner.
pub(super) struct Link {
    to: Box<dyn AsyncWrite + Send + Unpin>,
    from: Box<dyn AsyncRead + Send + Unpin>,
    /// Our own deadlines are multiplied by this; the agent's limits never are.
    patience: u32,
}

impl Link {
    pub(super) fn new(
        to: impl AsyncWrite + Send + Unpin + 'static,
        from: impl AsyncRead + Send + Unpin + 'static,
    ) -> Self {
        let from = Box::new(tokio::io::BufReader::with_capacity(128 * 1024, from));
        Self { to: Box::new(to), from, patience: 1 }
    }

    /// The same, to a sandbox in which everything takes `times` as long.
    pub(super) fn patient(self, times: u32) -> Self {
        Self { patience: times.max(1), ..self }
    }

    /// Sends `frames` (the runner's code, its configuration) and waits for its greeting.
    pub(super) async fn greet(&mut self, frames: &[&[u8]]) -> Result<Greeting, Broken> {
        let exchange = async {
            for frame in frames {
                self.to.write_all(frame).await?;
            }
            self.to.flush().await?;
            match wire::read_reply(&mut self.from).await? {
                Reply::Ready(greeting) => Ok(greeting),
                other => Err(Broken::Stream(format!("the runner began with {other:?}"))),
            }
        };
        let after = GREETING * self.patience;
        timeout(after, exchange).await.unwrap_or(Err(Broken::Late { doing: "greet us", after }))
    }

    async fn write(&mut self, frame: &[u8]) -> Result<(), Broken> {
        let exchange = async {
            self.to.write_all(frame).await?;
            self.to.flush().await
        };
        let after = START * self.patience;
        match timeout(after, exchange).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Broken::Late { doing: "take a case", after }),
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

/// The runner did not do its part.
#[derive(Debug)]
pub(super) enum Broken {
    /// The stream ended or made no sense.
    Stream(String),
    Late {
        doing: &'static str,
        after: Duration,
    },
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Stream(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the runner ended".to_owned(),
            _ => error.to_string(),
        })
    }
}

/// Output collected up to the limit that both streams share.
#[derive(Debug, Default)]
struct Collected {
    stdout: Capture,
    stderr: Capture,
}

impl Collected {
    /// Whether it fitted. The runner cuts at the same limit, so this only guards against a runner
    /// that does not.
    fn take(&mut self, part: &[u8], is_stdout: bool, limit: u64) -> bool {
        let held = self.stdout.bytes.len() + self.stderr.bytes.len();
        let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(held);
        let capture = if is_stdout { &mut self.stdout } else { &mut self.stderr };
        let fits = part.len() <= room;
        capture.bytes.extend(&part[..part.len().min(room)]);
        capture.truncated |= !fits;
        fits
    }
}

/// A case's end, as seen from here.
#[derive(Debug)]
struct Seen {
    collected: Collected,
    end: Ended,
}

#[derive(Debug)]
enum Ended {
    /// The runner measured it.
    Measured(End),
    /// The runner is silent although the case was started and its time is over.
    ByOurClock(Duration),
    /// More output arrived than the runner may relay.
    ByOurCount(Duration),
    Broken(Broken),
}

async fn watch(link: &mut Link, case: &[u8], wall: Duration, output_bytes: u64) -> Seen {
    let mut collected = Collected::default();
    if let Err(broken) = link.write(case).await {
        return Seen { collected, end: Ended::Broken(broken) };
    }
    let (start, grace) = (START * link.patience, GRACE * link.patience);
    let mut started: Option<Instant> = None;
    loop {
        let patience = started.map_or(start, |at| (wall + grace).saturating_sub(at.elapsed()));
        let end = match timeout(patience, wire::read_reply(&mut link.from)).await {
            Ok(Ok(Reply::Started)) => {
                started.get_or_insert_with(Instant::now);
                continue;
            }
            Ok(Ok(Reply::Stdout(part))) if collected.take(&part, true, output_bytes) => continue,
            Ok(Ok(Reply::Stderr(part))) if collected.take(&part, false, output_bytes) => continue,
            Ok(Ok(Reply::Stdout(_) | Reply::Stderr(_))) => {
                Ended::ByOurCount(started.map_or(Duration::ZERO, |at| at.elapsed()))
            }
            Ok(Ok(Reply::Ended(end))) => {
                collected.stdout.truncated |= end.stdout_cut;
                collected.stderr.truncated |= end.stderr_cut;
                Ended::Measured(end)
            }
            Ok(Ok(Reply::CannotStart(why))) => {
                Ended::Broken(Broken::Stream(format!("the interpreter cannot be started: {why}")))
            }
            Ok(Ok(Reply::Ready(_))) => Ended::Broken(Broken::Stream("the runner greeted twice".to_owned())),
            Ok(Err(error)) => Ended::Broken(error.into()),
            Err(_) => match started {
                Some(at) => Ended::ByOurClock(at.elapsed()),
                None => Ended::Broken(Broken::Late { doing: "start the agent", after: start }),
            },
        };
        return Seen { collected, end };
    }
}

/// The runner is silent although its time is over: either it is, which is the program's doing, or the way
/// to us is not open, which is not. So it is ended while we go on listening. A report that was under way
/// counts; an end of the stream without one shows that there was none; anything else is our fault.
async fn end_the_silence(
    sandbox: &mut dyn Sandbox,
    collected: &mut Collected,
    output_bytes: u64,
) -> Result<Option<End>, SandboxError> {
    let halting = sandbox.halt();
    let link = sandbox.link();
    let after = LAST_FRAMES * link.patience;
    let rest = async {
        let rest = timeout(after, read_rest(link, collected, output_bytes)).await;
        rest.map_err(|_| SandboxError::Unresponsive { doing: "relay the end of a case", after })
    };
    let ((), end) = tokio::try_join!(halting, rest)?;
    Ok(end)
}

/// Reads to the end of the stream, or to the report of a case's end.
async fn read_rest(link: &mut Link, collected: &mut Collected, output_bytes: u64) -> Option<End> {
    loop {
        match wire::read_reply(&mut link.from).await {
            Ok(Reply::Started) => {}
            Ok(Reply::Stdout(part)) if collected.take(&part, true, output_bytes) => {}
            Ok(Reply::Stderr(part)) if collected.take(&part, false, output_bytes) => {}
            Ok(Reply::Ended(end)) => return Some(end),
            Ok(_) | Err(_) => return None,
        }
    }
}

/// See the module. `open` makes the first sandbox, so that its failure is an error of opening.
#[derive(Debug)]
pub(super) struct WarmSession<L> {
    launcher: L,
    spec: SessionSpec,
    live: Option<Live>,
    /// The sandbox of the next case, made while this one runs, where each has its own.
    next: Option<Next>,
    /// Whether a next case is to be reckoned with.
    expects_more: bool,
    /// Removals that go on while the next case runs.
    removals: Vec<JoinHandle<SweepReport>>,
}

/// A sandbox that is being made. When nobody waits for it any more it is removed as soon as it is there.
struct Next(oneshot::Receiver<Result<Box<dyn Sandbox>, SandboxError>>);

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}

struct Live {
    sandbox: Box<dyn Sandbox>,
    cases: u32,
    /// The counters as they were after the last case. They only grow, and nothing runs in between.
    counted: Counters,
    fitness: Fitness,
}

/// What may still be done with a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fitness {
    /// The next case may run in it.
    Fit,
    /// It has had its number of cases, and nothing was wrong with any of them.
    Served,
    /// A case is under way, or ended in a way after which nothing more may run here.
    Spent,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("cases", &self.cases)
            .field("fitness", &self.fitness)
            .finish_non_exhaustive()
    }
}

impl<L: Launch> WarmSession<L> {
    pub(super) async fn open(launcher: L, spec: &SessionSpec) -> Result<Self, SandboxError> {
        let mut session = Self {
            launcher,
            spec: spec.clone(),
            live: None,
            next: None,
            expects_more: true,
            removals: Vec::new(),
        };
        session.refresh().await?;
        Ok(session)
    }

    /// Sees to it that a sandbox is there in which nothing of an earlier case is left.
    async fn refresh(&mut self) -> Result<(), SandboxError> {
        let background = self.launcher.background();
        match self.live.take() {
            Some(live @ Live { fitness: Fitness::Fit, .. }) => {
                self.live = Some(live);
                return Ok(());
            }
            Some(Live { sandbox, fitness: Fitness::Served, .. }) => {
                self.removals.push(background.spawn(sandbox.retire()));
            }
            Some(Live { sandbox, fitness: Fitness::Spent, .. }) => {
                self.removals.push(background.spawn(sandbox.destroy()));
            }
            None => {}
        }
        let mut sandbox = match self.next.take() {
            Some(Next(making)) => match making.await {
                Ok(made) => made?,
                Err(error) => {
                    return Err(SandboxError::Failed { doing: "make a sandbox", cause: error.to_string() });
                }
            },
            None => self.launcher.launch(&self.spec).await?,
        };
        let counted = sandbox.counters().await;
        self.live = Some(Live { counted, sandbox, cases: 0, fitness: Fitness::Fit });
        Ok(())
    }

    /// Begins to make the sandbox of the next case, where each has its own.
    fn prepare_next(&mut self) {
        if self.launcher.cases_per_sandbox() == 1 && self.next.is_none() && self.expects_more {
            let (launcher, spec) = (self.launcher.clone(), self.spec.clone());
            let (to_us, made) = oneshot::channel();
            self.launcher.background().spawn(async move {
                if let Err(Ok(unwanted)) = to_us.send(launcher.launch(&spec).await) {
                    unwanted.destroy().await;
                }
            });
            self.next = Some(Next(made));
        }
    }

    fn facts(&self, ending: Ending, collected: Collected, counters: Counters, usage: Usage) -> RunFacts {
        RunFacts {
            ending,
            stdout: collected.stdout,
            stderr: collected.stderr,
            oom_kills: counters.oom_kills,
            process_limit_hits: counters.process_limit_hits,
            usage,
            isolation: self.launcher.isolation(),
        }
    }
}

#[async_trait]
impl<L: Launch> Session for WarmSession<L> {
    async fn run(&mut self, case: &CaseSpec) -> Result<RunFacts, SandboxError> {
        let Some(frame) = wire::run(case) else {
            let cause = format!("an argument of case `{}` holds a NUL", case.name);
            return Err(SandboxError::Failed { doing: "start a case", cause });
        };
        self.refresh().await?;
        self.prepare_next();
        let limits = &self.spec.limits;
        let Some(live) = self.live.as_mut() else {
            return Err(SandboxError::Failed { doing: "start a case", cause: "it is closed".to_owned() });
        };
        // Until the case has ended well, and also when this future is dropped half way.
        live.fitness = Fitness::Spent;
        live.cases += 1;
        let Seen { mut collected, mut end } =
            watch(live.sandbox.link(), &frame, limits.wall(), limits.output_bytes).await;
        if let Ended::ByOurClock(_) = end
            && let Some(late) =
                end_the_silence(&mut *live.sandbox, &mut collected, limits.output_bytes).await?
        {
            end = Ended::Measured(late);
        }
        let before = live.counted;
        let after = live.sandbox.counters().await;
        live.counted = after;
        let mut counted = Counters {
            oom_kills: after.oom_kills.saturating_sub(before.oom_kills),
            process_limit_hits: after.process_limit_hits.saturating_sub(before.process_limit_hits),
        };
        let wall_only = |wall: Duration| Usage { wall_ms: millis(wall), ..Usage::default() };
        match end {
            Ended::Measured(end) => {
                // Each counter is visible on one side, or on both, where both read the same file.
                counted.oom_kills = counted.oom_kills.max(end.oom_kills);
                counted.process_limit_hits = counted.process_limit_hits.max(end.process_limit_hits);
                let is_doubtful = end.dirty
                    || !matches!(end.ending, Ending::Exited { .. })
                    || counted != Counters::default();
                live.fitness = if is_doubtful {
                    Fitness::Spent
                } else if live.cases >= self.launcher.cases_per_sandbox() {
                    Fitness::Served
                } else {
                    Fitness::Fit
                };
                let usage = Usage {
                    wall_ms: end.wall_us.div_ceil(1000),
                    cpu_ms: end.cpu_us.div_ceil(1000),
                    memory_kib: end.memory_kib,
                };
                Ok(self.facts(end.ending, collected, counted, usage))
            }
            Ended::ByOurClock(wall) => Ok(self.facts(Ending::WallLimit, collected, counted, wall_only(wall))),
            Ended::ByOurCount(wall) => {
                Ok(self.facts(Ending::OutputLimit, collected, counted, wall_only(wall)))
            }
            Ended::Broken(Broken::Stream(cause)) => {
                if counted.oom_kills == 0 && live.sandbox.was_killed_for_memory().await {
                    counted.oom_kills = 1;
                }
                // The kernel found nothing else to kill than process 1, which runs nothing of its own.
                if counted.oom_kills > 0 {
                    let ending = Ending::Signalled { signal: 9 };
                    return Ok(self.facts(ending, collected, counted, Usage::default()));
                }
                let words = live.sandbox.last_words().await;
                Err(SandboxError::Failed { doing: "run a case", cause: join(cause, &words) })
            }
            Ended::Broken(Broken::Late { doing, after }) => Err(SandboxError::Unresponsive { doing, after }),
        }
    }

    fn expect_no_more(&mut self) {
        self.expects_more = false;
    }

    async fn close(mut self: Box<Self>) -> Result<SweepReport, SandboxError> {
        let mut report = match self.live.take() {
            // To be left alone costs an engine less than to be killed.
            Some(Live { sandbox, fitness: Fitness::Fit | Fitness::Served, .. }) => sandbox.retire().await,
            Some(Live { sandbox, fitness: Fitness::Spent, .. }) => sandbox.destroy().await,
            None => SweepReport::default(),
        };
        // Not aborted: a sandbox that is half made would be left behind.
        if let Some(Next(making)) = self.next.take() {
            match making.await {
                Ok(Ok(sandbox)) => report.absorb(sandbox.destroy().await),
                // It failed, and cleared away after itself.
                Ok(Err(_)) => {}
                Err(error) => report.left.push(format!("making a sandbox failed: {error}")),
            }
        }
        for removal in self.removals.drain(..) {
            match removal.await {
                Ok(more) => report.absorb(more),
                Err(error) => report.left.push(format!("a removal failed: {error}")),
            }
        }
        report.absorb(self.launcher.close().await);
        Ok(report)
    }
}

/// The error of a sandbox whose runner did not greet.
pub(super) fn greeting_failed(broken: Broken, words: &str) -> SandboxError {
    match broken {
        Broken::Stream(cause) => {
            SandboxError::Failed { doing: "start the runner", cause: join(cause, words) }
        }
        Broken::Late { doing, after } => SandboxError::Unresponsive { doing, after },
    }
}

/// The head of what a process says, as text; the rest is read and dropped, so that it never blocks.
pub(super) async fn read_words(mut from: impl AsyncRead + Unpin) -> String {
    let mut head = Vec::new();
    let _ = (&mut from).take(LAST_WORDS).read_to_end(&mut head).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&head).into_owned()
}

fn join(cause: String, words: &str) -> String {
    match words.trim() {
        "" => cause,
        words => format!("{cause}: {words}"),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
