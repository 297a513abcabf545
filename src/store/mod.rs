//! Keeps what the platform knows: submissions, leases, results and what happened to them, in
//! SQLite or PostgreSQL with one set of queries, and sources as blobs.
//!
//! A transition is one compare-and-swap statement and its audit event in one transaction, so that
//! two who want to take the same step cannot both succeed.

mod agents;
mod assignments;
mod backup;
mod bans;
mod batch;
mod blobs;
mod dump;
mod holds;
mod known_bans;
mod nonces;
mod objects;
mod overview;
mod places;
mod quota;
mod rechecks;
mod rejudges;
mod rows;
mod runs;
mod shelf;
mod step;
mod submissions;
mod together;
mod validations;

use std::path::Path;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{Any, AnyPool, Connection as _, Row as _, Transaction};
use tokio::sync::mpsc;

pub use agents::{AgentFiles, AgentRecord};
pub use assignments::{EndedLease, Finish, LeaseRow, NewLease, Requeue};
pub use backup::{BackupError, BackupReport, backup, restore};
pub use bans::{Ban, BanPage, Lift};
pub use blobs::Blobs;
pub use dump::{SHELF, TABLES};
pub use holds::{OpenHold, Resolution};
pub use objects::Objects;
pub use overview::ValidatorHealth;
pub use quota::{Exceeded, Quota};
pub use rechecks::{Rechecked, Regated, Sentence};
pub use rejudges::{Act, Applied, CaseChange, Entry, Made, Rejudge, RejudgeState, ScoreChange, Selection};
pub use rows::{AuditRow, Event, Submission, storable};
pub use runs::{JudgedTask, Judgement, Run, RunTask, Standing};
pub use submissions::{Admission, NewSubmission, Page, Ranked, SubmissionQuery};
pub use validations::{Forgotten, NewValidation, StoredValidation, ValidationState};

use known_bans::KnownBans;
use together::Together;

use crate::model::{SubmissionId, SubmissionState};

/// Our fault, never a miner's or a validator's.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the database `{name}`")]
    Open { name: String, source: sqlx::Error },
    #[error("cannot bring the database `{name}` to this version's tables")]
    Migrate { name: String, source: sqlx::migrate::MigrateError },
    #[error("the database failed while it was asked to {doing}")]
    Query { doing: &'static str, source: sqlx::Error },
    #[error("the stored {what} of `{id}` cannot be read: {cause}")]
    Corrupt { what: &'static str, id: String, cause: String },
    #[error("cannot {doing} `{name}`")]
    File { doing: &'static str, name: String, source: std::io::Error },
    #[error("cannot {doing} `{name}`")]
    Blob { doing: &'static str, name: String, source: object_store::Error },
    #[error("`{0}` is not a database: use `sqlite:PATH` or `postgres://…`")]
    UnknownDatabase(String),
}

impl StoreError {
    /// Whether the database or the place of the sources does not answer: the same may work later.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Open { .. } => true,
            Self::Query { source, .. } => match source {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                sqlx::Error::Database(error) => error.code().is_some_and(|code| is_outage(&code)),
                _ => false,
            },
            // What is not there when it is read is lost; what cannot be written waits for its bucket.
            Self::Blob { doing, source, .. } => {
                *doing != "read" || !matches!(source, object_store::Error::NotFound { .. })
            }
            Self::Migrate { .. } | Self::Corrupt { .. } | Self::File { .. } | Self::UnknownDatabase(_) => {
                false
            }
        }
    }

    /// Whether another transaction wrote the same thing first: looking again finds it there.
    fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Query { source, .. }
            if source.as_database_error().is_some_and(|error| error.is_unique_violation()))
    }

    fn query(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Query { doing, source }
    }
}

/// Whether a code of a database says that it, its disk or its memory cannot serve now, and not that
/// the statement was wrong.
fn is_outage(code: &str) -> bool {
    // Five characters are an SQLSTATE: no connection, insufficient resources, shutting down or
    // starting, gave up for another transaction, read-only.
    if code.len() == 5 {
        let class = ["08", "53", "40"].iter().any(|class| code.starts_with(class));
        return class || ["57P01", "57P02", "57P03", "25006"].contains(&code);
    }
    // The lowest byte of an extended code of SQLite is the code: busy, locked, no memory, read-only,
    // the disk failed, is full, or the file cannot be opened.
    let primary = code.parse::<i32>().ok().map(|code| code & 0xff);
    primary.is_some_and(|code| [5, 6, 7, 8, 10, 13, 14].contains(&code))
}

/// What differs between the engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    /// As many as there are readers.
    reads: AnyPool,
    /// SQLite has one writer at a time: waiting for it in our own queue is fair, waiting for its
    /// lock is not.
    writes: AnyPool,
    /// To the task that lets in submissions, where there is one.
    together: Together,
    known_bans: KnownBans,
}

/// What the one connection that writes to SQLite wants beside that. Each upload touches a page of every
/// index at random: 16 MiB of them stay in memory, and what was written is carried over into the database
/// when it is as much, many changes of one page at once. What a statement would undo is kept in memory
/// instead of in a file.
const WRITER: &str =
    "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;";

/// How long a statement waits for a lock that another process holds.
const BUSY_MS: u32 = 10_000;

impl Store {
    /// The SQLite file `path`, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened, is not a database, or was written by a newer version.
    pub async fn open_file(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let url = format!("sqlite://{}?mode=rwc", percent_encoded(path));
        let options = |pragmas: &'static str| {
            let options = AnyPoolOptions::new().acquire_timeout(std::time::Duration::from_secs(10));
            // There is nobody at the other end who could have gone away.
            let options = options.test_before_acquire(false);
            // SQLite ends a transaction by itself when the disk is full or fails. The library then
            // takes it to be open for ever, and nothing could be written until the next start.
            let options = options.before_acquire(|connection, _| {
                Box::pin(std::future::ready(Ok(!connection.is_in_transaction())))
            });
            options.after_connect(move |connection, _| {
                Box::pin(async move {
                    // FULL: a submission that was answered with 201 survives a power cut.
                    let pragmas = format!(
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                         PRAGMA foreign_keys = ON; PRAGMA busy_timeout = {BUSY_MS}; {pragmas}"
                    );
                    sqlx::raw_sql(sqlx::AssertSqlSafe(pragmas)).execute(connection).await?;
                    Ok(())
                })
            })
        };
        sqlx::any::install_default_drivers();
        // A pool tries again and again; what can never be opened shall say so at once.
        let open = |source| StoreError::Open { name: name.clone(), source };
        let mut first = sqlx::AnyConnection::connect(&url).await.map_err(open)?;
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut first).await.map_err(open)?;
        first.close().await.map_err(open)?;
        let open = |source| StoreError::Open { name: name.clone(), source };
        let writes = options(WRITER).max_connections(1).connect(&url).await.map_err(open)?;
        sqlx::migrate!("./migrations/sqlite")
            .run(&writes)
            .await
            .map_err(|source| StoreError::Migrate { name: name.clone(), source })?;
        let open = |source| StoreError::Open { name: name.clone(), source };
        let reads = options("").max_connections(4).connect(&url).await.map_err(open)?;
        Ok(Self::over(Engine::Sqlite, reads, writes))
    }

    /// A PostgreSQL database. Any number of platforms may share it.
    ///
    /// # Errors
    /// When it does not answer or was written by a newer version.
    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        // What stands before the `@` may be a password.
        let name =
            url.rsplit('@').next().unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
        let open = |source| StoreError::Open { name: name.clone(), source };
        sqlx::any::install_default_drivers();
        sqlx::AnyConnection::connect(url).await.map_err(open)?.close().await.map_err(open)?;
        let options = AnyPoolOptions::new().acquire_timeout(std::time::Duration::from_secs(10));
        let pool = options.max_connections(16).connect(url).await.map_err(open)?;
        sqlx::migrate!("./migrations/postgres")
            .run(&pool)
            .await
            .map_err(|source| StoreError::Migrate { name: name.clone(), source })?;
        Ok(Self::over(Engine::Postgres, pool.clone(), pool))
    }

    /// Begins to take submissions.
    fn over(engine: Engine, reads: AnyPool, writes: AnyPool) -> Self {
        let (together, arrivals) = mpsc::unbounded_channel();
        // A way in that leads nowhere, so that the task ends when all others are gone.
        let (nowhere, _) = mpsc::unbounded_channel();
        let (reading, writing) = (reads.clone(), writes.clone());
        let known_bans = KnownBans::default();
        let writer = Self { engine, reads: reading, writes: writing, together: nowhere, known_bans };
        if engine == Engine::Sqlite {
            together::start(writer, arrivals);
        }
        Self { engine, reads, writes, together, known_bans: KnownBans::default() }
    }

    /// `postgres://…`, `sqlite:PATH`, `sqlite://PATH`, or a plain path.
    ///
    /// # Errors
    /// As [`Store::open_file`], or when the URL names no database that we know.
    pub async fn open_url(url: &str) -> Result<Self, StoreError> {
        let path = match url.split_once(':') {
            None => url,
            Some(("postgres" | "postgresql", _)) => return Self::open_postgres(url).await,
            Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            Some((scheme, _)) => return Err(StoreError::UnknownDatabase(format!("{scheme}:"))),
        };
        Self::open_file(Path::new(path)).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let one = sqlx::query("SELECT 1").execute(&self.reads).await;
        one.map(drop).map_err(StoreError::query("answer"))
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }

    /// A transaction that may write. On SQLite it takes the write lock at once: a reader that
    /// becomes a writer half-way would fail where somebody else wrote in between.
    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Any>, StoreError> {
        match self.engine {
            Engine::Sqlite => self.writes.begin_with("BEGIN IMMEDIATE").await,
            Engine::Postgres => self.writes.begin().await,
        }
        .map_err(StoreError::query(doing))
    }

    /// After `LIMIT` in the statement that takes work: a row that another server is taking is
    /// passed over, not waited for. SQLite has one writer, so that there is nothing to pass over.
    const fn skip_locked(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// After a `SELECT` whose row others must not read for the same purpose until we are done.
    const fn row_lock(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE",
        }
    }

    /// Makes the steps of one submission wait for each other. On SQLite the transaction holds the
    /// lock of the whole database already.
    async fn lock(
        &self,
        transaction: &mut Transaction<'static, Any>,
        submission: SubmissionId,
    ) -> Result<(), StoreError> {
        match self.engine {
            Engine::Sqlite => Ok(()),
            Engine::Postgres => sqlx::query("SELECT sequence FROM submissions WHERE id = $1 FOR UPDATE")
                .bind(submission.to_string())
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(StoreError::query("lock a submission")),
        }
    }
}

/// The steps that change a submission's state write one of these in the same transaction.
async fn record(
    transaction: &mut Transaction<'static, Any>,
    id: &str,
    event: &Event,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_events (at, actor, submission_id, from_state, to_state, reason) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(event.at.as_millisecond())
    .bind(event.actor.clone())
    .bind(id.to_owned())
    .bind(event.from.map(SubmissionState::as_str))
    .bind(event.to.as_str())
    .bind(event.reason.clone())
    .execute(&mut **transaction)
    .await
    .map(drop)
    .map_err(StoreError::query("record an event"))
}

/// Removes the files below `folder` whose names are such.
fn remove_files(folder: &Path, such: impl Fn(&str) -> bool + Copy) -> Result<(), StoreError> {
    let failed = |doing: &'static str, path: &Path| {
        let name = path.display().to_string();
        move |source| StoreError::File { doing, name, source }
    };
    for entry in std::fs::read_dir(folder).map_err(failed("read the folder", folder))? {
        let entry = entry.map_err(failed("read the folder", folder))?;
        let path = entry.path();
        if entry.file_type().map_err(failed("look at", &path))?.is_dir() {
            remove_files(&path, such)?;
        } else if such(&entry.file_name().to_string_lossy()) {
            std::fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

fn count(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    row.try_get::<i64, _>(column).map(|count| u64::try_from(count).unwrap_or(0))
}

/// A path as the path of a URL, so that `?`, `#`, `%` and blanks in it stay part of it.
fn percent_encoded(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut url = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}
