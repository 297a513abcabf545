//! Rejudge sets: submissions that are judged again beside their live scores. Here they are made and
//! listed; `findings` is what came of one, `decisions` how it is applied or dropped.

mod decisions;
mod findings;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};
use uuid::Uuid;

pub use decisions::Applied;
pub use findings::{CaseChange, Entry, ScoreChange};

use super::rows::Reader;
use super::{Store, StoreError};
use crate::model::{Digest, Slug};

/// Which completed submissions are judged again. `None` restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this task is run, and only submissions that have a score for it.
    pub task: Option<Slug>,
    /// Let in under this policy.
    pub policy: Option<Digest>,
    /// Received then or later.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
}

/// Who does something, when and why.
#[derive(Debug, Clone)]
pub struct Act {
    pub actor: String,
    pub why: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejudgeState {
    Open,
    Applied,
    Dropped,
}

impl RejudgeState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Applied => "applied",
            Self::Dropped => "dropped",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let known =
            [Self::Open, Self::Applied, Self::Dropped].into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is not a state of a rejudge set"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejudge {
    pub id: Uuid,
    pub selection: Selection,
    pub state: RejudgeState,
    pub reason: String,
    pub created_at: Timestamp,
    pub created_by: String,
    /// Who applied or dropped it, when and why.
    pub resolved: Option<(String, Timestamp, String)>,
    /// Places of validators, and how many of them are still to be filled.
    pub places: u64,
    pub waiting: u64,
}

/// What came of making a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    Set(Box<Rejudge>),
    /// No completed submission is such.
    Empty,
    /// More than may be in one set.
    TooMany {
        most: u32,
    },
}

/// In one set.
const MOST: u32 = 10_000;

const REJUDGE: &str = "SELECT j.id, j.task, j.policy, j.since, j.until, j.state, j.reason, j.created_at, \
     j.created_by, j.resolved_at, j.resolved_by, j.resolution, \
     (SELECT COUNT(*) FROM rejudge_places p WHERE p.rejudge_id = j.id) AS places, \
     (SELECT COUNT(*) FROM rejudge_places p WHERE p.rejudge_id = j.id AND p.state IN ('free', 'live')) AS waiting \
     FROM rejudges j";

fn rejudge(row: &AnyRow) -> Result<Rejudge, StoreError> {
    let id = row.try_get("id").map_err(StoreError::query("read a rejudge set"))?;
    let reader = Reader { row, what: "rejudge set", id };
    let policy = reader.optional_text("policy")?;
    let task = reader.optional_text("task")?;
    let resolved = match reader.optional_time("resolved_at")? {
        Some(at) => Some((reader.text("resolved_by")?, at, reader.text("resolution")?)),
        None => None,
    };
    let number = |column| super::count(row, column).map_err(|error| reader.corrupt(error));
    Ok(Rejudge {
        id: reader.parsed("id", Uuid::parse_str)?,
        selection: Selection {
            task: task.map(|text| text.parse().map_err(|error| reader.corrupt(error))).transpose()?,
            policy: policy.map(|text| text.parse().map_err(|error| reader.corrupt(error))).transpose()?,
            since: reader.optional_time("since")?,
            until: reader.optional_time("until")?,
        },
        state: reader.parsed("state", RejudgeState::parse)?,
        reason: reader.text("reason")?,
        created_at: reader.time("created_at")?,
        created_by: reader.text("created_by")?,
        resolved,
        places: number("places")?,
        waiting: number("waiting")?,
    })
}

impl Store {
    /// Makes a set of the completed submissions that are such. Each is to be judged by as many
    /// validators as before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_rejudge(&self, selection: &Selection, act: &Act) -> Result<Made, StoreError> {
        const DOING: &str = "make a rejudge set";
        let id = Uuid::now_v7();
        let mut transaction = self.begin(DOING).await?;
        sqlx::query(
            "INSERT INTO rejudges (id, task, policy, since, until, state, reason, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8)",
        )
        .bind(id.to_string())
        .bind(selection.task.as_ref().map(Slug::to_string))
        .bind(selection.policy.map(|digest| digest.to_string()))
        .bind(selection.since.map(Timestamp::as_millisecond))
        .bind(selection.until.map(Timestamp::as_millisecond))
        .bind(act.why.clone())
        .bind(act.at.as_millisecond())
        .bind(act.actor.clone())
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        let mut place = 1_i64;
        loop {
            let made = fill(&mut transaction, id, selection, place).await?;
            if made == 0 {
                break;
            }
            if made > u64::from(MOST) {
                return Ok(Made::TooMany { most: MOST });
            }
            place += 1;
        }
        if place == 1 {
            return Ok(Made::Empty);
        }
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(self.rejudge(id).await?.map_or(Made::Empty, |set| Made::Set(Box::new(set))))
    }

    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn rejudge(&self, id: Uuid) -> Result<Option<Rejudge>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{REJUDGE} WHERE j.id = $1")))
            .bind(id.to_string())
            .fetch_optional(&self.reads)
            .await
            .map_err(StoreError::query("find a rejudge set"))?;
        row.as_ref().map(rejudge).transpose()
    }

    /// The sets, newest first, or those behind `after`. An `after` that does not exist lists nothing.
    ///
    /// # Errors
    /// As [`Store::rejudge`].
    pub async fn rejudges(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<Rejudge>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{REJUDGE} WHERE $1 = '' OR (j.created_at, j.id) < (SELECT created_at, id FROM rejudges WHERE id = $2) \
             ORDER BY j.created_at DESC, j.id DESC LIMIT $3"
        )))
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the rejudge sets"))?;
        rows.iter().map(rejudge).collect()
    }
}

/// One place for each submission whose quorum reaches that far. Answers how many.
async fn fill(
    transaction: &mut Transaction<'static, Any>,
    id: Uuid,
    selection: &Selection,
    place: i64,
) -> Result<u64, StoreError> {
    let mut sql = "INSERT INTO rejudge_places (rejudge_id, submission_id, place, state) \
         SELECT $1, s.id, $2, 'free' FROM submissions s WHERE s.state = 'completed' AND s.quorum >= $3"
        .to_owned();
    let mut next = 4;
    let mut wants = |condition: &str| {
        sql.push_str(&condition.replace('?', &format!("${next}")));
        next += 1;
    };
    if selection.policy.is_some() {
        wants(" AND s.policy = ?");
    }
    if selection.since.is_some() {
        wants(" AND s.received_at >= ?");
    }
    if selection.until.is_some() {
        wants(" AND s.received_at < ?");
    }
    if selection.task.is_some() {
        wants(
            " AND EXISTS (SELECT 1 FROM scores c WHERE c.submission_id = s.id AND c.standing = 'live' \
             AND c.task = ?)",
        );
    }
    // One more than may be: so that too many are noticed and not cut off.
    sql.push_str(&format!(" ORDER BY s.sequence LIMIT {}", u64::from(MOST) + 1));
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).bind(place).bind(place);
    if let Some(policy) = selection.policy {
        query = query.bind(policy.to_string());
    }
    for at in [selection.since, selection.until].into_iter().flatten() {
        query = query.bind(at.as_millisecond());
    }
    if let Some(task) = &selection.task {
        query = query.bind(task.to_string());
    }
    let done = query.execute(&mut **transaction).await.map_err(StoreError::query("fill a rejudge set"))?;
    Ok(done.rows_affected())
}
