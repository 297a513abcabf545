//! The gate behind a bounded queue: analysis takes CPU time, which the asynchronous threads do not
//! have. When the queue is full the request is refused at once instead of waiting without end.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use super::error::{ApiError, Kind};
use super::workers::{Unanswered, Workers};
use crate::lint::{self, Policy, Report};

/// What many analyses together may take beside their own time.
const SLACK: Duration = Duration::from_secs(60);

/// Why nothing came of an analysis.
#[derive(Debug)]
pub(super) enum Unchecked {
    /// The refusal of what takes too long.
    Late(Report),
    Failed(ApiError),
}

#[derive(Debug)]
pub(super) struct Gate {
    policy: Arc<Policy>,
    /// How many may run or wait.
    places: Arc<Semaphore>,
    workers: Workers,
}

impl Gate {
    /// As many analyses at one time as there are processors; `queue` more may wait.
    pub(super) fn new(policy: Arc<Policy>, queue: usize) -> Self {
        let runners = thread::available_parallelism().map_or(1, NonZero::get);
        Self { policy, places: Arc::new(Semaphore::new(runners + queue)), workers: Workers::new(runners) }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many more may come before the gate is busy.
    pub(super) fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// The verdict on `bytes` goes to `next` on the thread of the analysis, as [`Workers::run_then`] has it,
    /// and this answers what comes of it.
    ///
    /// # Errors
    /// When there is no verdict, or one that came too late to go anywhere.
    pub(super) async fn check_then<T: Send + 'static>(
        &self,
        bytes: Bytes,
        next: impl FnOnce(Report, oneshot::Sender<T>) + Send + 'static,
    ) -> Result<T, Unchecked> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Unchecked::Failed(ApiError::new(
                Kind::Busy,
                "too many uploads wait for the gate; try again in a moment",
            )));
        };
        let (policy, agent) = (Arc::clone(&self.policy), bytes.clone());
        // The place goes with the work: a client that goes away does not free a processor.
        let check = move |cancelled| {
            let report = lint::check_here(&bytes, &policy, cancelled);
            drop(place);
            report
        };
        let answer = self.workers.run_then(lint::patience(&self.policy), check, next).await;
        answer.map_err(|unanswered| match unanswered {
            Unanswered::Late => Unchecked::Late(lint::out_of_time(&agent, &self.policy)),
            Unanswered::Broken | Unanswered::NoThread => Unchecked::Failed(ApiError::internal(unanswered)),
        })
    }

    /// The verdicts on texts that are stored, under another policy. It takes one processor and waits
    /// for it: uploads go on beside it.
    pub(super) async fn check_again(
        &self,
        sources: Vec<Arc<str>>,
        policy: Arc<Policy>,
    ) -> Result<Vec<Report>, ApiError> {
        // Each of them has its own clock; this one is for a machine that stands still.
        let many = u32::try_from(sources.len()).unwrap_or(u32::MAX);
        let patience = lint::patience(&policy).saturating_mul(many).saturating_add(SLACK);
        let work = self.workers.run(patience, move |_| {
            sources.iter().map(|source| lint::check(source.as_bytes(), &policy)).collect()
        });
        work.await.map_err(ApiError::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn asked_again_about_nothing_it_says_nothing() {
        let gate = Gate::new(Policy::standard(), 0);
        let reports = gate.check_again(Vec::new(), Policy::standard()).await.expect("no reports");
        assert!(reports.is_empty());
        let reports = gate.check_again(vec![Arc::from("print(1)\n")], Policy::standard()).await;
        assert_eq!(reports.expect("a report").len(), 1);
    }
}
