//! What validators found, row by row: a run has a score for each of its tasks, a task its cases.
//! Nothing is ever overwritten: a score that counts no more stays as history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};
use uuid::Uuid;

use super::rows::Reader;
use super::{Store, StoreError};
use crate::model::{
    CaseResult, CaseVerdict, Digest, IsolationLevel, MinerId, Score, Slug, Split, SubmissionId, TaskResult,
    Usage,
};

/// What a validator found, checked.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Of the result as it was sent.
    pub sent: Digest,
    /// Of what validators must agree on: the verdict of every case.
    pub agreed: Digest,
    pub backend: String,
    pub isolation: IsolationLevel,
    pub tasks: Vec<JudgedTask>,
    /// Of the tasks together.
    pub score: Score,
    /// Where it would lie if it was measured again, where that was looked at: low and high.
    pub interval: Option<(Score, Score)>,
}

/// A task as it came out, with the digest of the package it was judged by.
#[derive(Debug, Clone)]
pub struct JudgedTask {
    pub digest: Digest,
    pub result: TaskResult,
}

/// Whether a score counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Live,
    /// Of an open rejudge set.
    Proposed,
    /// It counted until another one took its place.
    Superseded,
    /// Of a rejudge set that was not applied.
    Dropped,
}

impl Standing {
    const ALL: [Self; 4] = [Self::Live, Self::Proposed, Self::Superseded, Self::Dropped];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Proposed => "proposed",
            Self::Superseded => "superseded",
            Self::Dropped => "dropped",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|standing| standing.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is not a standing"))
    }
}

/// One run with the score of each of its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: Uuid,
    pub validator: MinerId,
    /// The set that it was made for, unless it was for the live score.
    pub rejudge: Option<Uuid>,
    pub attempt: u32,
    pub policy: Digest,
    pub backend: String,
    pub isolation: String,
    pub agreed: Digest,
    pub score: Score,
    pub ended_at: Timestamp,
    /// By task.
    pub tasks: Vec<RunTask>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTask {
    pub task: Slug,
    /// `None` for what was stored before this was kept.
    pub digest: Option<Digest>,
    pub score: Score,
    pub standing: Standing,
}

/// To be stored.
pub(super) struct NewRun<'a> {
    /// Of the assignment that it ends.
    pub(super) id: Uuid,
    pub(super) submission: SubmissionId,
    pub(super) rejudge: Option<Uuid>,
    pub(super) validator: &'a MinerId,
    pub(super) attempt: u32,
    pub(super) judgement: &'a Judgement,
    pub(super) standing: Standing,
    pub(super) at: Timestamp,
}

/// What has no column of its own.
#[derive(Default, Serialize, Deserialize)]
struct Detail {
    message: Option<String>,
    diff: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    repeats: Vec<CaseVerdict>,
}

/// Rows in one statement: far below the number of parameters that either engine takes.
const ROWS_AT_ONCE: usize = 200;

/// `($1, $2), ($3, $4)` for two rows of two columns.
pub(super) fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let columns: Vec<String> =
            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", columns.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

pub(super) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    run: &NewRun<'_>,
) -> Result<(), StoreError> {
    const DOING: &str = "store a run";
    let judgement = run.judgement;
    sqlx::query(
        "INSERT INTO runs (id, submission_id, rejudge_id, validator, attempt, policy, backend, isolation, \
         judgement, score, low, high, ended_at) SELECT $1, id, $2, $3, $4, policy, $5, $6, $7, $8, $9, $10, $11 \
         FROM submissions WHERE id = $12",
    )
    .bind(run.id.to_string())
    .bind(run.rejudge.map(|id| id.to_string()))
    .bind(run.validator.to_string())
    .bind(i64::from(run.attempt))
    .bind(judgement.backend.clone())
    .bind(isolation(judgement.isolation))
    .bind(judgement.agreed.to_string())
    .bind(hundredths(judgement.score))
    .bind(judgement.interval.map(|(low, _)| hundredths(low)))
    .bind(judgement.interval.map(|(_, high)| hundredths(high)))
    .bind(run.at.as_millisecond())
    .bind(run.submission.to_string())
    .execute(&mut **transaction)
    .await
    .map_err(StoreError::query(DOING))?;
    for some in judgement.tasks.chunks(ROWS_AT_ONCE) {
        let sql = format!(
            "INSERT INTO scores (run_id, task, task_digest, submission_id, score, score_public, \
             score_hidden, standing) VALUES {}",
            places(some.len(), 8)
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for task in some {
            // Whoever made the judgement knows that every task has a score.
            let score = task.result.score.unwrap_or(Score::ZERO);
            query = query
                .bind(run.id.to_string())
                .bind(task.result.task.to_string())
                .bind(task.digest.to_string())
                .bind(run.submission.to_string())
                .bind(hundredths(score))
                .bind(task.result.split.map(|split| hundredths(split.public)))
                .bind(task.result.split.map(|split| hundredths(split.hidden)))
                .bind(run.standing.as_str());
        }
        query.execute(&mut **transaction).await.map_err(StoreError::query(DOING))?;
    }
    let cases: Vec<(&Slug, usize, &CaseResult)> = judgement
        .tasks
        .iter()
        .flat_map(|task| {
            task.result.cases.iter().enumerate().map(|(place, case)| (&task.result.task, place, case))
        })
        .collect();
    for some in cases.chunks(ROWS_AT_ONCE) {
        let sql = format!(
            "INSERT INTO cases (run_id, task, position, name, verdict, wall_ms, cpu_ms, memory_kib, detail) \
             VALUES {}",
            places(some.len(), 9)
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for (task, place, case) in some {
            let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            query = query
                .bind(run.id.to_string())
                .bind(task.to_string())
                .bind(whole(*place as u64))
                .bind(case.name.to_string())
                .bind(case.verdict.as_str())
                .bind(whole(case.usage.wall_ms))
                .bind(whole(case.usage.cpu_ms))
                .bind(whole(case.usage.memory_kib))
                .bind(detail(case, run.id)?);
        }
        query.execute(&mut **transaction).await.map_err(StoreError::query(DOING))?;
    }
    Ok(())
}

fn hundredths(score: Score) -> i64 {
    i64::from(score.hundredths())
}

/// As JSON, because PostgreSQL takes no U+0000 in a text and an output may have one.
fn detail(case: &CaseResult, run: Uuid) -> Result<Option<String>, StoreError> {
    if case.message.is_none() && case.diff.is_none() && case.repeats.is_empty() {
        return Ok(None);
    }
    let detail =
        Detail { message: case.message.clone(), diff: case.diff.clone(), repeats: case.repeats.clone() };
    serde_json::to_string(&detail).map(Some).map_err(|error| StoreError::Corrupt {
        what: "case",
        id: run.to_string(),
        cause: error.to_string(),
    })
}

const fn isolation(level: IsolationLevel) -> &'static str {
    match level {
        IsolationLevel::Full => "full",
        IsolationLevel::Reduced => "reduced",
    }
}

/// What counted for a submission counts no more; it stays in the books. Of one task or of all.
pub(super) async fn supersede(
    transaction: &mut Transaction<'static, Any>,
    submission: SubmissionId,
    task: Option<&Slug>,
) -> Result<(), StoreError> {
    let only = if task.is_some() { " AND task = $2" } else { "" };
    let mut query = sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE scores SET standing = 'superseded' WHERE submission_id = $1 AND standing = 'live'{only}"
    )))
    .bind(submission.to_string());
    if let Some(task) = task {
        query = query.bind(task.to_string());
    }
    query
        .execute(&mut **transaction)
        .await
        .map(drop)
        .map_err(StoreError::query("supersede the scores of a submission"))
}

impl Store {
    /// Every run of a submission with the scores of its tasks, oldest first: those that count, those
    /// that did, and those of rejudge sets. With `task`, only what they say of that one.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn runs(&self, submission: SubmissionId, task: Option<&Slug>) -> Result<Vec<Run>, StoreError> {
        const DOING: &str = "read the runs of a submission";
        let only = if task.is_some() { " AND s.task = $2" } else { "" };
        let sql = format!(
            "SELECT r.id, r.validator, r.rejudge_id, r.attempt, r.policy, r.backend, r.isolation, \
             r.judgement, r.score AS run_score, r.ended_at, s.task, s.task_digest, s.score, s.standing \
             FROM runs r JOIN scores s ON s.run_id = r.id WHERE r.submission_id = $1{only} \
             ORDER BY r.sequence, s.task"
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(submission.to_string());
        if let Some(task) = task {
            query = query.bind(task.to_string());
        }
        let rows = query.fetch_all(&self.reads).await.map_err(StoreError::query(DOING))?;
        let mut runs: Vec<Run> = Vec::new();
        for row in &rows {
            let id = row.try_get("id").map_err(StoreError::query(DOING))?;
            let reader = Reader { row, what: "run", id };
            let id = reader.parsed("id", Uuid::parse_str)?;
            if runs.last().is_none_or(|run| run.id != id) {
                runs.push(run(&reader, id)?);
            }
            if let Some(run) = runs.last_mut() {
                run.tasks.push(run_task(&reader)?);
            }
        }
        Ok(runs)
    }

    /// The results that count for a submission, by task. Of validators that agree the first one's.
    ///
    /// # Errors
    /// As [`Store::runs`].
    pub async fn live_results(&self, submission: SubmissionId) -> Result<Vec<TaskResult>, StoreError> {
        const DOING: &str = "read the results of a submission";
        let rows = sqlx::query(
            "SELECT s.run_id, s.task, s.score, s.score_public, s.score_hidden, c.name, c.verdict, c.wall_ms, c.cpu_ms, c.memory_kib, c.detail \
             FROM scores s JOIN runs r ON r.id = s.run_id \
             LEFT JOIN cases c ON c.run_id = s.run_id AND c.task = s.task \
             WHERE s.submission_id = $1 AND s.standing = 'live' ORDER BY s.task, r.sequence, c.position",
        )
        .bind(submission.to_string())
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query(DOING))?;
        let mut results: Vec<(String, TaskResult)> = Vec::new();
        for row in &rows {
            let run: String = row.try_get("run_id").map_err(StoreError::query(DOING))?;
            let reader = Reader { row, what: "result", id: run.clone() };
            let task: Slug = reader.parsed("task", str::parse)?;
            if results.last().is_none_or(|(_, result)| result.task != task) {
                let score = reader.optional_score("score")?;
                let split =
                    reader.optional_score("score_public")?.zip(reader.optional_score("score_hidden")?);
                let split = split.map(|(public, hidden)| Split { public, hidden });
                results.push((run.clone(), TaskResult { task, score, split, cases: Vec::new() }));
            }
            // A second run of the same task says the same: they agree, or nobody would count.
            let Some((_, result)) = results.last_mut().filter(|(first, _)| *first == run) else { continue };
            result.cases.extend(case(&reader)?);
        }
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    /// Where the score of each miner's newest completed submission would lie if it was measured again,
    /// low and high, for those of which a case was run more than once.
    ///
    /// # Errors
    /// As [`Store::runs`].
    pub async fn live_intervals(&self) -> Result<BTreeMap<SubmissionId, (Score, Score)>, StoreError> {
        // A run that scored only a part of the tasks says nothing of the whole score.
        let rows = sqlx::query(
            "SELECT r.submission_id, r.low, r.high FROM runs r JOIN submissions s ON s.id = r.submission_id \
             WHERE r.low IS NOT NULL AND r.score = s.score AND s.sequence IN (\
             SELECT MAX(sequence) FROM submissions WHERE state = 'completed' GROUP BY miner_id) \
             AND EXISTS (SELECT 1 FROM scores c WHERE c.run_id = r.id AND c.standing = 'live') \
             ORDER BY r.sequence",
        )
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("read the intervals of the scores"))?;
        rows.iter()
            .map(|row| {
                let id = row.try_get("submission_id").map_err(StoreError::query("read an interval"))?;
                let reader = Reader { row, what: "interval", id };
                let end = |column| reader.optional_score(column)?.ok_or_else(|| reader.corrupt("no end"));
                Ok((reader.parsed("submission_id", SubmissionId::parse)?, (end("low")?, end("high")?)))
            })
            .collect()
    }
}

fn run(reader: &Reader<'_>, id: Uuid) -> Result<Run, StoreError> {
    let rejudge = reader.optional_text("rejudge_id")?;
    Ok(Run {
        id,
        validator: reader.parsed("validator", str::parse)?,
        rejudge: rejudge.map(|id| Uuid::parse_str(&id).map_err(|error| reader.corrupt(error))).transpose()?,
        attempt: reader.number("attempt")?,
        policy: reader.parsed("policy", str::parse)?,
        backend: reader.text("backend")?,
        isolation: reader.text("isolation")?,
        agreed: reader.parsed("judgement", str::parse)?,
        score: reader.optional_score("run_score")?.ok_or_else(|| reader.corrupt("no score"))?,
        ended_at: reader.time("ended_at")?,
        tasks: Vec::new(),
    })
}

fn run_task(reader: &Reader<'_>) -> Result<RunTask, StoreError> {
    let digest = reader.optional_text("task_digest")?;
    Ok(RunTask {
        task: reader.parsed("task", str::parse)?,
        digest: digest.map(|text| text.parse().map_err(|error| reader.corrupt(error))).transpose()?,
        score: reader.optional_score("score")?.ok_or_else(|| reader.corrupt("no score"))?,
        standing: reader.parsed("standing", Standing::parse)?,
    })
}

/// The case of a row; `None` where its task has none.
fn case(reader: &Reader<'_>) -> Result<Option<CaseResult>, StoreError> {
    if reader.optional_text("name")?.is_none() {
        return Ok(None);
    }
    let whole = |column| {
        let number = reader.integer(column)?;
        u64::try_from(number).map_err(|error| reader.corrupt(error))
    };
    let detail = match reader.optional_text("detail")? {
        Some(json) => serde_json::from_str(&json).map_err(|error| reader.corrupt(error))?,
        None => Detail::default(),
    };
    Ok(Some(CaseResult {
        name: reader.parsed("name", str::parse)?,
        verdict: reader.parsed("verdict", parse_verdict)?,
        usage: Usage {
            wall_ms: whole("wall_ms")?,
            cpu_ms: whole("cpu_ms")?,
            memory_kib: whole("memory_kib")?,
        },
        message: detail.message,
        diff: detail.diff,
        repeats: detail.repeats,
    }))
}

pub(super) fn parse_verdict(text: &str) -> Result<CaseVerdict, String> {
    let known = CaseVerdict::ALL.into_iter().find(|verdict| verdict.as_str() == text);
    known.ok_or_else(|| format!("`{text}` is not a verdict"))
}

/// A run of which only the newest live score of each task is read belongs to this row.
pub(super) fn task_score(row: &AnyRow) -> Result<(SubmissionId, Slug, Score), StoreError> {
    let id = row.try_get("submission_id").map_err(StoreError::query("read a score"))?;
    let reader = Reader { row, what: "score", id };
    let score = reader.optional_score("score")?.ok_or_else(|| reader.corrupt("no score"))?;
    Ok((reader.parsed("submission_id", SubmissionId::parse)?, reader.parsed("task", str::parse)?, score))
}
