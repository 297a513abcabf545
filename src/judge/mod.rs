//! Decides what facts mean: compares outputs, judges cases, scores, ranks and rewards. Pure.

use serde::{Deserialize, Serialize};

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
