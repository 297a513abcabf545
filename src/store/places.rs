//! Leases of rejudge sets: a submission that is completed is lent once more, and what comes of it is
//! kept beside the score that counts. The submission itself takes no step.

use jiff::Timestamp;
use uuid::Uuid;

use super::assignments::lease;
use super::rows::{self, SUBMISSION, Submission};
use super::runs::{self, Judgement, NewRun, Standing};
use super::{EndedLease, Finish, LeaseRow, NewLease, Requeue, Store, StoreError};

/// The columns that [`lease`] reads: a place that is lent is an assignment too.
const PLACE: &str = "assignment_id AS id, submission_id, rejudge_id, validator, attempts AS attempt, state, \
                     expires_at, result_sha256";

impl Store {
    /// Lends a submission of the oldest open rejudge set that this validator has not judged for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lend_again(&self, new: &NewLease) -> Result<Option<(LeaseRow, Submission)>, StoreError> {
        match self.try_lend_again(new).await {
            // One validator that asks twice at once: the second time there is less to choose from.
            Err(error) if error.is_unique_violation() => self.try_lend_again(new).await,
            done => done,
        }
    }

    async fn try_lend_again(&self, new: &NewLease) -> Result<Option<(LeaseRow, Submission)>, StoreError> {
        const DOING: &str = "lend a submission again";
        let only_this = match self.skip_locked() {
            "" => "",
            // The set and the submission are only looked at.
            _ => " FOR UPDATE OF p SKIP LOCKED",
        };
        let mut transaction = self.begin(DOING).await?;
        let taken = sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE rejudge_places SET state = 'live', attempts = attempts + 1, assignment_id = $1, \
             validator = $2, expires_at = $3 WHERE state = 'free' AND (rejudge_id, submission_id, place) = (\
             SELECT p.rejudge_id, p.submission_id, p.place FROM rejudge_places p \
             JOIN rejudges j ON j.id = p.rejudge_id JOIN submissions s ON s.id = p.submission_id \
             WHERE p.state = 'free' AND j.state = 'open' AND s.state = 'completed' AND NOT EXISTS (\
             SELECT 1 FROM rejudge_places o WHERE o.rejudge_id = p.rejudge_id \
             AND o.submission_id = p.submission_id AND o.validator = $4 AND o.state IN ('live', 'done')) \
             ORDER BY j.created_at, j.id, s.sequence, p.place LIMIT 1{only_this}) RETURNING {PLACE}"
        )))
        .bind(new.id.to_string())
        .bind(new.validator.to_string())
        .bind(new.expires_at.as_millisecond())
        .bind(new.validator.to_string())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        let Some(row) = taken else { return Ok(None) };
        let lease = lease(&row)?;
        let row =
            sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {SUBMISSION} FROM submissions WHERE id = $1")))
                .bind(lease.submission.to_string())
                .fetch_one(&mut *transaction)
                .await
                .map_err(StoreError::query(DOING))?;
        let submission = rows::submission(&row)?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(Some((lease, submission)))
    }

    pub(super) async fn place(&self, assignment: Uuid) -> Result<Option<LeaseRow>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {PLACE} FROM rejudge_places WHERE assignment_id = $1"
        )))
        .bind(assignment.to_string())
        .fetch_optional(&self.reads)
        .await
        .map_err(StoreError::query("find an assignment"))?;
        row.as_ref().map(lease).transpose()
    }

    /// Ends a live lease with its result, which counts only once the set is applied.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_place(
        &self,
        lease: &LeaseRow,
        judgement: &Judgement,
        at: Timestamp,
    ) -> Result<Finish, StoreError> {
        const DOING: &str = "store a result of a rejudge set";
        let mut transaction = self.begin(DOING).await?;
        runs::insert(
            &mut transaction,
            &NewRun {
                id: lease.id,
                submission: lease.submission,
                rejudge: lease.rejudge,
                validator: &lease.validator,
                attempt: lease.attempt,
                judgement,
                standing: Standing::Proposed,
                at,
            },
        )
        .await?;
        let ended = sqlx::query(
            "UPDATE rejudge_places SET state = 'done', run_id = $1, result_sha256 = $2 \
             WHERE assignment_id = $3 AND state = 'live' AND expires_at > $4",
        )
        .bind(lease.id.to_string())
        .bind(judgement.sent.to_string())
        .bind(lease.id.to_string())
        .bind(at.as_millisecond())
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        if ended.rows_affected() != 1 {
            return Ok(Finish::LeaseEnded);
        }
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(Finish::Proposed)
    }

    /// Ends a live lease without a result. `false` when it had ended before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back_place(&self, lease: &LeaseRow, end: &EndedLease) -> Result<bool, StoreError> {
        let fault = end.how != Requeue::Released { fault: false };
        let ended = sqlx::query(
            "UPDATE rejudge_places SET faults = faults + $1, fault = $2, \
             state = CASE WHEN faults + $3 >= $4 THEN 'failed' ELSE 'free' END \
             WHERE assignment_id = $5 AND state = 'live'",
        )
        .bind(i64::from(fault))
        .bind(end.why.clone())
        .bind(i64::from(fault))
        .bind(i64::from(end.max_faults))
        .bind(lease.id.to_string())
        .execute(&self.writes)
        .await
        .map_err(StoreError::query("give a place back"))?;
        Ok(ended.rows_affected() == 1)
    }

    /// Takes back every place whose validator did not answer in time. Answers how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_places(&self, now: Timestamp, max_faults: u32) -> Result<u64, StoreError> {
        let ended = sqlx::query(
            "UPDATE rejudge_places SET faults = faults + 1, fault = 'the validator did not answer in time', \
             state = CASE WHEN faults + 1 >= $1 THEN 'failed' ELSE 'free' END \
             WHERE state = 'live' AND expires_at <= $2",
        )
        .bind(i64::from(max_faults))
        .bind(now.as_millisecond())
        .execute(&self.writes)
        .await
        .map_err(StoreError::query("take back places"))?;
        Ok(ended.rows_affected())
    }
}
