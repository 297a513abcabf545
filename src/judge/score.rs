//! Cases become the score of a task, tasks become the score of an agent. Integers only, rounded
//! down, so that every machine computes the same and 100 means that everything passed.

use crate::model::{CaseVerdict, Score, TaskResult};

/// A case or a group of cases with what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighted {
    pub verdict: CaseVerdict,
    /// At least 1 for a case that counts.
    pub weight: u32,
}

/// The verdict on a group of cases that counts as one: accepted when all of them are, otherwise that
/// of the first case that is not. That one of them was not judged leaves the group unjudged, even
/// when another one failed.
pub fn group(verdicts: impl IntoIterator<Item = CaseVerdict>) -> CaseVerdict {
    let mut whole = CaseVerdict::Accepted;
    for verdict in verdicts {
        match verdict {
            CaseVerdict::InternalError | CaseVerdict::Skipped => return verdict,
            _ if whole == CaseVerdict::Accepted => whole = verdict,
            _ => {}
        }
    }
    whole
}

/// The passed share of the weights. `None` when a case was not judged (our fault, or cancelled):
/// no score is better than a false one. Without any weight there is nothing to pass: 0.
pub fn score_task(cases: &[Weighted]) -> Option<Score> {
    let (mut passed, mut total) = (0_u64, 0_u64);
    for case in cases {
        let weight = u64::from(case.weight);
        match case.verdict {
            CaseVerdict::InternalError | CaseVerdict::Skipped => return None,
            CaseVerdict::Accepted => {
                passed += weight;
                total += weight;
            }
            CaseVerdict::OutputLimit
            | CaseVerdict::TimeLimit
            | CaseVerdict::MemoryLimit
            | CaseVerdict::ProcessLimit
            | CaseVerdict::RuntimeError
            | CaseVerdict::WrongAnswer => total += weight,
        }
    }
    Some(Score::of_share(passed, total))
}

/// The mean of the tasks, each counting the same, rounded down. `None` when a task has no score or
/// there is none.
pub fn score_agent(tasks: &[TaskResult]) -> Option<Score> {
    mean(tasks.iter().map(|task| task.score))
}

/// See [`score_agent`].
pub(super) fn mean(scores: impl ExactSizeIterator<Item = Option<Score>>) -> Option<Score> {
    let count = scores.len() as u64;
    let mut sum = 0_u64;
    for score in scores {
        sum += u64::from(score?.hundredths());
    }
    Score::from_hundredths(u32::try_from(sum.checked_div(count)?).ok()?)
}
