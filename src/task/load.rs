//! From a folder to a [`Task`]: reads everything once, bounded, and refuses what is not right.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cases::{self, Collected};
use super::commitment;
use super::digest::digest;
use super::examples::examples;
use super::folder::Folder;
use super::generator::MOST_GENERATED;
use super::manifest::{self, KindName, Manifest};
use super::manifest::{CheckerKey, CheckerTable, GeneratorTable, MetricTable};
use super::solutions::solutions;
use super::{
    Artifact, Author, CheckerProgram, Function, Generator, Kind, Metric, Microbits, Subtask, Task, TaskError,
};
use crate::judge::{Checker, TieBreaker, Tolerance};
use crate::model::{Digest, Limits, Slug};

const MANIFEST: &str = "task.toml";
const INVARIANTS: &str = "task.json";
const MOST_TEXT: u64 = 256 * 1024;
const MOST_PROMPT: usize = 16 * 1024;
const MOST_PROGRAM: u64 = 256 * 1024;
/// Bytes of a stream that is predicted.
const MOST_STREAM: u64 = 16 * 1024 * 1024;
/// Less says nothing.
const LEAST_STREAM: usize = 256;

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

pub(super) fn packages(path: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let folder = Folder::on_disk(path);
    let Some(listing) = folder.list()? else { return Err(folder.error("there is no such folder")) };
    if listing.files.iter().any(|file| file == MANIFEST) {
        return Ok(vec![path.to_owned()]);
    }
    let packages: Vec<PathBuf> = listing
        .folders
        .iter()
        .map(|name| path.join(name))
        .filter(|path| path.join(MANIFEST).is_file())
        .collect();
    if packages.is_empty() {
        return Err(folder.error(format!("neither it nor a folder in it has a `{MANIFEST}`")));
    }
    Ok(packages)
}

pub(super) fn load(folder: &Folder) -> Result<Task, TaskError> {
    if folder.list()?.is_none() {
        return Err(folder.error("there is no such folder"));
    }
    let id = Slug::parse(folder.name().unwrap_or_default())
        .map_err(|error| folder.error(format!("a task is called after its folder, and {error}")))?;
    let text = required(folder, MANIFEST)?;
    let path = folder.join(MANIFEST).shown();
    let mut manifest = manifest::parse(&path, &text)?;
    let at =
        |span: Range<usize>, problem: String| TaskError::new(path.clone(), problem).at(&text, span.start);

    if manifest.title.get_ref().trim().is_empty() {
        return Err(at(manifest.title.span(), "the title is empty".to_owned()));
    }
    check_prompt(manifest.prompt.get_ref()).map_err(|problem| at(manifest.prompt.span(), problem))?;
    check_limits(manifest.limits.get_ref()).map_err(|problem| at(manifest.limits.span(), problem))?;
    let kind = kind(folder, &manifest, &at, &path)?;
    if let (Some(table), false) = (&manifest.metric, matches!(kind, Kind::Metric(_))) {
        return Err(at(table.span(), "only a task of the kind `metric` has this table".to_owned()));
    }
    let (checker, tolerance) = checker(&manifest, &kind, &at, &path)?;
    let tie_breakers = tie_breakers(&manifest, &at)?;
    let checker_program = checker_program(&manifest, folder, &at)?;
    let statement = required(folder, "statement.md")?;
    if statement.trim().is_empty() {
        return Err(folder.join("statement.md").error("the statement is empty"));
    }

    let mut collected = Collected::new(folder, checker);
    for table in std::mem::take(&mut manifest.cases) {
        let span = table.span();
        let elsewhere = match &kind {
            Kind::Program => None,
            Kind::Function(_) | Kind::Solution(_) => Some("`cases.json` and `hidden.json`"),
            Kind::Artifact(_) => Some("`task.json`"),
            Kind::Metric(_) => Some("`[metric]`"),
        };
        if let Some(files) = elsewhere {
            return Err(at(span, format!("the cases of a {} task stand in {files}", kind.as_str())));
        }
        collected.table(table, &|problem| at(span.clone(), problem))?;
    }
    let (folders, files) = (["cases", "hidden"], ["cases.json", "hidden.json"]);
    if !matches!(kind, Kind::Artifact(_)) {
        without(folder, &[INVARIANTS], &kind)?;
    }
    match &kind {
        Kind::Program => {
            without(folder, &files, &kind)?;
            collected.files(folders[0], false)?;
            collected.files(folders[1], true)?;
        }
        Kind::Function(_) | Kind::Solution(_) => {
            without(folder, &folders, &kind)?;
            collected.calls(files[0], false)?;
            collected.calls(files[1], true)?;
        }
        Kind::Artifact(artifact) => {
            without(folder, &folders, &kind)?;
            without(folder, &files, &kind)?;
            collected.invariants(artifact, INVARIANTS)?;
        }
        Kind::Metric(metric) => {
            without(folder, &folders, &kind)?;
            without(folder, &files, &kind)?;
            collected.streams(metric)?;
        }
    }
    let generator = generator(&manifest, folder, &at, &mut collected)?;
    let cases = collected.finish()?;
    let mut subtasks: Vec<Subtask> = Vec::with_capacity(manifest.subtasks.len());
    for table in std::mem::take(&mut manifest.subtasks) {
        let span = table.span();
        let subtask =
            cases::subtask(table.into_inner(), &cases, &subtasks).map_err(|problem| at(span, problem))?;
        subtasks.push(subtask);
    }

    let examples = examples(&statement, &kind, &|problem| folder.join("statement.md").error(problem))?;
    let mut task = Task {
        title: manifest.title.get_ref().trim().to_owned(),
        difficulty: manifest.difficulty,
        prompt: format!("{id}: {}", manifest.prompt.get_ref().trim()),
        id,
        statement,
        limits: manifest.limits.into_inner(),
        checker,
        tolerance,
        checker_program,
        generator,
        salt: commitment::salt(folder)?,
        hidden_digest: None,
        cases,
        examples,
        subtasks,
        tie_breakers,
        solutions: solutions(folder, kind.bundle().is_some())?,
        kind,
        digest: Digest::of(b""),
    };
    task.digest = digest(&task);
    task.hidden_digest = task.reveal().map(|text| Digest::of(text.as_bytes()));
    Ok(task)
}

/// Cases of another kind would be passed over without a word.
fn without(folder: &Folder, names: &[&str], kind: &Kind) -> Result<(), TaskError> {
    let listing = folder.list()?.unwrap_or_default();
    let mut found = listing.files.iter().chain(&listing.folders);
    match found.find(|name| names.contains(&name.as_str())) {
        Some(name) => Err(folder
            .join(name)
            .error(format!("this is not where the cases of a {} task stand", kind.as_str()))),
        None => Ok(()),
    }
}

fn check_prompt(prompt: &str) -> Result<(), String> {
    let words = prompt.trim();
    if words.is_empty() {
        return Err("the prompt is empty".to_owned());
    }
    if words.len() > MOST_PROMPT {
        return Err(format!("the prompt is longer than {MOST_PROMPT} bytes"));
    }
    if words.contains('\0') {
        return Err("the prompt holds a NUL, which no command line can".to_owned());
    }
    Ok(())
}

fn kind(
    folder: &Folder,
    manifest: &Manifest,
    at: &dyn Fn(Range<usize>, String) -> TaskError,
    path: &str,
) -> Result<Kind, TaskError> {
    let make: fn(Function) -> Kind = match manifest.kind {
        KindName::Program => {
            return match &manifest.function {
                None => Ok(Kind::Program),
                Some(function) => Err(at(function.span(), "a task of programs has no function".to_owned())),
            };
        }
        KindName::Function => Kind::Function,
        KindName::Solution => Kind::Solution,
        KindName::Artifact => {
            return match &manifest.function {
                None => artifact(folder),
                Some(function) => {
                    Err(at(function.span(), "a task about documents has no function".to_owned()))
                }
            };
        }
        KindName::Metric => {
            return match (&manifest.function, &manifest.metric) {
                (Some(function), _) => {
                    Err(at(function.span(), "a task about scripts has no `function`".to_owned()))
                }
                (None, None) => Err(TaskError::new(path, "a task of this kind needs the table `[metric]`")),
                (None, Some(table)) => metric(folder, table.get_ref(), manifest.limits.get_ref())
                    .map(Kind::Metric)
                    .map_err(|problem| at(table.span(), problem)),
            };
        }
    };
    match &manifest.function {
        Some(function) => {
            Function::new(function.get_ref()).map(make).map_err(|problem| at(function.span(), problem))
        }
        None => Err(TaskError::new(path, "a task of this kind needs the key `function`")),
    }
}

/// Reads the streams and bounds what the author asks for.
fn metric(folder: &Folder, table: &MetricTable, limits: &Limits) -> Result<Metric, String> {
    let stream = |name: &str| -> Result<Arc<[u8]>, String> {
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(format!("`{}` is not a file of the task's folder", name.escape_debug()));
        }
        match folder.read(name, MOST_STREAM).map_err(|error| error.to_string())? {
            Some(bytes) if bytes.len() >= LEAST_STREAM => Ok(bytes.into()),
            Some(_) => Err(format!("the stream `{name}` is shorter than {LEAST_STREAM} bytes")),
            None => Err(format!("there is no file `{}` in the task's folder", name.escape_debug())),
        }
    };
    let microbits = |key: &str, bits: f64| -> Result<Microbits, String> {
        if !(0.0..=32.0).contains(&bits) {
            return Err(format!("`{key}` is bits per byte, from 0 to 32"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 32 million")]
        Ok((bits * 1e6).round() as Microbits)
    };
    // In base64, beside the rest of the report.
    let room = limits.output_bytes.saturating_sub(64 * 1024) / 4 * 3;
    if table.state_bytes > room {
        let (state, output) = (table.state_bytes, limits.output_bytes);
        return Err(format!("`state_bytes` is {state}, for which `output_bytes` ({output}) is too little"));
    }
    let is_name = |name: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        !name.is_empty() && name.chars().all(plain)
    };
    if let Some(wrong) = table.modules.iter().find(|name| !is_name(name)) {
        return Err(format!("`{}` is not the name of a module", wrong.escape_debug()));
    }
    Ok(Metric {
        train: stream(&table.train)?,
        held_out: stream(&table.held_out)?,
        baseline: microbits("baseline", table.baseline)?,
        anomaly: microbits("anomaly", table.anomaly)?,
        seed: table.seed,
        state_bytes: table.state_bytes,
        modules: table.modules.clone(),
        gpus: table.gpus,
    })
}

fn artifact(folder: &Folder) -> Result<Kind, TaskError> {
    let text = required(folder, INVARIANTS)?;
    let here = folder.join(INVARIANTS);
    let (artifact, id) = Artifact::parse(&text, Author::Trusted).map_err(|error| {
        let problem = here.error(manifest::explain(&error.problem));
        match error.line {
            Some(line) => problem.on_line(line),
            None => problem,
        }
    })?;
    match id {
        Some(id) if Some(&id) != folder.name().as_ref() => {
            Err(here.error("its `task_id` is not the name of the task's folder"))
        }
        _ => Ok(Kind::Artifact(artifact)),
    }
}

fn checker(
    manifest: &Manifest,
    kind: &Kind,
    at: &dyn Fn(Range<usize>, String) -> TaskError,
    path: &str,
) -> Result<(Checker, Tolerance), TaskError> {
    let named = manifest.checker.as_ref().map(|checker| match checker.get_ref() {
        CheckerKey::Named(named) => *named,
        CheckerKey::Program(_) => Checker::Program,
    });
    let checker = match (kind, named) {
        (Kind::Artifact(_) | Kind::Metric(_), Some(_)) => {
            let span = manifest.checker.as_ref().map_or(0..0, toml::Spanned::span);
            return Err(at(span, "a task about bundles has no checker".to_owned()));
        }
        (Kind::Program | Kind::Artifact(_) | Kind::Metric(_), None) => Checker::Lines,
        (Kind::Program, Some(checker)) => checker,
        (Kind::Function(_) | Kind::Solution(_), None) => Checker::Json,
        (Kind::Function(_) | Kind::Solution(_), Some(checker @ (Checker::Json | Checker::Program))) => {
            checker
        }
        (Kind::Function(_) | Kind::Solution(_), Some(_)) => {
            let span = manifest.checker.as_ref().map_or(0..0, toml::Spanned::span);
            let problem = "what a function returns is compared as `json`, or by a checker program";
            return Err(at(span, problem.to_owned()));
        }
    };
    let Some(tolerance) = &manifest.tolerance else {
        return match checker {
            Checker::Numbers | Checker::NumbersIgnoreCase => {
                let problem = "a checker of numbers needs a `tolerance`";
                Err(match &manifest.checker {
                    Some(written) => at(written.span(), problem.to_owned()),
                    None => TaskError::new(path, problem),
                })
            }
            _ => Ok((checker, Tolerance::default())),
        };
    };
    if !checker.takes_tolerance() {
        return Err(at(tolerance.span(), "this checker takes no tolerance".to_owned()));
    }
    let Tolerance { absolute, relative } = *tolerance.get_ref();
    if ![absolute, relative].iter().all(|bound| bound.is_finite() && *bound >= 0.0) {
        return Err(at(tolerance.span(), "a tolerance is a finite number from 0".to_owned()));
    }
    Ok((checker, *tolerance.get_ref()))
}

/// Time is looked at before memory, whatever the order in which they are written.
fn tie_breakers(
    manifest: &Manifest,
    at: &dyn Fn(Range<usize>, String) -> TaskError,
) -> Result<Vec<TieBreaker>, TaskError> {
    let Some(written) = &manifest.tie_breakers else { return Ok(Vec::new()) };
    let mut breakers = written.get_ref().clone();
    breakers.sort_unstable();
    if breakers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(at(written.span(), "a tie-breaker is named twice".to_owned()));
    }
    Ok(breakers)
}

/// The author's program, where the task has one.
fn checker_program(
    manifest: &Manifest,
    folder: &Folder,
    at: &dyn Fn(Range<usize>, String) -> TaskError,
) -> Result<Option<CheckerProgram>, TaskError> {
    let Some(checker) = &manifest.checker else { return Ok(None) };
    let CheckerKey::Program(CheckerTable { program, protocol, arguments }) = checker.get_ref() else {
        return Ok(None);
    };
    let complain = |problem: String| at(checker.span(), problem);
    let source = program_file(folder, program, &complain)?;
    if arguments.iter().any(|argument| argument.contains('\0')) {
        return Err(complain("an argument of the checker program holds a NUL".to_owned()));
    }
    Ok(Some(CheckerProgram {
        path: program.clone(),
        source: source.into(),
        protocol: *protocol,
        arguments: arguments.clone(),
    }))
}

/// The author's generator, where the task has one; its blanks go to `collected`.
fn generator(
    manifest: &Manifest,
    folder: &Folder,
    at: &dyn Fn(Range<usize>, String) -> TaskError,
    collected: &mut Collected<'_>,
) -> Result<Option<Generator>, TaskError> {
    let Some(table) = &manifest.generator else { return Ok(None) };
    let complain = |problem: String| at(table.span(), problem);
    if matches!(manifest.kind, KindName::Artifact | KindName::Metric) {
        return Err(complain("a task about bundles has no generator".to_owned()));
    }
    let GeneratorTable { program, count, weight } = table.get_ref();
    if !(1..=MOST_GENERATED).contains(count) {
        return Err(complain(format!("a generator makes from 1 to {MOST_GENERATED} cases, not {count}")));
    }
    let source = program_file(folder, program, &complain)?.into();
    let reference = folder
        .read("solution.py", MOST_PROGRAM)?
        .ok_or_else(|| complain("a generator needs `solution.py`, which answers its cases".to_owned()))?;
    collected.blanks(*count, weight.unwrap_or(1), &complain)?;
    Ok(Some(Generator { path: program.clone(), source, count: *count, reference: reference.into() }))
}

/// The text of a program of the author's that lies beside `task.toml`.
fn program_file(
    folder: &Folder,
    name: &str,
    complain: &dyn Fn(String) -> TaskError,
) -> Result<String, TaskError> {
    let stem = name.strip_suffix(".py").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if stem.is_empty() || !stem.chars().all(plain) {
        let shown = name.escape_debug();
        return Err(complain(format!("`{shown}` is not the name of a Python file in the task's folder")));
    }
    if name == "solution.py" {
        return Err(complain("`solution.py` is the reference solution and nothing else".to_owned()));
    }
    folder
        .read_text(name, MOST_PROGRAM)?
        .ok_or_else(|| complain(format!("there is no file `{name}` in the task's folder")))
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
