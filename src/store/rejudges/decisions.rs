//! Applying a rejudge set or dropping it: as a whole, in one transaction that says who did it and why.

use sqlx::{Any, Transaction};
use uuid::Uuid;

use super::{Act, RejudgeState, ScoreChange};
use crate::model::{Score, Slug, SubmissionId, SubmissionState};
use crate::store::rows::Event;
use crate::store::{Store, StoreError, count, record, runs};

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

impl Store {
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
        let waiting = count(&row, "n").map_err(StoreError::query(DOING))?;
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
