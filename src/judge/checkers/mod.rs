//! How answers are compared: one checker per file, all of them in this one table.
//!
//! To add a checker: a file with its `DEFINITION`, a variant of [`Checker`] and its line in
//! [`Checker::definition`].

mod exact;
mod json;
mod lines;
mod numbers;
mod program;
mod regex;
mod tokens;
mod unordered_lines;

use serde::{Deserialize, Serialize};

use super::Comparison;

pub use program::{CheckerFault, said_by_checker};

/// How an answer is compared with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checker {
    /// Byte for byte.
    Exact,
    /// Blanks at line ends and blank lines at the end do not count.
    Lines,
    /// As `lines`, and the order of the lines does not count.
    UnorderedLines,
    /// Words in order; how they are spaced does not count.
    Tokens,
    /// As `tokens`, and upper and lower case of ASCII letters are the same.
    TokensIgnoreCase,
    /// Words in order; those that are numbers may differ by the task's tolerance.
    Numbers,
    /// As `numbers`, and upper and lower case of ASCII letters are the same.
    NumbersIgnoreCase,
    /// One JSON document; the order of keys and the form of numbers do not count.
    Json,
    /// Each line of the expected answer is a regular expression for that line of the output.
    Regex,
    /// A program of the task's author, see [`said_by_checker`]. A manifest spells it as a table.
    #[serde(skip_deserializing)]
    Program,
}

/// How far a number may be off. It is right when it is within either bound.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// At most this far from the expected number.
    #[serde(default)]
    pub absolute: f64,
    /// At most this share of the expected number's magnitude away from it.
    #[serde(default)]
    pub relative: f64,
}

/// A checker's line in the table.
struct Definition {
    compare: fn(&[u8], &[u8], Tolerance) -> Comparison,
    /// Whether a text can be an expected answer at all, and if not, why.
    valid_answer: fn(&str) -> Result<(), String>,
    takes_tolerance: bool,
}

/// For checkers that take any text as an answer.
fn any_answer(_: &str) -> Result<(), String> {
    Ok(())
}

impl Checker {
    const fn definition(self) -> &'static Definition {
        match self {
            Self::Exact => &exact::DEFINITION,
            Self::Lines => &lines::DEFINITION,
            Self::UnorderedLines => &unordered_lines::DEFINITION,
            Self::Tokens => &tokens::DEFINITION,
            Self::TokensIgnoreCase => &tokens::IGNORING_CASE,
            Self::Numbers => &numbers::DEFINITION,
            Self::NumbersIgnoreCase => &numbers::IGNORING_CASE,
            Self::Json => &json::DEFINITION,
            Self::Regex => &regex::DEFINITION,
            Self::Program => &program::DEFINITION,
        }
    }

    /// Compares what was printed with what was expected. Linear in the size of both, but for the
    /// sorting of unordered lines.
    pub fn compare(self, expected: &str, actual: &[u8], tolerance: Tolerance) -> Comparison {
        (self.definition().compare)(expected.as_bytes(), actual, tolerance)
    }

    /// Whether the author of a task may give `expected` as an answer.
    ///
    /// # Errors
    /// Why not, as the end of a sentence.
    pub fn check_answer(self, expected: &str) -> Result<(), String> {
        (self.definition().valid_answer)(expected)
    }

    /// Whether a tolerance means anything to it.
    pub fn takes_tolerance(self) -> bool {
        self.definition().takes_tolerance
    }
}

impl Tolerance {
    /// Whether `actual` is near enough. Infinities equal themselves only, and so does NaN.
    pub(super) fn admits(self, expected: f64, actual: f64) -> bool {
        if expected.is_nan() || actual.is_nan() {
            return expected.is_nan() && actual.is_nan();
        }
        if expected.is_infinite() || actual.is_infinite() {
            return expected == actual;
        }
        let off = (expected - actual).abs();
        off <= self.absolute || off <= self.relative * expected.abs()
    }
}
