//! Runs one untrusted program under limits. What the program did is data ([`RunFacts`]); what we
//! failed to do is an error ([`SandboxError`]), which can never become a score.

mod cgroup;
mod choice;
mod docker;
mod examination;
pub mod image;
mod leftovers;
mod microvm;
mod namespaces;
mod owner;
mod refusing;
mod seccomp;
mod session;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::model::{Egress, IsolationLevel, Limits, RunFacts, Slug};

pub use choice::{Choice, Chosen, Reuse, Settings, choose};
pub use examination::{Check, examine};
pub use microvm::{FirecrackerFiles, MicroVmSettings};
pub use namespaces::{helper_main, helper_requested};
pub use refusing::Refusing;

/// Marks everything that one invocation of ours makes, so that a later one can clear it away.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(uuid::Uuid);

impl RunId {
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a session is opened for: one agent and one task.
#[derive(Debug, Clone)]
pub struct SessionSpec {
    pub run: RunId,
    /// Exactly the text that the gate checked, or our own harness with that text inside; nothing
    /// else is ever executed.
    pub source: Arc<str>,
    pub limits: Limits,
    /// Where the program may connect to. A backend enforces all of it or refuses to open.
    pub egress: Egress,
    /// For labels and logs only.
    pub label: String,
}

impl SessionSpec {
    /// For a sandbox of our own that shows whether one can be made here.
    fn trial(source: &str) -> Self {
        Self {
            run: RunId::generate(),
            source: Arc::from(source),
            limits: Limits::default(),
            egress: Egress::default(),
            label: "probe".to_owned(),
        }
    }

    /// For a backend that has no network to give: refuses a list that is not empty.
    fn without_network(&self, backend: &str) -> Result<(), SandboxError> {
        if self.egress.is_closed() {
            return Ok(());
        }
        Err(SandboxError::Unavailable(format!(
            "the {backend} sandbox has no network and cannot open the way to {}: leave the list of \
             destinations empty",
            self.egress
        )))
    }
}

/// One start of the interpreter: `python3 -I -S -B agent.py ARGUMENTS…` with `stdin`.
#[derive(Debug, Clone)]
pub struct CaseSpec {
    pub name: Slug,
    pub arguments: Vec<String>,
    pub stdin: Arc<[u8]>,
}

/// What a backend can promise here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    pub backend: String,
    pub isolation: IsolationLevel,
    /// One sentence for each guarantee that is weaker here than promised.
    pub weaknesses: Vec<String>,
    /// Engine, image digest, interpreter version: what a reader of the evidence wants to know.
    pub details: Vec<(String, String)>,
}

/// Our fault, never the agent's. Retried a bounded number of times, then reported in `errors`.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The backend cannot be used on this machine; the text says what to install or start.
    #[error("{0}")]
    Unavailable(String),
    /// It worked and has stopped answering altogether: whatever else is asked of it waits in vain. The
    /// text says how that was seen.
    #[error("{0}")]
    Gone(String),
    /// It worked and then it did not.
    #[error("the sandbox failed while it was asked to {doing}: {cause}")]
    Failed { doing: &'static str, cause: String },
    /// It did not answer in time.
    #[error("the sandbox did not {doing} within {} s", .after.as_secs())]
    Unresponsive { doing: &'static str, after: Duration },
}

fn failed(doing: &'static str, cause: &dyn fmt::Display) -> SandboxError {
    SandboxError::Failed { doing, cause: cause.to_string() }
}

/// What closing a session or sweeping left to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepReport {
    pub removed: Vec<String>,
    /// What could not be removed, and why.
    pub left: Vec<String>,
}

impl SweepReport {
    /// Adds what another removal had to say.
    pub fn absorb(&mut self, other: Self) {
        self.removed.extend(other.removed);
        self.left.extend(other.left);
    }
}

#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug {
    /// What it can guarantee here, or why it cannot be used.
    async fn probe(&self) -> Result<Capabilities, SandboxError>;

    /// A sandbox for one agent and one task. Nothing of an earlier session is in it. Comes to an end
    /// within a bound of its own, and may be dropped before (see [`settle`](Self::settle)).
    async fn open(&self, spec: &SessionSpec) -> Result<Box<dyn Session>, SandboxError>;

    /// Waits until what was dropped half-way (an opening, a session that was not closed) is cleared away.
    async fn settle(&self) {}

    /// How many times longer programs need than on this machine's own processor.
    fn slowness(&self) -> u32 {
        1
    }

    /// Removes what runs of ours left behind that are no longer alive, never what is another's.
    async fn sweep(&self) -> Result<SweepReport, SandboxError>;
}

#[async_trait]
pub trait Session: Send {
    /// A fresh interpreter. After an error the session must be closed.
    async fn run(&mut self, case: &CaseSpec) -> Result<RunFacts, SandboxError>;

    /// Says that nothing follows the next case, so that nothing need be prepared for it.
    fn expect_no_more(&mut self) {}

    /// Ends everything in the sandbox and removes it.
    async fn close(self: Box<Self>) -> Result<SweepReport, SandboxError>;
}
