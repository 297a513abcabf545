//! `task.toml` as it is written. An unknown key is an error that names the nearest known one.

use serde::Deserialize;
use toml::Spanned;

use super::{Difficulty, TaskError};
use crate::judge::{Checker, TieBreaker, Tolerance};
use crate::model::Limits;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) title: Spanned<String>,
    pub(super) difficulty: Difficulty,
    #[serde(default)]
    pub(super) kind: KindName,
    /// The function that a task of that kind is about.
    pub(super) function: Option<Spanned<String>>,
    /// The task in words, as agents get it after its id.
    pub(super) prompt: Spanned<String>,
    pub(super) checker: Option<Spanned<Checker>>,
    pub(super) tolerance: Option<Spanned<Tolerance>>,
    /// What decides between agents whose scores are equal.
    pub(super) tie_breakers: Option<Spanned<Vec<TieBreaker>>>,
    #[serde(default = "no_limits")]
    pub(super) limits: Spanned<Limits>,
    #[serde(default, rename = "subtask")]
    pub(super) subtasks: Vec<Spanned<SubtaskTable>>,
    #[serde(default, rename = "case")]
    pub(super) cases: Vec<Spanned<CaseTable>>,
}

/// A small case, or attributes of a case whose input and answer are files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseTable {
    pub(super) name: Spanned<String>,
    pub(super) stdin: Option<String>,
    /// The answer.
    pub(super) expected: Option<String>,
    /// Other answers that are right too.
    #[serde(default)]
    pub(super) also: Vec<String>,
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    pub(super) weight: Option<u32>,
    #[serde(default)]
    pub(super) hidden: bool,
}

/// Cases that count only together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubtaskTable {
    pub(super) name: String,
    pub(super) weight: u32,
    pub(super) cases: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindName {
    #[default]
    Program,
    Function,
    Solution,
}

fn no_limits() -> Spanned<Limits> {
    Spanned::new(0..0, Limits::default())
}

/// Reads `text`, the content of the file `path`.
pub(super) fn parse(path: &str, text: &str) -> Result<Manifest, TaskError> {
    toml::from_str(text).map_err(|error| {
        let problem = TaskError::new(path, explain(error.message()));
        match error.span() {
            Some(span) => problem.at(text, span.start),
            None => problem,
        }
    })
}

/// Serde lists every name it would have taken; people want the one they meant.
pub(super) fn explain(message: &str) -> String {
    let message = message.trim_end().replace('\n', "; ");
    if let Some(name) = message.strip_prefix("missing field ") {
        return format!("the key {name} is missing");
    }
    let unknown = ["unknown field", "unknown variant"].iter().any(|start| message.starts_with(start));
    if !unknown {
        return message;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let Some(given) = names.next() else { return message };
    let known: Vec<&str> = names.collect();
    let what = if message.starts_with("unknown field") { "unknown key" } else { "unknown value" };
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), *name))
        .filter(|(distance, name)| *distance <= name.len().max(3) / 2)
        .min();
    match nearest {
        Some((_, name)) => format!("{what} `{given}`; did you mean `{name}`?"),
        None => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("{what} `{given}`; known are {}", known.join(", "))
        }
    }
}
