//! One finding, in the shape of the contract (`lint --format json`, the 422 answer, the store).

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// `error` refuses the source, `warning` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A range in the source. Lines and columns count from 1, columns in Unicode scalar values; the
/// end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// A place that explains a finding: one link of the chain that made a name dangerous.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    pub message: String,
    #[serde(flatten)]
    pub span: Span,
}

/// What a rule found. The order sorts by place first, so that a sorted list reads like the source.
/// The fields stand as the contract's JSON shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `PC###`, stable.
    pub code: Cow<'static, str>,
    /// The rule's name, such as `dangerous-builtin`.
    pub rule: Cow<'static, str>,
    pub severity: Severity,
    /// What was found, one sentence, without a full stop.
    pub message: String,
    /// The honest alternative, where there is one.
    #[serde(default)]
    pub help: Option<String>,
    /// The qualified name, such as `builtins.eval`, where the finding is about a name.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(flatten)]
    pub span: Span,
    /// The chain that made it dangerous, nearest link first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The file of the bundle, where what was checked is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl Finding {
    fn order(&self) -> impl Ord {
        let place = (&self.file, self.span, &self.code, &self.rule, self.severity);
        (place, &self.message, &self.help, &self.name, &self.notes)
    }
}

impl Ord for Finding {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Finding {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
