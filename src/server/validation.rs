//! Jobs that check a bundle against invariants: a bounded queue in memory, the work on threads that
//! may block, results that are forgotten after a while. A job that a restart loses is sent again by
//! who wants it; nothing is scored here that a ranking knows of.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::api::{JobStatus, Passed, Validation, ValidationResult};
use crate::bundle::Rules;
use crate::lint::{self, Policy};
use crate::model::GateVerdict;
use crate::queue::Clock;
use crate::task::{Artifact, Holds};

/// Finished jobs are forgotten after so long.
const KEPT: SignedDuration = SignedDuration::from_secs(3600);
/// Finished jobs that are kept at most; the oldest go first.
const MOST_KEPT: usize = 1000;
const MOST_LOG_LINES: usize = 2000;

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) task_id: Option<String>,
    pub(super) artifact: Artifact,
    pub(super) bundle: Bytes,
}

/// All jobs. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Jobs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    jobs: Mutex<HashMap<Uuid, Job>>,
    /// How many may run or wait.
    places: Arc<Semaphore>,
    /// How many may run.
    runners: Arc<Semaphore>,
    /// Told whenever a job ends.
    ended: watch::Sender<()>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone)]
struct Job {
    shown: Validation,
    ended_at: Option<Timestamp>,
    log: Vec<String>,
}

impl Jobs {
    /// As many run at one time as there are processors; `queue` jobs may be there in all that have
    /// not ended.
    pub(super) fn new(queue: usize, clock: Arc<dyn Clock>) -> Self {
        let runners = thread::available_parallelism().map_or(1, NonZero::get);
        let shared = Shared {
            jobs: Mutex::default(),
            places: Arc::new(Semaphore::new(queue)),
            runners: Arc::new(Semaphore::new(runners)),
            ended: watch::channel(()).0,
            clock,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes an order, or `None` when the queue is full.
    pub(super) fn take(&self, order: Order, policy: Arc<Policy>) -> Option<Validation> {
        let place = Arc::clone(&self.shared.places).try_acquire_owned().ok()?;
        let id = Uuid::now_v7();
        let shown = Validation {
            job_id: id,
            task_id: order.task_id.clone(),
            status: JobStatus::Queued,
            created_at: self.shared.clock.now(),
            log_url: format!("/validate/{id}/log"),
            result: None,
        };
        let job = Job { shown: shown.clone(), ended_at: None, log: Vec::new() };
        let mut jobs = self.jobs();
        forget(&mut jobs, self.shared.clock.now());
        jobs.insert(id, job);
        drop(jobs);
        let all = self.clone();
        tokio::spawn(async move {
            let runner = Arc::clone(&all.shared.runners).acquire_owned().await;
            all.change(id, |job| job.shown.status = JobStatus::Running);
            // The permits go with the work.
            let work = tokio::task::spawn_blocking(move || {
                let done = work(&order, &policy);
                drop((runner, place));
                done
            });
            let done = work.await;
            let now = all.shared.clock.now();
            all.change(id, |job| {
                job.ended_at = Some(now);
                match done {
                    Ok((result, log)) => {
                        job.shown.status = JobStatus::Done;
                        job.shown.result = Some(result);
                        job.log = log;
                    }
                    Err(error) => {
                        tracing::error!(%id, %error, "a validation was lost");
                        job.shown.status = JobStatus::Failed;
                        job.log.push("the platform failed; it is not the bundle's fault".to_owned());
                    }
                }
            });
            all.shared.ended.send_replace(());
        });
        Some(shown)
    }

    /// The job `id`, and its log.
    pub(super) fn get(&self, id: Uuid) -> Option<(Validation, Vec<String>)> {
        let mut jobs = self.jobs();
        forget(&mut jobs, self.shared.clock.now());
        jobs.get(&id).map(|job| (job.shown.clone(), job.log.clone()))
    }

    /// The job `id`, at its end if that comes within `patience`.
    pub(super) async fn wait(&self, id: Uuid, patience: Duration) -> Option<Validation> {
        let mut ended = self.shared.ended.subscribe();
        let until_end = async {
            loop {
                let (job, _) = self.get(id)?;
                let has_ended = matches!(job.status, JobStatus::Done | JobStatus::Failed);
                // The sender lives as long as `self`.
                if has_ended || ended.changed().await.is_err() {
                    return Some(job);
                }
            }
        };
        match tokio::time::timeout(patience, until_end).await {
            Ok(job) => job,
            Err(_) => self.get(id).map(|(job, _)| job),
        }
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<Uuid, Job>> {
        self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.jobs().get_mut(&id) {
            change(job);
        }
    }
}

/// Drops what ended long ago, and the oldest of what is too much.
fn forget(jobs: &mut HashMap<Uuid, Job>, now: Timestamp) {
    jobs.retain(|_, job| job.ended_at.is_none_or(|at| now.duration_since(at) < KEPT));
    while jobs.values().filter(|job| job.ended_at.is_some()).count() > MOST_KEPT {
        let ended = jobs.iter().filter_map(|(id, job)| Some((job.ended_at?, *id)));
        let Some((_, oldest)) = ended.min() else { return };
        jobs.remove(&oldest);
    }
}

/// What comes of an order, and the log of it.
fn work(order: &Order, policy: &Policy) -> (ValidationResult, Vec<String>) {
    let total = order.artifact.len() as u64;
    let report = lint::check_bundle(&order.bundle, &Rules::ARTIFACT, policy);
    let verdict = report.verdict();
    let bundle = match (report.bundle.as_ref(), verdict) {
        (Some(bundle), GateVerdict::Accepted | GateVerdict::NeedsReview) => bundle,
        (Some(_), GateVerdict::Rejected) | (None, _) => {
            let report = report.into_report();
            let lines: Vec<String> = report
                .findings
                .iter()
                .map(|finding| {
                    let file = finding.file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default();
                    format!("{file}{} {}", finding.code, finding.message)
                })
                .collect();
            let message = lines.first().cloned().unwrap_or_default();
            return (failed(total, format!("the bundle is refused: {message}")), lines);
        }
    };
    let held = order.artifact.judge(bundle);
    let mut log = vec![format!("{} files, sha256 {}", bundle.files().count(), bundle.sha256())];
    log.extend(held.iter().map(line).take(MOST_LOG_LINES));
    (result(&held), log)
}

fn line(one: &Holds) -> String {
    let mut line = format!("{}: ", one.name);
    // Writing to a string cannot fail.
    let _ = match &one.differs {
        None => write!(line, "holds"),
        Some(_) if one.hidden => write!(line, "does not hold (hidden)"),
        Some(differs) => write!(line, "does not hold: {differs}"),
    };
    line
}

fn failed(total: u64, message: String) -> ValidationResult {
    ValidationResult {
        status: Passed::Fail,
        score: 0.0,
        passed_invariants: 0,
        total_invariants: total,
        message,
    }
}

fn result(held: &[Holds]) -> ValidationResult {
    let total = held.len() as u64;
    let holding = || held.iter().filter(|one| one.differs.is_none());
    let weight = |all: &mut dyn Iterator<Item = &Holds>| all.map(|one| u64::from(one.weight)).sum::<u64>();
    let (passed_weight, total_weight) = (weight(&mut holding()), weight(&mut held.iter()));
    let passed = holding().count() as u64;
    let Some(first) = held.iter().find(|one| one.differs.is_some()) else {
        return match total {
            0 => failed(0, "there are no invariants".to_owned()),
            _ => ValidationResult {
                status: Passed::Pass,
                score: 1.0,
                passed_invariants: passed,
                total_invariants: total,
                message: "every invariant holds".to_owned(),
            },
        };
    };
    #[expect(clippy::cast_precision_loss, reason = "at most 500 weights of at most a million")]
    let score = passed_weight as f64 / total_weight as f64;
    ValidationResult {
        status: Passed::Fail,
        score,
        passed_invariants: passed,
        total_invariants: total,
        message: line(first),
    }
}
