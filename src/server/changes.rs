//! That something changed, for whoever shows it. What changed they read like everybody else.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

const MOST_LISTENERS: usize = 2048;

/// Grows with every change. A listener that is slow misses changes, not the newest state.
#[derive(Debug)]
pub(super) struct Changes {
    version: watch::Sender<u64>,
    places: Arc<Semaphore>,
}

/// Hears of changes, and holds its place for as long.
#[derive(Debug)]
pub(super) struct Listener {
    version: watch::Receiver<u64>,
    _place: OwnedSemaphorePermit,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self { version: watch::Sender::new(0), places: Arc::new(Semaphore::new(MOST_LISTENERS)) }
    }

    pub(super) fn tell(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// `None` when too many listen.
    pub(super) fn listen(&self) -> Option<Listener> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Listener { version: self.version.subscribe(), _place: place })
    }
}

impl Listener {
    /// The number of the next change; `None` when there can be no more.
    pub(super) async fn next(&mut self) -> Option<u64> {
        self.version.changed().await.ok()?;
        Some(*self.version.borrow_and_update())
    }
}
