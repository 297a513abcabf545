//! What a run came to: ranked agents with their rewards, refused agents, faults of ours.

use crate::diagnostic::Finding;
use crate::judge::{self, Entry, Ranked};
use crate::model::{Digest, MinerId, RawAmount, Score};
use crate::sandbox::Capabilities;
use crate::validator::{Fault, Outcome};

/// An agent that the gate did not let in.
#[derive(Debug, Clone)]
pub struct Refused {
    pub miner_id: MinerId,
    pub sha256: Digest,
    pub findings: Vec<Finding>,
}

/// Everything that table and JSON show.
#[derive(Debug, Clone)]
pub struct Summary {
    pub pool: RawAmount,
    pub unit: String,
    /// Best first, each with its reward.
    pub rankings: Vec<(Ranked, RawAmount)>,
    /// Judged in part only, because of a fault of ours or because the run was stopped; not ranked.
    pub unscored: Vec<Entry>,
    pub refused: Vec<Refused>,
    pub faults: Vec<Fault>,
    pub left_behind: Vec<String>,
    /// Whether the run was stopped before its end.
    pub partial: bool,
    pub sandbox: Option<Capabilities>,
}

/// Ranks what was judged and shares `pool` among the ranked, in proportion to their scores.
pub fn summarise(
    outcome: Outcome,
    refused: Vec<Refused>,
    pool: RawAmount,
    unit: &str,
    sandbox: Option<Capabilities>,
) -> Summary {
    let entries = outcome.judged.into_iter().enumerate().map(|(order, judged)| Entry {
        miner_id: judged.agent.miner_id().clone(),
        sha256: judged.agent.sha256(),
        // The plan lists agents by submission, so that their place in it breaks ties.
        order: order as u64,
        score: judge::score_agent(&judged.tasks),
        tasks: judged.tasks,
    });
    let (scored, unscored): (Vec<Entry>, Vec<Entry>) = entries.partition(|entry| entry.score.is_some());
    let ranked = judge::rank(scored);
    let rewards = judge::rewards(pool, &ranked.iter().map(|entry| entry.score).collect::<Vec<_>>());
    Summary {
        pool,
        unit: unit.to_owned(),
        rankings: ranked.into_iter().zip(rewards).collect(),
        unscored,
        refused,
        faults: outcome.faults,
        left_behind: outcome.left_behind,
        partial: outcome.partial,
        sandbox,
    }
}

impl Summary {
    /// Whether every agent was let in, judged, and scored 100.
    pub fn is_flawless(&self) -> bool {
        self.refused.is_empty()
            && self.unscored.is_empty()
            && self.rankings.iter().all(|(ranked, _)| ranked.score == Score::FULL)
    }
}
