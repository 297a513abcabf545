//! Collects the cases of a task, from its manifest and from its files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use super::folder::{Folder, Listing};
use super::generator;
use super::kind::Call;
use super::manifest::{self, CaseTable, SubtaskTable};
use super::{Artifact, Case, Metric, Subtask, TaskError};
use crate::judge::Checker;
use crate::model::Slug;

const MIB: u64 = 1024 * 1024;

const MOST_ARGUMENTS: usize = 64 * 1024;
const MOST_CASE_FILE: u64 = 16 * MIB;
const MOST_CASE_BYTES: usize = 64 * 1024 * 1024;
const MOST_CASES: usize = 1000;
const MOST_WEIGHT: u32 = 1_000_000;

/// Cases as they are found, in `task.toml` and in the folders.
pub(super) struct Collected<'a> {
    folder: &'a Folder,
    checker: Checker,
    names: BTreeSet<Slug>,
    cases: Vec<Case>,
    /// Attributes of cases whose input and answer are files, with how to complain about them.
    attributes: BTreeMap<Slug, (CaseTable, TaskError)>,
    bytes: usize,
}

impl<'a> Collected<'a> {
    pub(super) fn new(folder: &'a Folder, checker: Checker) -> Self {
        let (names, cases, attributes) = Default::default();
        Self { folder, checker, names, cases, attributes, bytes: 0 }
    }

    pub(super) fn table(
        &mut self,
        table: Spanned<CaseTable>,
        error: &dyn Fn(String) -> TaskError,
    ) -> Result<(), TaskError> {
        let table = table.into_inner();
        let name =
            Slug::parse(table.name.get_ref().as_str()).map_err(|invalid| error(invalid.to_string()))?;
        if table.weight.is_some_and(|weight| weight == 0 || weight > MOST_WEIGHT) {
            return Err(error(weight_out_of_range("case", &name)));
        }
        if table.arguments.iter().any(|argument| argument.contains('\0')) {
            return Err(error(format!(
                "an argument of case `{name}` holds a NUL, which no command line can"
            )));
        }
        if table.arguments.iter().map(String::len).sum::<usize>() > MOST_ARGUMENTS {
            return Err(error(format!(
                "the arguments of case `{name}` are longer than {MOST_ARGUMENTS} bytes"
            )));
        }
        let twice = || error(format!("there are two cases `{name}`"));
        match (&table.stdin, &table.expected) {
            (_, Some(_)) => {
                if self.attributes.contains_key(&name) {
                    return Err(twice());
                }
                let CaseTable { stdin, expected, also, arguments, weight, hidden, name: _ } = table;
                let accepted = expected.into_iter().chain(also).map(Arc::from).collect();
                let stdin = Arc::from(stdin.unwrap_or_default().into_bytes());
                let case = Case { name, arguments, stdin, accepted, weight: weight.unwrap_or(1), hidden };
                self.push(case, error)
            }
            (Some(_), None) => Err(error(format!("case `{name}` has `stdin` and no `expected`"))),
            (None, None) if table.also.is_empty() => {
                if self.names.contains(&name) || self.attributes.contains_key(&name) {
                    return Err(twice());
                }
                let missing = error(format!(
                    "case `{name}` has no `expected`, and there is no `cases/{name}.in` or `hidden/{name}.in`"
                ));
                self.attributes.insert(name, (table, missing));
                Ok(())
            }
            (None, None) => Err(error(format!("case `{name}` has `also` and no `expected`"))),
        }
    }

    /// Takes the files of one sub-folder, where there is one.
    pub(super) fn files(&mut self, name: &str, hidden: bool) -> Result<(), TaskError> {
        let folder = self.folder.join(name);
        let Some(Listing { files, folders }) = folder.list()? else { return Ok(()) };
        if let Some(inner) = folders.first() {
            return Err(folder.join(inner).error("cases are files; a folder does not belong here"));
        }
        let mut inputs = BTreeMap::new();
        let mut answers: BTreeMap<&str, Vec<(u32, &str)>> = BTreeMap::new();
        for file in &files {
            let wrong = || {
                folder.join(file).error(
                    "a case is `NAME.in` with `NAME.out`, and `NAME.2.out` and so on for other right answers",
                )
            };
            if let Some(case) = file.strip_suffix(".in") {
                inputs.insert(case, file);
            } else if let Some(case) = file.strip_suffix(".out") {
                let (case, number) = match case.split_once('.') {
                    None => (case, 1),
                    Some((case, number)) => (case, number.parse().map_err(|_| wrong())?),
                };
                answers.entry(case).or_default().push((number, file));
            } else {
                return Err(wrong());
            }
        }
        for (case, files) in &answers {
            if !inputs.contains_key(case) {
                let (_, file) = files[0];
                return Err(folder.join(file).error(format!("the input `{case}.in` is missing")));
            }
        }
        for (case, input) in inputs {
            let name = Slug::parse(case).map_err(|error| folder.join(input).error(error.to_string()))?;
            let mut answers = answers.remove(case).unwrap_or_default();
            answers.sort_unstable();
            if answers.first().is_none_or(|(number, _)| *number != 1) {
                return Err(folder.join(input).error(format!("the answer `{case}.out` is missing")));
            }
            let mut accepted = Vec::with_capacity(answers.len());
            for (_, answer) in answers {
                accepted.push(Arc::from(folder.read_text(answer, MOST_CASE_FILE)?.unwrap_or_default()));
            }
            let stdin = Arc::from(folder.read(input, MOST_CASE_FILE)?.unwrap_or_default());
            let mut case = Case { name, arguments: Vec::new(), stdin, accepted, weight: 1, hidden };
            if let Some((table, _)) = self.attributes.remove(&case.name) {
                case.arguments = table.arguments;
                case.weight = table.weight.unwrap_or(1);
                case.hidden |= table.hidden;
            }
            self.push(case, &|problem| folder.join(input).error(problem))?;
        }
        Ok(())
    }

    /// Takes the calls in one file, where there is one.
    pub(super) fn calls(&mut self, file: &str, hidden: bool) -> Result<(), TaskError> {
        let Some(text) = self.folder.read_text(file, MOST_CASE_FILE)? else { return Ok(()) };
        let here = self.folder.join(file);
        let calls: Vec<Call> = serde_json::from_str(&text).map_err(|error| {
            // The crate's message ends with the place, and the place goes in front.
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or_default();
            here.error(manifest::explain(what)).on_line(error.line())
        })?;
        // Names come in the order of the text, so each is looked for behind the one before.
        let mut place = 0;
        for call in calls {
            let written = serde_json::Value::from(call.name.as_str()).to_string();
            place += text[place..].find(&written).unwrap_or_default();
            let error = |problem: String| here.error(problem).at(&text, place);
            let name = Slug::parse(call.name.as_str()).map_err(|invalid| error(invalid.to_string()))?;
            let reply = call.reply().map_err(|why| error(format!("case `{name}` {why}")))?;
            let weight = call.weight.unwrap_or(1);
            if weight == 0 || weight > MOST_WEIGHT {
                return Err(error(weight_out_of_range("case", &name)));
            }
            let case = Case { weight, hidden, ..Case::new(name, &call.request(), &reply) };
            self.push(case, &error)?;
            place = (place + written.len()).min(text.len());
        }
        Ok(())
    }

    /// Holds the places of `count` cases that a generator will make.
    pub(super) fn blanks(
        &mut self,
        count: usize,
        weight: u32,
        error: &dyn Fn(String) -> TaskError,
    ) -> Result<(), TaskError> {
        if weight == 0 || weight > MOST_WEIGHT {
            return Err(error(format!("the weight of generated cases must be from 1 to {MOST_WEIGHT}")));
        }
        for number in 1..=count {
            let name = Slug::parse(generator::name(number)).map_err(|invalid| error(invalid.to_string()))?;
            self.push(generator::blank(name, weight), error)?;
        }
        Ok(())
    }

    /// Takes the invariants of `artifact`, which were read from `file`.
    pub(super) fn invariants(&mut self, artifact: &Artifact, file: &str) -> Result<(), TaskError> {
        let here = self.folder.join(file);
        for invariant in &artifact.invariants {
            let case = Case::new(invariant.name.clone(), invariant.text.as_bytes(), "holds");
            let case = Case { weight: invariant.weight, hidden: invariant.hidden, ..case };
            self.push(case, &|problem| here.error(problem))?;
        }
        Ok(())
    }

    /// Takes the two runs of a metric.
    pub(super) fn streams(&mut self, metric: &Metric) -> Result<(), TaskError> {
        let cases = metric.cases().map_err(|problem| self.folder.error(problem))?;
        for case in cases {
            let folder = self.folder;
            self.push(case, &|problem| folder.error(problem))?;
        }
        Ok(())
    }

    fn push(&mut self, case: Case, error: &dyn Fn(String) -> TaskError) -> Result<(), TaskError> {
        if !self.names.insert(case.name.clone()) {
            return Err(error(format!("there are two cases `{}`", case.name)));
        }
        if self.checker == Checker::Program && case.accepted.len() > 1 {
            return Err(error(format!(
                "case `{}` has several answers, and a checker program is given one",
                case.name
            )));
        }
        for answer in &case.accepted {
            self.checker.check_answer(answer).map_err(|why| {
                error(format!("case `{}` has an answer that its checker cannot use: {why}", case.name))
            })?;
        }
        self.bytes += case.stdin.len() + case.accepted.iter().map(|answer| answer.len()).sum::<usize>();
        if self.bytes > MOST_CASE_BYTES {
            return Err(error(format!("the cases are larger than {MOST_CASE_BYTES} bytes together")));
        }
        if self.cases.len() == MOST_CASES {
            return Err(error(format!("there are more than {MOST_CASES} cases")));
        }
        self.cases.push(case);
        Ok(())
    }

    /// Public cases first, otherwise in the order found.
    pub(super) fn finish(mut self) -> Result<Vec<Case>, TaskError> {
        if let Some((_, (_, missing))) = self.attributes.pop_first() {
            return Err(missing);
        }
        if self.cases.is_empty() {
            return Err(self.folder.error("the task has no case"));
        }
        self.cases.sort_by_key(|case| case.hidden);
        Ok(self.cases)
    }
}

fn weight_out_of_range(what: &str, name: &Slug) -> String {
    format!("the weight of {what} `{name}` must be from 1 to {MOST_WEIGHT}")
}

/// Checks one `[[subtask]]` against the cases and the subtasks before it.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub(super) fn subtask(table: SubtaskTable, cases: &[Case], others: &[Subtask]) -> Result<Subtask, String> {
    let SubtaskTable { name, weight, cases: names } = table;
    let name = Slug::parse(name).map_err(|error| error.to_string())?;
    if others.iter().any(|other| other.name == name) {
        return Err(format!("there are two subtasks `{name}`"));
    }
    if weight == 0 || weight > MOST_WEIGHT {
        return Err(weight_out_of_range("subtask", &name));
    }
    let mut indices = BTreeSet::new();
    for case in &names {
        let Some(index) = cases.iter().position(|known| known.name.as_str() == case) else {
            return Err(format!("subtask `{name}` has the case `{case}`, which does not exist"));
        };
        if !indices.insert(index) || others.iter().any(|other| other.cases.contains(&index)) {
            return Err(format!("the case `{case}` of subtask `{name}` is in a subtask already"));
        }
    }
    if indices.is_empty() {
        return Err(format!("subtask `{name}` has no case"));
    }
    Ok(Subtask { name, weight, cases: indices.into_iter().collect() })
}
