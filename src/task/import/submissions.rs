//! The package's own submissions become the reference solution and the wrong solutions; its output
//! validator becomes a checker program.

use super::Admits;
use crate::task::TaskError;
use crate::task::folder::Folder;

const MOST_SOURCE: u64 = 256 * 1024;

/// A Python file of the new task.
#[derive(Debug)]
pub(super) struct Program {
    /// Inside the folder it is written to or was read from.
    pub(super) path: String,
    pub(super) source: Vec<u8>,
}

/// Folder of the package and the verdict that it stands for here.
const WRONG: [(&str, &str); 3] = [
    ("run_time_error", "runtime_error"),
    ("time_limit_exceeded", "time_limit"),
    ("wrong_answer", "wrong_answer"),
];

pub(super) fn read(
    folder: &Folder,
    admits: Admits<'_>,
    left_out: &mut Vec<String>,
) -> Result<Vec<Program>, TaskError> {
    let submissions = folder.join("submissions");
    let mut programs = Vec::new();
    let listing = submissions.list()?.unwrap_or_default();
    for verdict in &listing.folders {
        let inner = submissions.join(verdict);
        let files = inner.list()?.unwrap_or_default();
        let mut others = files.folders.len();
        let mut sources = Vec::new();
        for file in &files.files {
            if file.ends_with(".py") {
                let source = inner.read(file, MOST_SOURCE)?.unwrap_or_default();
                sources.push(Program { path: file.clone(), source });
            } else {
                others += 1;
            }
        }
        if others > 0 {
            left_out.push(format!("{others} of `submissions/{verdict}/` that are not one Python file"));
        }
        if verdict == "accepted" {
            // A task has one reference solution, and it must get past the gate.
            let best = sources.iter().position(|program| admits(&program.source));
            if sources.is_empty() {
                left_out.push("a reference solution: no accepted submission is Python".to_owned());
            } else {
                let Program { source, path } = sources.swap_remove(best.unwrap_or(0));
                if best.is_none() {
                    left_out.push(format!("that `{path}` runs: the gate refuses it"));
                }
                programs.push(Program { path: "solution.py".to_owned(), source });
            }
            let rest: Vec<String> =
                sources.into_iter().map(|program| format!("`{}`", program.path)).collect();
            if !rest.is_empty() {
                left_out.push(format!("further accepted submissions: {}", rest.join(", ")));
            }
        } else if let Some((_, ours)) = WRONG.iter().find(|(theirs, _)| *theirs == verdict.as_str()) {
            programs.extend(sources.into_iter().map(|program| Program {
                path: format!("wrong/{ours}/{}", program.path),
                source: program.source,
            }));
        } else {
            left_out.push(format!("`submissions/{verdict}/`"));
        }
    }
    left_out.extend(listing.files.iter().map(|file| format!("`submissions/{file}`")));
    if listing.folders.iter().all(|name| name != "accepted") {
        left_out.push("a reference solution: there is no accepted submission".to_owned());
    }
    Ok(programs)
}

/// The files of the output validator, wherever the format puts them.
pub(super) fn validators(folder: &Folder) -> Result<Vec<Program>, TaskError> {
    let mut found = Vec::new();
    for name in ["output_validators", "output_validator"] {
        let outer = folder.join(name);
        let Some(listing) = outer.list()? else { continue };
        let inner = listing.folders.iter().map(|inner| (format!("{name}/{inner}"), outer.join(inner)));
        for (shown, place) in std::iter::once((name.to_owned(), outer.clone())).chain(inner) {
            for file in place.list()?.unwrap_or_default().files {
                let source = place.read(&file, MOST_SOURCE)?.unwrap_or_default();
                found.push(Program { path: format!("{shown}/{file}"), source });
            }
        }
    }
    Ok(found)
}
