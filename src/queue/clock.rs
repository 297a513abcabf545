//! The time of day, as an argument.

use std::fmt::Debug;

use jiff::Timestamp;

/// Wall-clock time. It may jump; whoever uses it says what that does.
pub trait Clock: Debug + Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
