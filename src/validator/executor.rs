//! One unit of work: one agent on one task, every case in a fresh interpreter of one session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::journal::Run;
use super::removals::Removals;
use super::threshold::Threshold;
use super::{Agent, Content, Event, Events, Fault, Journal};
use crate::judge::{self, CheckerFault, Comparison};
use crate::lint;
use crate::model::{CaseResult, CaseVerdict, Egress, GateVerdict, RunFacts, Score, TaskResult, Usage};
use crate::sandbox::{Backend, CaseSpec, RunId, SandboxError, Session, SessionSpec};
use crate::task::{Case, CheckerProgram, Invocation, Kind, Task};

/// How often the sandbox may fail within one unit before its remaining cases are given up.
const MOST_FAULTS: u32 = 3;

/// After so many units in a row that were given up, the sandbox is taken to be down and the rest
/// of the plan is not tried.
const MOST_UNITS_GIVEN_UP: u32 = 3;

/// Why a case was not run after that.
const NOT_TRIED: &str = "not tried, because the sandbox kept failing before";

const BACKOFF: Duration = Duration::from_millis(250);

/// What every unit of a plan shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) events: Events,
    pub(super) cancel: CancellationToken,
    /// How often each case is run.
    pub(super) repeat: u32,
    /// What an earlier run finished, where this one was asked to go on with it.
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) removals: Removals,
    pub(super) given_up_in_a_row: AtomicU32,
    /// Whether the sandbox has stopped answering altogether.
    pub(super) is_gone: AtomicBool,
}

impl Shared {
    fn sandbox_is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    fn sandbox_is_down(&self) -> bool {
        self.sandbox_is_gone() || self.given_up_in_a_row.load(Ordering::Relaxed) >= MOST_UNITS_GIVEN_UP
    }
}

impl Shared {
    /// Opens a session; `None` when the plan is cancelled.
    async fn open(&self, spec: &SessionSpec) -> Option<Result<Box<dyn Session>, SandboxError>> {
        self.cancel.run_until_cancelled(self.backend.open(spec)).await
    }
}

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
    fn is_hopeless(&self) -> bool {
        self.threshold.as_ref().is_some_and(|threshold| !threshold.is_reachable())
    }

    fn note(&self, case: usize, verdict: CaseVerdict) {
        let is_lost = verdict.is_judged() && verdict != CaseVerdict::Accepted;
        if let (Some(threshold), true) = (&self.threshold, is_lost) {
            threshold.lose(self.place, case, verdict);
        }
    }

    /// What is run for the agent; `None` where nothing is.
    fn program(&self) -> Option<Arc<str>> {
        match &self.agent.content {
            Content::Source(source) if self.task.kind.bundle().is_none() => Some(self.task.program(source)),
            Content::Source(_) => None,
            Content::Bundle(bundle) => self.task.program_of_bundle(bundle).and_then(Result::ok),
        }
    }

    /// Why nothing is run for the agent, where it is its own fault.
    fn unfit_submission(&self) -> String {
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

    fn finish(
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

    fn run_of<'a>(&'a self, program: &'a str, case: &'a Case, number: u32) -> Run<'a> {
        Run { miner_id: &self.agent.miner_id, program, task: &self.task, case, number }
    }

    /// Whether an earlier run finished all of it, so that no sandbox is needed.
    fn is_finished(&self, program: &str, shared: &Shared) -> bool {
        let Some(journal) = &shared.journal else { return false };
        let runs =
            self.task.cases.iter().flat_map(|case| (0..shared.repeat).map(move |number| (case, number)));
        let mut runs = runs.map(|(case, number)| self.run_of(program, case, number));
        self.task.question().is_none() && runs.all(|run| journal.recall(&run).is_some())
    }

    fn spec(&self, run: &RunId, program: Arc<str>) -> SessionSpec {
        SessionSpec {
            run: run.clone(),
            source: program,
            limits: self.task.limits.clone(),
            egress: Egress::default(),
            label: format!("{}/{}", self.agent.miner_id, self.task.id),
        }
    }

    fn checker_spec(&self, run: &RunId, checker: &CheckerProgram) -> SessionSpec {
        SessionSpec {
            run: run.clone(),
            source: checker.program(),
            limits: CheckerProgram::limits(),
            egress: Egress::default(),
            label: format!("{}/{}/checker", self.agent.miner_id, self.task.id),
        }
    }

    fn case_spec(&self, case: &Case) -> CaseSpec {
        let Invocation { arguments, stdin } = self.task.invocation(case);
        CaseSpec { name: case.name.clone(), arguments, stdin }
    }
}

/// What was prepared for a unit ahead of its turn.
pub(super) struct Opened {
    /// What the session was opened for.
    program: Arc<str>,
    /// The session, or why there is none.
    session: Result<Box<dyn Session>, SandboxError>,
}

/// What a unit came to.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) result: TaskResult,
    pub(super) fault: Option<Fault>,
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
    let mut bench = Bench {
        unit,
        shared,
        program,
        session: None,
        checker: None,
        is_last: false,
        faults: 0,
        last_fault: None,
        task_fault: unit.unfit.as_deref().map(ToOwned::to_owned),
    };
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

/// Which of a unit's sessions a program runs in.
#[derive(Debug, Clone, Copy)]
enum Seat<'a> {
    Agent,
    Checker(&'a CheckerProgram),
}

/// The place where one unit is worked on: its session and its faults so far.
pub(super) struct Bench<'a> {
    pub(super) unit: &'a Unit,
    pub(super) shared: &'a Shared,
    /// What sessions are opened for.
    program: Arc<str>,
    session: Option<Box<dyn Session>>,
    /// Where the task's checker program runs. The agent's text never gets there, only its output.
    checker: Option<Box<dyn Session>>,
    /// Whether a session is closed after the run that comes next, if that goes well.
    pub(super) is_last: bool,
    faults: u32,
    last_fault: Option<String>,
    /// What is wrong with the task itself. Nothing more of it is run, and the sandbox is not to blame.
    pub(super) task_fault: Option<String>,
}

impl Bench<'_> {
    /// Runs `case` as often as the plan says. One run that cannot be judged ends it: then the others
    /// would decide nothing.
    async fn judge(&mut self, case: &Case, is_last: bool) -> CaseResult {
        let mut runs = Vec::with_capacity(self.shared.repeat as usize);
        for number in 0..self.shared.repeat {
            self.is_last = is_last && number + 1 == self.shared.repeat;
            let (unit, journal) = (self.unit, self.shared.journal.as_deref());
            let program = Arc::clone(&self.program);
            let run = unit.run_of(&program, case, number);
            let result = match journal.and_then(|journal| journal.recall(&run)) {
                Some(finished) => finished,
                None => {
                    let result = match self.facts(case).await {
                        Ok(facts) => self.judge_facts(case, &facts).await,
                        Err(result) => *result,
                    };
                    if let Some(journal) = journal {
                        journal.record(&run, &result);
                    }
                    result
                }
            };
            let goes_on = result.verdict.is_judged();
            runs.push(result);
            if !goes_on {
                break;
            }
        }
        judge::combine(runs).unwrap_or_else(|| not_judged(case, CaseVerdict::InternalError, None))
    }

    async fn judge_facts(&mut self, case: &Case, facts: &RunFacts) -> CaseResult {
        let unit = self.unit;
        let rules = unit.task.rules(case);
        match &unit.task.checker_program {
            Some(checker) if judge::has_answer(facts) => {
                match self.ask_checker(checker, case, &facts.stdout.bytes).await {
                    Ok(said) => judge::judge_said(facts, &rules, &said),
                    Err(result) => *result,
                }
            }
            Some(_) | None => judge::judge_case(facts, &rules),
        }
    }

    /// Puts what the agent printed to the checker program. `Err` is the result of a case that could
    /// not be judged.
    async fn ask_checker(
        &mut self,
        checker: &CheckerProgram,
        case: &Case,
        printed: &[u8],
    ) -> Result<Comparison, Box<CaseResult>> {
        let stdin = checker.stdin(case, printed);
        let spec = CaseSpec { name: case.name.clone(), arguments: Vec::new(), stdin };
        let facts = self.run_case(Seat::Checker(checker), case, &spec).await?;
        judge::said_by_checker(&facts).map_err(|CheckerFault { how, last_words }| {
            // Its last words may quote what a hidden case expects.
            let words = last_words.filter(|_| !case.hidden);
            let words = words.map(|words| format!(": {words}")).unwrap_or_default();
            let why = format!("the checker program `{}` {how} on case `{}`{words}", checker.path, case.name);
            self.task_fault = Some(why.clone());
            Box::new(not_judged(case, CaseVerdict::InternalError, Some(why)))
        })
    }

    /// Has the agent write what is to be judged and puts it through the gate. When nothing comes of
    /// it, every case ends as the result that is returned.
    async fn ask(&mut self, question: &Case) -> Option<CaseResult> {
        self.is_last = true;
        let facts = match self.facts(question).await {
            Ok(facts) => facts,
            Err(result) => return Some(*result),
        };
        self.close().await;
        let task = &self.unit.task;
        let rules = judge::Rules { form: judge::Form::Output, ..task.rules(question) };
        let ran = judge::judge_case(&facts, &rules);
        if !matches!(ran.verdict, CaseVerdict::Accepted | CaseVerdict::WrongAnswer) {
            let message = ran.message.map(|message| format!("asked for a solution, it {message}"));
            return Some(CaseResult { message, ..ran });
        }
        let report = lint::check(&facts.stdout.bytes, &self.unit.agent.policy);
        match (&report.source, report.verdict) {
            (Some(source), GateVerdict::Accepted | GateVerdict::NeedsReview) => {
                self.program = task.program_of_answer(source);
                None
            }
            (Some(_), GateVerdict::Rejected) | (None, _) => {
                let first = report.findings.first().map(|finding| {
                    format!(": line {}: {} {}", finding.span.line, finding.code, finding.message)
                });
                let message = format!("the gate refuses its solution{}", first.unwrap_or_default());
                let verdict = CaseVerdict::RuntimeError;
                Some(CaseResult { verdict, message: Some(message), diff: None, ..ran })
            }
        }
    }

    /// Runs one case of the agent.
    pub(super) async fn facts(&mut self, case: &Case) -> Result<RunFacts, Box<CaseResult>> {
        self.run_case(Seat::Agent, case, &self.unit.case_spec(case)).await
    }

    /// Runs one program, again where the sandbox failed. `Err` is the result of a case that could
    /// not be run.
    async fn run_case(
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

    async fn fault(&mut self, error: &SandboxError) {
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

    fn give_up(&mut self, why: String) {
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
