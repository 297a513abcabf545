//! Closes sessions while the next ones already work. Removing a sandbox takes an engine longer than a
//! case takes, and nobody waits for its answer but the end of the run.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use crate::sandbox::{SandboxError, Session, SweepReport};

/// The removals of one run.
#[derive(Debug)]
pub(super) struct Removals {
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    under_way: JoinSet<Result<SweepReport, SandboxError>>,
    report: SweepReport,
}

impl Removals {
    /// At most `most` at the same time.
    pub(super) fn new(most: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(most.max(1))), state: Mutex::default() }
    }

    /// Has `session` closed. Comes back at once, or where too many are under way when one has ended:
    /// an engine that removes slowly slows the run down instead of being buried.
    pub(super) async fn close(&self, session: Box<dyn Session>) {
        // Nobody closes the semaphore; if somebody did, the session would be closed all the same.
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.spawn(async move {
            let _permit = permit;
            session.close().await
        });
        while let Some(ended) = state.under_way.try_join_next() {
            state.note(ended);
        }
    }

    /// Waits for all of them and says what they had to say.
    pub(super) async fn finish(&self) -> SweepReport {
        let mut state = std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(ended) = state.under_way.join_next().await {
            state.note(ended);
        }
        state.report
    }
}

impl State {
    fn note(&mut self, ended: Result<Result<SweepReport, SandboxError>, JoinError>) {
        match ended {
            Ok(Ok(report)) => self.report.absorb(report),
            Ok(Err(error)) => self.report.left.push(error.to_string()),
            Err(panicked) => self.report.left.push(format!("a removal failed: {panicked}")),
        }
    }
}
