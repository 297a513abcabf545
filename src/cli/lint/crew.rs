//! Threads for many files. Each has the stack that an analysis needs, so that a file is read, analysed and
//! dropped where it is, and the thread that waits for them watches their clocks.

use std::io;
use std::num::NonZero;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::lint::{Cancelled, STACK};

/// How often the clocks are looked at. It is a backstop: an analysis counts its own steps.
const LOOK: Duration = Duration::from_millis(100);

/// Of one thread: when its analysis began, and the flag that ends it.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Option<(Instant, Cancelled)>>);

impl Clock {
    fn running(&self) -> MutexGuard<'_, Option<(Instant, Cancelled)>> {
        // A panic elsewhere leaves it as whole as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count for one analysis, which has to look at the flag.
    pub(super) fn start(&self) -> Cancelled {
        let cancelled = Cancelled::default();
        *self.running() = Some((Instant::now(), Cancelled::clone(&cancelled)));
        cancelled
    }

    fn stop(&self) {
        *self.running() = None;
    }

    fn look(&self, patience: Duration) {
        if let Some((began, cancelled)) = &*self.running()
            && began.elapsed() > patience
        {
            cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// What `work` makes of each input, in their order. What it starts on its clock is cancelled after `patience`.
///
/// # Errors
/// When not even one thread can be started.
pub(super) fn each<I: Sync, T: Send>(
    inputs: &[I],
    patience: Duration,
    work: impl Fn(&I, &Clock) -> T + Sync,
) -> io::Result<Vec<T>> {
    let most = thread::available_parallelism().map_or(1, NonZero::get);
    let clocks: Vec<Clock> = (0..most.min(inputs.len())).map(|_| Clock::default()).collect();
    let (next, at_work) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let waiting = thread::current();
    let serve = |clock: &Clock| {
        let mut done = Vec::new();
        // One by one: the largest files take a hundred times as long as the others.
        while let Some((index, input)) = take(inputs, &next) {
            done.push((index, work(input, clock)));
            clock.stop();
        }
        at_work.fetch_sub(1, Ordering::Release);
        waiting.unpark();
        done
    };
    thread::scope(|scope| {
        let serve = &serve;
        let mut threads: Vec<ScopedJoinHandle<'_, Vec<(usize, T)>>> = Vec::new();
        for clock in &clocks {
            at_work.fetch_add(1, Ordering::Relaxed);
            let thread = Builder::new().name("lint".to_owned()).stack_size(STACK);
            match thread.spawn_scoped(scope, move || serve(clock)) {
                Ok(thread) => threads.push(thread),
                // Fewer do it as well.
                Err(error) => {
                    at_work.fetch_sub(1, Ordering::Relaxed);
                    if threads.is_empty() {
                        return Err(error);
                    }
                    break;
                }
            }
        }
        while at_work.load(Ordering::Acquire) > 0 && !threads.iter().all(ScopedJoinHandle::is_finished) {
            thread::park_timeout(LOOK);
            clocks.iter().for_each(|clock| clock.look(patience));
        }
        let mut done = Vec::with_capacity(inputs.len());
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)));
        }
        done.sort_unstable_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, result)| result).collect())
    })
}

/// The next input that nobody has taken.
fn take<'i, I>(inputs: &'i [I], next: &AtomicUsize) -> Option<(usize, &'i I)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, inputs.get(index)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_inputs() {
        let inputs: Vec<usize> = (0..1000).collect();
        let doubled = each(&inputs, LOOK, |input, _| 2 * input).expect("threads");
        assert!(doubled.into_iter().eq((0..1000).map(|input| 2 * input)));
        assert!(each(&[], LOOK, |input: &usize, _| *input).expect("nothing to do").is_empty());
    }

    #[test]
    fn what_takes_longer_than_its_time_is_told_to_end() {
        let ended = each(&[()], Duration::ZERO, |(), clock| {
            let cancelled = clock.start();
            while !cancelled.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            true
        });
        assert_eq!(ended.expect("a thread"), [true]);
    }
}
