//! Submissions that arrive at the same time are written together: SQLite has one writer, and each of
//! its transactions waits for the disk. One task owns the writing. It takes along everybody who waits,
//! so that one wait is shared; nobody waits for company.

use std::error::Error as _;

use tokio::sync::{mpsc, oneshot};

use super::{Admission, NewSubmission, Store, StoreError};

/// In one transaction: the last one must not wait long for the first.
const MOST: usize = 256;
/// Of the sources in one transaction, but for the last of them: they are in memory at the same time.
const MOST_BYTES: u64 = 4 << 20;

type Answer = Result<Admission, StoreError>;

#[derive(Debug)]
pub(super) struct Waiting {
    new: NewSubmission,
    answer: oneshot::Sender<Answer>,
}

/// The way to the task that writes.
pub(super) type Together = mpsc::UnboundedSender<Waiting>;
/// The other end of it.
pub(super) type Arrivals = mpsc::UnboundedReceiver<Waiting>;

impl Store {
    /// As [`Store::admit`], in one transaction with whoever else waits.
    pub(super) async fn admit_together(&self, new: &NewSubmission) -> Answer {
        let (answer, answered) = oneshot::channel();
        // Who cannot be heard is answered below.
        let _ = self.together.send(Waiting { new: new.clone(), answer });
        if let Ok(answer) = answered.await {
            return answer;
        }
        // The task was stopped, before or after this one was written.
        match self.try_admit(new).await? {
            Admission::Duplicate { earlier, miner } if earlier == new.id => {
                let stored = self.submission(new.id).await?;
                let lost = Admission::Duplicate { earlier, miner };
                Ok(stored.map_or(lost, |stored| Admission::Stored(Box::new(stored))))
            }
            admission => Ok(admission),
        }
    }

    /// Writes what arrives until nobody can arrive any more. `self` has no way in of its own, so that
    /// this ends when all others are gone.
    pub(super) async fn write_arrivals(self, mut arrivals: Arrivals) {
        let mut waiting = Vec::new();
        loop {
            if waiting.is_empty() && arrivals.recv_many(&mut waiting, MOST).await == 0 {
                return;
            }
            while waiting.len() < MOST
                && let Ok(one) = arrivals.try_recv()
            {
                waiting.push(one);
            }
            let now = waiting.drain(..first(&waiting)).collect();
            let deferred: Vec<Waiting> = self.write_together(now).await;
            // They were here before those who came meanwhile.
            waiting.splice(..0, deferred);
        }
    }

    /// Answers those who are not to be decided together with the others.
    async fn write_together(&self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let (all, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.new, one.answer)).unzip();
        let mut deferred = Vec::new();
        match self.admit_all(&all).await {
            Ok(admissions) => {
                for ((admission, answer), new) in admissions.into_iter().zip(answers).zip(all) {
                    match admission {
                        // Who does not listen any more does not need to know.
                        Some(admission) => drop(answer.send(Ok(admission))),
                        None => deferred.push(Waiting { new, answer }),
                    }
                }
            }
            // One of them may be the cause: by itself each gets what it deserves.
            Err(error) => {
                tracing::warn!(error = %error, cause = ?error.source(), many = all.len(), "one by one instead of together");
                for (answer, new) in answers.into_iter().zip(&all) {
                    let _ = answer.send(self.try_admit(new).await);
                }
            }
        }
        deferred
    }
}

/// How many of them go into one transaction.
fn first(waiting: &[Waiting]) -> usize {
    let mut bytes = 0;
    let enough = waiting.iter().position(|one| {
        bytes += one.new.source_bytes;
        bytes > MOST_BYTES
    });
    enough.map_or(waiting.len(), |last| last + 1).min(MOST)
}
