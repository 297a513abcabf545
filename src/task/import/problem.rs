//! `problem.yaml`, in its legacy form and in that of 2023-07.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::task::TaskError;
use crate::task::folder::Folder;

const FILE: &str = "problem.yaml";
const MOST_YAML: u64 = 64 * 1024;
/// Seconds where the package says nothing: there the limit is measured from its own submissions.
const SECONDS: f64 = 10.0;

/// What a problem is, as far as it matters here.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) validation: Validation,
    /// What the output validator is started with, where the file says it.
    pub(super) flags: Option<Vec<String>>,
    pub(super) is_scored: bool,
    seconds: f64,
    memory_mib: u64,
    output_mib: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validation {
    Default,
    Custom,
    AsFound,
}

/// One word or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    fn split(&self) -> Vec<String> {
        match self {
            Self::Text(text) => text.split_whitespace().map(ToOwned::to_owned).collect(),
            Self::List(list) => list.clone(),
        }
    }
}

/// A name, or one for each language.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a name, or one for each language")]
enum Name {
    One(String),
    Each(BTreeMap<String, String>),
}

#[derive(Debug, Default, Deserialize)]
struct Limits {
    time_limit: Option<f64>,
    /// MiB.
    memory: Option<f64>,
    /// MiB.
    output: Option<f64>,
    #[serde(flatten)]
    other: BTreeMap<String, IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Yaml {
    problem_format_version: Option<String>,
    name: Option<Name>,
    #[serde(rename = "type")]
    kind: Option<Words>,
    validation: Option<Words>,
    validator_flags: Option<Words>,
    #[serde(default)]
    limits: Limits,
    #[serde(flatten)]
    other: BTreeMap<String, IgnoredAny>,
}

/// Keys that only people read.
const FOR_PEOPLE: [&str; 16] = [
    "author",
    "comment",
    "contest",
    "credits",
    "event_url",
    "keywords",
    "license",
    "problem_id",
    "rights_owner",
    "source",
    "source_url",
    "title",
    "uuid",
    "version",
    "web_url",
    "embargo_until",
];

/// Reads a YAML file of the package, bounded in size, depth and aliases.
pub(super) fn yaml<T: serde::de::DeserializeOwned>(
    folder: &Folder,
    file: &str,
) -> Result<Option<T>, TaskError> {
    let Some(text) = folder.read_text(file, MOST_YAML)? else { return Ok(None) };
    // A file of comments alone is nothing, which is no mapping.
    let text = if text.lines().all(|line| matches!(line.trim().chars().next(), None | Some('#'))) {
        "{}"
    } else {
        text.as_str()
    };
    let bounds = serde_saphyr::options! {
        // A key `n` is a name, as YAML 1.2 has it.
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_aliases: 64, max_depth: 16, max_nodes: 10_000 },
    };
    serde_saphyr::from_str_with_options(text, bounds).map(Some).map_err(|error| {
        let problem = folder.join(file).error(format!("it is not what was expected: {}", first_line(&error)));
        match error.location() {
            Some(place) => problem.on_line(usize::try_from(place.line()).unwrap_or(1)),
            None => problem,
        }
    })
}

fn first_line(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let line = text.lines().next().unwrap_or_default();
    // Where it is stands in front of the message.
    line.split(" at line ").next().unwrap_or_default().to_owned()
}

pub(super) fn read(folder: &Folder, left_out: &mut Vec<String>) -> Result<Problem, TaskError> {
    let read: Yaml =
        yaml(folder, FILE)?.ok_or_else(|| folder.error(format!("the file `{FILE}` is missing")))?;
    let at = folder.join(FILE);
    let legacy = match read.problem_format_version.as_deref() {
        None | Some("legacy" | "legacy-icpc") => true,
        Some(version) if version.starts_with("2023-07") => false,
        Some(other) => {
            return Err(at.error(format!("the format `{other}` is not known; `legacy` and `2023-07` are")));
        }
    };
    let mut is_scored = false;
    for kind in read.kind.as_ref().map(Words::split).unwrap_or_default() {
        match kind.as_str() {
            "pass-fail" => {}
            "scoring" => is_scored = true,
            other => return Err(at.error(format!("a problem of type `{other}` cannot be a task"))),
        }
    }
    let words = read.validation.as_ref().map(Words::split).unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let validation = match words.as_slice() {
        [] if !legacy => Validation::AsFound,
        [] | ["default"] => Validation::Default,
        ["custom"] => Validation::Custom,
        other => return Err(at.error(format!("validation `{}` cannot be a task", other.join(" ")))),
    };
    let name = match read.name {
        Some(Name::One(name)) => name,
        Some(Name::Each(mut names)) => {
            let best = names.remove("en").or_else(|| names.into_values().next());
            best.ok_or_else(|| at.error("`name` names nothing"))?
        }
        None => folder.name().unwrap_or_else(|| "problem".to_owned()),
    };
    for key in read.other.keys().filter(|key| !FOR_PEOPLE.contains(&key.as_str())) {
        left_out.push(format!("the key `{key}` of `{FILE}`"));
    }
    let people: Vec<String> = read
        .other
        .keys()
        .filter(|key| FOR_PEOPLE.contains(&key.as_str()))
        .map(|key| format!("`{key}`"))
        .collect();
    if !people.is_empty() {
        left_out.push(format!("what people read in `{FILE}`: {}; keep to its licence", people.join(", ")));
    }
    for key in read.limits.other.keys() {
        left_out.push(format!("the limit `{key}`"));
    }
    let positive = |name: &str, value: Option<f64>| match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            Err(at.error(format!("the limit `{name}` is not a positive number")))
        }
        value => Ok(value),
    };
    let seconds = match positive("time_limit", read.limits.time_limit)? {
        Some(seconds) => seconds,
        None => time_limit_file(folder)?.unwrap_or_else(|| {
            left_out.push(format!(
                "a time limit: the package has none (it is measured from its submissions), so {SECONDS} s was taken"
            ));
            SECONDS
        }),
    };
    let memory = positive("memory", read.limits.memory)?.unwrap_or(1024.0);
    let output = positive("output", read.limits.output)?.unwrap_or(8.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
    let mib = |value: f64, most: f64| value.clamp(1.0, most).ceil() as u64;
    Ok(Problem {
        path: at.shown(),
        name: name.trim().to_owned(),
        validation,
        flags: read.validator_flags.as_ref().map(Words::split),
        is_scored,
        seconds,
        memory_mib: mib(memory, 65_536.0).max(16),
        output_mib: mib(output, 64.0),
    })
}

/// Where packages without the key keep it: `.timelimit`, a number of seconds.
fn time_limit_file(folder: &Folder) -> Result<Option<f64>, TaskError> {
    let text = folder.read_text(".timelimit", 100)?;
    let seconds = text.and_then(|text| text.trim().parse::<f64>().ok());
    Ok(seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0))
}

impl Problem {
    pub(super) fn error(&self, why: impl Into<String>) -> TaskError {
        TaskError::new(&self.path, why)
    }

    /// The lines of `[limits]`. A program may wait as long again as it may compute.
    pub(super) fn limits(&self) -> [(&'static str, u64); 4] {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
        let cpu_ms = (self.seconds * 1000.0).clamp(100.0, 300_000.0).ceil() as u64;
        [
            ("wall_ms", cpu_ms * 2),
            ("cpu_ms", cpu_ms),
            ("memory_kib", self.memory_mib * 1024),
            ("output_bytes", self.output_mib * 1024 * 1024),
        ]
    }
}
