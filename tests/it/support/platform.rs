//! What the platform's tests begin with: a clock, a miner, a submission.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use portcullis::model::{Digest, MinerId, SubmissionId};
use portcullis::queue::Clock;
use portcullis::store::{NewSubmission, Quota};

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

/// What the gate lets in from `who` now: `text`, which lies in its place already, without findings.
pub(crate) fn submission(who: &str, text: &str, clock: &StillClock) -> NewSubmission {
    let source = Digest::of(text.as_bytes());
    NewSubmission {
        id: SubmissionId::generate(),
        miner: miner(who),
        upload: source,
        source,
        source_bytes: text.len() as u64,
        text: None,
        policy: source,
        findings: Vec::new(),
        hold: None,
        quorum: 1,
        quota: Quota::default(),
        upstream: None,
        at: clock.now(),
    }
}
