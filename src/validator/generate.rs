//! The generated cases of a round: the author's generator and the reference solution run in the
//! sandbox, once for all agents of a plan.

use std::sync::Arc;

use super::Round;
use crate::judge;
use crate::lint::{self, Policy};
use crate::model::{Egress, Ending, GateVerdict, Limits, RunFacts};
use crate::sandbox::{Backend, CaseSpec, RunId, SandboxError, Session, SessionSpec};
use crate::task::{self, Case, Generator, Invocation, Task};

/// How often the sandbox may fail before the round is given up.
const MOST_TRIES: u32 = 3;

/// Why there are no cases. Never the agents' fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The generator or the reference solution does not do its part.
    #[error("{0}")]
    Task(String),
    #[error("{0}")]
    Sandbox(String),
}

/// `task` with the cases that `seed` makes, and what is to be kept of them. A task without a
/// generator comes back as it is.
///
/// # Errors
/// When the generator or the reference solution fails, or three times the sandbox.
pub async fn generate(
    task: &Arc<Task>,
    seed: u64,
    backend: &dyn Backend,
    run: &RunId,
) -> Result<(Arc<Task>, Option<Round>), GenerateError> {
    let Some(generator) = &task.generator else { return Ok((Arc::clone(task), None)) };
    let making = Making { task, generator, backend, run };
    let mut tries = 0;
    loop {
        tries += 1;
        match making.cases(seed).await {
            Ok(cases) => {
                let round = Round {
                    task: task.id.clone(),
                    seed,
                    cases: cases.len(),
                    digest: task::digest_of_generated(&cases),
                };
                return Ok((Arc::new(task.with_generated(cases)), Some(round)));
            }
            Err(Failure::Task(why)) => return Err(GenerateError::Task(why)),
            Err(Failure::Sandbox(error @ (SandboxError::Unavailable(_) | SandboxError::Gone(_)))) => {
                return Err(GenerateError::Sandbox(error.to_string()));
            }
            Err(Failure::Sandbox(error)) if tries == MOST_TRIES => {
                return Err(GenerateError::Sandbox(error.to_string()));
            }
            Err(Failure::Sandbox(error)) => {
                tracing::warn!(task = %task.id, %error, tries, "sandbox failed while cases were generated");
            }
        }
    }
}

enum Failure {
    Task(String),
    Sandbox(SandboxError),
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        Self::Sandbox(error)
    }
}

struct Making<'a> {
    task: &'a Task,
    generator: &'a Generator,
    backend: &'a dyn Backend,
    run: &'a RunId,
}

impl Making<'_> {
    async fn cases(&self, seed: u64) -> Result<Vec<Case>, Failure> {
        let spec = CaseSpec {
            name: self.task.id.clone(),
            arguments: self.generator.arguments(seed),
            stdin: Arc::from(&b""[..]),
        };
        let source = Arc::clone(&self.generator.source);
        let mut session = self.open(source, "generator", Generator::limits()).await?;
        let printed = self.output(session.as_mut(), &spec, &self.generator.path).await;
        session.close().await?;
        let printed = printed?;
        let told = |why: String| Failure::Task(format!("the generator `{}` {why}", self.generator.path));
        let mut cases = self.task.read_generated(&printed).map_err(told)?;

        let program = self.reference().await?;
        let mut session = self.open(program, "reference", self.task.limits.clone()).await?;
        let answered = self.answer(session.as_mut(), &mut cases).await;
        session.close().await?;
        answered?;
        Ok(cases)
    }

    /// The program that answers: the reference solution, or what that writes.
    async fn reference(&self) -> Result<Arc<str>, Failure> {
        let source = self.admit(&self.generator.reference, "the reference solution")?;
        let Some(question) = self.task.question() else { return Ok(self.task.program(&source)) };
        let program = self.task.program(&source);
        let mut session = self.open(program, "reference", self.task.limits.clone()).await?;
        let printed = self.output(session.as_mut(), &self.spec(&question), "solution.py").await;
        session.close().await?;
        let answer = self.admit(&printed?, "what the reference solution writes")?;
        Ok(self.task.program_of_answer(&answer))
    }

    async fn answer(&self, session: &mut dyn Session, cases: &mut [Case]) -> Result<(), Failure> {
        for case in cases {
            let printed = self.output(session, &self.spec(case), "solution.py").await?;
            let answer = String::from_utf8(printed).map_err(|_| {
                Failure::Task(format!("`solution.py` printed what is not UTF-8 in case `{}`", case.name))
            })?;
            self.task.checker.check_answer(&answer).map_err(|why| {
                Failure::Task(format!(
                    "the answer of `solution.py` to case `{}` is no answer: {why}",
                    case.name
                ))
            })?;
            case.accepted = vec![Arc::from(answer)];
        }
        Ok(())
    }

    /// Through the gate, which also makes of the bytes the text that is run.
    fn admit(&self, source: &[u8], what: &str) -> Result<Arc<str>, Failure> {
        let report = lint::check(source, &Policy::standard());
        match (&report.source, report.verdict) {
            (Some(source), GateVerdict::Accepted | GateVerdict::NeedsReview) => Ok(Arc::clone(source)),
            (Some(_), GateVerdict::Rejected) | (None, _) => {
                Err(Failure::Task(format!("the gate refuses {what} of task `{}`", self.task.id)))
            }
        }
    }

    fn spec(&self, case: &Case) -> CaseSpec {
        let Invocation { arguments, stdin } = self.task.invocation(case);
        CaseSpec { name: case.name.clone(), arguments, stdin }
    }

    async fn open(
        &self,
        source: Arc<str>,
        what: &str,
        limits: Limits,
    ) -> Result<Box<dyn Session>, SandboxError> {
        let label = format!("{}/{what}", self.task.id);
        let (run, egress) = (self.run.clone(), Egress::default());
        self.backend.open(&SessionSpec { run, source, limits, egress, label }).await
    }

    /// What the program printed, which must have ended well.
    async fn output(
        &self,
        session: &mut dyn Session,
        spec: &CaseSpec,
        program: &str,
    ) -> Result<Vec<u8>, Failure> {
        let facts = session.run(spec).await?;
        if judge::has_answer(&facts) {
            return Ok(facts.stdout.bytes);
        }
        let RunFacts { ending, oom_kills, .. } = facts;
        let how = match ending {
            Ending::Exited { .. } | Ending::Signalled { .. } if oom_kills > 0 => {
                "used too much memory".to_owned()
            }
            Ending::Exited { code: 0 } | Ending::OutputLimit => "printed too much".to_owned(),
            Ending::Exited { code } => format!("exited with status {code}"),
            Ending::Signalled { signal } => format!("was killed by signal {signal}"),
            Ending::WallLimit | Ending::CpuLimit => "did not end in time".to_owned(),
            Ending::Cancelled => "was cancelled".to_owned(),
        };
        let words =
            facts.stderr.bytes.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let words: String =
            String::from_utf8_lossy(words).chars().take(200).flat_map(char::escape_debug).collect();
        let words = if words.is_empty() { words } else { format!(": {words}") };
        Err(Failure::Task(format!("`{program}` of task `{}` {how}{words}", self.task.id)))
    }
}
