//! Whether an agent can still reach the score that was asked for, while its tasks are run beside
//! each other.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{CaseVerdict, Score};
use crate::task::Task;

/// What one agent can still come to, task by task.
#[derive(Debug)]
pub(super) struct Threshold {
    at_least: Score,
    /// In the order of the plan.
    tasks: Mutex<Vec<Best>>,
}

#[derive(Debug)]
struct Best {
    task: Arc<Task>,
    /// What is lost; everything else is taken to be passed.
    verdicts: Vec<CaseVerdict>,
    score: Score,
}

impl Threshold {
    pub(super) fn new(at_least: Score, tasks: impl Iterator<Item = Arc<Task>>) -> Self {
        let best = |task: Arc<Task>| Best {
            verdicts: vec![CaseVerdict::Accepted; task.cases.len()],
            score: Score::FULL,
            task,
        };
        Self { at_least, tasks: Mutex::new(tasks.map(best).collect()) }
    }

    /// The case came to `verdict`, which is not `accepted`.
    pub(super) fn lose(&self, task: usize, case: usize, verdict: CaseVerdict) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(best) = tasks.get_mut(task) else { return };
        if let Some(known) = best.verdicts.get_mut(case) {
            *known = verdict;
        }
        // By the task's own formula: a case of a subtask costs all of it, and a second one nothing.
        best.score = best.task.score_verdicts(&best.verdicts).unwrap_or(best.score);
    }

    /// Whether passing everything that is left would still be enough.
    pub(super) fn is_reachable(&self) -> bool {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let best: u64 = tasks.iter().map(|best| u64::from(best.score.hundredths())).sum();
        let count = tasks.len().max(1) as u64;
        best / count >= u64::from(self.at_least.hundredths())
    }
}
