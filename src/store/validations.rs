//! Bundles on their way through `/validate`: what was asked for, until it has ended, and what came of
//! it, for a while.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::rows::Reader;
use super::{Store, StoreError};

/// Where a validation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationState {
    Queued,
    Running,
    Done,
    /// By our fault.
    Failed,
}

impl ValidationState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let known = [Self::Queued, Self::Running, Self::Done, Self::Failed];
        let found = known.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not a state of a validation"))
    }
}

/// A bundle that is to be checked.
#[derive(Debug)]
pub struct NewValidation {
    pub id: Uuid,
    /// The platform that takes it.
    pub platform: Uuid,
    pub task_id: Option<String>,
    /// The id of a task, or the text of invariants.
    pub task: String,
    pub bundle: Vec<u8>,
    pub at: Timestamp,
}

/// Whose validations are forgotten when. A time in the database is of the clock of the platform that took
/// the validation; those of several platforms may differ.
#[derive(Debug, Clone, Copy)]
pub struct Forgotten {
    /// The platform that asks.
    pub platform: Uuid,
    /// Its own: those that ended then or before.
    pub own: Timestamp,
    /// The others': those that ended then or before, and those that had not ended and came before.
    pub others: Timestamp,
}

/// A validation as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredValidation {
    pub id: Uuid,
    pub task_id: Option<String>,
    pub state: ValidationState,
    /// How often the end of the platform cut it off.
    pub interrupted: u32,
    pub created_at: Timestamp,
    /// JSON, once it is done.
    pub result: Option<String>,
    pub log: String,
}

const VALIDATION: &str = "id, task_id, status, interrupted, created_at, result, log";

fn validation(row: &AnyRow) -> Result<StoredValidation, StoreError> {
    let id = row.try_get("id").map_err(StoreError::query("read a validation"))?;
    let reader = Reader { row, what: "validation", id };
    Ok(StoredValidation {
        id: reader.parsed("id", Uuid::parse_str)?,
        task_id: reader.optional_text("task_id")?,
        state: reader.parsed("status", ValidationState::parse)?,
        interrupted: reader.number("interrupted")?,
        created_at: reader.time("created_at")?,
        result: reader.optional_text("result")?,
        log: reader.text("log")?,
    })
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn add_validation(&self, new: NewValidation) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO validations (id, platform, task_id, task, bundle, status, created_at) \
             VALUES ($1, $2, $3, $4, $5, 'queued', $6)",
        )
        .bind(new.id.to_string())
        .bind(new.platform.to_string())
        .bind(new.task_id)
        .bind(new.task)
        .bind(new.bundle)
        .bind(new.at.as_millisecond())
        .execute(&self.writes)
        .await
        .map(drop)
        .map_err(StoreError::query("store a validation"))
    }

    /// The validation `id`, unless it is forgotten.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn validation(
        &self,
        id: Uuid,
        forgotten: &Forgotten,
    ) -> Result<Option<StoredValidation>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {VALIDATION} FROM validations WHERE id = $1 AND (ended_at IS NULL \
             OR ended_at > CASE WHEN platform = $2 THEN $3 ELSE $4 END)"
        )))
        .bind(id.to_string())
        .bind(forgotten.platform.to_string())
        .bind(forgotten.own.as_millisecond())
        .bind(forgotten.others.as_millisecond())
        .fetch_optional(&self.reads)
        .await
        .map_err(StoreError::query("find a validation"))?;
        row.as_ref().map(validation).transpose()
    }

    /// Begins a validation that waits: the task and the bundle. `None` when it does not wait.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn start_validation(&self, id: Uuid) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        const DOING: &str = "begin a validation";
        let row = sqlx::query(
            "UPDATE validations SET status = 'running' WHERE id = $1 AND status = 'queued' \
             RETURNING task, bundle",
        )
        .bind(id.to_string())
        .fetch_optional(&self.writes)
        .await
        .map_err(StoreError::query(DOING))?;
        let Some(row) = row else { return Ok(None) };
        let reader = Reader { row: &row, what: "validation", id: id.to_string() };
        let bundle = row.try_get("bundle").map_err(|error| reader.corrupt(error))?;
        Ok(Some((reader.text("task")?, bundle)))
    }

    /// Ends a validation: with its result, or without one by our fault.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_validation(
        &self,
        id: Uuid,
        result: Option<&str>,
        log: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let state = if result.is_some() { ValidationState::Done } else { ValidationState::Failed };
        sqlx::query(
            "UPDATE validations SET status = $1, result = $2, log = $3, ended_at = $4, task = NULL, bundle = NULL \
             WHERE id = $5 AND status = 'running'",
        )
        .bind(state.as_str())
        .bind(result.map(str::to_owned))
        .bind(log.to_owned())
        .bind(at.as_millisecond())
        .bind(id.to_string())
        .execute(&self.writes)
        .await
        .map(drop)
        .map_err(StoreError::query("end a validation"))
    }

    /// Takes up again, at its start, what `platform` had not ended: what ran is charged with an
    /// interruption and fails with `log` after the one number `most`. Answers those that wait, oldest
    /// first.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn resume_validations(
        &self,
        platform: Uuid,
        most: u32,
        log: &str,
        at: Timestamp,
    ) -> Result<Vec<Uuid>, StoreError> {
        const DOING: &str = "take up validations again";
        let mut transaction = self.begin(DOING).await?;
        sqlx::query(
            "UPDATE validations SET interrupted = interrupted + 1, status = 'queued' \
             WHERE platform = $1 AND status = 'running'",
        )
        .bind(platform.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        sqlx::query(
            "UPDATE validations SET status = 'failed', log = $1, ended_at = $2, task = NULL, bundle = NULL \
             WHERE platform = $3 AND status = 'queued' AND interrupted >= $4",
        )
        .bind(log.to_owned())
        .bind(at.as_millisecond())
        .bind(platform.to_string())
        .bind(i64::from(most))
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        let rows = sqlx::query(
            "SELECT id FROM validations WHERE platform = $1 AND status = 'queued' ORDER BY created_at, id",
        )
        .bind(platform.to_string())
        .fetch_all(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        let waiting = rows.iter().map(|row| {
            let id: String = row.try_get("id").map_err(StoreError::query(DOING))?;
            Reader { row, what: "validation", id }.parsed("id", Uuid::parse_str)
        });
        let waiting = waiting.collect::<Result<_, _>>()?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(waiting)
    }

    /// Forgets what is `forgotten`, and the oldest of more than `most`. What another platform took and did
    /// not end in all that time fails with `log`: that platform does not come back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_validations(
        &self,
        forgotten: &Forgotten,
        most: u32,
        log: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const DOING: &str = "forget old validations";
        sqlx::query(
            "DELETE FROM validations WHERE ended_at <= CASE WHEN platform = $1 THEN $2 ELSE $3 END \
             OR (ended_at IS NOT NULL AND id NOT IN (\
             SELECT id FROM validations WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id LIMIT $4))",
        )
        .bind(forgotten.platform.to_string())
        .bind(forgotten.own.as_millisecond())
        .bind(forgotten.others.as_millisecond())
        .bind(i64::from(most))
        .execute(&self.writes)
        .await
        .map_err(StoreError::query(DOING))?;
        sqlx::query(
            "UPDATE validations SET status = 'failed', log = $1, ended_at = $2, task = NULL, bundle = NULL \
             WHERE platform <> $3 AND ended_at IS NULL AND created_at <= $4",
        )
        .bind(log.to_owned())
        .bind(at.as_millisecond())
        .bind(forgotten.platform.to_string())
        .bind(forgotten.others.as_millisecond())
        .execute(&self.writes)
        .await
        .map(drop)
        .map_err(StoreError::query(DOING))
    }
}
