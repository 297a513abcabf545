//! Submissions that arrive at the same time are written together: SQLite has one writer, and each of
//! its transactions waits for the disk. Whoever gets the turn to write takes along everybody who waits,
//! so that one wait is shared; nobody waits for company.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex as Turn, oneshot};

use super::{Admission, NewSubmission, Store, StoreError};

/// In one transaction: the last one must not wait long for the first.
const MOST: usize = 64;

type Answer = Result<Admission, StoreError>;
type Waiting = (NewSubmission, oneshot::Sender<Answer>);

/// Who waits to be written, and whose turn it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Together {
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
    turn: Arc<Turn<()>>,
}

impl Together {
    fn push(&self, new: NewSubmission) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        // A panic elsewhere leaves the list as whole as it was.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back((new, answer));
        answered
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let some = waiting.len().min(MOST);
        waiting.drain(..some).collect()
    }
}

impl Store {
    /// As [`Store::admit`], in one transaction with whoever else waits.
    pub(super) async fn admit_together(&self, new: &NewSubmission) -> Answer {
        let mut answered = self.together.push(new.clone());
        loop {
            let _turn = self.together.turn.lock().await;
            match answered.try_recv() {
                Ok(answer) => return answer,
                Err(TryRecvError::Empty) => self.write_together(self.together.take()).await,
                // Whoever had the turn was stopped half-way, before or after it was written.
                Err(TryRecvError::Closed) => {
                    return match self.try_admit(new).await? {
                        Admission::Duplicate { earlier, miner } if earlier == new.id => {
                            let stored = self.submission(new.id).await?;
                            let lost = Admission::Duplicate { earlier, miner };
                            Ok(stored.map_or(lost, |stored| Admission::Stored(Box::new(stored))))
                        }
                        admission => Ok(admission),
                    };
                }
            }
        }
    }

    async fn write_together(&self, batch: Vec<Waiting>) {
        let (all, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        match self.try_admit_all(&all).await {
            Ok(admissions) => {
                for (answer, admission) in answers.into_iter().zip(admissions) {
                    // Who does not listen any more does not need to know.
                    let _ = answer.send(Ok(admission));
                }
            }
            // One of them may be the cause: by itself each gets what it deserves.
            Err(_) => {
                for (answer, new) in answers.into_iter().zip(&all) {
                    let _ = answer.send(self.try_admit(new).await);
                }
            }
        }
    }

    async fn try_admit_all(&self, all: &[NewSubmission]) -> Result<Vec<Admission>, StoreError> {
        const DOING: &str = "store submissions";
        let mut transaction = self.begin(DOING).await?;
        let mut admissions = Vec::with_capacity(all.len());
        for new in all {
            // One that is not let in leaves nothing behind.
            sqlx::raw_sql("SAVEPOINT one")
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::query(DOING))?;
            let admission = self.admit_within(&mut transaction, new).await?;
            let end = match admission {
                Admission::Stored(_) => "RELEASE one",
                Admission::Duplicate { .. } | Admission::NameTaken { .. } | Admission::OverQuota(_) => {
                    "ROLLBACK TO one; RELEASE one"
                }
            };
            sqlx::raw_sql(end).execute(&mut *transaction).await.map_err(StoreError::query(DOING))?;
            admissions.push(admission);
        }
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        Ok(admissions)
    }
}
