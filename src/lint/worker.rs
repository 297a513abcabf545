//! Runs an analysis on a thread of its own, with a stack that no source can use up and a clock behind
//! it. What a source may cost is decided by the analysis' own budget; the clock stops what that
//! does not reach, and a machine that stands still.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::Duration;

/// Address space for the analysis; only what is touched costs memory. The nesting limits keep the
/// deepest walk far below it.
pub const STACK: usize = 256 << 20;

/// A thread that nobody has asked anything for this long ends.
const IDLE: Duration = Duration::from_secs(5);

/// Set when nobody waits for the answer any longer.
pub type Cancelled = Arc<AtomicBool>;

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The helper of this thread. It is kept, because a folder is thousands of files, and a new stack
    /// for each costs more than reading most of them.
    static HELPER: RefCell<Option<Sender<Job>>> = const { RefCell::new(None) };
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    NoThread,
    OutOfTime,
    Panicked,
}

/// Runs `work` and waits for what it returns, for at most `patience`. Then the flag that `work` was
/// given is set, so that it can end soon.
pub(super) fn run<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce(Cancelled) -> T + Send + 'static,
) -> Result<T, Failure> {
    let cancelled = Cancelled::default();
    let (answer, waiting): (SyncSender<T>, _) = mpsc::sync_channel(1);
    let flag = Arc::clone(&cancelled);
    let job: Job = Box::new(move || {
        // A closed channel means that the caller gave up, which is no reason to do anything.
        let _ = answer.send(work(flag));
    });
    // Taken out: a helper comes back only with an answer, so one that is late or dead is not asked again.
    let helper = HELPER.with_borrow_mut(Option::take);
    let helper = match helper {
        Some(helper) => match helper.send(job) {
            Ok(()) => helper,
            Err(mpsc::SendError(job)) => start(job)?,
        },
        None => start(job)?,
    };
    match waiting.recv_timeout(patience) {
        Ok(result) => {
            HELPER.with_borrow_mut(|kept| *kept = Some(helper));
            Ok(result)
        }
        Err(RecvTimeoutError::Timeout) => {
            cancelled.store(true, Ordering::Relaxed);
            Err(Failure::OutOfTime)
        }
        Err(RecvTimeoutError::Disconnected) => Err(Failure::Panicked),
    }
}

fn start(first: Job) -> Result<Sender<Job>, Failure> {
    let (send, receive) = mpsc::channel::<Job>();
    let serve = move || {
        first();
        // Ends when its owner does, when it was given up, and when there is nothing to do.
        while let Ok(job) = receive.recv_timeout(IDLE) {
            job();
        }
    };
    match thread::Builder::new().name("gate".to_owned()).stack_size(STACK).spawn(serve) {
        Ok(_) => Ok(send),
        Err(_) => Err(Failure::NoThread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn one_helper_answers_again_and_again() {
        let name = || run(LONG, |_| thread::current().id());
        let first = name();
        assert!(first.is_ok());
        assert_eq!(first, name());
    }

    #[test]
    fn a_helper_that_panics_is_replaced() {
        assert_eq!(run(LONG, |_| std::panic::resume_unwind(Box::new(()))), Err::<(), _>(Failure::Panicked));
        assert_eq!(run(LONG, |_| 1), Ok(1));
    }

    #[test]
    fn what_is_given_up_is_told_to_stop() {
        let (ended, waiting) = mpsc::channel();
        let late = run(Duration::ZERO, move |cancelled| {
            while !cancelled.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            // The test may be over.
            let _ = ended.send(());
        });
        assert_eq!(late, Err(Failure::OutOfTime));
        assert_eq!(waiting.recv(), Ok(()));
        assert_eq!(run(LONG, |_| 2), Ok(2));
    }
}
