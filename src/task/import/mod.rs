//! Reads a problem package of Kattis or the ICPC (`problem.yaml`, legacy and 2023-07) and writes a
//! task folder. What a task cannot hold is listed, never passed over in silence; what would change
//! the meaning of the problem is refused.
//!
//! The format: <https://www.kattis.com/problem-package-format/>.

mod data;
mod flags;
mod problem;
mod statement;
mod submissions;

use std::fs;
use std::path::{Path, PathBuf};

use super::TaskError;
use super::commitment::{SALT_FILE, new_salt};
use super::folder::Folder;
use crate::judge::Checker;
use crate::model::Slug;
use data::Cases;
use flags::Flags;
use problem::{Problem, Validation};
use statement::Statement;

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    /// The new task's folder.
    pub folder: PathBuf,
    pub cases: usize,
    /// What the package has and the task does not, one sentence each.
    pub left_out: Vec<String>,
}

/// Whether the gate lets a source in; of several reference solutions one that it lets in is taken.
pub type Admits<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Writes the package in `package` as the task `name` into `into`, which is made where it is missing.
///
/// # Errors
/// That it is no package, or one that cannot be a task here (interactive problems, output validators
/// that are not one Python file), that there is something of that name, or that a file cannot be
/// read or written.
pub fn import(package: &Path, into: &Path, name: &Slug, admits: Admits<'_>) -> Result<Imported, TaskError> {
    let folder = Folder::on_disk(package);
    if folder.list()?.is_none() {
        return Err(folder.error("there is no such folder"));
    }
    let mut entries = 0;
    no_links(&folder, &mut entries, DEEPEST)?;
    let mut left_out = Vec::new();
    let problem = problem::read(&folder, &mut left_out)?;
    let cases = data::read(&folder, &problem, &mut left_out)?;
    let checker = checker(&folder, &problem, &cases, &mut left_out)?;
    let statement = statement::read(&folder, &problem, &cases, &mut left_out)?;
    let programs = submissions::read(&folder, admits, &mut left_out)?;
    other_folders(&folder, &mut left_out)?;

    let target = into.join(name.as_str());
    let failed = |error: std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "there is something of that name already".to_owned(),
            _ => format!("cannot write the task: {error}"),
        };
        TaskError::new(target.display().to_string(), why)
    };
    fs::create_dir_all(into).map_err(failed)?;
    fs::create_dir(&target).map_err(failed)?;
    let write = |path: &str, content: &[u8]| {
        let path = target.join(path);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, content))
            .map_err(failed)
    };
    write("task.toml", manifest(&problem, &cases, &checker, &statement).as_bytes())?;
    write("statement.md", statement.text.as_bytes())?;
    write(SALT_FILE, new_salt().as_bytes())?;
    if let Judge::Program { source, .. } = &checker {
        write("checker.py", source)?;
    }
    for case in &cases.cases {
        let folder = if case.hidden { "hidden" } else { "cases" };
        write(&format!("{folder}/{}.in", case.name), &case.input)?;
        write(&format!("{folder}/{}.out", case.name), case.answer.as_bytes())?;
    }
    for program in &programs {
        write(&program.path, &program.source)?;
    }
    Ok(Imported { folder: target, cases: cases.cases.len(), left_out })
}

/// Folders within folders of a package.
const DEEPEST: usize = 8;
const MOST_ENTRIES: usize = 20_000;

/// Refuses links: a package may come from anywhere, and what a link leads to is not part of it.
fn no_links(folder: &Folder, entries: &mut usize, deeper: usize) -> Result<(), TaskError> {
    let listing = folder.list()?.unwrap_or_default();
    *entries += listing.files.len() + listing.folders.len();
    if *entries > MOST_ENTRIES {
        return Err(folder.error(format!("the package holds more than {MOST_ENTRIES} entries")));
    }
    if let Some(link) = listing.files.iter().chain(&listing.folders).find(|name| folder.is_link(name)) {
        return Err(folder.join(link).error("it is a link; a package holds files"));
    }
    for name in &listing.folders {
        let inner = folder.join(name);
        if deeper == 0 {
            return Err(inner.error("folders nest deeper than is read"));
        }
        no_links(&inner, entries, deeper - 1)?;
    }
    Ok(())
}

/// Who judges the answers of the new task.
enum Judge {
    Named(Flags),
    Program { source: Vec<u8>, arguments: Vec<String> },
}

fn checker(
    folder: &Folder,
    problem: &Problem,
    cases: &Cases,
    left_out: &mut Vec<String>,
) -> Result<Judge, TaskError> {
    let flags = problem.flags.clone().or_else(|| cases.flags.clone()).unwrap_or_default();
    let found = submissions::validators(folder)?;
    let custom = match problem.validation {
        Validation::Default => false,
        Validation::Custom => true,
        // The later form has no key for it: a validator that is there is meant.
        Validation::AsFound => !found.is_empty(),
    };
    if !custom {
        if !found.is_empty() {
            left_out.push("an output validator that `problem.yaml` does not ask for".to_owned());
        }
        return flags::parse(&flags, left_out).map(Judge::Named).map_err(|why| problem.error(why));
    }
    match found.as_slice() {
        [one] if one.path.ends_with(".py") => {
            Ok(Judge::Program { source: one.source.clone(), arguments: flags })
        }
        [] => Err(problem.error("it wants an output validator of its own, and there is none")),
        [one, ..] if found.iter().all(|file| !file.path.ends_with(".py")) => Err(problem.error(format!(
            "its output validator `{}` is not Python; write a checker program in its place",
            one.path
        ))),
        [first, ..] => Err(problem.error(format!(
            "its output validator is more than one file (`{}` and others); a checker program is one Python file",
            first.path
        ))),
    }
}

const KNOWN: [&str; 10] = [
    "data",
    "statement",
    "problem_statement",
    "submissions",
    "output_validators",
    "output_validator",
    "input_validators",
    "input_format_validators",
    "attachments",
    "generators",
];

fn other_folders(folder: &Folder, left_out: &mut Vec<String>) -> Result<(), TaskError> {
    let listing = folder.list()?.unwrap_or_default();
    for name in &listing.folders {
        match name.as_str() {
            "input_validators" | "input_format_validators" => {
                left_out.push(format!("`{name}/`: `task check` does not run input validators"));
            }
            "attachments" | "generators" => left_out.push(format!("`{name}/`")),
            name if !KNOWN.contains(&name) => left_out.push(format!("`{name}/`")),
            _ => {}
        }
    }
    for name in listing.files.iter().filter(|name| *name != "problem.yaml") {
        left_out.push(format!("`{name}`"));
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn manifest(problem: &Problem, cases: &Cases, judge: &Judge, statement: &Statement) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("title = {}", quoted(&problem.name)));
    // The format has no difficulty.
    line("difficulty = \"medium\"".to_owned());
    line(format!("prompt = {}", quoted(&statement.prompt)));
    match judge {
        Judge::Named(flags) => {
            let name = serde_json::to_string(&flags.checker).unwrap_or_default();
            line(format!("checker = {name}"));
            if flags.checker.takes_tolerance() {
                line(format!(
                    "tolerance = {{ absolute = {:e}, relative = {:e} }}",
                    flags.tolerance.absolute, flags.tolerance.relative
                ));
            }
        }
        Judge::Program { arguments, .. } => {
            let arguments = toml::Value::from(arguments.clone());
            line(format!(
                "checker = {{ program = \"checker.py\", protocol = \"icpc\", arguments = {arguments} }}"
            ));
        }
    }
    line(String::new());
    line("[limits]".to_owned());
    for (key, value) in problem.limits() {
        line(format!("{key} = {value}"));
    }
    for group in &cases.groups {
        let names: Vec<String> = group.cases.iter().map(|name| quoted(name.as_str())).collect();
        line(format!("\n[[subtask]]\nname = {}\nweight = {}", quoted(group.name.as_str()), group.weight));
        line(format!("cases = [{}]", names.join(", ")));
    }
    for case in cases.cases.iter().filter(|case| case.weight != 1) {
        line(format!("\n[[case]]\nname = {}\nweight = {}", quoted(case.name.as_str()), case.weight));
    }
    out
}

/// A name that we can use, made from one that need not be. `taken` says which are gone.
fn slug(wanted: &str, taken: &dyn Fn(&Slug) -> bool) -> Option<Slug> {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => c,
        _ => '_',
    };
    let mapped: String = wanted.chars().map(plain).take(56).collect();
    let base = match mapped.trim_start_matches(['_', '-']) {
        "" => "case",
        rest => rest,
    };
    let numbered = (2..10_000).map(|number| format!("{base}-{number}"));
    std::iter::once(base.to_owned()).chain(numbered).find_map(|name| {
        let name = Slug::parse(name).ok()?;
        (!taken(&name)).then_some(name)
    })
}

impl Default for Flags {
    fn default() -> Self {
        Self { checker: Checker::TokensIgnoreCase, tolerance: crate::judge::Tolerance::default() }
    }
}
