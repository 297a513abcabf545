//! How much work one source may cause. Everything whose cost is not plainly linear in the source
//! spends from one budget, so whether a source can be analysed is a fact about the source and not
//! about the machine or its load.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps that every source may take, however small.
const BASE: u64 = 4_000_000;
/// Steps that each byte of a source adds. Of CPython's own library no file takes more than two fifths of
/// what it gets, and all but a dozen take less than a twentieth.
const PER_BYTE: u64 = 40;
/// Between two looks at the flag.
const LOOK: u64 = 4096;

/// The budget of one source and of all code in its strings.
#[derive(Debug)]
pub(crate) struct Fuel {
    left: Cell<u64>,
    look_at: Cell<u64>,
    given: u64,
    cancelled: Arc<AtomicBool>,
}

impl Fuel {
    /// For a source of `bytes`. Setting the flag takes away whatever is left.
    pub(crate) fn for_source(bytes: usize, cancelled: Arc<AtomicBool>) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Self::new(BASE.saturating_add(bytes.saturating_mul(PER_BYTE)), cancelled)
    }

    fn new(steps: u64, cancelled: Arc<AtomicBool>) -> Self {
        Self {
            left: Cell::new(steps),
            look_at: Cell::new(steps.saturating_sub(LOOK)),
            given: steps,
            cancelled,
        }
    }

    #[inline]
    pub(crate) fn spend(&self, steps: u64) {
        let mut left = self.left.get().saturating_sub(steps);
        if left < self.look_at.get() {
            self.look_at.set(left.saturating_sub(LOOK));
            if self.cancelled.load(Ordering::Relaxed) {
                left = 0;
            }
        }
        self.left.set(left);
    }

    /// As many steps as there are things to go through.
    #[inline]
    pub(crate) fn spend_for(&self, things: usize) {
        self.spend(u64::try_from(things).unwrap_or(u64::MAX));
    }

    /// Whether nothing is left. From then on no answer counts.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Steps taken so far, and steps that were given.
    pub(crate) fn gauge(&self) -> (u64, u64) {
        (self.given - self.left.get(), self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_stays_spent() {
        let fuel = Fuel::new(10, Arc::default());
        fuel.spend(9);
        assert!(!fuel.is_spent());
        fuel.spend(5);
        assert!(fuel.is_spent());
        assert_eq!(fuel.gauge(), (10, 10));
    }

    #[test]
    fn a_cancelled_analysis_has_nothing_left_within_a_few_thousand_steps() {
        let flag = Arc::new(AtomicBool::new(false));
        let fuel = Fuel::for_source(1 << 20, Arc::clone(&flag));
        fuel.spend(1);
        flag.store(true, Ordering::Relaxed);
        for _ in 0..=LOOK {
            fuel.spend(1);
        }
        assert!(fuel.is_spent());
    }
}
