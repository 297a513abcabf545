//! The one interface to machine monitors: boot a machine whose runner is at the other end of a
//! channel, and end it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncRead;
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::sandbox::owner::start_of;
use crate::sandbox::session::{Link, read_words};
use crate::sandbox::{SandboxError, SweepReport, failed};

/// A killed process is gone at once; only a machine that stands still needs longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// In the folder of a machine: the monitor's process id and start time, for the sweep.
pub(super) const PID_FILE: &str = "monitor.pid";

/// What a machine is made of. There is no network card in it, whoever the monitor is.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    /// Of this machine alone; sockets go here.
    pub(super) folder: &'a Path,
    pub(super) memory_mib: u64,
    pub(super) cpus: u8,
}

/// Boots machines.
#[async_trait]
pub(super) trait Monitor: Send + Sync + fmt::Debug + 'static {
    /// Starts a machine. Its kernel may still be on its way when this returns.
    async fn boot(&self, machine: &Machine<'_>) -> Result<Running, SandboxError>;

    /// How much longer than a processor of this machine everything may take.
    fn slowness(&self) -> u32;

    /// For [`Capabilities::details`](crate::sandbox::Capabilities).
    fn details(&self) -> Vec<(String, String)>;
}

/// A machine that was booted. Dropping it ends it too.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) link: Link,
    process: Process,
}

impl Running {
    pub(super) fn new(link: Link, process: Process) -> Self {
        Self { link, process }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.process.child.id()
    }

    pub(super) async fn last_words(&mut self) -> String {
        self.process.last_words().await
    }

    /// Ends the machine while its link stays open.
    pub(super) fn halt(&mut self) -> Result<(), SandboxError> {
        if self.process.has_ended() {
            return Ok(());
        }
        self.process.child.start_kill().map_err(|error| failed("end a machine", &error))
    }

    /// Ends it. The machine has nothing that is worth an orderly end.
    pub(super) async fn kill(self) -> SweepReport {
        let Self { link, process } = self;
        drop(link);
        process.kill().await
    }
}

/// The process of a monitor, killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    words: JoinHandle<String>,
}

impl Process {
    /// Takes charge of `child`, whose standard output and error are pipes, and writes down in
    /// `folder` who it is, for the sweep after us.
    pub(super) fn new(mut child: Child, folder: &Path) -> Result<Self, SandboxError> {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let words = tokio::spawn(async move {
            let (out, err) = tokio::join!(words_of(out), words_of(err));
            [err, out].join("\n")
        });
        if let Some(pid) = child.id() {
            let text = format!("{pid} {}\n", start_of(pid).unwrap_or_default());
            std::fs::write(folder.join(PID_FILE), text)
                .map_err(|error| failed("write down a machine's process", &error))?;
        }
        Ok(Self { child, words })
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// What it said, when it has ended or has just ended.
    pub(super) async fn last_words(&mut self) -> String {
        let said = timeout(Duration::from_secs(2), &mut self.words).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        // A console speaks in coloured lines that end as a terminal's do.
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let plain = |line: &str| line.chars().filter(|c| !c.is_control()).collect::<String>();
        let mut words: Vec<_> = lines.map(plain).collect();
        if let Ok(Some(status)) = self.child.try_wait() {
            words.push(format!("the monitor ended with {status}"));
        }
        words.join("; ")
    }

    pub(super) async fn kill(mut self) -> SweepReport {
        let mut report = SweepReport::default();
        let shown = format!("machine monitor {:?}", self.child.id());
        if !self.has_ended()
            && let Err(error) = self.child.start_kill()
        {
            report.left.push(format!("{shown}: {error}"));
        }
        if timeout(PATIENCE, self.child.wait()).await.is_err() {
            report.left.push(format!("{shown} does not end"));
        }
        report
    }
}

async fn words_of(from: Option<impl AsyncRead + Unpin>) -> String {
    match from {
        Some(from) => read_words(from).await,
        None => String::new(),
    }
}

/// `name` in the path of this process.
pub(super) fn in_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}
