//! What came of a rejudge set: each submission with what counts and what was found anew, the cases that
//! differ, and what an applied set changed.

use std::collections::BTreeMap;

use sqlx::Row as _;
use uuid::Uuid;

use crate::model::{CaseVerdict, MinerId, Score, Slug, SubmissionId, SubmissionState};
use crate::store::rows::Reader;
use crate::store::runs::{parse_verdict, task_score};
use crate::store::{Store, StoreError};

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
impl Store {
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

    /// The cases whose verdict an open set would change, at most `most` of them.
    ///
    /// # Errors
    /// As [`Store::rejudge`].
    pub async fn rejudge_cases(&self, id: Uuid, most: u32) -> Result<Vec<CaseChange>, StoreError> {
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
        .bind(i64::from(most))
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
}
