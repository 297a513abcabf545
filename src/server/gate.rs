//! The gate behind a bounded queue: analysis takes CPU time, which the asynchronous threads do not
//! have. When the queue is full the request is refused at once instead of waiting without end.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::error::{ApiError, Kind};
use crate::lint::{self, Policy, Report};

#[derive(Debug, Clone)]
pub(super) struct Gate {
    policy: Arc<Policy>,
    /// How many may run or wait.
    places: Arc<Semaphore>,
    /// How many may run.
    runners: Arc<Semaphore>,
}

impl Gate {
    /// As many analyses at one time as there are processors; `queue` more may wait.
    pub(super) fn new(policy: Arc<Policy>, queue: usize) -> Self {
        let runners = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            policy,
            places: Arc::new(Semaphore::new(runners + queue)),
            runners: Arc::new(Semaphore::new(runners)),
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many more may come before the gate is busy.
    pub(super) fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// The verdict on `bytes`, or that we are busy.
    pub(super) async fn check(&self, bytes: Bytes) -> Result<Report, ApiError> {
        let closed = |_| ApiError::new(Kind::Busy, "the platform is shutting down");
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(ApiError::new(
                Kind::Busy,
                "too many uploads wait for the gate; try again in a moment",
            ));
        };
        let runner = Arc::clone(&self.runners).acquire_owned().await.map_err(closed)?;
        let policy = Arc::clone(&self.policy);
        // The permits go with the work: a client that goes away does not free a processor.
        let work = tokio::task::spawn_blocking(move || {
            let report = lint::check(&bytes, &policy);
            drop((runner, place));
            report
        });
        work.await.map_err(ApiError::internal)
    }

    /// The verdicts on texts that are stored, under another policy. It takes one processor and waits
    /// for it: uploads go on beside it.
    pub(super) async fn check_again(
        &self,
        sources: Vec<Arc<str>>,
        policy: Arc<Policy>,
    ) -> Result<Vec<Report>, ApiError> {
        let closed = |_| ApiError::new(Kind::Busy, "the platform is shutting down");
        let runner = Arc::clone(&self.runners).acquire_owned().await.map_err(closed)?;
        let work = tokio::task::spawn_blocking(move || {
            let reports = sources.iter().map(|source| lint::check(source.as_bytes(), &policy)).collect();
            drop(runner);
            reports
        });
        work.await.map_err(ApiError::internal)
    }
}
