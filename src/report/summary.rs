//! What a run came to: ranked agents with their rewards, refused agents, faults of ours.

use crate::diagnostic::Finding;
use crate::judge::{self, Entry, Ranked, Scheme};
use crate::model::{Digest, MinerId, RawAmount, Score};
use crate::sandbox::Capabilities;
use crate::validator::{Fault, Outcome, Round};

/// An agent that the gate did not let in.
#[derive(Debug, Clone)]
pub struct Refused {
    pub miner_id: MinerId,
    pub sha256: Digest,
    pub findings: Vec<Finding>,
}

/// How a run was made and what is shared out after it.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What is shared.
    pub pool: RawAmount,
    /// The name of the pool's unit.
    pub unit: String,
    pub scheme: Scheme,
    /// How often each case was run.
    pub repeat: u32,
    /// Where programs ran; `None` when nothing was run.
    pub sandbox: Option<Capabilities>,
    /// Whether the operator accepted a sandbox that cannot keep every promise.
    pub allow_weak: bool,
}

/// Everything that table and JSON show.
#[derive(Debug, Clone)]
pub struct Summary {
    pub terms: Terms,
    /// Best first, each with its reward.
    pub rankings: Vec<(Ranked, RawAmount)>,
    /// Judged in part only, because of a fault of ours or because the run was stopped; not ranked.
    pub unscored: Vec<Entry>,
    pub refused: Vec<Refused>,
    pub faults: Vec<Fault>,
    /// The generated cases, one entry for each task that has some.
    pub rounds: Vec<Round>,
    pub left_behind: Vec<String>,
    /// Whether the run was stopped before its end.
    pub partial: bool,
}

/// Ranks what was judged and shares the pool among the ranked.
pub fn summarise(outcome: Outcome, refused: Vec<Refused>, terms: Terms) -> Summary {
    let entries = outcome.judged.into_iter().enumerate().map(|(order, judged)| Entry {
        miner_id: judged.agent.miner_id().clone(),
        sha256: judged.agent.sha256(),
        // The plan lists agents by submission, so that their place in it breaks ties.
        order: order as u64,
        score: judge::score_agent(&judged.tasks),
        interval: judged.interval,
        costs: judged.costs,
        tasks: judged.tasks,
    });
    let (scored, unscored): (Vec<Entry>, Vec<Entry>) = entries.partition(|entry| entry.score.is_some());
    let ranked = judge::rank(scored);
    let scores: Vec<Score> = ranked.iter().map(|entry| entry.score).collect();
    let rewards = terms.scheme.share(terms.pool, &scores);
    Summary {
        terms,
        rankings: ranked.into_iter().zip(rewards).collect(),
        unscored,
        refused,
        faults: outcome.faults,
        rounds: outcome.rounds,
        left_behind: outcome.left_behind,
        partial: outcome.partial,
    }
}

impl Summary {
    /// What nobody gets: the whole pool when nobody scored, otherwise nothing. While somebody is still
    /// to be judged, nothing is burned either.
    pub fn burned(&self) -> RawAmount {
        if self.partial || !self.unscored.is_empty() {
            return RawAmount::default();
        }
        let shared: u64 = self.rankings.iter().map(|(_, reward)| reward.millionths()).sum();
        RawAmount::from_millionths(self.terms.pool.millionths().saturating_sub(shared))
    }

    /// Whether every agent was let in, judged, and scored 100.
    pub fn is_flawless(&self) -> bool {
        self.refused.is_empty()
            && self.unscored.is_empty()
            && self.rankings.iter().all(|(ranked, _)| ranked.score == Score::FULL)
    }
}
