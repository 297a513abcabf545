//! Submissions that arrive at the same time are written together: SQLite has one writer, and each of
//! its transactions waits for the disk. One task owns the writing. It takes along everybody who waits,
//! so that one wait is shared; nobody waits for company.

use std::error::Error as _;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use super::{Admission, Engine, NewSubmission, Store, StoreError};

/// In one transaction: the last one must not wait long for the first.
pub(super) const MOST: usize = 256;
/// Of the sources in one transaction, but for the last of them: they are in memory at the same time.
const MOST_BYTES: u64 = 4 << 20;

type Answer = Result<Admission, StoreError>;

/// Called with the answer by the task that writes, which has others to serve: it must not take long.
type Then = Box<dyn FnOnce(Answer) + Send>;

pub(super) struct Waiting {
    new: NewSubmission,
    then: Then,
}

/// The way to the task that writes.
pub(super) type Together = mpsc::UnboundedSender<Waiting>;
/// The other end of it.
pub(super) type Arrivals = mpsc::UnboundedReceiver<Waiting>;

/// Starts the writing of what arrives. It has a thread to itself: between two statements it would else wait
/// its turn behind everybody who has just been answered, while the database waits for it. Where there
/// is no thread to be had, each is written by itself, by who asks for it.
pub(super) fn start(writer: Store, arrivals: Arrivals) {
    let started = Builder::new_current_thread().enable_time().build().and_then(|runtime| {
        let write = move || runtime.block_on(writer.write_arrivals(arrivals));
        thread::Builder::new().name("writer".to_owned()).spawn(write)
    });
    if let Err(error) = started {
        tracing::error!(error = %error, "cannot start the thread that writes submissions");
    }
}

impl Store {
    /// As [`Store::admit`], and returns at once: `then` is called with what came of it, whoever still listens.
    /// It has to be called from within a runtime, and `then` must not take long. Where the program ends
    /// first it is dropped.
    pub fn admit_then(&self, new: NewSubmission, then: impl FnOnce(Answer) + Send + 'static) {
        let waiting = Waiting { new, then: Box::new(then) };
        let waiting = match self.engine {
            Engine::Sqlite => match self.together.send(waiting) {
                Ok(()) => return,
                // The task was stopped.
                Err(mpsc::error::SendError(waiting)) => waiting,
            },
            Engine::Postgres => waiting,
        };
        let store = self.clone();
        tokio::spawn(async move { (waiting.then)(store.admit(&waiting.new).await) });
    }

    /// As [`Store::admit`], in one transaction with whoever else waits.
    pub(super) async fn admit_together(&self, new: &NewSubmission) -> Answer {
        let (answer, answered) = oneshot::channel();
        let then: Then = Box::new(move |decided| {
            // Who does not listen any more does not need to know.
            let _ = answer.send(decided);
        });
        // Who cannot be heard is answered below.
        let _ = self.together.send(Waiting { new: new.clone(), then });
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
        let (all, thens): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.new, one.then)).unzip();
        let mut deferred = Vec::new();
        match self.admit_all(&all).await {
            Ok(admissions) => {
                for ((admission, then), new) in admissions.into_iter().zip(thens).zip(all) {
                    match admission {
                        Some(admission) => then(Ok(admission)),
                        None => deferred.push(Waiting { new, then }),
                    }
                }
            }
            // One of them may be the cause: by itself each gets what it deserves.
            Err(error) => {
                tracing::warn!(error = %error, cause = ?error.source(), many = all.len(), "one by one instead of together");
                for (then, new) in thens.into_iter().zip(&all) {
                    then(self.try_admit(new).await);
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
