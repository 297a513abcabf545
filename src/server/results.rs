//! Checks what a validator reports against what it was asked to do, and computes the score here:
//! a score that came over the wire is only ever compared.

use std::collections::BTreeMap;

use super::error::{ApiError, Kind};
use crate::api::ResultRequest;
use crate::judge::{self, Measured};
use crate::model::{CaseVerdict, Digest, Score, Slug, TaskResult};
use crate::store::{JudgedTask, Judgement, storable};
use crate::task::Task;

/// Of one message or diff; validators bound them far below.
const LONGEST_TEXT: usize = 64 * 1024;

/// Of the name of a sandbox.
const LONGEST_BACKEND: usize = 64;

/// What a report came to.
#[derive(Debug)]
pub(super) enum Checked {
    Judged(Judgement),
    /// A case was not judged by a fault of ours: no score, the work is tried again.
    Unjudged {
        why: String,
    },
}

/// The judgement in a result whose bytes were `sent`.
///
/// # Errors
/// When it does not hold exactly the tasks and cases, or its scores are not what its cases say.
pub(super) fn check(request: &ResultRequest, sent: &[u8], tasks: &[&Task]) -> Result<Checked, ApiError> {
    let invalid = |detail: String| ApiError::new(Kind::InvalidResult, detail);
    if request.backend.len() > LONGEST_BACKEND {
        return Err(invalid(format!("`backend` is longer than {LONGEST_BACKEND} bytes")));
    }
    let mut reported: BTreeMap<&Slug, &TaskResult> = BTreeMap::new();
    for result in &request.tasks {
        if reported.insert(&result.task, result).is_some() {
            return Err(invalid(format!("the task `{}` is reported twice", result.task)));
        }
    }
    let mut kept = Vec::with_capacity(tasks.len());
    for task in tasks {
        let Some(result) = reported.remove(&task.id) else {
            return Err(invalid(format!("the task `{}` is missing", task.id)));
        };
        kept.push(check_task(result, task).map_err(invalid)?);
    }
    if let Some(unknown) = reported.keys().next() {
        return Err(invalid(format!("the task `{unknown}` is not part of the assignment")));
    }
    if let Some(why) = unjudged(&kept, tasks) {
        return Ok(Checked::Unjudged { why });
    }
    let Some(score) = judge::score_agent(&kept) else {
        return Err(invalid("the result has no score".to_owned()));
    };
    let measured: Vec<_> =
        tasks.iter().map(|task| |verdicts: &[CaseVerdict]| task.score_verdicts(verdicts)).collect();
    let measured: Vec<Measured<'_>> =
        kept.iter().zip(&measured).map(|(result, score)| Measured { cases: &result.cases, score }).collect();
    let interval = judge::interval(&measured).map(|interval| (interval.low, interval.high));
    let agreed = agreed(&kept);
    let digests = tasks.iter().map(|task| task.digest);
    Ok(Checked::Judged(Judgement {
        sent: Digest::of(sent),
        agreed,
        backend: storable(&request.backend),
        isolation: request.isolation,
        tasks: digests.zip(kept).map(|(digest, result)| JudgedTask { digest, result }).collect(),
        score,
        interval,
    }))
}

/// The result in the order of the task's cases, if it is a result of that task.
fn check_task(result: &TaskResult, task: &Task) -> Result<TaskResult, String> {
    let mut reported: BTreeMap<&Slug, _> = BTreeMap::new();
    for case in &result.cases {
        if reported.insert(&case.name, case).is_some() {
            return Err(format!("the case `{}` of `{}` is reported twice", case.name, task.id));
        }
        let texts = [case.message.as_deref(), case.diff.as_deref()];
        if texts.into_iter().flatten().any(|text| text.len() > LONGEST_TEXT) {
            return Err(format!("the case `{}` of `{}` has a text of more than 64 KiB", case.name, task.id));
        }
    }
    let mut cases = Vec::with_capacity(task.cases.len());
    for case in &task.cases {
        let Some(found) = reported.remove(&case.name) else {
            return Err(format!("the case `{}` of `{}` is missing", case.name, task.id));
        };
        let mut found = found.clone();
        if case.hidden {
            // Nobody reads it, and what is not kept cannot be told: not by a backup either.
            (found.message, found.diff) = (None, None);
        }
        cases.push(found);
    }
    if let Some(unknown) = reported.keys().next() {
        return Err(format!("`{unknown}` is not a case of `{}`", task.id));
    }
    let score = task.score(&cases);
    if score != result.score {
        let said = |score: Option<Score>| score.map_or("no score".to_owned(), |score| score.to_string());
        return Err(format!(
            "the cases of `{}` come to {}, not to {}",
            task.id,
            said(score),
            said(result.score)
        ));
    }
    Ok(TaskResult { task: task.id.clone(), score, split: task.split(&cases), cases })
}

/// The first case that a fault of ours kept from being judged. Everybody reads this: of a hidden case
/// the validator's words stay out, because a fault of ours may quote what it was about.
fn unjudged(results: &[TaskResult], tasks: &[&Task]) -> Option<String> {
    results.iter().flat_map(|task| task.cases.iter().map(move |case| (task, case))).find_map(
        |(task, case)| match case.verdict {
            CaseVerdict::InternalError | CaseVerdict::Skipped => {
                let known = tasks.iter().find(|known| known.id == task.task);
                let known = known.and_then(|known| known.cases.iter().find(|known| known.name == case.name));
                let told = case.message.as_deref().filter(|_| known.is_some_and(|known| !known.hidden));
                let why = storable(told.unwrap_or(case.verdict.as_str()));
                Some(format!("the case `{}` of `{}` was not judged: {why}", case.name, task.task))
            }
            CaseVerdict::OutputLimit
            | CaseVerdict::TimeLimit
            | CaseVerdict::MemoryLimit
            | CaseVerdict::ProcessLimit
            | CaseVerdict::RuntimeError
            | CaseVerdict::WrongAnswer
            | CaseVerdict::Accepted => None,
        },
    )
}

/// Validators agree when they give every case the same verdict. Times and texts may differ.
fn agreed(tasks: &[TaskResult]) -> Digest {
    let mut text = String::new();
    for task in tasks {
        for case in &task.cases {
            // Names have no blank and no line break, so that no two results read the same.
            text.push_str(&format!("{} {} {}\n", task.task, case.name, case.verdict));
        }
    }
    Digest::of(text.as_bytes())
}

/// What everybody may see: of a hidden case the verdict and what it cost, nothing that tells what
/// was asked or expected. A case that no task has any more is hidden too.
pub(super) fn public(results: &[TaskResult], tasks: &[Task]) -> Vec<TaskResult> {
    let shown = |task: &Slug, case: &Slug| {
        let task = tasks.iter().find(|known| known.id == *task);
        task.and_then(|task| task.cases.iter().find(|known| known.name == *case))
            .is_some_and(|case| !case.hidden)
    };
    let mut results = results.to_vec();
    for result in &mut results {
        for case in &mut result.cases {
            if !shown(&result.task, &case.name) {
                case.message = None;
                case.diff = None;
            }
        }
    }
    results
}
