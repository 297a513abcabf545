//! The programs that come with a task and what each must come to.

use std::sync::Arc;

use super::folder::Folder;
use super::{Fate, Solution, TaskError};
use crate::bundle;
use crate::model::CaseVerdict;

const MOST_SOURCE: u64 = 1024 * 1024;

const FAILURES: [CaseVerdict; 6] = [
    CaseVerdict::OutputLimit,
    CaseVerdict::TimeLimit,
    CaseVerdict::MemoryLimit,
    CaseVerdict::ProcessLimit,
    CaseVerdict::RuntimeError,
    CaseVerdict::WrongAnswer,
];

/// `solution.py` and what lies in `wrong/VERDICT/`; where bundles are submitted, `solution/` and the
/// folders in `wrong/VERDICT/`.
pub(super) fn solutions(folder: &Folder, are_bundles: bool) -> Result<Vec<Solution>, TaskError> {
    let mut solutions = Vec::new();
    let whole = folder.join("solution");
    if are_bundles && whole.list()?.is_some() {
        let path = "solution".to_owned();
        solutions.push(Solution { path, source: packed(&whole)?, fate: Fate::Accepted });
    }
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
        let listing = inner.list()?.unwrap_or_default();
        for name in listing.folders.iter().filter(|_| are_bundles) {
            let source = packed(&inner.join(name))?;
            solutions.push(Solution { path: format!("wrong/{verdict}/{name}"), source, fate });
        }
        let files = listing.files;
        for file in files.iter().filter(|file| file.ends_with(".py")) {
            let source = inner.read(file, MOST_SOURCE)?.unwrap_or_default().into();
            solutions.push(Solution { path: format!("wrong/{verdict}/{file}"), source, fate });
        }
    }
    Ok(solutions)
}

/// The files of a folder as the archive that an author would submit.
fn packed(folder: &Folder) -> Result<Arc<[u8]>, TaskError> {
    let mut files = Vec::new();
    let mut waiting = vec![(folder.clone(), String::new())];
    while let Some((here, prefix)) = waiting.pop() {
        let listing = here.list()?.unwrap_or_default();
        for name in &listing.files {
            let content = here.read(name, MOST_SOURCE)?.unwrap_or_default();
            files.push((format!("{prefix}{name}"), content));
        }
        waiting.extend(listing.folders.iter().map(|name| (here.join(name), format!("{prefix}{name}/"))));
    }
    files.sort();
    let packed = bundle::pack(files.iter().map(|(path, content)| (path.as_str(), content.as_slice())));
    packed.map(Arc::from).map_err(|error| folder.error(error))
}

fn fate(folder: &str) -> Option<Fate> {
    if folder == "rejected" {
        return Some(Fate::Rejected);
    }
    FAILURES.into_iter().find(|verdict| verdict.as_str() == folder).map(Fate::Fails)
}
