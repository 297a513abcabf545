//! A unit of work, one agent on one task: what is run for it, and what it came to.

use std::sync::Arc;

use super::journal::Run;
use super::shared::Shared;
use super::threshold::Threshold;
use super::{Agent, Content, Event, Fault};
use crate::model::{CaseResult, CaseVerdict, Egress, Score, TaskResult, Usage};
use crate::sandbox::{CaseSpec, RunId, SessionSpec};
use crate::task::{Case, CheckerProgram, Invocation, Task};

#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) agent: Arc<Agent>,
    pub(super) task: Arc<Task>,
    /// Why the task cannot be put to anybody, where that is so.
    pub(super) unfit: Option<Arc<str>>,
    /// The task's place in the plan.
    pub(super) place: usize,
    /// Shared by the units of one agent.
    pub(super) threshold: Option<Arc<Threshold>>,
}

impl Unit {
    pub(super) fn is_hopeless(&self) -> bool {
        self.threshold.as_ref().is_some_and(|threshold| !threshold.is_reachable())
    }

    pub(super) fn note(&self, case: usize, verdict: CaseVerdict) {
        let is_lost = verdict.is_judged() && verdict != CaseVerdict::Accepted;
        if let (Some(threshold), true) = (&self.threshold, is_lost) {
            threshold.lose(self.place, case, verdict);
        }
    }

    /// What is run for the agent; `None` where nothing is.
    pub(super) fn program(&self) -> Option<Arc<str>> {
        match &self.agent.content {
            Content::Source(source) if self.task.kind.bundle().is_none() => Some(self.task.program(source)),
            Content::Source(_) => None,
            Content::Bundle(bundle) => self.task.program_of_bundle(bundle).and_then(Result::ok),
        }
    }

    /// Why nothing is run for the agent, where it is its own fault.
    pub(super) fn unfit_submission(&self) -> String {
        let program = match &self.agent.content {
            Content::Bundle(bundle) => self.task.program_of_bundle(bundle),
            Content::Source(_) => None,
        };
        match program {
            Some(Err(why)) => why,
            Some(Ok(_)) | None => {
                format!("a {} task does not take a submission of this form", self.task.kind.as_str())
            }
        }
    }

    pub(super) fn tell(&self, shared: &Shared, result: &CaseResult) {
        shared.events.send(Event::CaseFinished {
            miner_id: self.agent.miner_id.clone(),
            task: self.task.id.clone(),
            result: result.clone(),
        });
    }

    pub(super) fn finish(
        &self,
        shared: &Shared,
        cases: Vec<CaseResult>,
        score: Option<Score>,
        gave_up: Option<String>,
    ) -> Finished {
        let (miner_id, task) = (self.agent.miner_id.clone(), self.task.id.clone());
        let split = self.task.split(&cases);
        shared.events.send(Event::TaskFinished { miner_id: miner_id.clone(), task: task.clone(), score });
        Finished {
            result: TaskResult { task: task.clone(), score, split, cases },
            fault: gave_up.map(|message| Fault { miner_id, task, message }),
        }
    }

    pub(super) fn run_of<'a>(&'a self, program: &'a str, case: &'a Case, number: u32) -> Run<'a> {
        Run { miner_id: &self.agent.miner_id, program, task: &self.task, case, number }
    }

    /// Whether an earlier run finished all of it, so that no sandbox is needed.
    pub(super) fn is_finished(&self, program: &str, shared: &Shared) -> bool {
        let Some(journal) = &shared.journal else { return false };
        let runs =
            self.task.cases.iter().flat_map(|case| (0..shared.repeat).map(move |number| (case, number)));
        let mut runs = runs.map(|(case, number)| self.run_of(program, case, number));
        self.task.question().is_none() && runs.all(|run| journal.recall(&run).is_some())
    }

    pub(super) fn spec(&self, run: &RunId, program: Arc<str>) -> SessionSpec {
        SessionSpec {
            run: run.clone(),
            source: program,
            limits: self.task.limits.clone(),
            egress: Egress::default(),
            label: format!("{}/{}", self.agent.miner_id, self.task.id),
        }
    }

    pub(super) fn checker_spec(&self, run: &RunId, checker: &CheckerProgram) -> SessionSpec {
        SessionSpec {
            run: run.clone(),
            source: checker.program(),
            limits: CheckerProgram::limits(),
            egress: Egress::default(),
            label: format!("{}/{}/checker", self.agent.miner_id, self.task.id),
        }
    }

    pub(super) fn case_spec(&self, case: &Case) -> CaseSpec {
        let Invocation { arguments, stdin } = self.task.invocation(case);
        CaseSpec { name: case.name.clone(), arguments, stdin }
    }
}

/// What a unit came to.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) result: TaskResult,
    pub(super) fault: Option<Fault>,
}

/// The result of a unit whose work was lost to a defect of ours.
pub(super) fn lost(unit: &Unit, cause: &impl std::fmt::Display) -> Finished {
    tracing::error!(unit = %unit.task.id, %cause, "a unit of work was lost");
    let message = format!("the validator failed: {cause}");
    let not_judged = |case| not_judged(case, CaseVerdict::InternalError, Some(message.clone()));
    Finished {
        result: TaskResult {
            task: unit.task.id.clone(),
            score: None,
            split: None,
            cases: unit.task.cases.iter().map(not_judged).collect(),
        },
        fault: Some(Fault { miner_id: unit.agent.miner_id.clone(), task: unit.task.id.clone(), message }),
    }
}

pub(super) fn not_judged(case: &Case, verdict: CaseVerdict, message: Option<String>) -> CaseResult {
    CaseResult {
        name: case.name.clone(),
        verdict,
        usage: Usage::default(),
        message,
        diff: None,
        repeats: Vec::new(),
    }
}
