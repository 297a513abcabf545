//! Submissions: let one in, find them, rank them.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::{Any, Transaction};

use super::bans::{self, Ban, NOT_BANNED};
use super::quota::{self, Exceeded, Quota};
use super::rows::{self, AuditRow, Event, Reader, SUBMISSION, Submission};
use super::{Engine, Store, StoreError, count, record, shelf};
use crate::diagnostic::Finding;
use crate::model::{Digest, MinerId, Score, SubmissionId, SubmissionState};
use sqlx::Row as _;

/// What the gate let in, to be recorded.
#[derive(Debug, Clone)]
pub struct NewSubmission {
    pub id: SubmissionId,
    pub miner: MinerId,
    pub upload: Digest,
    pub source: Digest,
    pub source_bytes: u64,
    /// The source itself, where it does not lie in its place yet and is to be stored with the rows:
    /// [`super::Blobs::has_shelf`] says which.
    pub text: Option<Arc<str>>,
    pub policy: Digest,
    pub findings: Vec<Finding>,
    /// Why a person has to look at it before it runs, if so.
    pub hold: Option<String>,
    /// How many validators must agree on the score, from 1.
    pub quorum: u32,
    /// What the miner may have with this one.
    pub quota: Quota,
    /// Who forwarded it, where it did not come from the miner.
    pub upstream: Option<MinerId>,
    pub at: Timestamp,
}

/// What came of letting one in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    Stored(Box<Submission>),
    /// The same source is there already; nothing was stored.
    Duplicate {
        earlier: SubmissionId,
        miner: MinerId,
    },
    /// Another miner's id differs only in case; nothing was stored.
    NameTaken {
        by: MinerId,
    },
    /// The miner has too much already; nothing was stored.
    OverQuota(Exceeded),
    /// The miner may not take part; nothing was stored.
    Banned(Box<Ban>),
}

impl NewSubmission {
    pub(super) fn state(&self) -> SubmissionState {
        if self.hold.is_some() { SubmissionState::Held } else { SubmissionState::Pending }
    }

    /// How many validators may begin to score it.
    pub(super) fn slots(&self) -> u32 {
        if self.hold.is_some() { 0 } else { self.quorum }
    }

    /// What its first event says.
    pub(super) fn first_words(&self) -> String {
        let mut reason = self.hold.clone().unwrap_or_else(|| "the gate let it in".to_owned());
        if let Some(upstream) = &self.upstream {
            reason.push_str(&format!("; forwarded by the upstream `{upstream}`"));
        }
        reason
    }

    /// As reading its row would answer it.
    pub(super) fn stored_as(&self, sequence: i64) -> Submission {
        // The database keeps milliseconds.
        let at = Timestamp::from_millisecond(self.at.as_millisecond()).unwrap_or(self.at);
        Submission {
            sequence,
            id: self.id,
            miner: self.miner.clone(),
            upload: self.upload,
            source: self.source,
            policy: self.policy,
            findings: self.findings.clone(),
            state: self.state(),
            reason: self.hold.clone(),
            quorum: self.quorum,
            faults: 0,
            attempts: 0,
            score: None,
            received_at: at,
            updated_at: at,
        }
    }
}

/// Which part of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub after: Option<MinerId>,
    /// At most so many rows.
    pub limit: u32,
}

/// Which submissions to list, newest first. `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct SubmissionQuery {
    /// Only those that came before this one.
    pub after: Option<SubmissionId>,
    pub miner: Option<MinerId>,
    pub state: Option<SubmissionState>,
    /// At most so many rows.
    pub limit: u32,
}

/// One line of the ranking before rewards: the newest completed submission of a miner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    pub sequence: i64,
    pub id: SubmissionId,
    pub miner: MinerId,
    pub upload: Digest,
    pub score: Score,
    pub received_at: Timestamp,
}

impl Store {
    /// Records a submission with its miner, its source and its first event, or nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn admit(&self, new: &NewSubmission) -> Result<Admission, StoreError> {
        if self.engine == Engine::Sqlite {
            return self.admit_together(new).await;
        }
        match self.try_admit(new).await {
            // Two that came at once: the second one looks again and finds the first.
            Err(error) if error.is_unique_violation() => self.try_admit(new).await,
            done => done,
        }
    }

    pub(super) async fn try_admit(&self, new: &NewSubmission) -> Result<Admission, StoreError> {
        const DOING: &str = "store a submission";
        let mut transaction = self.begin(DOING).await?;
        let admission = self.admit_within(&mut transaction, new).await?;
        if matches!(admission, Admission::Stored(_)) {
            transaction.commit().await.map_err(StoreError::query(DOING))?;
        }
        Ok(admission)
    }

    /// What is not [`Admission::Stored`] is to be rolled back.
    pub(super) async fn admit_within(
        &self,
        transaction: &mut Transaction<'static, Any>,
        new: &NewSubmission,
    ) -> Result<Admission, StoreError> {
        const DOING: &str = "store a submission";
        if let Some(ban) = bans::of(&mut **transaction, &new.miner).await? {
            return Ok(Admission::Banned(Box::new(ban)));
        }
        if let Some(by) = self.name_holder(transaction, &new.miner).await? {
            if by != new.miner {
                return Ok(Admission::NameTaken { by });
            }
        } else {
            sqlx::query("INSERT INTO miners (id, folded, created_at) VALUES ($1, $2, $3)")
                .bind(new.miner.to_string())
                .bind(new.miner.as_str().to_ascii_lowercase())
                .bind(new.at.as_millisecond())
                .execute(&mut **transaction)
                .await
                .map_err(StoreError::query(DOING))?;
        }
        let earlier = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {SUBMISSION} FROM submissions \
             WHERE sequence = (SELECT latest FROM sources WHERE sha256 = $1) AND state <> 'failed'"
        )))
        .bind(new.source.to_string())
        .fetch_optional(&mut **transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        if let Some(row) = earlier {
            let earlier = rows::submission(&row)?;
            return Ok(Admission::Duplicate { earlier: earlier.id, miner: earlier.miner });
        }
        let exceeded = quota::exceeded(transaction, new.quota, &new.miner, new.source_bytes, new.at).await?;
        if let Some(exceeded) = exceeded {
            return Ok(Admission::OverQuota(exceeded));
        }
        sqlx::query(
            "INSERT INTO sources (sha256, bytes, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (sha256) DO NOTHING",
        )
        .bind(new.source.to_string())
        .bind(i64::try_from(new.source_bytes).unwrap_or(i64::MAX))
        .bind(new.at.as_millisecond())
        .execute(&mut **transaction)
        .await
        .map_err(StoreError::query(DOING))?;

        let stored = insert(transaction, new).await?;
        sqlx::query("UPDATE sources SET latest = $1 WHERE sha256 = $2")
            .bind(stored.sequence)
            .bind(new.source.to_string())
            .execute(&mut **transaction)
            .await
            .map_err(StoreError::query(DOING))?;
        shelf::shelve(transaction, new, stored.sequence).await?;
        let reason = new.first_words();
        let event = Event { at: new.at, actor: new.miner.to_string(), from: None, to: stored.state, reason };
        record(transaction, &new.id.to_string(), &event).await?;
        if let Some(reason) = &new.hold {
            open_hold(transaction, new.id, reason, new.at).await?;
        }
        Ok(Admission::Stored(Box::new(stored)))
    }

    /// Who holds the name, and holds it for as long as the transaction lasts: the submissions of one
    /// miner are counted one after the other.
    async fn name_holder(
        &self,
        transaction: &mut Transaction<'static, Any>,
        miner: &MinerId,
    ) -> Result<Option<MinerId>, StoreError> {
        let query = format!("SELECT id FROM miners WHERE folded = $1{}", self.row_lock());
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(miner.as_str().to_ascii_lowercase())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(StoreError::query("find a miner"))?;
        row.map(|row| Reader { row: &row, what: "miner", id: miner.to_string() }.parsed("id", str::parse))
            .transpose()
    }

    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn submission(&self, id: SubmissionId) -> Result<Option<Submission>, StoreError> {
        let row =
            sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {SUBMISSION} FROM submissions WHERE id = $1")))
                .bind(id.to_string())
                .fetch_optional(&self.reads)
                .await
                .map_err(StoreError::query("find a submission"))?;
        row.as_ref().map(rows::submission).transpose()
    }

    /// What happened to a submission, oldest first.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn events(&self, id: SubmissionId) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, at, actor, from_state, to_state, reason FROM audit_events \
             WHERE submission_id = $1 ORDER BY sequence",
        )
        .bind(id.to_string())
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("read the events of a submission"))?;
        rows.iter().map(rows::event).collect()
    }

    /// The steps of all submissions, newest first: those before the one with the number `before`.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, submission_id, at, actor, from_state, to_state, reason FROM audit_events \
             WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the events"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader { row, what: "event", id: String::new() };
                Ok(AuditRow {
                    sequence: reader.integer("sequence")?,
                    submission: reader.parsed("submission_id", SubmissionId::parse)?,
                    event: rows::event(row)?,
                })
            })
            .collect()
    }

    /// The newest submissions of one miner, newest first.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn history(&self, miner: &MinerId, limit: u32) -> Result<Vec<Submission>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {SUBMISSION} FROM submissions WHERE miner_id = $1 \
             ORDER BY sequence DESC LIMIT $2"
        )))
        .bind(miner.to_string())
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the submissions of a miner"))?;
        rows.iter().map(rows::submission).collect()
    }

    /// Submissions, newest first. An `after` that does not exist lists nothing.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn list(&self, query: &SubmissionQuery) -> Result<Vec<Submission>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {SUBMISSION} FROM submissions \
             WHERE ($1 = '' OR sequence < (SELECT sequence FROM submissions WHERE id = $1)) \
             AND ($2 = '' OR miner_id = $2) AND ($3 = '' OR state = $3) \
             ORDER BY sequence DESC LIMIT $4"
        )))
        .bind(query.after.map(|id| id.to_string()).unwrap_or_default())
        .bind(query.miner.as_ref().map(ToString::to_string).unwrap_or_default())
        .bind(query.state.map_or("", SubmissionState::as_str))
        .bind(i64::from(query.limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the submissions"))?;
        rows.iter().map(rows::submission).collect()
    }

    /// The agent that counts for a miner: the newest one that was let in.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn current(&self, miner: &MinerId) -> Result<Option<Submission>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {SUBMISSION} FROM submissions \
             WHERE miner_id = $1 AND state NOT IN ('held', 'rejected') \
             ORDER BY sequence DESC LIMIT 1"
        )))
        .bind(miner.to_string())
        .fetch_optional(&self.reads)
        .await
        .map_err(StoreError::query("find the agent of a miner"))?;
        row.as_ref().map(rows::submission).transpose()
    }

    /// The agents that count, by miner id, one page of them.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn currents(&self, page: &Page) -> Result<Vec<Submission>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {SUBMISSION} FROM submissions WHERE sequence IN (\
             SELECT MAX(sequence) FROM submissions \
             WHERE state NOT IN ('held', 'rejected') AND miner_id > $1 \
             GROUP BY miner_id ORDER BY miner_id LIMIT $2) ORDER BY miner_id"
        )))
        .bind(page.after.as_ref().map_or("", MinerId::as_str).to_owned())
        .bind(i64::from(page.limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the agents"))?;
        rows.iter().map(rows::submission).collect()
    }

    /// The newest completed submission of each miner who is not banned. In no order that means anything.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn completed(&self) -> Result<Vec<Ranked>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT s.sequence, s.id, s.miner_id, s.upload_sha256, s.score, s.received_at FROM submissions s \
             WHERE s.sequence IN (SELECT MAX(sequence) FROM submissions \
             WHERE state = 'completed' GROUP BY miner_id) AND {NOT_BANNED} ORDER BY s.sequence"
        )))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("read the scores"))?;
        rows.iter()
            .map(|row| {
                let id = row.try_get("id").map_err(StoreError::query("read a score"))?;
                let reader = Reader { row, what: "score", id };
                Ok(Ranked {
                    sequence: reader.integer("sequence")?,
                    id: reader.parsed("id", SubmissionId::parse)?,
                    miner: reader.parsed("miner_id", str::parse)?,
                    upload: reader.parsed("upload_sha256", str::parse)?,
                    score: reader
                        .optional_score("score")?
                        .ok_or_else(|| reader.corrupt("a completed submission has no score"))?,
                    received_at: reader.time("received_at")?,
                })
            })
            .collect()
    }

    /// How many submissions are in each state that has any.
    ///
    /// # Errors
    /// As [`Store::submission`].
    pub async fn state_counts(&self) -> Result<Vec<(SubmissionState, u64)>, StoreError> {
        let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM submissions GROUP BY state ORDER BY state")
            .fetch_all(&self.reads)
            .await
            .map_err(StoreError::query("count the submissions"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader { row, what: "count", id: "submissions".to_owned() };
                Ok((reader.state("state")?, count(row, "n").map_err(|error| reader.corrupt(error))?))
            })
            .collect()
    }
}

async fn insert(
    transaction: &mut Transaction<'static, Any>,
    new: &NewSubmission,
) -> Result<Submission, StoreError> {
    let findings = findings_json(new.id, &new.findings)?;
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "INSERT INTO submissions (id, miner_id, upload_sha256, source_sha256, policy, findings, \
         state, reason, slots, quorum, received_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING {SUBMISSION}"
    )))
    .bind(new.id.to_string())
    .bind(new.miner.to_string())
    .bind(new.upload.to_string())
    .bind(new.source.to_string())
    .bind(new.policy.to_string())
    .bind(findings)
    .bind(new.state().as_str())
    .bind(new.hold.clone())
    .bind(i64::from(new.slots()))
    .bind(i64::from(new.quorum))
    .bind(new.at.as_millisecond())
    .bind(new.at.as_millisecond())
    .fetch_one(&mut **transaction)
    .await
    .map_err(StoreError::query("store a submission"))?;
    rows::submission(&row)
}

/// As the column of a submission.
pub(super) fn findings_json(id: SubmissionId, findings: &[Finding]) -> Result<String, StoreError> {
    serde_json::to_string(findings).map_err(|error| StoreError::Corrupt {
        what: "findings",
        id: id.to_string(),
        cause: error.to_string(),
    })
}

/// Puts a submission before a person.
pub(super) async fn open_hold(
    transaction: &mut Transaction<'static, Any>,
    id: SubmissionId,
    reason: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO holds (id, submission_id, reason, created_at) VALUES ($1, $2, $3, $4)")
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(id.to_string())
        .bind(reason.to_owned())
        .bind(at.as_millisecond())
        .execute(&mut **transaction)
        .await
        .map(drop)
        .map_err(StoreError::query("hold a submission"))
}
