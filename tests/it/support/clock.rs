//! A clock for tests.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use portcullis::model::MinerId;
use portcullis::queue::Clock;

/// A clock that only moves when it is told to.
#[derive(Debug)]
pub(crate) struct StillClock(Mutex<Timestamp>);

impl StillClock {
    pub(crate) fn new() -> Arc<Self> {
        let start = Timestamp::from_second(1_800_000_000).expect("a time");
        Arc::new(Self(Mutex::new(start)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().expect("not poisoned");
        *now = now.checked_add(SignedDuration::from_secs(seconds)).expect("a time");
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("not poisoned")
    }
}

pub(crate) fn miner(id: &str) -> MinerId {
    MinerId::parse(id).expect("a miner id")
}
