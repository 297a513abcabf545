//! The programs that come with a task and what each must come to.

use super::folder::Folder;
use super::{Fate, Solution, TaskError};
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

/// `solution.py` and what lies in `wrong/VERDICT/`.
pub(super) fn solutions(folder: &Folder) -> Result<Vec<Solution>, TaskError> {
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

fn fate(folder: &str) -> Option<Fate> {
    if folder == "rejected" {
        return Some(Fate::Rejected);
    }
    FAILURES.into_iter().find(|verdict| verdict.as_str() == folder).map(Fate::Fails)
}
