//! Whether an agent can still reach the score that was asked for, while its tasks are run beside
//! each other.

use std::sync::{Mutex, PoisonError};

use crate::model::Score;
use crate::task::Task;

/// What one agent has lost so far, task by task.
#[derive(Debug)]
pub(super) struct Threshold {
    at_least: Score,
    /// Failed and total weight of each task, in the order of the plan.
    tasks: Mutex<Vec<(u64, u64)>>,
}

impl Threshold {
    pub(super) fn new<'a>(at_least: Score, tasks: impl Iterator<Item = &'a Task>) -> Self {
        let total = |task: &Task| task.cases.iter().map(|case| u64::from(case.weight)).sum();
        Self { at_least, tasks: Mutex::new(tasks.map(|task| (0, total(task))).collect()) }
    }

    pub(super) fn lose(&self, task: usize, weight: u32) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((failed, _)) = tasks.get_mut(task) {
            *failed += u64::from(weight);
        }
    }

    /// Whether passing everything that is left would still be enough.
    pub(super) fn is_reachable(&self) -> bool {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let best = tasks
            .iter()
            .map(|(failed, total)| u64::from(Score::of_share(total - failed, *total).hundredths()));
        let count = tasks.len().max(1) as u64;
        best.sum::<u64>() / count >= u64::from(self.at_least.hundredths())
    }
}
