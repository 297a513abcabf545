//! Rejudge sets with every change that they would make, or made.

use uuid::Uuid;

use crate::api::{
    RejudgeCase, RejudgeChange, RejudgeDetail, RejudgeKept, RejudgeStatus, RejudgeSummary, Resolved,
};
use crate::judge;
use crate::model::{MinerId, Score, SubmissionState, TaskResult};
use crate::server::error::ApiError;
use crate::server::paging;
use crate::server::state::App;
use crate::store::{Entry, Rejudge, RejudgeState, ScoreChange, Selection};

/// In one answer.
const MOST_CASES: u32 = 10_000;

pub(in crate::server) fn unknown(id: Uuid) -> ApiError {
    ApiError::not_found(format!("there is no rejudge set `{id}`"))
}

/// Everything about a set.
pub(in crate::server) async fn detail(app: &App, id: Uuid) -> Result<RejudgeDetail, ApiError> {
    let set = app.store.rejudge(id).await?.ok_or_else(|| unknown(id))?;
    let entries = app.store.rejudge_entries(id).await?;
    let miner = |id| entries.iter().find(|entry| entry.submission == id).map(|entry| entry.miner.clone());
    let mut detail = RejudgeDetail {
        set: summary(&set),
        changes: Vec::new(),
        unchanged: 0,
        kept: Vec::new(),
        cases: Vec::new(),
        more_cases: false,
    };
    let made = match set.state {
        RejudgeState::Open => None,
        RejudgeState::Applied | RejudgeState::Dropped => Some(app.store.rejudge_changes(id).await?),
    };
    if let Some(made) = made {
        for change in made {
            detail.changes.extend(miner(change.submission).map(|miner| shown(&change, miner)));
        }
        let changed = detail.changes.len() as u64;
        detail.unchanged = entries.len() as u64 - changed.min(entries.len() as u64);
        return Ok(detail);
    }
    for entry in &entries {
        match fate(entry, &set.selection) {
            Ok(Some(change)) if change.before == change.after => detail.unchanged += 1,
            Ok(Some(change)) => detail.changes.push(shown(&change, entry.miner.clone())),
            Ok(None) => {}
            Err(why) => detail.kept.push(RejudgeKept {
                submission_id: entry.submission,
                miner_id: entry.miner.clone(),
                why,
            }),
        }
    }
    let mut cases = app.store.rejudge_cases(id, MOST_CASES + 1).await?;
    detail.more_cases = paging::cut(&mut cases, MOST_CASES);
    let cases = cases.into_iter().map(|change| RejudgeCase {
        submission_id: change.submission,
        task: change.task,
        case: change.case,
        before: change.before,
        after: change.after,
    });
    detail.cases = cases.collect();
    Ok(detail)
}

fn shown(change: &ScoreChange, miner: MinerId) -> RejudgeChange {
    RejudgeChange {
        submission_id: change.submission,
        miner_id: miner,
        before: change.before,
        after: change.after,
    }
}

/// What applying would do to a submission now: `None` while results are still to come, and why it
/// keeps its score where something happened.
pub(in crate::server) fn fate(entry: &Entry, selection: &Selection) -> Result<Option<ScoreChange>, String> {
    let Some(before) = entry.score.filter(|_| entry.state == SubmissionState::Completed) else {
        return Err(format!("it is {} now", entry.state));
    };
    if let Some(why) = &entry.failed {
        return Err(format!("we failed to judge it again: {why}"));
    }
    if entry.disputed {
        return Err("validators disagree about it".to_owned());
    }
    if entry.waiting > 0 {
        return Ok(None);
    }
    let mut tasks = entry.proposed.clone();
    if selection.task.is_some() {
        // Only that task was judged again; the others count as they did.
        for (task, score) in &entry.live {
            tasks.entry(task.clone()).or_insert(*score);
        }
    }
    let results: Vec<TaskResult> = tasks
        .into_iter()
        .map(|(task, score): (_, Score)| TaskResult {
            task,
            score: Some(score),
            split: None,
            cases: Vec::new(),
        })
        .collect();
    let after = judge::score_agent(&results).ok_or_else(|| "nothing was judged".to_owned())?;
    Ok(Some(ScoreChange { submission: entry.submission, before, after }))
}

/// A line of the list of sets.
pub(in crate::server) fn summary(set: &Rejudge) -> RejudgeSummary {
    RejudgeSummary {
        rejudge_id: set.id,
        status: match set.state {
            RejudgeState::Open => RejudgeStatus::Open,
            RejudgeState::Applied => RejudgeStatus::Applied,
            RejudgeState::Dropped => RejudgeStatus::Dropped,
        },
        task: set.selection.task.clone(),
        policy: set.selection.policy,
        since: set.selection.since,
        until: set.selection.until,
        reason: set.reason.clone(),
        created_at: set.created_at,
        created_by: set.created_by.clone(),
        runs: set.places,
        waiting: match set.state {
            RejudgeState::Open => set.waiting,
            RejudgeState::Applied | RejudgeState::Dropped => 0,
        },
        resolved: set.resolved.clone().map(|(by, at, reason)| Resolved { by, at, reason }),
    }
}
