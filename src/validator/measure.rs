//! Units of the kind `metric`: a training, and an evaluation in another sandbox.

use super::bench::Bench;
use super::unit::{Finished, not_judged};
use crate::judge::{self, Form, Rules};
use crate::model::{CaseResult, CaseVerdict, RunFacts, Score};
use crate::task::{Case, Measured, Metric};

/// What one of the two runs came to.
struct Stage {
    result: CaseResult,
    /// `None` where the run did not come to its end.
    measured: Option<Measured>,
}

/// Which of the two streams a run is about. A case does not tell: to its author none is hidden.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Training,
    HeldOut,
}

impl Bench<'_> {
    /// Trains, hands what was learned to a second sandbox as data, and scores both streams.
    pub(super) async fn measure(mut self, metric: &Metric) -> Finished {
        if self.task_fault.is_none() {
            self.task_fault = metric.unmet();
        }
        // Each of the two runs has a sandbox of its own.
        self.is_last = true;
        let cases = self.unit.task.cases.clone();
        let mut stages: Vec<Stage> = Vec::with_capacity(cases.len());
        for case in &cases {
            let trained = stages.last();
            let stage = match trained {
                None => self.stage(metric, Stream::Training, case).await,
                Some(Stage { measured: Some(Measured { state: Some(state), .. }), .. }) => {
                    let asked = metric.evaluation(case, state);
                    self.stage(metric, Stream::HeldOut, &asked).await
                }
                // Nothing was learned that could be evaluated: the same for the same reason.
                Some(trained) => {
                    let why = "not evaluated, because the training failed".to_owned();
                    let result = not_judged(case, trained.result.verdict, Some(why));
                    Stage { result, measured: None }
                }
            };
            // The training's processes, files and memory end with its sandbox.
            self.close().await;
            self.unit.tell(self.shared, &stage.result);
            stages.push(stage);
        }
        let score = score(metric, &stages);
        self.finish(stages.into_iter().map(|stage| stage.result).collect(), score)
    }

    async fn stage(&mut self, metric: &Metric, stream: Stream, case: &Case) -> Stage {
        let facts = match self.facts(case).await {
            Ok(facts) => facts,
            Err(result) => return Stage { result: *result, measured: None },
        };
        self.judge_stage(metric, stream, case, &facts)
    }

    fn judge_stage(&mut self, metric: &Metric, stream: Stream, case: &Case, facts: &RunFacts) -> Stage {
        let rules = Rules { form: Form::Output, ..self.unit.task.rules(case) };
        let ran = judge::judge_case(facts, &rules);
        if !matches!(ran.verdict, CaseVerdict::Accepted | CaseVerdict::WrongAnswer) {
            return Stage { result: ran, measured: None };
        }
        let read = match stream {
            Stream::Training => metric.training(&facts.stdout.bytes),
            Stream::HeldOut => metric.held_out(&facts.stdout.bytes),
        };
        match read {
            Ok(measured) => {
                let (verdict, message) = match stream {
                    Stream::Training => metric.judge_training(&measured),
                    Stream::HeldOut => metric.judge_held_out(&measured),
                };
                let message = match (case.hidden, verdict) {
                    (false, _) => Some(message),
                    (true, CaseVerdict::Accepted) => None,
                    (true, _) => ran.message,
                };
                let result = CaseResult { verdict, message, diff: None, ..ran };
                Stage { result, measured: Some(measured) }
            }
            // The agent's output never is the report, so this is ours.
            Err(why) => {
                self.task_fault = Some(why.clone());
                Stage { result: not_judged(case, CaseVerdict::InternalError, Some(why)), measured: None }
            }
        }
    }
}

/// `None` when a run was not judged; 0 when one failed.
fn score(metric: &Metric, stages: &[Stage]) -> Option<Score> {
    let unjudged =
        |stage: &Stage| matches!(stage.result.verdict, CaseVerdict::InternalError | CaseVerdict::Skipped);
    if stages.iter().any(unjudged) {
        return None;
    }
    match stages {
        [Stage { measured: Some(training), .. }, Stage { measured: Some(held_out), .. }] => {
            Some(metric.score(training, held_out))
        }
        _ => Some(Score::ZERO),
    }
}
