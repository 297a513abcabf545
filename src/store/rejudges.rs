//! Rejudge sets: submissions that are judged again beside their live scores. A set is applied or
//! dropped as a whole, in one transaction that says who did it and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};
use uuid::Uuid;

use super::rows::{Event, Reader};
use super::runs::{self, parse_verdict, task_score};
use super::{Store, StoreError, record};
use crate::model::{CaseVerdict, Digest, MinerId, Score, Slug, SubmissionId, SubmissionState};

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

/// One submission of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub submission: SubmissionId,
    pub miner: MinerId,
    pub state: SubmissionState,
    /// What counts now.
    pub score: Option<Score>,
    pub live: BTreeMap<Slug, Score>,
    pub proposed: BTreeMap<Slug, Score>,
    /// Validators that are still to judge it.
    pub waiting: u32,
    /// Why a validator's place was given up, if one was.
    pub failed: Option<String>,
    /// Validators came to different verdicts.
    pub disputed: bool,
}

/// A case of which the verdict would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseChange {
    pub submission: SubmissionId,
    pub task: Slug,
    pub case: Slug,
    /// `None` for a case that was not there.
    pub before: Option<CaseVerdict>,
    pub after: CaseVerdict,
}

/// What applying does to one submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreChange {
    pub submission: SubmissionId,
    pub before: Score,
    pub after: Score,
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

/// What came of applying a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    Done,
    /// It was applied or dropped before, or was never there.
    NotOpen,
    /// So many places wait for a validator.
    Unfinished {
        waiting: u64,
    },
    /// This one has another live score than when the changes were computed. Nothing was applied.
    Moved(SubmissionId),
}

/// In one set.
const MOST: u32 = 10_000;
/// Of the changes of cases that are read.
const MOST_CASES: i64 = 10_000;

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

    /// Every submission of a set with what counts and what was found anew, in order of arrival.
    ///
    /// # Errors
    /// As [`Store::rejudge`].
    pub async fn rejudge_entries(&self, id: Uuid) -> Result<Vec<Entry>, StoreError> {
        const DOING: &str = "read a rejudge set";
        let rows = sqlx::query(
            "SELECT s.id AS submission_id, s.miner_id, s.state, s.score, p.state AS place_state, p.fault, \
             r.judgement FROM rejudge_places p JOIN submissions s ON s.id = p.submission_id \
             LEFT JOIN runs r ON r.id = p.run_id WHERE p.rejudge_id = $1 ORDER BY s.sequence, p.place",
        )
        .bind(id.to_string())
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query(DOING))?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut agreed: Option<String> = None;
        for row in &rows {
            let submission = row.try_get("submission_id").map_err(StoreError::query(DOING))?;
            let reader = Reader { row, what: "place", id: submission };
            let submission = reader.parsed("submission_id", SubmissionId::parse)?;
            if entries.last().is_none_or(|entry| entry.submission != submission) {
                agreed = None;
                entries.push(Entry {
                    submission,
                    miner: reader.parsed("miner_id", str::parse)?,
                    state: reader.state("state")?,
                    score: reader.optional_score("score")?,
                    live: BTreeMap::new(),
                    proposed: BTreeMap::new(),
                    waiting: 0,
                    failed: None,
                    disputed: false,
                });
            }
            let Some(entry) = entries.last_mut() else { continue };
            match reader.text("place_state")?.as_str() {
                "failed" => entry.failed = reader.optional_text("fault")?,
                "free" | "live" => entry.waiting += 1,
                _ => {}
            }
            if let Some(judgement) = reader.optional_text("judgement")? {
                entry.disputed |= agreed.as_ref().is_some_and(|first| *first != judgement);
                agreed = Some(judgement);
            }
        }
        self.read_scores(id, &mut entries).await?;
        Ok(entries)
    }

    async fn read_scores(&self, id: Uuid, entries: &mut [Entry]) -> Result<(), StoreError> {
        const DOING: &str = "read the scores of a rejudge set";
        let places: BTreeMap<SubmissionId, usize> =
            entries.iter().enumerate().map(|(place, entry)| (entry.submission, place)).collect();
        let live = sqlx::query(
            "SELECT submission_id, task, score FROM scores WHERE standing = 'live' AND submission_id IN \
             (SELECT submission_id FROM rejudge_places WHERE rejudge_id = $1)",
        )
        .bind(id.to_string())
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query(DOING))?;
        let proposed = sqlx::query(
            "SELECT s.submission_id, s.task, s.score FROM scores s JOIN runs r ON r.id = s.run_id \
             WHERE r.rejudge_id = $1",
        )
        .bind(id.to_string())
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query(DOING))?;
        for (rows, anew) in [(live, false), (proposed, true)] {
            for row in &rows {
                let (submission, task, score) = task_score(row)?;
                let Some(entry) = places.get(&submission).and_then(|place| entries.get_mut(*place)) else {
                    continue;
                };
                let scores = if anew { &mut entry.proposed } else { &mut entry.live };
                scores.insert(task, score);
            }
        }
        Ok(())
    }

    /// The cases whose verdict an open set would change.
    ///
    /// # Errors
    /// As [`Store::rejudge`].
    pub async fn rejudge_cases(&self, id: Uuid) -> Result<Vec<CaseChange>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT n.submission_id, nc.task, nc.name, oc.verdict AS before_verdict, \
             nc.verdict AS after_verdict FROM runs r \
             JOIN scores n ON n.run_id = r.id AND n.standing = 'proposed' \
             JOIN cases nc ON nc.run_id = n.run_id AND nc.task = n.task \
             LEFT JOIN scores o ON o.submission_id = n.submission_id AND o.task = n.task AND o.standing = 'live' \
             LEFT JOIN cases oc ON oc.run_id = o.run_id AND oc.task = nc.task AND oc.name = nc.name \
             WHERE r.rejudge_id = $1 AND (oc.verdict IS NULL OR oc.verdict <> nc.verdict) \
             ORDER BY n.submission_id, nc.task, nc.name LIMIT $2",
        )
        .bind(id.to_string())
        .bind(MOST_CASES)
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("compare the cases of a rejudge set"))?;
        rows.iter()
            .map(|row| {
                let id = row.try_get("submission_id").map_err(StoreError::query("read a case"))?;
                let reader = Reader { row, what: "case", id };
                let before = reader.optional_text("before_verdict")?;
                Ok(CaseChange {
                    submission: reader.parsed("submission_id", SubmissionId::parse)?,
                    task: reader.parsed("task", str::parse)?,
                    case: reader.parsed("name", str::parse)?,
                    before: before
                        .map(|text| parse_verdict(&text).map_err(|error| reader.corrupt(error)))
                        .transpose()?,
                    after: reader.parsed("after_verdict", parse_verdict)?,
                })
            })
            .collect()
    }

    /// What an applied set changed.
    ///
    /// # Errors
    /// As [`Store::rejudge`].
    pub async fn rejudge_changes(&self, id: Uuid) -> Result<Vec<ScoreChange>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.submission_id, c.score_before, c.score_after FROM rejudge_changes c \
             JOIN submissions s ON s.id = c.submission_id WHERE c.rejudge_id = $1 ORDER BY s.sequence",
        )
        .bind(id.to_string())
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("read what a rejudge set changed"))?;
        rows.iter()
            .map(|row| {
                let id = row.try_get("submission_id").map_err(StoreError::query("read a change"))?;
                let reader = Reader { row, what: "change", id };
                let score = |column| reader.optional_score(column)?.ok_or_else(|| reader.corrupt("no score"));
                Ok(ScoreChange {
                    submission: reader.parsed("submission_id", SubmissionId::parse)?,
                    before: score("score_before")?,
                    after: score("score_after")?,
                })
            })
            .collect()
    }

    /// Makes what was found anew count, for the submissions of `scores` and in one transaction:
    /// everything or nothing. A score that did not change is listed too, with `after` the same.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn apply_rejudge(
        &self,
        id: Uuid,
        task: Option<&Slug>,
        scores: &[ScoreChange],
        act: &Act,
    ) -> Result<Applied, StoreError> {
        const DOING: &str = "apply a rejudge set";
        let mut transaction = self.begin(DOING).await?;
        if !resolve(&mut transaction, id, RejudgeState::Applied, act).await? {
            return Ok(Applied::NotOpen);
        }
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM rejudge_places p JOIN submissions s ON s.id = p.submission_id \
             WHERE p.rejudge_id = $1 AND p.state IN ('free', 'live') AND s.state = 'completed'",
        )
        .bind(id.to_string())
        .fetch_one(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        let waiting = super::count(&row, "n").map_err(StoreError::query(DOING))?;
        if waiting > 0 {
            return Ok(Applied::Unfinished { waiting });
        }
        for change in scores {
            if !set_score(&mut transaction, id, change, act).await? {
                return Ok(Applied::Moved(change.submission));
            }
            runs::supersede(&mut transaction, change.submission, task).await?;
            sqlx::query(
                "UPDATE scores SET standing = 'live' WHERE submission_id = $1 AND standing = 'proposed' \
                 AND run_id IN (SELECT id FROM runs WHERE rejudge_id = $2)",
            )
            .bind(change.submission.to_string())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::query(DOING))?;
        }
        close(&mut transaction, id).await?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(Applied::Done)
    }

    /// Drops a set: no live score changes, what was found stays in the books. `false` when it is not
    /// open.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drop_rejudge(&self, id: Uuid, act: &Act) -> Result<bool, StoreError> {
        const DOING: &str = "drop a rejudge set";
        let mut transaction = self.begin(DOING).await?;
        if !resolve(&mut transaction, id, RejudgeState::Dropped, act).await? {
            return Ok(false);
        }
        close(&mut transaction, id).await?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(true)
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

/// Ends an open set. `false` when it is not open.
async fn resolve(
    transaction: &mut Transaction<'static, Any>,
    id: Uuid,
    state: RejudgeState,
    act: &Act,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE rejudges SET state = $1, resolved_at = $2, resolved_by = $3, resolution = $4 \
         WHERE id = $5 AND state = 'open'",
    )
    .bind(state.as_str())
    .bind(act.at.as_millisecond())
    .bind(act.actor.clone())
    .bind(act.why.clone())
    .bind(id.to_string())
    .execute(&mut **transaction)
    .await
    .map_err(StoreError::query("end a rejudge set"))?;
    Ok(done.rows_affected() == 1)
}

/// Compares and swaps a live score, with its event where it really changes.
async fn set_score(
    transaction: &mut Transaction<'static, Any>,
    id: Uuid,
    change: &ScoreChange,
    act: &Act,
) -> Result<bool, StoreError> {
    const DOING: &str = "change a score";
    let score = |score: Score| i64::from(score.hundredths());
    let done = sqlx::query(
        "UPDATE submissions SET score = $1, updated_at = $2 \
         WHERE id = $3 AND state = 'completed' AND score = $4",
    )
    .bind(score(change.after))
    .bind(act.at.as_millisecond())
    .bind(change.submission.to_string())
    .bind(score(change.before))
    .execute(&mut **transaction)
    .await
    .map_err(StoreError::query(DOING))?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    if change.before == change.after {
        return Ok(true);
    }
    sqlx::query(
        "INSERT INTO rejudge_changes (rejudge_id, submission_id, score_before, score_after) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(id.to_string())
    .bind(change.submission.to_string())
    .bind(score(change.before))
    .bind(score(change.after))
    .execute(&mut **transaction)
    .await
    .map_err(StoreError::query(DOING))?;
    let completed = SubmissionState::Completed;
    let reason = format!("rejudged from {} to {}: {}", change.before, change.after, act.why);
    let event = Event { at: act.at, actor: act.actor.clone(), from: Some(completed), to: completed, reason };
    record(transaction, &change.submission.to_string(), &event).await?;
    Ok(true)
}

/// Nobody works on the set any more, and what does not count was dropped.
async fn close(transaction: &mut Transaction<'static, Any>, id: Uuid) -> Result<(), StoreError> {
    for sql in [
        "UPDATE rejudge_places SET state = 'closed' WHERE rejudge_id = $1 AND state IN ('free', 'live')",
        "UPDATE scores SET standing = 'dropped' WHERE standing = 'proposed' AND run_id IN \
         (SELECT id FROM runs WHERE rejudge_id = $1)",
    ] {
        sqlx::query(sql)
            .bind(id.to_string())
            .execute(&mut **transaction)
            .await
            .map_err(StoreError::query("close a rejudge set"))?;
    }
    Ok(())
}
