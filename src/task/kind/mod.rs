//! What an agent is asked to do. One kind per file; each says which text is run and how a case is
//! put to it. Everything a kind needs at run time is a `match` in this file.

mod function;
mod program;

use std::sync::Arc;

pub(super) use function::Call;
pub use function::Function;

use super::{Case, Task};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The agent is a program: `--task PROMPT`, arguments and standard input go in, what it prints
    /// is the answer.
    Program,
    /// The agent is a module: a function of it is called, what it returns or raises is the answer.
    Function(Function),
}

impl Kind {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Function(_) => "function",
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
            Kind::Program => program::program(agent),
            Kind::Function(function) => function.program(agent),
        }
    }

    /// How `case` is put to [`Task::program`].
    pub fn invocation(&self, case: &Case) -> Invocation {
        let mut arguments = vec!["--task".to_owned(), self.prompt.clone()];
        arguments.extend(case.arguments.iter().cloned());
        Invocation { arguments, stdin: Arc::clone(&case.stdin) }
    }
}
