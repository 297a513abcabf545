//! What an agent is asked to do. One kind per file; each says which text is run and how a case is
//! put to it. Everything a kind needs at run time is a `match` in this file.

mod artifact;
mod function;
mod metric;
mod program;
mod solution;

use std::sync::Arc;

pub use artifact::{Artifact, Author, Holds, InvalidInvariants};
pub(super) use function::Call;
pub use function::Function;
pub use metric::{Measured, Metric, Microbits};

use super::{Case, Task};
use crate::bundle::{Bundle, Rules};
use crate::model::{CaseResult, CaseVerdict, Usage};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The agent is a program: `--task PROMPT`, arguments and standard input go in, what it prints
    /// is the answer.
    Program,
    /// The agent is a module: a function of it is called, what it returns or raises is the answer.
    Function(Function),
    /// The agent is a program that prints a module; a function of that module is called. So an agent
    /// that writes code is judged on the code.
    Solution(Function),
    /// The submission is a bundle of documents, and each case is an invariant of them.
    Artifact(Artifact),
    /// The submission is a bundle of scripts, and is measured by how well it predicts bytes.
    Metric(Metric),
}

impl Kind {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Function(_) => "function",
            Self::Solution(_) => "solution",
            Self::Artifact(_) => "artifact",
            Self::Metric(_) => "metric",
        }
    }

    /// Whether a sandbox is needed.
    pub const fn runs_programs(&self) -> bool {
        match self {
            Self::Program | Self::Function(_) | Self::Solution(_) | Self::Metric(_) => true,
            Self::Artifact(_) => false,
        }
    }

    /// What the bundle may hold that is submitted, where it is not one Python file.
    pub const fn bundle(&self) -> Option<Rules> {
        match self {
            Self::Program | Self::Function(_) | Self::Solution(_) => None,
            Self::Artifact(_) => Some(Rules::ARTIFACT),
            Self::Metric(_) => Some(Rules::METRIC),
        }
    }
}

/// How a case is put to a program: what follows the program's name, and its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    pub arguments: Vec<String>,
    pub stdin: Arc<[u8]>,
}

impl Task {
    /// The text that is run in the sandbox for an agent whose checked text is `agent`: that text
    /// itself, or our harness with it inside.
    pub fn program(&self, agent: &Arc<str>) -> Arc<str> {
        match &self.kind {
            Kind::Program | Kind::Solution(_) | Kind::Artifact(_) | Kind::Metric(_) => {
                program::program(agent)
            }
            Kind::Function(function) => function.program(agent),
        }
    }

    /// Where the agent writes what is judged: the case that asks it to. It is run once with
    /// [`Task::program`]; what it prints goes through the gate, and the cases are then put to
    /// [`Task::program_of_answer`].
    pub fn question(&self) -> Option<Case> {
        match &self.kind {
            Kind::Program | Kind::Function(_) | Kind::Artifact(_) | Kind::Metric(_) => None,
            Kind::Solution(_) => solution::question(),
        }
    }

    /// The text that is run for what the agent wrote, when the gate let it in as `answer`.
    pub fn program_of_answer(&self, answer: &Arc<str>) -> Arc<str> {
        match &self.kind {
            Kind::Program | Kind::Artifact(_) | Kind::Metric(_) => program::program(answer),
            Kind::Function(function) | Kind::Solution(function) => function.program(answer),
        }
    }

    /// The verdict on every case from the documents alone, for kinds of which nothing is run.
    pub fn judge_documents(&self, bundle: &Bundle) -> Option<Vec<CaseResult>> {
        let Kind::Artifact(artifact) = &self.kind else { return None };
        Some(artifact.judge(bundle).into_iter().map(held).collect())
    }

    /// The text that is run in the sandbox for a bundle, for kinds that run one.
    ///
    /// # Errors
    /// Why this bundle cannot be run, as a sentence. That is the bundle's fault.
    pub fn program_of_bundle(&self, bundle: &Bundle) -> Option<Result<Arc<str>, String>> {
        match &self.kind {
            Kind::Program | Kind::Function(_) | Kind::Solution(_) | Kind::Artifact(_) => None,
            Kind::Metric(metric) => Some(metric.program(bundle)),
        }
    }

    /// How `case` is put to a program of this task.
    pub fn invocation(&self, case: &Case) -> Invocation {
        let mut arguments = vec!["--task".to_owned(), self.prompt.clone()];
        arguments.extend(case.arguments.iter().cloned());
        Invocation { arguments, stdin: Arc::clone(&case.stdin) }
    }
}

fn held(holds: Holds) -> CaseResult {
    let (verdict, message) = match holds.differs {
        None => (CaseVerdict::Accepted, None),
        Some(_) if holds.hidden => (CaseVerdict::WrongAnswer, Some("hidden case".to_owned())),
        Some(differs) => (CaseVerdict::WrongAnswer, Some(differs)),
    };
    CaseResult {
        name: holds.name,
        verdict,
        usage: Usage::default(),
        message,
        diff: None,
        repeats: Vec::new(),
    }
}
