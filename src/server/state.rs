//! What the routes share.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use super::changes::Changes;
use super::following::Following;
use super::gate::Gate;
use super::limits::Limits;
use super::metrics::Metrics;
use super::settings::Identity;
use super::validation::Jobs;
use crate::config::{Secret, Tokens};
use crate::judge;
use crate::model::{MinerId, RawAmount, Slug};
use crate::queue::{Clock, Queue};
use crate::store::{AgentFiles, Blobs, Quota, Store};
use crate::task::Task;

/// The platform behind the routes. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct App(Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) blobs: Blobs,
    pub(super) files: AgentFiles,
    pub(super) queue: Queue,
    pub(super) gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    /// Those that uploaded agents compete in, sorted by id.
    pub(super) tasks: Vec<Task>,
    pub(super) jobs: Jobs,
    /// The operator's; without tokens of their own also the validators'.
    pub(super) token: Secret,
    /// What the generated cases of this round are made from.
    pub(super) seed: u64,
    pub(super) validators: Option<Tokens>,
    pub(super) upstreams: Option<Tokens>,
    pub(super) pool: RawAmount,
    /// How it is shared.
    pub(super) rewards: judge::Scheme,
    pub(super) unit: String,
    pub(super) quorum: u32,
    /// Of one agent, in bytes.
    pub(super) max_upload: usize,
    pub(super) locks: MinerLocks,
    pub(super) following: Following,
    /// Sources that may wait for their place.
    pub(super) shelf: u64,
    pub(super) identity: Identity,
    pub(super) limits: Limits,
    pub(super) quota: Quota,
    pub(super) metrics: Metrics,
    pub(super) changes: Changes,
    pub(super) stopping: AtomicBool,
}

impl App {
    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub(super) fn task(&self, id: &Slug) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == *id)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.changes.tell();
    }
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// One writer of a miner's files at a time, so that the two of them belong together. Miners
/// share a lock by chance; they only wait for each other then.
#[derive(Debug)]
pub(super) struct MinerLocks {
    hasher: RandomState,
    locks: Vec<Mutex<()>>,
}

impl MinerLocks {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), locks: (0..256).map(|_| Mutex::new(())).collect() }
    }

    pub(super) async fn lock(&self, miner: &MinerId) -> MutexGuard<'_, ()> {
        let place = self.hasher.hash_one(miner.as_str().to_ascii_lowercase()) % self.locks.len() as u64;
        #[expect(clippy::cast_possible_truncation, reason = "below the number of locks")]
        self.locks[place as usize].lock().await
    }
}
