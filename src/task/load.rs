//! From a folder to a [`Task`]: reads everything once, bounded, and refuses what is not right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;

use super::folder::{Folder, Listing};
use super::manifest::{self, CaseTable, Manifest, SubtaskTable};
use super::{Case, Fate, Solution, Subtask, Task, TaskError};
use crate::judge::{Checker, Tolerance};
use crate::model::{CaseVerdict, Digest, Limits, Slug};

const MANIFEST: &str = "task.toml";
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

const MOST_TEXT: u64 = 256 * KIB;
const MOST_PROMPT: usize = 16 * 1024;
const MOST_ARGUMENTS: usize = 64 * 1024;
const MOST_CASE_FILE: u64 = 16 * MIB;
const MOST_CASE_BYTES: usize = 64 * 1024 * 1024;
const MOST_CASES: usize = 1000;
const MOST_SOURCE: u64 = MIB;
const MOST_WEIGHT: u32 = 1_000_000;

pub(super) fn load_all(folder: &Folder) -> Result<Vec<Task>, TaskError> {
    let Some(listing) = folder.list()? else { return Err(folder.error("there is no such folder")) };
    let mut tasks = Vec::new();
    for name in &listing.folders {
        let inner = folder.join(name);
        if inner.list()?.is_some_and(|listing| listing.files.iter().any(|file| file == MANIFEST)) {
            tasks.push(load(&inner)?);
        }
    }
    if tasks.is_empty() {
        let hint = if listing.files.iter().any(|file| file == MANIFEST) {
            "; it is a task itself, so give the folder above it"
        } else {
            ""
        };
        return Err(folder.error(format!("no folder in it has a `{MANIFEST}`{hint}")));
    }
    tasks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(tasks)
}

pub(super) fn load(folder: &Folder) -> Result<Task, TaskError> {
    if folder.list()?.is_none() {
        return Err(folder.error("there is no such folder"));
    }
    let id = Slug::parse(folder.name().unwrap_or_default())
        .map_err(|error| folder.error(format!("a task is called after its folder, and {error}")))?;
    let text = required(folder, MANIFEST)?;
    let path = folder.join(MANIFEST).shown();
    let Manifest { title, difficulty, prompt, checker, tolerance, limits, subtasks, cases } =
        manifest::parse(&path, &text)?;

    let at = |span: std::ops::Range<usize>, problem: String| {
        TaskError::new(path.clone(), problem).at(&text, span.start)
    };
    if title.get_ref().trim().is_empty() {
        return Err(at(title.span(), "the title is empty".to_owned()));
    }
    let words = prompt.get_ref().trim();
    if words.is_empty() {
        return Err(at(prompt.span(), "the prompt is empty".to_owned()));
    }
    if words.len() > MOST_PROMPT {
        return Err(at(prompt.span(), format!("the prompt is longer than {MOST_PROMPT} bytes")));
    }
    if words.contains('\0') {
        return Err(at(prompt.span(), "the prompt holds a NUL, which no command line can".to_owned()));
    }
    let tolerance = match tolerance {
        None if checker == Checker::Numbers => {
            return Err(TaskError::new(path, "the checker `numbers` needs a `tolerance`"));
        }
        None => Tolerance::default(),
        Some(tolerance) => {
            let bad = |bound: f64| !(bound.is_finite() && bound >= 0.0);
            let Tolerance { absolute, relative } = *tolerance.get_ref();
            if !checker.takes_tolerance() {
                return Err(at(tolerance.span(), "this checker takes no tolerance".to_owned()));
            }
            if bad(absolute) || bad(relative) {
                return Err(at(tolerance.span(), "a tolerance is a finite number from 0".to_owned()));
            }
            *tolerance.get_ref()
        }
    };
    check_limits(limits.get_ref()).map_err(|problem| at(limits.span(), problem))?;
    let prompt = format!("{id}: {words}");
    let statement = required(folder, "statement.md")?;
    if statement.trim().is_empty() {
        return Err(folder.join("statement.md").error("the statement is empty"));
    }

    let mut collected = Collected::new(folder, checker);
    for table in cases {
        let span = table.span();
        collected.table(table, &|problem| at(span.clone(), problem))?;
    }
    collected.files("cases", false)?;
    collected.files("hidden", true)?;
    let cases = collected.finish()?;

    let mut groups: Vec<Subtask> = Vec::with_capacity(subtasks.len());
    for table in subtasks {
        let span = table.span();
        let group = subtask(table.into_inner(), &cases, &groups).map_err(|problem| at(span, problem))?;
        groups.push(group);
    }

    let limits = limits.into_inner();
    let solutions = solutions(folder)?;
    let mut task = Task {
        id,
        title: title.into_inner().trim().to_owned(),
        difficulty,
        prompt,
        statement,
        limits,
        checker,
        tolerance,
        cases,
        subtasks: groups,
        solutions,
        digest: Digest::of(b""),
    };
    task.digest = digest(&task);
    Ok(task)
}

fn required(folder: &Folder, name: &str) -> Result<String, TaskError> {
    folder.read_text(name, MOST_TEXT)?.ok_or_else(|| folder.error(format!("the file `{name}` is missing")))
}

/// Bounds what a task may ask of a validator: a mistyped zero must not take a machine down.
fn check_limits(limits: &Limits) -> Result<(), String> {
    let bounds: [(&str, u64, u64, u64); 8] = [
        ("wall_ms", limits.wall_ms, 100, 600_000),
        ("cpu_ms", limits.cpu_ms, 100, 600_000),
        ("memory_kib", limits.memory_kib, 16 * 1024, 64 * 1024 * 1024),
        ("processes", limits.processes, 1, 4096),
        ("output_bytes", limits.output_bytes, 1, 64 * 1024 * 1024),
        ("scratch_kib", limits.scratch_kib, 0, 16 * 1024 * 1024),
        ("scratch_files", limits.scratch_files, 0, 1_000_000),
        ("open_files", limits.open_files, 8, 65_536),
    ];
    for (name, value, least, most) in bounds {
        if !(least..=most).contains(&value) {
            return Err(format!("the limit `{name}` is {value}; it must be from {least} to {most}"));
        }
    }
    Ok(())
}

/// Cases as they are found, in `task.toml` and in the folders.
struct Collected<'a> {
    folder: &'a Folder,
    checker: Checker,
    names: BTreeSet<Slug>,
    cases: Vec<Case>,
    /// Attributes of cases whose input and answer are files, with how to complain about them.
    attributes: BTreeMap<Slug, (CaseTable, TaskError)>,
    bytes: usize,
}

impl<'a> Collected<'a> {
    fn new(folder: &'a Folder, checker: Checker) -> Self {
        let (names, cases, attributes) = Default::default();
        Self { folder, checker, names, cases, attributes, bytes: 0 }
    }

    fn table(
        &mut self,
        table: Spanned<CaseTable>,
        error: &dyn Fn(String) -> TaskError,
    ) -> Result<(), TaskError> {
        let table = table.into_inner();
        let name =
            Slug::parse(table.name.get_ref().as_str()).map_err(|invalid| error(invalid.to_string()))?;
        if table.weight.is_some_and(|weight| weight == 0 || weight > MOST_WEIGHT) {
            return Err(error(format!("the weight of case `{name}` must be from 1 to {MOST_WEIGHT}")));
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
    fn files(&mut self, name: &str, hidden: bool) -> Result<(), TaskError> {
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

    fn push(&mut self, case: Case, error: &dyn Fn(String) -> TaskError) -> Result<(), TaskError> {
        if !self.names.insert(case.name.clone()) {
            return Err(error(format!("there are two cases `{}`", case.name)));
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
    fn finish(mut self) -> Result<Vec<Case>, TaskError> {
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

fn subtask(table: SubtaskTable, cases: &[Case], others: &[Subtask]) -> Result<Subtask, String> {
    let SubtaskTable { name, weight, cases: names } = table;
    let name = Slug::parse(name).map_err(|error| error.to_string())?;
    if others.iter().any(|other| other.name == name) {
        return Err(format!("there are two subtasks `{name}`"));
    }
    if weight == 0 || weight > MOST_WEIGHT {
        return Err(format!("the weight of subtask `{name}` must be from 1 to {MOST_WEIGHT}"));
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

/// `solution.py` and what lies in `wrong/VERDICT/`.
fn solutions(folder: &Folder) -> Result<Vec<Solution>, TaskError> {
    let mut solutions = Vec::new();
    if let Some(source) = folder.read("solution.py", MOST_SOURCE)? {
        let path = "solution.py".to_owned();
        solutions.push(Solution { path, source: source.into(), fate: Fate::Accepted });
    }
    let wrong = folder.join("wrong");
    let Some(listing) = wrong.list()? else { return Ok(solutions) };
    if let Some(file) = listing.files.first() {
        return Err(wrong.join(file).error("a wrong solution lies in the folder of its verdict"));
    }
    for verdict in &listing.folders {
        let inner = wrong.join(verdict);
        let fate = fate(verdict).ok_or_else(|| {
            let known = FAILURES.map(CaseVerdict::as_str).join("`, `");
            inner.error(format!("no wrong solution can get this verdict; known are `{known}`, `rejected`"))
        })?;
        let files = inner.list()?.unwrap_or_default().files;
        for file in files.iter().filter(|file| file.ends_with(".py")) {
            let source = inner.read(file, MOST_SOURCE)?.unwrap_or_default().into();
            solutions.push(Solution { path: format!("wrong/{verdict}/{file}"), source, fate });
        }
    }
    Ok(solutions)
}

const FAILURES: [CaseVerdict; 6] = [
    CaseVerdict::OutputLimit,
    CaseVerdict::TimeLimit,
    CaseVerdict::MemoryLimit,
    CaseVerdict::ProcessLimit,
    CaseVerdict::RuntimeError,
    CaseVerdict::WrongAnswer,
];

fn fate(folder: &str) -> Option<Fate> {
    if folder == "rejected" {
        return Some(Fate::Rejected);
    }
    FAILURES.into_iter().find(|verdict| verdict.as_str() == folder).map(Fate::Fails)
}

/// One line for each thing that decides a score, hashed.
fn digest(task: &Task) -> Digest {
    use std::fmt::Write as _;
    // Neither limits nor checkers hold anything that JSON cannot.
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let mut text = format!(
        "portcullis task 1\nid {}\nprompt {}\nchecker {} {}\nlimits {}\n",
        task.id,
        Digest::of(task.prompt.as_bytes()),
        json(serde_json::to_string(&task.checker)),
        json(serde_json::to_string(&task.tolerance)),
        json(serde_json::to_string(&task.limits)),
    );
    for case in &task.cases {
        let _ = write!(
            text,
            "case {} weight {} hidden {} arguments {} stdin {}",
            case.name,
            case.weight,
            case.hidden,
            json(serde_json::to_string(&case.arguments)),
            Digest::of(&case.stdin),
        );
        for answer in &case.accepted {
            let _ = write!(text, " accepts {}", Digest::of(answer.as_bytes()));
        }
        text.push('\n');
    }
    for subtask in &task.subtasks {
        let _ =
            writeln!(text, "subtask {} weight {} cases {:?}", subtask.name, subtask.weight, subtask.cases);
    }
    Digest::of(text.as_bytes())
}
