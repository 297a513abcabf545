//! Shares a pool among the ranked. Integers only; what is shared out is the whole pool to the last
//! millionth, or nothing.

use std::cmp::Reverse;

use crate::model::{RawAmount, Score};

/// Each agent's part of `pool` in proportion to its score, in the order of `scores` (best first).
/// What division leaves over goes, a millionth each, to the largest remainders and among equal ones
/// to the better rank (the method of Hamilton, also called Hare and Niemeyer). When nobody scores,
/// nobody gets anything: the pool is burned, it does not fall to whoever comes first.
pub fn rewards(pool: RawAmount, scores: &[Score]) -> Vec<RawAmount> {
    let shares: Vec<u64> = scores.iter().map(|score| u64::from(score.hundredths())).collect();
    in_proportion(pool, &shares)
}

fn in_proportion(pool: RawAmount, shares: &[u64]) -> Vec<RawAmount> {
    let total: u128 = shares.iter().map(|share| u128::from(*share)).sum();
    if total == 0 {
        return vec![RawAmount::default(); shares.len()];
    }
    let pool = u128::from(pool.millionths());
    // Below 2^64 · 2^64, so nothing overflows.
    let exact: Vec<u128> = shares.iter().map(|share| pool * u128::from(*share)).collect();
    let mut parts: Vec<u128> = exact.iter().map(|exact| exact / total).collect();
    let left = pool - parts.iter().sum::<u128>();

    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|index| (Reverse(exact[*index] % total), *index));
    // Fewer are left over than there are parts with a remainder, so nobody with 0 gets one.
    for (index, _) in by_remainder.into_iter().zip(0..left) {
        parts[index] += 1;
    }
    parts
        .into_iter()
        .map(|part| RawAmount::from_millionths(u64::try_from(part).unwrap_or(u64::MAX)))
        .collect()
}
