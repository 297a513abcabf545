//! Leases: a submission is lent to a validator for a while. What the queue decides, this does in
//! one transaction.
//!
//! While a submission is pending or running, `slots + live + done = quorum` holds: a slot becomes
//! a live assignment, a live one becomes done, or ends and gives its slot back.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};
use uuid::Uuid;

use super::bans::NOT_BANNED;
use super::rows::{self, Reader, SUBMISSION, Submission};
use super::runs::{self, Judgement, NewRun, Standing};
use super::step::{self, Pending, Running};
use super::submissions::open_hold;
use super::{Store, StoreError};
use crate::model::{Digest, MinerId, Score, SubmissionId};

/// A lease to be given.
#[derive(Debug, Clone)]
pub struct NewLease {
    pub id: Uuid,
    pub validator: MinerId,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// A lease that is or was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    pub id: Uuid,
    pub submission: SubmissionId,
    /// The rejudge set that it is for, unless it is for the live score.
    pub rejudge: Option<Uuid>,
    pub validator: MinerId,
    pub attempt: u32,
    pub live: bool,
    pub expires_at: Timestamp,
    /// Of the result that ended it, where one did.
    pub result: Option<Digest>,
}

/// What taking a result came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// Enough validators agree.
    Completed { score: Score },
    /// More validators are to score it.
    Waiting,
    /// Validators disagree; a person decides.
    Held,
    /// It is kept beside the live score until its rejudge set is applied or dropped.
    Proposed,
    /// The lease had ended before.
    LeaseEnded,
}

/// Why a lease ends without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedLease {
    pub id: Uuid,
    pub how: Requeue,
    /// One sentence.
    pub why: String,
    /// Who ends it.
    pub actor: String,
    pub at: Timestamp,
    /// After so many faults of ours the submission is failed.
    pub max_faults: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// Its time was up. The validator went away, which is a fault of ours.
    Expired,
    /// The validator gave it back; `fault` when something broke.
    Released { fault: bool },
}

/// A result that counts, as far as deciding needs it.
#[derive(Debug)]
struct Said {
    validator: MinerId,
    score: Score,
    agreed: Digest,
}

/// The columns that [`lease`] reads.
const LEASE: &str = "id, submission_id, CAST(NULL AS TEXT) AS rejudge_id, validator, attempt, state, \
                     expires_at, result_sha256";

pub(super) fn lease(row: &AnyRow) -> Result<LeaseRow, StoreError> {
    let id = row.try_get("id").map_err(StoreError::query("read an assignment"))?;
    let reader = Reader { row, what: "assignment", id };
    let (rejudge, result) = (reader.optional_text("rejudge_id")?, reader.optional_text("result_sha256")?);
    Ok(LeaseRow {
        id: reader.parsed("id", Uuid::parse_str)?,
        submission: reader.parsed("submission_id", SubmissionId::parse)?,
        rejudge: rejudge.map(|id| Uuid::parse_str(&id).map_err(|error| reader.corrupt(error))).transpose()?,
        validator: reader.parsed("validator", str::parse)?,
        attempt: reader.number("attempt")?,
        live: reader.text("state")? == "live",
        expires_at: reader.time("expires_at")?,
        result: result.map(|text| text.parse().map_err(|error| reader.corrupt(error))).transpose()?,
    })
}

impl Store {
    /// Lends the oldest submission that wants a validator, was not scored by this one, and whose
    /// miner is not banned.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lend(&self, new: &NewLease) -> Result<Option<(LeaseRow, Submission)>, StoreError> {
        match self.try_lend(new).await {
            // One validator that asks twice at once: the second time there is less to choose from.
            Err(error) if error.is_unique_violation() => self.try_lend(new).await,
            done => done,
        }
    }

    async fn try_lend(&self, new: &NewLease) -> Result<Option<(LeaseRow, Submission)>, StoreError> {
        const DOING: &str = "lend a submission";
        let mut transaction = self.begin(DOING).await?;
        // One statement finds a free slot and takes it: two validators cannot take the same one.
        let taken = sqlx::query(sqlx::AssertSqlSafe(format!(
            "UPDATE submissions SET slots = slots - 1, attempts = attempts + 1, updated_at = $1 \
             WHERE slots > 0 AND sequence = (\
             SELECT s.sequence FROM submissions s WHERE s.slots > 0 AND NOT EXISTS (\
             SELECT 1 FROM assignments a WHERE a.submission_id = s.id AND a.validator = $2 \
             AND a.state IN ('live', 'done')) AND {NOT_BANNED} ORDER BY s.sequence LIMIT 1{}) RETURNING {SUBMISSION}",
            self.skip_locked()
        )))
        .bind(new.at.as_millisecond())
        .bind(new.validator.to_string())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        let Some(row) = taken else { return Ok(None) };
        let submission = rows::submission(&row)?;
        let start = Pending(submission.id).start(format!("attempt {}", submission.attempts));
        // `false` when another validator of the same submission came first: it is running then.
        step::take(&mut transaction, start, new.validator.as_str(), new.at).await?;
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO assignments \
             (id, submission_id, validator, attempt, state, leased_at, expires_at) \
             VALUES ($1, $2, $3, $4, 'live', $5, $6) RETURNING {LEASE}"
        )))
        .bind(new.id.to_string())
        .bind(submission.id.to_string())
        .bind(new.validator.to_string())
        .bind(i64::from(submission.attempts))
        .bind(new.at.as_millisecond())
        .bind(new.expires_at.as_millisecond())
        .fetch_one(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        let lease = lease(&row)?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(Some((lease, submission)))
    }

    /// The assignment `id`, of a live score or of a rejudge set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease(&self, id: Uuid) -> Result<Option<LeaseRow>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {LEASE} FROM assignments WHERE id = $1")))
            .bind(id.to_string())
            .fetch_optional(&self.reads)
            .await
            .map_err(StoreError::query("find an assignment"))?;
        match row {
            Some(row) => lease(&row).map(Some),
            None => self.place(id).await,
        }
    }

    /// Moves the end of a live lease. `false` when it has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn extend(
        &self,
        lease: &LeaseRow,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = match lease.rejudge {
            None => {
                "UPDATE assignments SET expires_at = $1 WHERE id = $2 AND state = 'live' AND expires_at > $3"
            }
            Some(_) => {
                "UPDATE rejudge_places SET expires_at = $1 \
                 WHERE assignment_id = $2 AND state = 'live' AND expires_at > $3"
            }
        };
        let done = sqlx::query(sql)
            .bind(until.as_millisecond())
            .bind(lease.id.to_string())
            .bind(now.as_millisecond())
            .execute(&self.writes)
            .await
            .map_err(StoreError::query("extend an assignment"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a live lease with its result, and the submission's run when enough results are there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish(
        &self,
        lease: &LeaseRow,
        judgement: &Judgement,
        at: Timestamp,
    ) -> Result<Finish, StoreError> {
        const DOING: &str = "store a result";
        let mut transaction = self.begin(DOING).await?;
        self.lock(&mut transaction, lease.submission).await?;
        let ended = sqlx::query(
            "UPDATE assignments SET state = 'done', ended_at = $1, result = $2, result_sha256 = $3, \
             judgement = $4, score = $5 WHERE id = $6 AND state = 'live' AND expires_at > $7",
        )
        .bind(at.as_millisecond())
        // What it says is in `runs`, `scores` and `cases`.
        .bind("{}")
        .bind(judgement.sent.to_string())
        .bind(judgement.agreed.to_string())
        .bind(i64::from(judgement.score.hundredths()))
        .bind(lease.id.to_string())
        .bind(at.as_millisecond())
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        if ended.rows_affected() != 1 {
            return Ok(Finish::LeaseEnded);
        }
        let run = NewRun {
            id: lease.id,
            submission: lease.submission,
            rejudge: None,
            validator: &lease.validator,
            attempt: lease.attempt,
            judgement,
            standing: Standing::Live,
            at,
        };
        runs::insert(&mut transaction, &run).await?;
        let runs = done(&mut transaction, lease.submission).await?;
        let quorum = quorum(&mut transaction, lease.submission).await?;
        let finish = if runs.len() < quorum {
            Finish::Waiting
        } else {
            let running = Running(lease.submission);
            let agree = runs.iter().all(|run| run.agreed == judgement.agreed);
            let actor = lease.validator.as_str();
            let (step, finish) = if agree {
                let why = format!("scored {} by {}", judgement.score, validators(&runs));
                (running.complete(judgement.score, why), Finish::Completed { score: judgement.score })
            } else {
                let why = format!("validators disagree: {}", scores(&runs));
                open_hold(&mut transaction, lease.submission, &why, at).await?;
                (running.hold(why), Finish::Held)
            };
            if !step::take(&mut transaction, step, actor, at).await? {
                return Ok(Finish::LeaseEnded);
            }
            finish
        };
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(finish)
    }

    /// Lets no live lease, of a live score or of a rejudge set, end after `longest`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bound_leases(&self, longest: Timestamp) -> Result<(), StoreError> {
        for sql in [
            "UPDATE assignments SET expires_at = $1 WHERE state = 'live' AND expires_at > $2",
            "UPDATE rejudge_places SET expires_at = $1 WHERE state = 'live' AND expires_at > $2",
        ] {
            sqlx::query(sql)
                .bind(longest.as_millisecond())
                .bind(longest.as_millisecond())
                .execute(&self.writes)
                .await
                .map_err(StoreError::query("bound the leases"))?;
        }
        Ok(())
    }

    /// The live leases whose time is up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn overdue(&self, now: Timestamp) -> Result<Vec<LeaseRow>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {LEASE} FROM assignments WHERE state = 'live' AND expires_at <= $1 ORDER BY id LIMIT 256"
        )))
        .bind(now.as_millisecond())
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("find assignments whose time is up"))?;
        rows.iter().map(lease).collect()
    }

    /// Ends a live lease without a result: the slot is free again, or after too many faults the
    /// submission is failed. `false` when the lease had ended before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back(&self, lease: &LeaseRow, end: &EndedLease) -> Result<bool, StoreError> {
        const DOING: &str = "requeue a submission";
        let (state, fault) = match end.how {
            Requeue::Expired => ("expired", true),
            Requeue::Released { fault } => ("released", fault),
        };
        let mut transaction = self.begin(DOING).await?;
        self.lock(&mut transaction, lease.submission).await?;
        // An expiry that was decided on an old reading must not end a lease that was extended.
        let only_overdue = i64::from(end.how == Requeue::Expired);
        let ended = sqlx::query(
            "UPDATE assignments SET state = $1, ended_at = $2 \
             WHERE id = $3 AND state = 'live' AND ($4 = 0 OR expires_at <= $5)",
        )
        .bind(state)
        .bind(end.at.as_millisecond())
        .bind(lease.id.to_string())
        .bind(only_overdue)
        .bind(end.at.as_millisecond())
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        if ended.rows_affected() != 1 {
            return Ok(false);
        }
        let row = sqlx::query(
            "UPDATE submissions SET slots = slots + 1, faults = faults + $1, updated_at = $2 \
             WHERE id = $3 AND state = 'running' RETURNING faults, quorum - slots AS taken",
        )
        .bind(i64::from(fault))
        .bind(end.at.as_millisecond())
        .bind(lease.submission.to_string())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(StoreError::query(DOING))?;
        if let Some(row) = row {
            let reader = Reader { row: &row, what: "submission", id: lease.submission.to_string() };
            let (faults, taken) = (reader.number("faults")?, reader.integer("taken")?);
            let running = Running(lease.submission);
            if faults >= end.max_faults {
                self.end_others(&mut transaction, lease.submission, end.at).await?;
                let why = format!("we failed to judge it {faults} times; the last time: {}", end.why);
                step::take(&mut transaction, running.fail(why), &end.actor, end.at).await?;
            } else if taken == 0 {
                step::take(&mut transaction, running.requeue(end.why.clone()), &end.actor, end.at).await?;
            }
        }
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(true)
    }

    pub(super) async fn end_others(
        &self,
        transaction: &mut Transaction<'static, Any>,
        submission: SubmissionId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE assignments SET state = 'released', ended_at = $1 \
             WHERE submission_id = $2 AND state = 'live'",
        )
        .bind(at.as_millisecond())
        .bind(submission.to_string())
        .execute(&mut **transaction)
        .await
        .map(drop)
        .map_err(StoreError::query("end the assignments of a submission"))
    }
}

/// The results of a submission that count, in the order of their arrival.
async fn done(
    transaction: &mut Transaction<'static, Any>,
    submission: SubmissionId,
) -> Result<Vec<Said>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, validator, score, judgement FROM assignments \
         WHERE submission_id = $1 AND state = 'done' ORDER BY ended_at, id",
    )
    .bind(submission.to_string())
    .fetch_all(&mut **transaction)
    .await
    .map_err(StoreError::query("read the results of a submission"))?;
    rows.iter()
        .map(|row| {
            let id = row.try_get("id").map_err(StoreError::query("read a result"))?;
            let reader = Reader { row, what: "result", id };
            Ok(Said {
                validator: reader.parsed("validator", str::parse)?,
                score: reader.optional_score("score")?.ok_or_else(|| reader.corrupt("no score"))?,
                agreed: reader.parsed("judgement", str::parse)?,
            })
        })
        .collect()
}

async fn quorum(
    transaction: &mut Transaction<'static, Any>,
    submission: SubmissionId,
) -> Result<usize, StoreError> {
    let row = sqlx::query("SELECT quorum FROM submissions WHERE id = $1")
        .bind(submission.to_string())
        .fetch_one(&mut **transaction)
        .await
        .map_err(StoreError::query("find a submission"))?;
    let quorum = Reader { row: &row, what: "submission", id: submission.to_string() }.number("quorum")?;
    Ok(quorum as usize)
}

fn validators(runs: &[Said]) -> String {
    let names: Vec<String> = runs.iter().map(|run| format!("`{}`", run.validator)).collect();
    names.join(", ")
}

fn scores(runs: &[Said]) -> String {
    let each: Vec<String> =
        runs.iter().map(|run| format!("`{}` says {}", run.validator, run.score)).collect();
    each.join(", ")
}
