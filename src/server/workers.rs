//! Threads for the gate: as many as may analyse at one time, each with the stack that an analysis
//! needs. They take from one queue, so that under load none of them sleeps between two uploads, and an
//! upload changes threads only on its way in and out.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::lint::STACK;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("the analysis took too long")]
    Late,
    #[error("the analysis broke off")]
    Broken,
    #[error("no thread could be started for the analysis")]
    NoThread,
}

/// What a thread is to do. It answers whether it was in time.
type Job = Box<dyn FnOnce() -> bool + Send>;

/// The threads end when this is dropped and their queue is empty.
#[derive(Debug)]
pub(super) struct Workers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// At most so many threads.
    most: usize,
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads that were not given up.
    alive: usize,
    /// Those of them that wait for a job.
    idle: usize,
    ending: bool,
}

/// How far a job is. Whoever sets `over` first decides whether it was in time.
#[derive(Debug, Default)]
struct Progress {
    began: OnceLock<Instant>,
    over: AtomicBool,
    /// Nobody waits for the answer any more.
    unheard: AtomicBool,
    cancelled: Arc<AtomicBool>,
}

impl Workers {
    pub(super) fn new(most: usize) -> Self {
        Self { shared: Arc::new(Shared { most, state: Mutex::default(), more: Condvar::new() }) }
    }

    /// Runs `work` when its turn comes, for at most `patience`. Then the flag that it was given is set,
    /// nobody waits for it any more, and another thread takes the place of the one that it keeps. Who
    /// stops waiting stops nothing.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let done = |done: T, answer: oneshot::Sender<T>| {
            // Who does not listen any more does not need to know.
            let _ = answer.send(done);
        };
        self.run_then(patience, work, done).await
    }

    /// As [`Workers::run`]. What `work` returns in time, and while somebody waits for it, goes to `next` on
    /// the same thread, which answers or hands the answering on to somebody else: nobody is woken in
    /// between. It may spawn tasks. Answering may take as long as it takes, and goes on when nobody waits
    /// any more; an answer that is dropped is one that broke off.
    ///
    /// # Errors
    /// As [`Workers::run`].
    pub(super) async fn run_then<D, T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(Arc<AtomicBool>) -> D + Send + 'static,
        next: impl FnOnce(D, oneshot::Sender<T>) + Send + 'static,
    ) -> Result<T, Unanswered> {
        let progress = Arc::<Progress>::default();
        let (answer, answered) = oneshot::channel();
        let ours = Arc::clone(&progress);
        self.shared.push(Box::new(move || {
            // Nobody else sets it.
            let _ = ours.began.set(Instant::now());
            let done = catch_unwind(AssertUnwindSafe(|| work(Arc::clone(&ours.cancelled))));
            let in_time = !ours.over.swap(true, Ordering::AcqRel);
            if let (true, false, Ok(done)) = (in_time, ours.unheard.load(Ordering::Acquire), done) {
                // What breaks off drops the answer.
                let _ = catch_unwind(AssertUnwindSafe(|| next(done, answer)));
            }
            in_time
        }))?;
        let mut watch =
            Watch { shared: Arc::clone(&self.shared), progress, patience, answered: Some(answered) };
        watch.answer().await
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.state().ending = true;
        self.shared.more.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No job runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(self: &Arc<Self>, job: Job) -> Result<(), Unanswered> {
        let mut state = self.state();
        state.queue.push_back(job);
        if state.idle >= state.queue.len() {
            drop(state);
            self.more.notify_one();
            return Ok(());
        }
        self.reinforce(&mut state);
        if state.alive == 0 {
            // What had come before waits likewise for a thread that can be started.
            state.queue.pop_back();
            return Err(Unanswered::NoThread);
        }
        Ok(())
    }

    /// Another thread, where there may be one. Where none can be started, the others do the work.
    fn reinforce(self: &Arc<Self>, state: &mut State) {
        if state.alive >= self.most {
            return;
        }
        let (shared, runtime) = (Arc::clone(self), Handle::try_current().ok());
        let serve = move || {
            // For tasks that follow the work.
            let _within = runtime.as_ref().map(Handle::enter);
            shared.serve();
        };
        let started = thread::Builder::new().name("gate".to_owned()).stack_size(STACK).spawn(serve);
        match started {
            Ok(_) => state.alive += 1,
            Err(error) => tracing::error!(error = %error, "cannot start a thread for the gate"),
        }
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
            if !job() {
                // Another one has its place already.
                return;
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if state.ending {
                return None;
            }
            state.idle += 1;
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The thread that is still busy with a job does not count any more.
    fn give_up(self: &Arc<Self>, progress: &Progress) {
        progress.cancelled.store(true, Ordering::Relaxed);
        let mut state = self.state();
        state.alive = state.alive.saturating_sub(1);
        if !state.queue.is_empty() {
            self.reinforce(&mut state);
        }
    }
}

/// Waits for a job, and has somebody else do so when it is dropped before there is an answer.
struct Watch<T: Send + 'static> {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    patience: Duration,
    answered: Option<oneshot::Receiver<T>>,
}

impl<T: Send + 'static> Watch<T> {
    async fn answer(&mut self) -> Result<T, Unanswered> {
        let mut wait = self.patience;
        while let Some(answered) = &mut self.answered {
            if let Ok(answer) = tokio::time::timeout(wait, answered).await {
                self.answered = None;
                return answer.map_err(|_| Unanswered::Broken);
            }
            // Its time begins with its turn.
            let took = self.progress.began.get().map_or(Duration::ZERO, Instant::elapsed);
            wait = self.patience.saturating_sub(took);
            if wait.is_zero() {
                if self.progress.over.swap(true, Ordering::AcqRel) {
                    // It was in time: the answer comes when it comes.
                    wait = self.patience;
                    continue;
                }
                self.answered = None;
                self.shared.give_up(&self.progress);
            }
        }
        Err(Unanswered::Late)
    }
}

impl<T: Send + 'static> Drop for Watch<T> {
    fn drop(&mut self) {
        let Some(answered) = self.answered.take() else { return };
        self.progress.unheard.store(true, Ordering::Release);
        if self.progress.over.load(Ordering::Acquire) {
            // The work is done, and whoever has to answer needs nobody who waits for it.
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let (shared, progress, patience) =
            (Arc::clone(&self.shared), Arc::clone(&self.progress), self.patience);
        let mut watch = Self { shared, progress, patience, answered: Some(answered) };
        runtime.spawn(async move {
            // The answer is for nobody.
            let _ = watch.answer().await;
        });
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue, alive, idle, ending } = self;
        let waiting = queue.len();
        f.debug_struct("State")
            .field("waiting", &waiting)
            .field("alive", alive)
            .field("idle", idle)
            .field("ending", ending)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn who(_: Arc<AtomicBool>) -> ThreadId {
        thread::current().id()
    }

    fn until_cancelled(cancelled: Arc<AtomicBool>) {
        while !cancelled.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn one_thread_answers_again_and_again() {
        let workers = Workers::new(1);
        let first = workers.run(LONG, who).await;
        assert!(first.is_ok());
        assert_eq!(workers.run(LONG, who).await, first);
    }

    #[tokio::test]
    async fn work_that_panics_costs_its_own_answer_only() {
        let workers = Workers::new(1);
        let broken = workers.run(LONG, |_| std::panic::resume_unwind(Box::new(()))).await;
        assert_eq!(broken, Err::<(), _>(Unanswered::Broken));
        assert_eq!(workers.run(LONG, |_| 1).await, Ok(1));
    }

    #[tokio::test]
    async fn work_that_takes_too_long_is_told_to_stop_and_loses_its_thread() {
        let workers = Workers::new(1);
        assert_eq!(workers.run(Duration::ZERO, until_cancelled).await, Err(Unanswered::Late));
        assert_eq!(workers.run(LONG, |_| 2).await, Ok(2));
    }

    #[tokio::test]
    async fn work_for_which_nobody_waits_any_more_does_not_keep_its_thread_for_ever() {
        let workers = Workers::new(1);
        {
            let (began, begins) = mpsc::channel();
            let work = move |cancelled| {
                let _ = began.send(());
                until_cancelled(cancelled);
            };
            let mut hung_up = std::pin::pin!(workers.run(Duration::from_millis(1), work));
            let nothing = std::future::poll_fn(|context| {
                assert!(hung_up.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            });
            nothing.await;
            assert_eq!(begins.recv(), Ok(()));
        }
        assert_eq!(workers.run(LONG, |_| 3).await, Ok(3));
    }

    // The clock of the runtime runs ahead of the threads by many times the patience.
    #[tokio::test(start_paused = true)]
    async fn time_in_the_queue_is_not_time_of_the_analysis() {
        let workers = Workers::new(1);
        let (go, goes) = mpsc::channel::<()>();
        let first = workers.run(LONG, move |_| goes.recv().is_err());
        let second = async {
            let second = workers.run(LONG, |_| 4);
            tokio::pin!(second);
            assert!(tokio::time::timeout(3 * LONG, &mut second).await.is_err());
            drop(go);
            second.await
        };
        let (_, second) = tokio::join!(first, second);
        assert_eq!(second, Ok(4));
    }
}
