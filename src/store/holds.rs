//! Submissions that wait for a person's decision.

use jiff::Timestamp;
use sqlx::{Any, Row as _, Transaction};

use super::rows::Reader;
use super::step::{self, Held};
use super::{Act, Store, StoreError, runs};
use crate::model::{MinerId, SubmissionId};

/// A hold that nobody has decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenHold {
    pub submission: SubmissionId,
    pub miner: MinerId,
    pub reason: String,
    pub since: Timestamp,
}

/// A person's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// It is scored, from the beginning.
    Release,
    Reject,
}

impl Resolution {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "released",
            Self::Reject => "rejected",
        }
    }
}

impl Store {
    /// The open holds, oldest first.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn holds(&self, limit: u32) -> Result<Vec<OpenHold>, StoreError> {
        self.holds_after(None, limit).await
    }

    /// Those behind the newest hold of `after`, oldest first.
    ///
    /// # Errors
    /// As [`Store::holds`].
    pub async fn holds_after(
        &self,
        after: Option<SubmissionId>,
        limit: u32,
    ) -> Result<Vec<OpenHold>, StoreError> {
        let rows = sqlx::query(
            "SELECT h.id, h.submission_id, h.reason, h.created_at, s.miner_id FROM holds h \
             JOIN submissions s ON s.id = h.submission_id \
             WHERE h.resolved_at IS NULL AND h.id > COALESCE((SELECT MAX(id) FROM holds WHERE submission_id = $1), '') \
             ORDER BY h.id LIMIT $2",
        )
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the holds"))?;
        rows.iter()
            .map(|row| {
                let id = row.try_get("id").map_err(StoreError::query("read a hold"))?;
                let reader = Reader { row, what: "hold", id };
                Ok(OpenHold {
                    submission: reader.parsed("submission_id", SubmissionId::parse)?,
                    miner: reader.parsed("miner_id", str::parse)?,
                    reason: reader.text("reason")?,
                    since: reader.time("created_at")?,
                })
            })
            .collect()
    }

    /// Releases or rejects a held submission. `false` when it is not held, or not any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resolve(
        &self,
        submission: SubmissionId,
        resolution: Resolution,
        actor: &str,
        why: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "resolve a hold";
        let mut transaction = self.begin(DOING).await?;
        self.lock(&mut transaction, submission).await?;
        let held = Held(submission);
        let step = match resolution {
            Resolution::Release => held.release(why.to_owned()),
            Resolution::Reject => held.reject(why.to_owned()),
        };
        if !step::take(&mut transaction, step, actor, at).await? {
            return Ok(false);
        }
        if resolution == Resolution::Release {
            // It is scored anew by as many validators as at first; what they said before stays in
            // the books and counts no more.
            sqlx::query(
                "UPDATE assignments SET state = 'superseded' WHERE submission_id = $1 AND state = 'done'",
            )
            .bind(submission.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::query(DOING))?;
            runs::supersede(&mut transaction, submission, None).await?;
        }
        let act = Act { actor: actor.to_owned(), why: why.to_owned(), at };
        self.close_hold(&mut transaction, submission, resolution.as_str(), &act).await?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(true)
    }

    /// Ends the open hold of a submission, if it has one.
    pub(super) async fn close_hold(
        &self,
        transaction: &mut Transaction<'static, Any>,
        submission: SubmissionId,
        resolution: &'static str,
        act: &Act,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE holds SET resolved_at = $1, resolved_by = $2, resolution = $3 \
             WHERE submission_id = $4 AND resolved_at IS NULL",
        )
        .bind(act.at.as_millisecond())
        .bind(act.actor.clone())
        .bind(resolution)
        .bind(submission.to_string())
        .execute(&mut **transaction)
        .await
        .map(drop)
        .map_err(StoreError::query("end a hold"))
    }
}
