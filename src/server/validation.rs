//! Jobs that check a bundle against invariants: a bounded queue, the work on threads that may block.
//! A job is in the database before it is answered for, and leaves it a while after its end. What the
//! end of the platform cut off is run again at the next start, a bounded number of times. Nothing is
//! scored here that a ranking knows of.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use uuid::Uuid;

use crate::api::{JobStatus, Passed, Validation, ValidationResult};
use crate::bundle::Rules;
use crate::lint::{self, Policy};
use crate::model::{GateVerdict, InvalidName, Slug};
use crate::queue::Clock;
use crate::store::{
    Forgotten, NewValidation, Store, StoreError, StoredValidation, ValidationState, storable,
};
use crate::task::{self, Artifact, Author, Holds, InvalidInvariants, Task};

/// Ended jobs are forgotten after so long.
const KEPT: SignedDuration = SignedDuration::from_secs(3600);
/// The clocks of several platforms on one database may differ by so much.
const CLOCKS: SignedDuration = SignedDuration::from_hours(24);
/// Ended jobs that are kept at most; the oldest go first.
const MOST_KEPT: u32 = 1000;
const MOST_LOG_LINES: usize = 2000;
/// A job that was cut off so often is not run again: it may be what ends the platform.
const MOST_INTERRUPTIONS: u32 = 3;
/// Between two looks at a job that another platform runs, and two tries while the database is gone.
const PAUSE: Duration = Duration::from_secs(1);

const OUR_FAULT: &str = "the platform failed; it is not the bundle's fault";
const CUT_OFF: &str = "the platform ended while this was checked, three times; it is not run again";
const LEFT: &str = "the platform that took this did not come back; it is not the bundle's fault";

/// What is asked for.
#[derive(Debug)]
pub(super) struct Order {
    /// The id of a task, or the text of invariants.
    pub(super) task: String,
    pub(super) bundle: Bytes,
}

/// Why there is nothing to check a bundle against.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoInvariants {
    #[error("the task cannot be used: {0}")]
    Invalid(#[from] InvalidInvariants),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("there is no task `{0}` of the kind `artifact`")]
    Unknown(Slug),
}

/// All jobs. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Jobs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    /// Which platform this is, of those that share the database.
    platform: Uuid,
    policy: Arc<Policy>,
    /// Tasks that a request may name.
    bundles: Vec<Task>,
    /// How many may run or wait.
    places: Arc<Semaphore>,
    /// How many may run.
    runners: Arc<Semaphore>,
    /// Told whenever a job ends here.
    ended: watch::Sender<()>,
    clock: Arc<dyn Clock>,
}

/// What the jobs need.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) platform: Uuid,
    pub(super) policy: Arc<Policy>,
    pub(super) bundles: Vec<Task>,
    /// How many may be there that have not ended.
    pub(super) queue: usize,
    pub(super) clock: Arc<dyn Clock>,
}

/// Which platform has this data folder: made once, and kept there.
pub(super) fn platform_of(folder: &Path) -> io::Result<Uuid> {
    let path = folder.join("platform.id");
    match fs::read_to_string(&path) {
        Ok(text) => Uuid::try_parse(text.trim()).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = Uuid::now_v7();
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(file, "{id}")?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

impl Jobs {
    /// As many run at one time as there are processors.
    pub(super) fn new(parts: Parts) -> Self {
        let runners = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Shared {
            store: parts.store,
            platform: parts.platform,
            policy: parts.policy,
            bundles: parts.bundles,
            places: Arc::new(Semaphore::new(parts.queue)),
            runners: Arc::new(Semaphore::new(runners)),
            ended: watch::channel(()).0,
            clock: parts.clock,
        }))
    }

    /// Goes on with what was there when the platform ended.
    pub(super) async fn resume(&self) -> Result<(), StoreError> {
        let (store, now) = (&self.0.store, self.0.clock.now());
        let waiting = store.resume_validations(self.0.platform, MOST_INTERRUPTIONS, CUT_OFF, now).await?;
        if !waiting.is_empty() {
            tracing::warn!(jobs = waiting.len(), "validations are taken up again");
        }
        for id in waiting {
            let all = self.clone();
            tokio::spawn(async move {
                // Never closed.
                let Ok(place) = Arc::clone(&all.0.places).acquire_owned().await else { return };
                all.run(id, place).await;
            });
        }
        Ok(())
    }

    /// Takes an order, or `None` when the queue is full. Whoever has the answer has the job.
    pub(super) async fn take(
        &self,
        order: Order,
        task_id: Option<String>,
    ) -> Result<Option<Validation>, StoreError> {
        let Ok(place) = Arc::clone(&self.0.places).try_acquire_owned() else { return Ok(None) };
        self.forget().await?;
        let (id, at) = (Uuid::now_v7(), self.0.clock.now());
        let new = NewValidation {
            id,
            platform: self.0.platform,
            task_id: task_id.clone(),
            task: order.task,
            bundle: order.bundle.to_vec(),
            at,
        };
        self.0.store.add_validation(new).await?;
        let all = self.clone();
        tokio::spawn(async move { all.run(id, place).await });
        let shown = StoredValidation {
            id,
            task_id,
            state: ValidationState::Queued,
            interrupted: 0,
            created_at: at,
            result: None,
            log: String::new(),
        };
        Ok(Some(shown_as(shown)))
    }

    /// The job `id`, and its log.
    pub(super) async fn get(&self, id: Uuid) -> Result<Option<(Validation, String)>, StoreError> {
        let found = self.0.store.validation(id, &self.forgotten()).await?;
        Ok(found.map(|mut job| {
            let log = std::mem::take(&mut job.log);
            (shown_as(job), log)
        }))
    }

    /// The job `id`, at its end if that comes within `patience`.
    pub(super) async fn wait(&self, id: Uuid, patience: Duration) -> Result<Option<Validation>, StoreError> {
        let mut ended = self.0.ended.subscribe();
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let Some((job, _)) = self.get(id).await? else { return Ok(None) };
            let has_ended = matches!(job.status, JobStatus::Done | JobStatus::Failed);
            if has_ended || tokio::time::Instant::now() >= deadline {
                return Ok(Some(job));
            }
            let look_again = deadline.min(tokio::time::Instant::now() + PAUSE);
            // Another platform's job ends without our hearing of it.
            let _ = tokio::time::timeout_at(look_again, ended.changed()).await;
        }
    }

    /// Forgets what ended long ago.
    pub(super) async fn forget(&self) -> Result<(), StoreError> {
        let (store, now) = (&self.0.store, self.0.clock.now());
        store.forget_validations(&self.forgotten(), MOST_KEPT, LEFT, now).await
    }

    /// The invariants that `task` asks for, and the id that they have.
    ///
    /// # Errors
    /// When the text is not one of invariants, or names no task that takes a bundle.
    pub(super) fn invariants(&self, task: &str) -> Result<(Artifact, Option<String>), NoInvariants> {
        if task.trim_start().starts_with('{') {
            return Ok(Artifact::parse(task, Author::Anybody)?);
        }
        let id = Slug::parse(task.trim())?;
        let known = self.0.bundles.iter().find(|known| known.id == id);
        match known.map(|known| &known.kind) {
            Some(task::Kind::Artifact(artifact)) => Ok((artifact.clone(), Some(id.to_string()))),
            _ => Err(NoInvariants::Unknown(id)),
        }
    }

    fn forgotten(&self) -> Forgotten {
        let now = self.0.clock.now();
        let before = |long: SignedDuration| now.saturating_sub(long).unwrap_or(Timestamp::MIN);
        Forgotten { platform: self.0.platform, own: before(KEPT), others: before(KEPT + CLOCKS) }
    }

    /// Runs a job that waits, once there is a runner.
    async fn run(&self, id: Uuid, place: OwnedSemaphorePermit) {
        // Never closed.
        let Ok(runner) = Arc::clone(&self.0.runners).acquire_owned().await else { return };
        // The archive is only now in memory, so that there are as many of them as there are runners.
        let started = self.tried(|| self.0.store.start_validation(id)).await;
        let Some(Some((task, bundle))) = started else { return };
        let policy = Arc::clone(&self.0.policy);
        let done = match self.invariants(&task) {
            // The permits go with the work.
            Ok((artifact, _)) => tokio::task::spawn_blocking(move || {
                let done = work(&artifact, &bundle, &policy);
                drop((runner, place));
                done
            })
            .await
            .map_err(|error| {
                tracing::error!(%id, %error, "a validation was lost");
                OUR_FAULT.to_owned()
            }),
            // It was there when the job was taken.
            Err(error) => Err(error.to_string()),
        };
        let (result, log) = match done {
            Ok((result, log)) => (serde_json::to_string(&result).ok(), log),
            Err(why) => (None, vec![why]),
        };
        let log = storable(&log.iter().flat_map(|line| [line, "\n"]).collect::<String>());
        let now = self.0.clock.now();
        self.tried(|| self.0.store.end_validation(id, result.as_deref(), &log, now)).await;
        self.0.ended.send_replace(());
    }

    /// Tries until the database takes it. A fault that is no outage ends the job; what is in the
    /// database is taken up at the next start.
    async fn tried<T, F>(&self, step: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match step().await {
                Ok(done) => return Some(done),
                Err(error) => {
                    tracing::error!(error = %error, "cannot go on with a validation");
                    if !error.is_outage() {
                        return None;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn shown_as(job: StoredValidation) -> Validation {
    Validation {
        job_id: job.id,
        task_id: job.task_id,
        status: match job.state {
            ValidationState::Queued => JobStatus::Queued,
            ValidationState::Running => JobStatus::Running,
            ValidationState::Done => JobStatus::Done,
            ValidationState::Failed => JobStatus::Failed,
        },
        interrupted: job.interrupted,
        created_at: job.created_at,
        log_url: format!("/validate/{}/log", job.id),
        // We wrote it; a newer version may have written more than we know.
        result: job.result.and_then(|text| serde_json::from_str(&text).ok()),
    }
}

/// What comes of an order, and the log of it.
fn work(artifact: &Artifact, bundle: &[u8], policy: &Policy) -> (ValidationResult, Vec<String>) {
    let total = artifact.len() as u64;
    let report = lint::check_bundle(bundle, &Rules::ARTIFACT, policy);
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
    let held = artifact.judge(bundle);
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
