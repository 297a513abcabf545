//! The place where one unit is worked on: its sessions, and how often the sandbox has failed it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Event;
use super::shared::Shared;
use super::unit::{Finished, Unit, not_judged};
use crate::model::{CaseResult, CaseVerdict, RunFacts, Score};
use crate::sandbox::{CaseSpec, SandboxError, Session};
use crate::task::{Case, CheckerProgram};

/// How often the sandbox may fail within one unit before its remaining cases are given up.
const MOST_FAULTS: u32 = 3;

/// Why a case was not run after the sandbox was given up.
pub(super) const NOT_TRIED: &str = "not tried, because the sandbox kept failing before";

const BACKOFF: Duration = Duration::from_millis(250);

/// Which of a unit's sessions a program runs in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seat<'a> {
    Agent,
    Checker(&'a CheckerProgram),
}

/// See the module.
pub(super) struct Bench<'a> {
    pub(super) unit: &'a Unit,
    pub(super) shared: &'a Shared,
    /// What sessions are opened for.
    pub(super) program: Arc<str>,
    pub(super) session: Option<Box<dyn Session>>,
    /// Where the task's checker program runs. The agent's text never gets there, only its output.
    checker: Option<Box<dyn Session>>,
    /// Whether a session is closed after the run that comes next, if that goes well.
    pub(super) is_last: bool,
    faults: u32,
    last_fault: Option<String>,
    /// What is wrong with the task itself. Nothing more of it is run, and the sandbox is not to blame.
    pub(super) task_fault: Option<String>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(unit: &'a Unit, shared: &'a Shared, program: Arc<str>) -> Self {
        Self {
            unit,
            shared,
            program,
            session: None,
            checker: None,
            is_last: false,
            faults: 0,
            last_fault: None,
            task_fault: unit.unfit.as_deref().map(ToOwned::to_owned),
        }
    }

    /// Runs one case of the agent.
    pub(super) async fn facts(&mut self, case: &Case) -> Result<RunFacts, Box<CaseResult>> {
        self.run_case(Seat::Agent, case, &self.unit.case_spec(case)).await
    }

    /// Runs one program, again where the sandbox failed. `Err` is the result of a case that could
    /// not be run.
    pub(super) async fn run_case(
        &mut self,
        seat: Seat<'_>,
        case: &Case,
        spec: &CaseSpec,
    ) -> Result<RunFacts, Box<CaseResult>> {
        loop {
            if self.shared.cancel.is_cancelled() {
                return Err(Box::new(not_judged(case, CaseVerdict::Skipped, None)));
            }
            if self.unit.is_hopeless() {
                let why = "the agent cannot reach the score that was asked for any more";
                return Err(Box::new(not_judged(case, CaseVerdict::Skipped, Some(why.to_owned()))));
            }
            if self.faults >= MOST_FAULTS || self.task_fault.is_some() {
                let why = self.task_fault.as_ref().or(self.last_fault.as_ref()).cloned();
                return Err(Box::new(not_judged(case, CaseVerdict::InternalError, why)));
            }
            if self.shared.sandbox_is_gone() {
                self.give_up(NOT_TRIED.to_owned());
                continue;
            }
            let mut session = match self.seat(seat).take() {
                Some(session) => session,
                None => {
                    let (unit, run) = (self.unit, &self.shared.run);
                    let spec = match seat {
                        Seat::Agent => unit.spec(run, Arc::clone(&self.program)),
                        Seat::Checker(checker) => unit.checker_spec(run, checker),
                    };
                    match self.shared.open(&spec).await {
                        Some(Ok(session)) => session,
                        Some(Err(error)) => {
                            self.fault(&error).await;
                            continue;
                        }
                        // Cancelled, which the next turn finds.
                        None => continue,
                    }
                }
            };
            if self.is_last {
                session.expect_no_more();
            }
            let ran = tokio::select! {
                ran = session.run(spec) => Some(ran),
                () = self.shared.cancel.cancelled() => None,
            };
            *self.seat(seat) = Some(session);
            match ran {
                Some(Ok(facts)) => return Ok(facts),
                Some(Err(error)) => {
                    self.close_seat(seat).await;
                    self.fault(&error).await;
                }
                None => self.close_seat(seat).await,
            }
        }
    }

    fn seat(&mut self, seat: Seat<'_>) -> &mut Option<Box<dyn Session>> {
        match seat {
            Seat::Agent => &mut self.session,
            Seat::Checker(_) => &mut self.checker,
        }
    }

    pub(super) async fn fault(&mut self, error: &SandboxError) {
        self.faults += 1;
        self.last_fault = Some(error.to_string());
        tracing::warn!(agent = %self.unit.agent.miner_id, task = %self.unit.task.id, error = %error, attempt = self.faults, "sandbox failed");
        match error {
            // What cannot work here will not work in a second either, and what has stopped answering
            // would cost every unit of the plan its time-outs.
            SandboxError::Gone(_) => {
                self.shared.is_gone.store(true, Ordering::Relaxed);
                self.faults = MOST_FAULTS;
            }
            SandboxError::Unavailable(_) => self.faults = MOST_FAULTS,
            SandboxError::Failed { .. } | SandboxError::Unresponsive { .. } => {}
        }
        if self.faults < MOST_FAULTS {
            self.shared.events.send(Event::Retrying {
                miner_id: self.unit.agent.miner_id.clone(),
                task: self.unit.task.id.clone(),
                attempt: self.faults + 1,
                cause: error.to_string(),
            });
            let _ = self.shared.cancel.run_until_cancelled(tokio::time::sleep(BACKOFF * self.faults)).await;
        }
    }

    pub(super) fn give_up(&mut self, why: String) {
        self.faults = MOST_FAULTS;
        self.last_fault = Some(why);
    }

    /// Closes every session.
    pub(super) async fn close(&mut self) {
        let sessions = [self.session.take(), self.checker.take()];
        for session in sessions.into_iter().flatten() {
            self.shared.removals.close(session).await;
        }
    }

    async fn close_seat(&mut self, seat: Seat<'_>) {
        if let Some(session) = self.seat(seat).take() {
            self.shared.removals.close(session).await;
        }
    }

    pub(super) fn finish(self, cases: Vec<CaseResult>, score: Option<Score>) -> Finished {
        let gave_up = self.faults >= MOST_FAULTS;
        if gave_up {
            self.shared.given_up_in_a_row.fetch_add(1, Ordering::Relaxed);
        } else if !self.shared.cancel.is_cancelled() {
            self.shared.given_up_in_a_row.store(0, Ordering::Relaxed);
        }
        let fault = self.task_fault.or(self.last_fault.filter(|_| gave_up));
        self.unit.finish(self.shared, cases, score, fault)
    }
}
