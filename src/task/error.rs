//! What is wrong with a task package, said so that its author finds the place.

use std::fmt;

/// One sentence with the file and, where there is one, the line: `tasks/x/task.toml:12: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    path: String,
    /// Counted from 1.
    line: Option<usize>,
    problem: String,
}

impl TaskError {
    pub(super) fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, problem: problem.into() }
    }

    /// With the line on which the byte `offset` of `text` stands.
    pub(super) fn at(mut self, text: &str, offset: usize) -> Self {
        let before = text.as_bytes().iter().take(offset);
        self.line = Some(1 + before.filter(|byte| **byte == b'\n').count());
        self
    }

    /// With the line `line`, counted from 1.
    pub(super) fn on_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// The file or folder, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            // As compilers write it, so that editors and terminals make a link of it.
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.problem),
            None => write!(f, "`{}`: {}", self.path, self.problem),
        }
    }
}

impl std::error::Error for TaskError {}
