//! `task.toml` as it is written. An unknown key is an error that names the nearest known one.

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use toml::Spanned;

use super::{Difficulty, Protocol, TaskError};
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
    pub(super) checker: Option<Spanned<CheckerKey>>,
    pub(super) tolerance: Option<Spanned<Tolerance>>,
    /// What decides between agents whose scores are equal.
    pub(super) tie_breakers: Option<Spanned<Vec<TieBreaker>>>,
    pub(super) generator: Option<Spanned<GeneratorTable>>,
    /// What a task of that kind measures.
    pub(super) metric: Option<Spanned<MetricTable>>,
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

/// Streams are files of the task's folder; amounts are in bits per byte.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricTable {
    pub(super) train: String,
    pub(super) held_out: String,
    pub(super) baseline: f64,
    #[serde(default = "anomaly")]
    pub(super) anomaly: f64,
    #[serde(default)]
    pub(super) seed: u32,
    #[serde(default = "state_bytes")]
    pub(super) state_bytes: u64,
    #[serde(default)]
    pub(super) modules: Vec<String>,
    #[serde(default)]
    pub(super) gpus: u32,
}

/// Half of what a byte costs that could be any.
fn anomaly() -> f64 {
    4.0
}

fn state_bytes() -> u64 {
    256 * 1024
}

/// Cases that count only together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubtaskTable {
    pub(super) name: String,
    pub(super) weight: u32,
    pub(super) cases: Vec<String>,
}

/// A program that makes cases for each round.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GeneratorTable {
    /// A Python file in the task's folder.
    pub(super) program: String,
    /// How many cases it makes.
    pub(super) count: usize,
    /// What each of them counts.
    pub(super) weight: Option<u32>,
}

/// `checker = "lines"`, or `checker = { program = "checker.py" }`.
#[derive(Debug)]
pub(super) enum CheckerKey {
    Named(Checker),
    Program(CheckerTable),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckerTable {
    /// A Python file in the task's folder.
    pub(super) program: String,
    #[serde(default)]
    pub(super) protocol: Protocol,
    #[serde(default)]
    pub(super) arguments: Vec<String>,
}

impl<'de> Deserialize<'de> for CheckerKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An untagged enum would say of every mistake that no variant matches.
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = CheckerKey;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a checker, or a table with `program`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<CheckerKey, E> {
                Checker::deserialize(StrDeserializer::new(name)).map(CheckerKey::Named)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<CheckerKey, A::Error> {
                CheckerTable::deserialize(MapAccessDeserializer::new(map)).map(CheckerKey::Program)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindName {
    #[default]
    Program,
    Function,
    Solution,
    Artifact,
    Metric,
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
