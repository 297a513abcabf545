//! How answers are compared: one checker per file, all of them in this one table.
//!
//! To add a checker: a file with its `compare`, a variant of [`Checker`], a line in `TABLE` and an
//! arm in [`compare`].

mod exact;
mod lines;
mod tokens;

use serde::{Deserialize, Serialize};

use super::Comparison;

/// How an answer is compared with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checker {
    /// Byte for byte.
    Exact,
    /// Blanks at line ends and blank lines at the end do not count.
    Lines,
    /// Words in order; how they are spaced does not count.
    Tokens,
}

/// Compares what was printed with what was expected. Linear in the size of both.
pub fn compare(checker: &Checker, expected: &str, actual: &[u8]) -> Comparison {
    match checker {
        Checker::Exact => exact::compare(expected.as_bytes(), actual),
        Checker::Lines => lines::compare(expected.as_bytes(), actual),
        Checker::Tokens => tokens::compare(expected.as_bytes(), actual),
    }
}
