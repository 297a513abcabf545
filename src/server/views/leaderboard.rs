//! The ranking, over the newest completed submission of each miner.

use std::collections::BTreeMap;

use crate::api::{Leaderboard, Standing};
use crate::judge::{self, Entry, Interval};
use crate::model::{RawAmount, SubmissionState};
use crate::server::error::ApiError;
use crate::server::state::App;

/// All of it.
pub(in crate::server) async fn ranking(app: &App) -> Result<Leaderboard, ApiError> {
    let completed = app.store.completed().await?;
    let intervals = app.store.live_intervals().await?;
    let entries = completed.iter().map(|done| Entry {
        miner_id: done.miner.clone(),
        sha256: done.upload,
        order: u64::try_from(done.sequence).unwrap_or(0),
        score: Some(done.score),
        interval: intervals.get(&done.id).map(|(low, high)| Interval { low: *low, high: *high }),
        costs: judge::Costs::default(),
        tasks: Vec::new(),
    });
    let ranked = judge::rank(entries.collect());
    let scores: Vec<_> = ranked.iter().map(|entry| entry.score).collect();
    let rewards = app.rewards.share(app.pool, &scores);
    let by_miner: BTreeMap<_, _> = completed.iter().map(|done| (&done.miner, done)).collect();
    let standings = ranked.iter().zip(rewards).filter_map(|(entry, reward)| {
        let done = by_miner.get(&entry.miner_id)?;
        Some(Standing {
            rank: entry.rank as u64,
            miner_id: entry.miner_id.clone(),
            submission_id: done.id,
            sha256: entry.sha256,
            score: entry.score,
            interval: entry.interval.map(|interval| [interval.low, interval.high]),
            reward: shown(reward),
            submitted_at: done.received_at,
        })
    });
    let counts = app.store.state_counts().await?;
    let waits =
        |state: &SubmissionState| matches!(state, SubmissionState::Pending | SubmissionState::Running);
    Ok(Leaderboard {
        version: 1,
        pool: shown(app.pool),
        unit: app.unit.clone(),
        rewards: app.rewards.to_string(),
        rankings: standings.collect(),
        next: None,
        waiting: counts.iter().filter(|(state, _)| waits(state)).map(|(_, count)| count).sum(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown to people; the integer is what is computed with")]
fn shown(amount: RawAmount) -> f64 {
    amount.millionths() as f64 / 1_000_000.0
}
