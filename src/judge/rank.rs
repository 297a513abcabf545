//! The ranking: one entry for each miner, in an order that does not depend on the order of input.

use std::cmp::Reverse;

use crate::model::{Digest, MinerId, Score, TaskResult};

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
    pub tasks: Vec<TaskResult>,
}

/// The best first: by score, then the earlier submission, then the miner's id, then the digest. Of
/// a miner with several submissions the best counts, of equally good ones the earliest.
pub fn rank(entries: Vec<Entry>) -> Vec<Ranked> {
    let mut scored: Vec<(Score, Entry)> =
        entries.into_iter().filter_map(|entry| entry.score.map(|score| (score, entry))).collect();
    scored.sort_by(|(a_score, a), (b_score, b)| {
        let key = |score: &Score, entry: &Entry| (Reverse(*score), entry.order);
        key(a_score, a)
            .cmp(&key(b_score, b))
            .then_with(|| a.miner_id.cmp(&b.miner_id))
            .then_with(|| a.sha256.cmp(&b.sha256))
    });
    let mut seen = std::collections::BTreeSet::new();
    scored.retain(|(_, entry)| seen.insert(entry.miner_id.clone()));
    scored
        .into_iter()
        .zip(1..)
        .map(|((score, entry), rank)| Ranked {
            rank,
            miner_id: entry.miner_id,
            sha256: entry.sha256,
            order: entry.order,
            score,
            tasks: entry.tasks,
        })
        .collect()
}
