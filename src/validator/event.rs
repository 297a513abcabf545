//! What happens while a plan runs. Table, progress bar and logs are readers of this one stream.

use serde::Serialize;
use tokio::sync::mpsc;

use crate::model::{CaseResult, MinerId, Score, Slug};

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Started {
        agents: usize,
        cases: usize,
    },
    CaseFinished {
        miner_id: MinerId,
        task: Slug,
        result: CaseResult,
    },
    /// All cases of a task are judged; `score` is `None` when a fault of ours kept one from it.
    TaskFinished {
        miner_id: MinerId,
        task: Slug,
        score: Option<Score>,
    },
    /// The sandbox failed and is tried again.
    Retrying {
        miner_id: MinerId,
        task: Slug,
        attempt: u32,
        cause: String,
    },
    Finished,
}

/// The sending side of the stream.
#[derive(Debug, Clone)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// The stream holds at most a few events for each case, so it needs no bound of its own.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(super) fn send(&self, event: Event) {
        // A closed channel means nobody is watching, which is no reason to stop the run.
        let _ = self.0.send(event);
    }
}
