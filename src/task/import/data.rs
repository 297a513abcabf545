//! `data/sample` and `data/secret`: public and hidden cases, with their groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::problem::{Problem, yaml};
use super::slug;
use crate::model::Slug;
use crate::task::TaskError;
use crate::task::folder::Folder;

const MIB: u64 = 1024 * 1024;
/// What a task can hold; see the loader.
const MOST_CASE_FILE: u64 = 16 * MIB;
const MOST_BYTES: usize = 64 * 1024 * 1024;
const MOST_CASES: usize = 1000;
const MOST_WEIGHT: f64 = 1_000_000.0;
const DEEPEST: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Cases {
    pub(super) cases: Vec<CaseFiles>,
    pub(super) groups: Vec<Group>,
    /// The flags of the output validator, where the data say them.
    pub(super) flags: Option<Vec<String>>,
}

#[derive(Debug)]
pub(super) struct CaseFiles {
    pub(super) name: Slug,
    pub(super) input: Vec<u8>,
    pub(super) answer: String,
    pub(super) hidden: bool,
    pub(super) weight: u32,
}

/// Cases that count only together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Slug,
    pub(super) weight: u32,
    pub(super) cases: Vec<Slug>,
}

/// `testdata.yaml`, which the later form calls `test_group.yaml`.
#[derive(Debug, Clone, Default, Deserialize)]
struct Settings {
    #[serde(alias = "score", alias = "max_score")]
    accept_score: Option<serde_json::Value>,
    grader_flags: Option<serde_json::Value>,
    #[serde(alias = "score_aggregation")]
    aggregation: Option<String>,
    #[serde(alias = "output_validator_args")]
    output_validator_flags: Option<serde_json::Value>,
    #[serde(flatten)]
    other: BTreeMap<String, IgnoredAny>,
}

/// A text of words, a list of them, or a number.
fn words(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => text.split_whitespace().map(ToOwned::to_owned).collect(),
        serde_json::Value::Array(list) => list.iter().flat_map(words).collect(),
        serde_json::Value::Number(number) => vec![number.to_string()],
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Object(_) => Vec::new(),
    }
}

impl Settings {
    fn score(&self) -> Option<f64> {
        words(self.accept_score.as_ref()?).first()?.parse().ok()
    }

    /// Whether the cases of the group count only together.
    fn is_minimum(&self) -> bool {
        let flags = self.grader_flags.as_ref().map(words).unwrap_or_default();
        flags.iter().any(|flag| flag == "min") || self.aggregation.as_deref() == Some("min")
    }
}

struct Reading<'a> {
    is_scored: bool,
    left_out: &'a mut Vec<String>,
    found: Cases,
    names: BTreeSet<Slug>,
    bytes: usize,
    /// Endings of files that go with a case and are not read.
    endings: BTreeSet<String>,
    ignored_keys: BTreeSet<String>,
    flags: BTreeSet<Vec<String>>,
    fractions: bool,
    too_many: usize,
}

pub(super) fn read(
    folder: &Folder,
    problem: &Problem,
    left_out: &mut Vec<String>,
) -> Result<Cases, TaskError> {
    let data = folder.join("data");
    let mut reading = Reading {
        is_scored: problem.is_scored,
        left_out,
        found: Cases::default(),
        names: BTreeSet::new(),
        bytes: 0,
        endings: BTreeSet::new(),
        ignored_keys: BTreeSet::new(),
        flags: BTreeSet::new(),
        fractions: false,
        too_many: 0,
    };
    reading.settings(&data)?;
    reading.walk(&data.join("sample"), false, "", DEEPEST)?;
    reading.walk(&data.join("secret"), true, "", DEEPEST)?;
    if let Some(listing) = data.list()? {
        for other in listing.folders.iter().filter(|name| !["sample", "secret"].contains(&name.as_str())) {
            reading.left_out.push(format!("`data/{other}/`"));
        }
    }
    reading.finish(&data)
}

impl Reading<'_> {
    fn settings(&mut self, folder: &Folder) -> Result<Settings, TaskError> {
        let mut found = Settings::default();
        for file in ["testdata.yaml", "test_group.yaml"] {
            if let Some(settings) = yaml::<Settings>(folder, file)? {
                found = settings;
            }
        }
        if let Some(flags) = &found.output_validator_flags {
            self.flags.insert(words(flags));
        }
        self.ignored_keys.extend(found.other.keys().cloned());
        Ok(found)
    }

    fn walk(&mut self, folder: &Folder, hidden: bool, prefix: &str, deeper: usize) -> Result<(), TaskError> {
        let Some(listing) = folder.list()? else { return Ok(()) };
        let settings = self.settings(folder)?;
        let mut group = Vec::new();
        for file in &listing.files {
            let Some(base) = file.strip_suffix(".in") else {
                self.note(file, &listing.files);
                continue;
            };
            if let Some(name) = self.case(folder, base, hidden, prefix, &settings)? {
                group.push(name);
            }
        }
        if self.is_scored && hidden && settings.is_minimum() && !group.is_empty() {
            let wanted = if prefix.is_empty() { "secret" } else { prefix.trim_end_matches('-') };
            let weight = self.weight(settings.score().unwrap_or(1.0));
            let groups = &self.found.groups;
            if let Some(name) = slug(wanted, &|name| groups.iter().any(|group| group.name == *name)) {
                self.found.groups.push(Group { name, weight, cases: group });
            }
        }
        for name in &listing.folders {
            let inner = folder.join(name);
            if deeper == 0 {
                return Err(inner.error("groups nest deeper than is read"));
            }
            self.walk(&inner, hidden, &format!("{prefix}{name}-"), deeper - 1)?;
        }
        Ok(())
    }

    /// One case, unless it does not fit into a task.
    fn case(
        &mut self,
        folder: &Folder,
        base: &str,
        hidden: bool,
        prefix: &str,
        settings: &Settings,
    ) -> Result<Option<Slug>, TaskError> {
        let input = format!("{base}.in");
        let shown = folder.join(&input).shown();
        let Some(answer) = folder.read_text(&format!("{base}.ans"), MOST_CASE_FILE)? else {
            self.left_out.push(format!("`{shown}`: it has no answer `{base}.ans`"));
            return Ok(None);
        };
        let input = folder.read(&input, MOST_CASE_FILE)?.unwrap_or_default();
        if self.found.cases.len() == MOST_CASES || self.bytes + input.len() + answer.len() > MOST_BYTES {
            self.too_many += 1;
            return Ok(None);
        }
        let names = &self.names;
        let Some(name) = slug(&format!("{prefix}{base}"), &|name| names.contains(name)) else {
            self.left_out.push(format!("`{shown}`: too many cases are called alike"));
            return Ok(None);
        };
        self.names.insert(name.clone());
        self.bytes += input.len() + answer.len();
        let counts_alone = self.is_scored && hidden && !settings.is_minimum();
        let weight = match settings.score() {
            Some(score) if counts_alone => self.weight(score),
            Some(_) | None => 1,
        };
        self.found.cases.push(CaseFiles { name: name.clone(), input, answer, hidden, weight });
        Ok(Some(name))
    }

    /// Weights are whole numbers from 1.
    fn weight(&mut self, score: f64) -> u32 {
        let bounded = if score.is_finite() { score.clamp(1.0, MOST_WEIGHT).round() } else { 1.0 };
        self.fractions |= (bounded - score).abs() > 1e-9;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to a million, rounded"
        )]
        let weight = bounded as u32;
        weight
    }

    fn note(&mut self, file: &str, files: &[String]) {
        let known = ["testdata.yaml", "test_group.yaml"].contains(&file);
        let answers = file.strip_suffix(".ans").is_some_and(|base| files.contains(&format!("{base}.in")));
        if !known && !answers {
            let ending = file.rsplit_once('.').map_or(file, |(_, ending)| ending);
            self.endings.insert(format!("`.{ending}`"));
        }
    }

    fn finish(self, data: &Folder) -> Result<Cases, TaskError> {
        let Self { mut found, left_out, .. } = self;
        if found.cases.is_empty() {
            return Err(data.error("it holds no case"));
        }
        if self.flags.len() > 1 {
            return Err(
                data.error("its groups compare answers in different ways, and a task has one checker")
            );
        }
        found.flags = self.flags.into_iter().next();
        let list = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
        if !self.endings.is_empty() {
            left_out.push(format!("files among the cases that end in {}", list(self.endings)));
        }
        if !self.ignored_keys.is_empty() {
            let keys = self.ignored_keys.into_iter().map(|key| format!("`{key}`")).collect();
            left_out.push(format!("keys of the groups: {}", list(keys)));
        }
        if self.too_many > 0 {
            left_out.push(format!(
                "{} cases: a task holds {MOST_CASES} cases and {MOST_BYTES} bytes of them",
                self.too_many
            ));
        }
        if self.fractions {
            left_out.push("parts of scores: weights are whole numbers from 1".to_owned());
        }
        if self.is_scored {
            left_out.push("that samples count nothing: here each of them counts 1".to_owned());
        } else {
            left_out.push("that one wrong case fails the problem: here each case counts".to_owned());
        }
        Ok(found)
    }
}
