//! Runs agents on tasks and says what came of it. Prints nothing: what happens is an [`Event`],
//! what came of it is an [`Outcome`].

mod bench;
mod checker;
mod dispatcher;
mod event;
mod executor;
mod generate;
mod journal;
mod judging;
mod measure;
mod removals;
mod shared;
mod threshold;
mod unit;

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::bundle::{Bundle, Rules};
use crate::judge::{Costs, Interval};
use crate::lint::{self, Policy};
use crate::model::{Digest, GateVerdict, MinerId, Score, Slug, TaskResult};
use crate::sandbox::{Backend, RunId};
use crate::task::Task;

pub use checker::try_checker;
pub use dispatcher::{resume, run};
pub use event::{Event, Events};
pub use generate::{GenerateError, generate};
pub use journal::{Journal, JournalError};

/// An agent that passed the gate. There is no other way to make one, so nothing that was not
/// checked can reach a sandbox.
#[derive(Debug, Clone)]
pub struct Agent {
    miner_id: MinerId,
    sha256: Digest,
    content: Content,
    /// What let it in, and judges what it writes.
    policy: Arc<Policy>,
}

/// What was submitted.
#[derive(Debug, Clone)]
enum Content {
    /// One Python file, as the gate read it.
    Source(Arc<str>),
    Bundle(Arc<Bundle>),
}

impl Agent {
    /// Puts `bytes` through the gate. A source that only needs review passes: holding it back is
    /// the platform's business, and the sandbox does not rely on the gate.
    ///
    /// # Errors
    /// The gate's report, when the source is refused.
    pub fn admit(miner_id: MinerId, bytes: &[u8], policy: &Policy) -> Result<Self, Box<lint::Report>> {
        let report = lint::check(bytes, policy);
        match (&report.source, report.verdict) {
            (Some(source), GateVerdict::Accepted | GateVerdict::NeedsReview) => {
                let policy = Arc::new(policy.clone());
                let content = Content::Source(Arc::clone(source));
                Ok(Self { miner_id, sha256: report.sha256, content, policy })
            }
            (Some(_), GateVerdict::Rejected) | (None, _) => Err(Box::new(report)),
        }
    }

    /// As [`Agent::admit`], for an archive under `rules`: every Python file in it goes through the gate.
    ///
    /// # Errors
    /// One report on all of it, whose findings name their files.
    pub fn admit_bundle(
        miner_id: MinerId,
        bytes: &[u8],
        rules: &Rules,
        policy: &Policy,
    ) -> Result<Self, Box<lint::Report>> {
        let mut report = lint::check_bundle(bytes, rules, policy);
        match (report.bundle.take(), report.verdict()) {
            (Some(bundle), GateVerdict::Accepted | GateVerdict::NeedsReview) => {
                let policy = Arc::new(policy.clone());
                let (sha256, content) = (bundle.sha256(), Content::Bundle(Arc::new(bundle)));
                Ok(Self { miner_id, sha256, content, policy })
            }
            (Some(_), GateVerdict::Rejected) | (None, _) => Err(Box::new(report.into_report())),
        }
    }

    /// For a source that was normalised on its way: the digest of the bytes as they were uploaded.
    #[must_use]
    pub fn submitted_as(self, sha256: Digest) -> Self {
        Self { sha256, ..self }
    }

    pub fn miner_id(&self) -> &MinerId {
        &self.miner_id
    }

    /// Of the bytes as they were submitted.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }
}

/// What is to be run, and how.
#[derive(Debug)]
pub struct Plan {
    pub run: RunId,
    pub agents: Vec<Arc<Agent>>,
    pub tasks: Vec<Arc<Task>>,
    pub backend: Arc<dyn Backend>,
    /// Sessions that run programs at the same time, at least 1.
    pub jobs: usize,
    /// How often each case is run, at least 1. The worst verdict counts.
    pub repeat: u32,
    /// What the cases are made from that a task's generator makes.
    pub seed: u64,
    /// Skips the remaining cases of an agent that cannot reach this score any more.
    pub at_least: Option<Score>,
    /// Stops the run: running cases are killed, the others are skipped.
    pub cancel: CancellationToken,
}

/// What one agent came to, its tasks in the order of the plan.
#[derive(Debug, Clone)]
pub struct Judged {
    pub agent: Arc<Agent>,
    pub tasks: Vec<TaskResult>,
    /// Of the score over all tasks, where cases were run more than once and all were judged.
    pub interval: Option<Interval>,
    /// What decides between it and agents with the same score.
    pub costs: Costs,
}

/// What is to be kept of generated cases, so that they can be made again and be recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Round {
    pub task: Slug,
    pub seed: u64,
    /// How many.
    pub cases: usize,
    /// Of their inputs and answers.
    pub digest: Digest,
}

/// A failure of ours that cost a result. Shown in `errors`, never scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub miner_id: MinerId,
    pub task: Slug,
    pub message: String,
}

/// What came of a plan, agents in the order of the plan.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub judged: Vec<Judged>,
    pub faults: Vec<Fault>,
    /// One for each task with a generator.
    pub rounds: Vec<Round>,
    /// Sandboxes that could not be cleared away, in the words of the backend.
    pub left_behind: Vec<String>,
    /// Whether the run was stopped before its end.
    pub partial: bool,
}
