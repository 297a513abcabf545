//! One unit of work from its opening to its result: every case in a fresh interpreter of one session.

use std::sync::Arc;

use super::Content;
use super::bench::{Bench, NOT_TRIED};
use super::shared::Shared;
use super::unit::{Finished, Unit, lost, not_judged};
use crate::model::{CaseResult, CaseVerdict};
use crate::sandbox::{SandboxError, Session};
use crate::task::Kind;

/// What was prepared for a unit ahead of its turn.
pub(super) struct Opened {
    /// What the session was opened for.
    program: Arc<str>,
    /// The session, or why there is none.
    session: Result<Box<dyn Session>, SandboxError>,
}

/// Opens the unit's session, unless the plan has ended. Called ahead of [`run`], while the slot's
/// present session still works.
pub(super) async fn open(unit: &Unit, shared: &Shared) -> Option<Opened> {
    let is_pointless = unit.is_hopeless() || unit.unfit.is_some();
    if shared.cancel.is_cancelled() || shared.sandbox_is_down() || is_pointless {
        return None;
    }
    let program = unit.program()?;
    if unit.is_finished(&program, shared) {
        return None;
    }
    let session = shared.open(&unit.spec(&shared.run, Arc::clone(&program))).await?;
    Some(Opened { program, session })
}

pub(super) async fn run(unit: &Unit, opened: Option<Opened>, shared: &Shared) -> Finished {
    let (program, session) = match opened {
        Some(Opened { program, session }) => (program, Some(session)),
        None => match unit.program() {
            Some(program) => (program, None),
            None => return without_a_sandbox(unit, shared).await,
        },
    };
    let mut bench = Bench::new(unit, shared, program);
    match session {
        Some(Ok(session)) => bench.session = Some(session),
        Some(Err(error)) => bench.fault(&error).await,
        None => {
            if shared.sandbox_is_down() && !unit.is_finished(&bench.program, shared) {
                bench.give_up(NOT_TRIED.to_owned());
            }
        }
    }
    if let Kind::Metric(metric) = &unit.task.kind {
        return bench.measure(metric).await;
    }
    let refusal = match unit.task.question() {
        Some(question) => bench.ask(&question).await,
        None => None,
    };
    let mut cases = Vec::with_capacity(unit.task.cases.len());
    for (index, case) in unit.task.cases.iter().enumerate() {
        let result = match &refusal {
            Some(refusal) => CaseResult { name: case.name.clone(), ..refusal.clone() },
            None => bench.judge(case, index + 1 == unit.task.cases.len()).await,
        };
        unit.note(index, result.verdict);
        unit.tell(shared, &result);
        cases.push(result);
    }
    bench.close().await;
    let score = unit.task.score(&cases);
    bench.finish(cases, score)
}

/// Judges what needs no program to be run. It takes CPU time, so it has a thread of its own.
async fn without_a_sandbox(unit: &Unit, shared: &Shared) -> Finished {
    let judged = if shared.cancel.is_cancelled() {
        Ok(None)
    } else {
        let unit = unit.clone();
        tokio::task::spawn_blocking(move || match &unit.agent.content {
            Content::Bundle(bundle) => unit.task.judge_documents(bundle),
            Content::Source(_) => None,
        })
        .await
    };
    let cases = match judged {
        Err(panicked) => return lost(unit, &panicked),
        Ok(Some(cases)) => cases,
        Ok(None) => {
            let (verdict, why) = if shared.cancel.is_cancelled() {
                (CaseVerdict::Skipped, None)
            } else {
                (CaseVerdict::RuntimeError, Some(unit.unfit_submission()))
            };
            unit.task.cases.iter().map(|case| not_judged(case, verdict, why.clone())).collect()
        }
    };
    for (index, result) in cases.iter().enumerate() {
        unit.note(index, result.verdict);
        unit.tell(shared, result);
    }
    let score = unit.task.score(&cases);
    unit.finish(shared, cases, score, None)
}
