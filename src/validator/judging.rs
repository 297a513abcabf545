//! What a run comes to: its verdict by the judge or by the task's checker program, and what the gate says of
//! a solution that the agent wrote.

use std::sync::Arc;

use super::bench::{Bench, Seat};
use super::unit::not_judged;
use crate::judge::{self, CheckerFault, Comparison};
use crate::lint;
use crate::model::{CaseResult, CaseVerdict, GateVerdict, RunFacts};
use crate::sandbox::CaseSpec;
use crate::task::{Case, CheckerProgram};

impl Bench<'_> {
    /// Runs `case` as often as the plan says. One run that cannot be judged ends it: then the others
    /// would decide nothing.
    pub(super) async fn judge(&mut self, case: &Case, is_last: bool) -> CaseResult {
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
    pub(super) async fn ask(&mut self, question: &Case) -> Option<CaseResult> {
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
}
