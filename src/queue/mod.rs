//! Lends submissions to validators: claim, renew, finish, give back, expire. The store takes each
//! step atomically; the rules of lending are here.

mod clock;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub use clock::{Clock, SystemClock};

use crate::model::{MinerId, SubmissionId};
use crate::store::{
    EndedLease, Finish, Judgement, LeaseRow, NewLease, Requeue, Store, StoreError, Submission,
};

/// How long work is lent, and how often we try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Without a heartbeat the work is given to somebody else after so long.
    pub lease: Duration,
    /// After so many faults of ours a submission is failed, and says so.
    pub max_faults: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { lease: Duration::from_secs(120), max_faults: 3 }
    }
}

impl Rules {
    /// Three heartbeats fit into a lease, so that one that is lost costs nothing.
    pub fn heartbeat(&self) -> Duration {
        self.lease / 3
    }
}

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("there is no assignment `{0}`")]
    Unknown(Uuid),
    #[error("the assignment `{assignment}` belongs to another validator than `{validator}`")]
    NotYours { assignment: Uuid, validator: MinerId },
    #[error("the assignment `{0}` has ended: its time was up, or it was given back")]
    Ended(Uuid),
    #[error("the assignment `{0}` has another result already")]
    Contradicted(Uuid),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A submission in a validator's hands.
#[derive(Debug, Clone)]
pub struct Lease {
    pub row: LeaseRow,
    pub submission: Submission,
}

#[derive(Debug, Clone)]
pub struct Queue {
    store: Store,
    clock: Arc<dyn Clock>,
    rules: Rules,
}

impl Queue {
    pub fn new(store: Store, clock: Arc<dyn Clock>, rules: Rules) -> Self {
        Self { store, clock, rules }
    }

    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// The oldest submission that this validator may score, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim(&self, validator: &MinerId) -> Result<Option<Lease>, QueueError> {
        self.expire().await?;
        let at = self.clock.now();
        let new =
            NewLease { id: Uuid::now_v7(), validator: validator.clone(), at, expires_at: self.lease_end(at) };
        // What waits for its first score goes before what is only scored again.
        let lent = match self.store.lend(&new).await? {
            Some(lent) => Some(lent),
            None => self.store.lend_again(&new).await?,
        };
        Ok(lent.map(|(row, submission)| Lease { row, submission }))
    }

    /// The live or ended assignment `id` of this validator.
    ///
    /// # Errors
    /// When it does not exist or belongs to another one.
    pub async fn find(&self, id: Uuid, validator: &MinerId) -> Result<LeaseRow, QueueError> {
        let lease = self.store.lease(id).await?.ok_or(QueueError::Unknown(id))?;
        if lease.validator != *validator {
            return Err(QueueError::NotYours { assignment: id, validator: validator.clone() });
        }
        Ok(lease)
    }

    /// The validator is still at it. Answers the new end.
    ///
    /// # Errors
    /// When the lease has ended or is not this validator's.
    pub async fn renew(&self, id: Uuid, validator: &MinerId) -> Result<Timestamp, QueueError> {
        let lease = self.find(id, validator).await?;
        let now = self.clock.now();
        // A clock that was set back a little must not shorten a lease, nor one that was set back far
        // make it last for ever.
        let until = self.lease_end(now).max(lease.expires_at).min(self.longest_end(now));
        if self.store.extend(&lease, now, until).await? { Ok(until) } else { Err(QueueError::Ended(id)) }
    }

    /// Takes a checked result. Sending the same one again is answered like the first time.
    ///
    /// # Errors
    /// When the lease has ended, is not this validator's, or ended with another result.
    pub async fn finish(
        &self,
        id: Uuid,
        validator: &MinerId,
        judgement: &Judgement,
    ) -> Result<(SubmissionId, Finish), QueueError> {
        let lease = self.find(id, validator).await?;
        if let Some(earlier) = lease.result {
            return if earlier == judgement.sent {
                Ok((lease.submission, self.outcome(&lease).await?))
            } else {
                Err(QueueError::Contradicted(id))
            };
        }
        let finish = match lease.rejudge {
            None => self.store.finish(&lease, judgement, self.clock.now()).await?,
            Some(_) => self.store.finish_place(&lease, judgement, self.clock.now()).await?,
        };
        match finish {
            Finish::LeaseEnded => match self.store.lease(id).await? {
                // The same result came twice at once, and the other one was first.
                Some(again) if again.result == Some(judgement.sent) => {
                    Ok((lease.submission, self.outcome(&again).await?))
                }
                _ => Err(QueueError::Ended(id)),
            },
            finish => Ok((lease.submission, finish)),
        }
    }

    /// What a result that was taken before came to.
    async fn outcome(&self, lease: &LeaseRow) -> Result<Finish, QueueError> {
        if lease.rejudge.is_some() {
            return Ok(Finish::Proposed);
        }
        let submission = self.store.submission(lease.submission).await?;
        Ok(match submission {
            Some(Submission { score: Some(score), .. }) => Finish::Completed { score },
            Some(submission) if submission.state == crate::model::SubmissionState::Held => Finish::Held,
            _ => Finish::Waiting,
        })
    }

    /// The validator gives the work back. Doing so twice is not an error.
    ///
    /// # Errors
    /// When the assignment does not exist, is not this validator's, or ended with a result.
    pub async fn release(
        &self,
        id: Uuid,
        validator: &MinerId,
        fault: bool,
        why: &str,
    ) -> Result<(), QueueError> {
        let lease = self.find(id, validator).await?;
        if lease.result.is_some() {
            return Err(QueueError::Ended(id));
        }
        let end = self.ended(&lease, Requeue::Released { fault }, why.to_owned(), validator.as_str());
        match lease.rejudge {
            None => self.store.give_back(&lease, &end).await?,
            Some(_) => self.store.give_back_place(&lease, &end).await?,
        };
        Ok(())
    }

    /// Takes back what is overdue. Answers how many assignments ended.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire(&self) -> Result<usize, QueueError> {
        let now = self.clock.now();
        // Of a clock that has been set back since: whoever is at it says so in time.
        self.store.bound_leases(self.longest_end(now)).await?;
        let again = self.store.expire_places(now, self.rules.max_faults).await?;
        let mut ended = usize::try_from(again).unwrap_or(usize::MAX);
        for lease in self.store.overdue(now).await? {
            let why = format!("the validator `{}` did not answer in time", lease.validator);
            let end = self.ended(&lease, Requeue::Expired, why, "platform");
            ended += usize::from(self.store.give_back(&lease, &end).await?);
        }
        Ok(ended)
    }

    fn ended(&self, lease: &LeaseRow, how: Requeue, why: String, actor: &str) -> EndedLease {
        EndedLease {
            id: lease.id,
            how,
            why,
            actor: actor.to_owned(),
            at: self.clock.now(),
            max_faults: self.rules.max_faults,
        }
    }

    /// No lease that is true ends later.
    fn longest_end(&self, now: Timestamp) -> Timestamp {
        self.lease_end(self.lease_end(now))
    }

    fn lease_end(&self, from: Timestamp) -> Timestamp {
        let lease = SignedDuration::try_from(self.rules.lease).unwrap_or(SignedDuration::MAX);
        from.saturating_add(lease).unwrap_or(Timestamp::MAX)
    }
}
