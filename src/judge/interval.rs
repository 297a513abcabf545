//! How far a score would move if it was measured again, estimated from the repeats.
//!
//! The percentile bootstrap (B. Efron, "Bootstrap methods: another look at the jackknife", Annals of
//! Statistics 7, 1979; B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, section
//! 13.3): the measurement is repeated in thought, each case drawing as many verdicts as it has from
//! those that were seen, and the score is computed anew each time.

use super::score::mean;
use crate::model::{CaseResult, CaseVerdict, Score};

/// Measurements in thought. With 1,000 the ends are the 25th and the 975th in order.
const RESAMPLES: usize = 1_000;
/// In thousandths of [`RESAMPLES`]: a 95 % interval.
const OUTSIDE: usize = 25;

/// Where the scores of repeated measurements lie, 95 times in 100; the measured score is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    pub low: Score,
    pub high: Score,
}

impl Interval {
    /// Of a score that was measured once, or never moved.
    pub const fn point(score: Score) -> Self {
        Self { low: score, high: score }
    }

    /// Whether noise alone may have put one before the other.
    pub fn overlaps(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// One task's cases, and how verdicts on them, in the same order, become the task's score.
#[expect(missing_debug_implementations, reason = "a closure has nothing to show")]
#[derive(Clone, Copy)]
pub struct Measured<'a> {
    pub cases: &'a [CaseResult],
    pub score: &'a dyn Fn(&[CaseVerdict]) -> Option<Score>,
}

/// The interval of the score of an agent with these tasks. `None` when no case was run more than
/// once, or one was not judged. The same results give the same interval, whatever else is ranked.
pub fn interval(tasks: &[Measured<'_>]) -> Option<Interval> {
    if !tasks.iter().flat_map(|task| task.cases).any(|case| case.repeats.len() > 1) {
        return None;
    }
    let mut verdicts: Vec<Vec<CaseVerdict>> =
        tasks.iter().map(|task| task.cases.iter().map(|case| case.verdict).collect()).collect();
    let mut scores: Vec<Option<Score>> =
        tasks.iter().zip(&verdicts).map(|(task, verdicts)| (task.score)(verdicts)).collect();
    let measured = mean(scores.iter().copied())?;

    let flaky = |task: &Measured<'_>| task.cases.iter().any(CaseResult::is_flaky);
    let moving: Vec<usize> = (0..tasks.len()).filter(|index| flaky(&tasks[*index])).collect();
    if moving.is_empty() {
        return Some(Interval::point(measured));
    }
    let mut random = SplitMix64(0);
    let mut resampled = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for index in &moving {
            let (task, verdicts) = (&tasks[*index], &mut verdicts[*index]);
            for (case, verdict) in task.cases.iter().zip(verdicts.iter_mut()) {
                if case.is_flaky() {
                    let drawn =
                        (0..case.repeats.len()).map(|_| case.repeats[random.below(case.repeats.len())]);
                    *verdict = drawn.min().unwrap_or(case.verdict);
                }
            }
            scores[*index] = (task.score)(verdicts);
        }
        resampled.push(mean(scores.iter().copied())?);
    }
    resampled.sort_unstable();
    let low = resampled[RESAMPLES * OUTSIDE / 1_000 - 1];
    let high = resampled[RESAMPLES * (1_000 - OUTSIDE) / 1_000 - 1];
    Some(Interval { low: low.min(measured), high: high.max(measured) })
}

/// G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. It
/// is written out here because a library may change its stream with a version, and an interval that
/// was published must come out again.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `count`, without it; `count` is small, so the remainder is as good as uniform.
    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % (count.max(1) as u64)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::SplitMix64;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs for the seed 1234567, as published with the reference implementation.
        let mut random = SplitMix64(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
