//! What is still to follow uploads behind their answers, and whom to tell; `follow` does it.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::model::MinerId;

/// A disk that stands still is no reason to rest for many minutes.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// What is to be done, and who does it.
#[derive(Debug, Default)]
pub(super) struct Following {
    agents: Mutex<Agents>,
    pub(super) more_agents: Notify,
    pub(super) more_sources: Notify,
    pub(super) ending: CancellationToken,
    /// More sources wait for their place than may.
    pub(super) shelf_is_full: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Agents {
    pub(super) due: HashSet<MinerId>,
    /// Those who are told when the files of all that are due are written.
    pub(super) watchers: Vec<oneshot::Sender<()>>,
    /// Somebody is writing, or rests from it.
    pub(super) busy: bool,
}

impl Following {
    pub(super) fn agents(&self) -> MutexGuard<'_, Agents> {
        // A panic elsewhere leaves it as whole as it was.
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `miner` has submitted is in the database. Where nobody else is to be served, this answers
    /// where to hear that the files are written, which takes no time then; people look for them at once.
    pub(super) fn stored(&self, miner: MinerId) -> Option<oneshot::Receiver<()>> {
        let written = {
            let mut agents = self.agents();
            let alone = !agents.busy && agents.due.is_empty();
            agents.due.insert(miner);
            alone.then(|| {
                let (watcher, written) = oneshot::channel();
                agents.watchers.push(watcher);
                written
            })
        };
        self.more_agents.notify_one();
        self.more_sources.notify_one();
        written
    }

    /// Finish what is to be done, without rest, and end.
    pub(super) fn end(&self) {
        self.ending.cancel();
    }

    pub(super) async fn rest(&self, times: u32, took: Duration) {
        let rest = took.saturating_mul(times).min(LONGEST_REST);
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = self.ending.cancelled() => {}
        }
    }

    /// `false` when it is time to end.
    pub(super) async fn wait(&self, more: &Notify) -> bool {
        tokio::select! {
            () = more.notified() => true,
            () = self.ending.cancelled() => false,
        }
    }
}
