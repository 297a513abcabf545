//! The gate asked again, under another policy, about what it once let in: what is stored, page by
//! page, and the one act by which the new answers are taken over.

use uuid::Uuid;

use super::rows::{self, SUBMISSION, Submission};
use super::step::{self, Admitted};
use super::submissions::{self, open_hold};
use super::{Act, Store, StoreError};
use crate::diagnostic::Finding;
use crate::model::{Digest, SubmissionId, SubmissionState};

/// What the gate says now of a submission that it once let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regated {
    pub submission: SubmissionId,
    /// The state in which it was when the gate was asked.
    pub from: SubmissionState,
    pub to: Sentence,
    pub findings: Vec<Finding>,
}

/// What becomes of a submission that the gate would not let in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentence {
    Hold,
    Reject,
}

/// What came of taking over the new answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rechecked {
    Done,
    /// This one is in another state than when the gate was asked. Nothing was changed.
    Moved(SubmissionId),
}

impl Store {
    /// Submissions that are let in or wait for a person, behind `after`, in order of arrival.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn standing_after(&self, after: i64, limit: u32) -> Result<Vec<Submission>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {SUBMISSION} FROM submissions \
             WHERE sequence > $1 AND state IN ('pending', 'running', 'completed', 'held') \
             ORDER BY sequence LIMIT $2"
        )))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list what the gate let in"))?;
        rows.iter().map(rows::submission).collect()
    }

    /// Holds and rejects what the gate would not let in under `policy`, all of it or nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn apply_recheck(
        &self,
        policy: Digest,
        changes: &[Regated],
        act: &Act,
    ) -> Result<Rechecked, StoreError> {
        const DOING: &str = "take over the answers of another policy";
        let mut transaction = self.begin(DOING).await?;
        let mut counts = [0_i64; 2];
        for change in changes {
            let id = change.submission;
            self.lock(&mut transaction, id).await?;
            let Some(admitted) = Admitted::new(id, change.from) else { return Ok(Rechecked::Moved(id)) };
            let found = change
                .findings
                .first()
                .map_or_else(String::new, |finding| format!(" ({}: {})", finding.code, finding.message));
            let why = format!("the gate was asked again under the policy {policy}{found}: {}", act.why);
            let step = match change.to {
                Sentence::Hold => admitted.hold(why.clone()),
                Sentence::Reject => admitted.reject(why.clone()),
            };
            if !step::take(&mut transaction, step, &act.actor, act.at).await? {
                return Ok(Rechecked::Moved(id));
            }
            self.end_others(&mut transaction, id, act.at).await?;
            match (change.to, change.from) {
                (Sentence::Hold, SubmissionState::Held) => counts[0] += 1,
                (Sentence::Hold, _) => {
                    open_hold(&mut transaction, id, &why, act.at).await?;
                    counts[0] += 1;
                }
                (Sentence::Reject, _) => {
                    self.close_hold(&mut transaction, id, "rejected", act).await?;
                    counts[1] += 1;
                }
            }
            sqlx::query("UPDATE submissions SET policy = $1, findings = $2 WHERE id = $3")
                .bind(policy.to_string())
                .bind(submissions::findings_json(id, &change.findings)?)
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::query(DOING))?;
        }
        sqlx::query(
            "INSERT INTO rechecks (id, policy, applied_at, applied_by, reason, held, rejected) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(policy.to_string())
        .bind(act.at.as_millisecond())
        .bind(act.actor.clone())
        .bind(act.why.clone())
        .bind(counts[0])
        .bind(counts[1])
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(Rechecked::Done)
    }
}
