//! Shares a pool among the ranked. Integers only; what is shared out is the whole pool to the last
//! millionth, or nothing.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use crate::model::{RawAmount, Score};

/// How a pool is shared. Whoever scored 0 gets nothing under any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// Each in proportion to its score.
    #[default]
    Proportional,
    /// Everything to the first of the ranking.
    WinnerTakesAll,
    /// In proportion to their scores among the first so many of the ranking, at least 1.
    Top(usize),
    /// By place alone: of `n` that scored, the first gets `n` shares, the last one (a Borda count).
    LinearRank,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a reward scheme; there are `proportional`, `winner-takes-all`, `top-k:K` and `linear-rank`"
)]
pub struct InvalidScheme(String);

/// Each agent's part of `pool` in proportion to its score, in the order of `scores`, which is that
/// of the ranking. See [`Scheme::share`].
pub fn rewards(pool: RawAmount, scores: &[Score]) -> Vec<RawAmount> {
    Scheme::Proportional.share(pool, scores)
}

impl Scheme {
    /// Each agent's part of `pool`, in the order of `scores`, which is that of the ranking. Places
    /// count among those that scored: where noise puts a 0 before a 1, the 1 still has the first.
    ///
    /// What division leaves over goes, a millionth each, to the largest remainders and among equal
    /// ones to the better rank (the method of Hamilton, also called Hare and Niemeyer). When nobody
    /// scored, nobody gets anything: the pool is burned, it does not fall to whoever comes first.
    pub fn share(self, pool: RawAmount, scores: &[Score]) -> Vec<RawAmount> {
        let scored = scores.iter().filter(|score| **score > Score::ZERO).count();
        let mut places = 0..scored;
        let share = |score: &Score| {
            let place = if *score > Score::ZERO { places.next() } else { None };
            let Some(place) = place else { return 0 };
            let score = u64::from(score.hundredths());
            match self {
                Self::Proportional => score,
                Self::WinnerTakesAll => u64::from(place == 0),
                Self::Top(count) => {
                    if place < count.max(1) {
                        score
                    } else {
                        0
                    }
                }
                Self::LinearRank => (scored - place) as u64,
            }
        };
        let shares: Vec<u64> = scores.iter().map(share).collect();
        in_proportion(pool, &shares)
    }
}

impl FromStr for Scheme {
    type Err = InvalidScheme;
    fn from_str(text: &str) -> Result<Self, InvalidScheme> {
        let invalid = || InvalidScheme(text.chars().take(40).flat_map(char::escape_debug).collect());
        match text {
            "proportional" => Ok(Self::Proportional),
            "winner-takes-all" => Ok(Self::WinnerTakesAll),
            "linear-rank" => Ok(Self::LinearRank),
            _ => {
                let count = text.strip_prefix("top-k:").and_then(|count| count.parse().ok());
                count.filter(|count| *count > 0).map(Self::Top).ok_or_else(invalid)
            }
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proportional => f.pad("proportional"),
            Self::WinnerTakesAll => f.pad("winner-takes-all"),
            Self::Top(count) => write!(f, "top-k:{count}"),
            Self::LinearRank => f.pad("linear-rank"),
        }
    }
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
