//! Runs of cases that were judged, written down as they end, so that a run that was killed goes on
//! where it stopped: nothing that was finished is lost, and nothing is counted twice.
//!
//! One line of JSON for each run of a case, appended in one write. `kill -9` loses at most the line
//! that was being written, and a line that is cut off is dropped when the file is next opened. It is
//! not synced to the disk: it is for a process that dies, not for a machine that does.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::model::{CaseResult, Digest, MinerId};
use crate::task::{Case, Task};

/// A journal is a few hundred bytes for each run of a case; one that is larger is something else.
const MOST_BYTES: u64 = 4 << 30;

/// What every line begins with.
const START: &[u8] = b"{\"run\":";

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot use the journal `{}`", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the journal `{}` is used by another run", .path.display())]
    InUse { path: PathBuf },
    #[error("line {line} of `{}` is not of a journal: {cause}", .path.display())]
    Foreign { path: PathBuf, line: usize, cause: String },
}

/// What an earlier run finished, and where this one writes what it finishes.
#[derive(Debug)]
pub struct Journal {
    scope: String,
    known: BTreeMap<Digest, CaseResult>,
    file: Mutex<File>,
    failed: Mutex<Option<String>>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    run: Digest,
    result: CaseResult,
}

impl Journal {
    /// Opens or makes the file, for nobody else at the same time. `scope` names the sandbox: what ran
    /// in another one is run again.
    ///
    /// # Errors
    /// When the file cannot be used, is in use, or is not a journal.
    pub fn open(path: &Path, scope: &str) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut bytes = Vec::new();
        (&mut file).take(MOST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut known = BTreeMap::new();
        for (line, text) in (1..).zip(bytes[..whole].split_inclusive(|byte| *byte == b'\n')) {
            let Line { run, result } = serde_json::from_slice(text).map_err(|error| {
                JournalError::Foreign { path: path.to_owned(), line, cause: error.to_string() }
            })?;
            known.insert(run, result);
        }
        // The first line may have been cut off, but only one of ours.
        let is_cut_off = bytes.starts_with(START) || START.starts_with(&bytes);
        if whole == 0 && !is_cut_off {
            let cause = "it does not begin as one".to_owned();
            return Err(JournalError::Foreign { path: path.to_owned(), line: 1, cause });
        }
        file.set_len(whole as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        Ok(Self { scope: scope.to_owned(), known, file: Mutex::new(file), failed: Mutex::new(None) })
    }

    /// How many finished runs of cases it held when it was opened.
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// Why it does not hold everything that was finished, where that is so.
    pub fn failure(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn recall(&self, run: &Run<'_>) -> Option<CaseResult> {
        self.known.get(&run.key(&self.scope)).cloned()
    }

    /// Writes `result` down, when it is one. A file that cannot be written costs the next run time and
    /// this one nothing.
    pub(super) fn record(&self, run: &Run<'_>, result: &CaseResult) {
        if !result.verdict.is_judged() {
            return;
        }
        let line = Line { run: run.key(&self.scope), result: result.clone() };
        let written = serde_json::to_vec(&line).map_err(io::Error::other).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes)
        });
        if let Err(error) = written {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert_with(|| error.to_string());
        }
    }
}

/// One run of one case: everything that decides what comes of it, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) miner_id: &'a MinerId,
    /// What is executed: the agent, or the harness with the agent or with what it wrote inside.
    pub(super) program: &'a str,
    pub(super) task: &'a Task,
    pub(super) case: &'a Case,
    /// Which of the repeats, from 0.
    pub(super) number: u32,
}

impl Run<'_> {
    fn key(&self, scope: &str) -> Digest {
        let Self { miner_id, program, task, case, number } = self;
        let of = |text: &str| Digest::of(text.as_bytes());
        let mut text = format!(
            "portcullis journal 1\n{}\n{miner_id}\n{}\n{} {}\n{} {}\n{number}\n",
            of(scope),
            of(program),
            task.id,
            task.digest,
            case.name,
            Digest::of(&case.stdin),
        );
        // A generated case has the same name in every round, and other content.
        for part in &case.arguments {
            text.push_str(&format!("argument {}\n", of(part)));
        }
        for answer in &case.accepted {
            text.push_str(&format!("accepts {}\n", of(answer)));
        }
        of(&text)
    }
}
