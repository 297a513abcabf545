//! The ranking: one entry for each miner, in an order that does not depend on the order of input.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Interval;
use crate::model::{Digest, MinerId, Score, TaskResult};

/// What a task may have decide between agents whose scores are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TieBreaker {
    /// Less CPU time first.
    Time,
    /// Less memory first, where the time is equal or does not matter.
    Memory,
}

/// What an agent used on the tasks that have it decide ties; 0 where none does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Costs {
    /// CPU time of all cases, in milliseconds.
    pub cpu_ms: u64,
    /// The largest memory of a case, summed over the tasks, in KiB.
    pub memory_kib: u64,
}

impl Costs {
    /// Adds what one task cost, as far as `breakers` of it count.
    #[must_use]
    pub fn with(mut self, breakers: &[TieBreaker], result: &TaskResult) -> Self {
        let usages = || result.cases.iter().map(|case| case.usage);
        for breaker in breakers {
            match breaker {
                TieBreaker::Time => self.cpu_ms += usages().map(|usage| usage.cpu_ms).sum::<u64>(),
                TieBreaker::Memory => {
                    self.memory_kib += usages().map(|usage| usage.memory_kib).max().unwrap_or(0);
                }
            }
        }
        self
    }
}

/// One judged submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub miner_id: MinerId,
    /// Of the submission's bytes.
    pub sha256: Digest,
    /// Grows with the time of submission: a sequence number, or a time in a unit of the caller's.
    pub order: u64,
    /// `None` when a fault of ours kept it from being judged; such an entry is not ranked.
    pub score: Option<Score>,
    /// How far the score would move if it was measured again; `None` where that was not looked at.
    pub interval: Option<Interval>,
    pub costs: Costs,
    pub tasks: Vec<TaskResult>,
}

/// An entry with its place, counted from 1. No two share a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    pub rank: usize,
    pub miner_id: MinerId,
    pub sha256: Digest,
    pub order: u64,
    pub score: Score,
    pub interval: Option<Interval>,
    /// Whether the score does not tell it from the entry before it: something else decided.
    pub tied: bool,
    pub tasks: Vec<TaskResult>,
}

/// A scored entry while its place is looked for.
struct Candidate {
    interval: Interval,
    score: Score,
    entry: Entry,
}

/// The best first. An entry is better than another when its whole interval lies above the other's;
/// among those that nothing left is better than, the next is the one with the lower costs, then the
/// earlier submission, then the miner's id, then the digest. Without intervals that is the order by
/// score. Of a miner with several submissions the one with the highest score counts, of equally
/// good ones the cheapest, then the earliest.
///
/// "Better" is an interval order (P. Fishburn, "Intransitive indifference with unequal indifference
/// intervals", Journal of Mathematical Psychology 7, 1970): equality within noise is not transitive,
/// and this is. So whoever is better than another always comes first, and an entry that is worse than
/// another changes nothing about that one's place.
pub fn rank(entries: Vec<Entry>) -> Vec<Ranked> {
    let mut best: BTreeMap<MinerId, Candidate> = BTreeMap::new();
    for entry in entries {
        let Some(score) = entry.score else { continue };
        let interval = entry.interval.unwrap_or(Interval::point(score));
        let candidate = Candidate { interval, score, entry };
        let key = |it: &Candidate| {
            let Entry { costs, order, sha256, interval, .. } = &it.entry;
            // An interval that was looked at before one that was not, though both be a point.
            (Reverse(it.score), *costs, *order, *sha256, Reverse(it.interval), interval.is_none())
        };
        match best.get(&candidate.entry.miner_id) {
            Some(known) if key(known) <= key(&candidate) => {}
            Some(_) | None => drop(best.insert(candidate.entry.miner_id.clone(), candidate)),
        }
    }
    // In the order of miners, so that an index is the order among ids.
    let mut candidates: Vec<Option<Candidate>> = best.into_values().map(Some).collect();
    let order = sequence(&candidates.iter().flatten().collect::<Vec<_>>());

    let mut ranked: Vec<Ranked> = Vec::with_capacity(order.len());
    let mut before: Option<Interval> = None;
    for (index, rank) in order.into_iter().zip(1..) {
        let Some(Candidate { interval, score, entry }) = candidates[index].take() else { continue };
        ranked.push(Ranked {
            rank,
            miner_id: entry.miner_id,
            sha256: entry.sha256,
            order: entry.order,
            score,
            interval: entry.interval,
            tied: before.is_some_and(|before| before.overlaps(interval)),
            tasks: entry.tasks,
        });
        before = Some(interval);
    }
    ranked
}

/// The indices of `candidates` in the order of the ranking, in n log n steps.
fn sequence(candidates: &[&Candidate]) -> Vec<usize> {
    let mut by_low: Vec<usize> = (0..candidates.len()).collect();
    let mut by_high = by_low.clone();
    by_low.sort_by_key(|index| Reverse(candidates[*index].interval.low));
    by_high.sort_by_key(|index| Reverse(candidates[*index].interval.high));

    let mut placed = vec![false; candidates.len()];
    let mut sequence = Vec::with_capacity(candidates.len());
    // Those that nothing left is better than. Placing one only lowers what the others must reach.
    let mut open: BTreeSet<(Costs, u64, usize)> = BTreeSet::new();
    let (mut lows, mut highs) = (by_low.into_iter().peekable(), by_high.into_iter().peekable());
    while sequence.len() < candidates.len() {
        while lows.next_if(|index| placed[*index]).is_some() {}
        let Some(bar) = lows.peek().map(|index| candidates[*index].interval.low) else { break };
        while let Some(index) = highs.next_if(|index| candidates[*index].interval.high >= bar) {
            let entry = &candidates[index].entry;
            open.insert((entry.costs, entry.order, index));
        }
        let Some((_, _, next)) = open.pop_first() else { break };
        placed[next] = true;
        sequence.push(next);
    }
    sequence
}
