//! What every unit of a plan shares: the sandbox and its health, the events, the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio_util::sync::CancellationToken;

use super::removals::Removals;
use super::{Events, Journal};
use crate::sandbox::{Backend, RunId, SandboxError, Session, SessionSpec};

/// After so many units in a row that were given up, the sandbox is taken to be down and the rest
/// of the plan is not tried.
const MOST_UNITS_GIVEN_UP: u32 = 3;

/// What every unit of a plan shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) events: Events,
    pub(super) cancel: CancellationToken,
    /// How often each case is run.
    pub(super) repeat: u32,
    /// What an earlier run finished, where this one was asked to go on with it.
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) removals: Removals,
    pub(super) given_up_in_a_row: AtomicU32,
    /// Whether the sandbox has stopped answering altogether.
    pub(super) is_gone: AtomicBool,
}

impl Shared {
    pub(super) fn sandbox_is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    pub(super) fn sandbox_is_down(&self) -> bool {
        self.sandbox_is_gone() || self.given_up_in_a_row.load(Ordering::Relaxed) >= MOST_UNITS_GIVEN_UP
    }

    /// Opens a session; `None` when the plan is cancelled.
    pub(super) async fn open(&self, spec: &SessionSpec) -> Option<Result<Box<dyn Session>, SandboxError>> {
        self.cancel.run_until_cancelled(self.backend.open(spec)).await
    }
}
