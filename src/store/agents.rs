//! The current agent of each miner as two files, `<miner>.py` and `<miner>.json`, for people and
//! tools that want files. The database is the truth; the files follow it and are mended at start.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, Submission};
use crate::model::{Digest, MinerId, SubmissionId};

/// How the names of files begin that are being written. No miner id begins with a dot.
const UNFINISHED: &str = ".new-";

/// What lies beside the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecord {
    pub version: u32,
    pub miner_id: MinerId,
    pub submission_id: SubmissionId,
    /// Of the bytes as they were uploaded.
    pub sha256: Digest,
    /// Of the file beside this one.
    pub source_sha256: Digest,
    /// Of the policy under which the gate let it in.
    pub policy: Digest,
    pub submitted_at: Timestamp,
}

impl AgentRecord {
    fn of(submission: &Submission) -> Self {
        Self {
            version: 1,
            miner_id: submission.miner.clone(),
            submission_id: submission.id,
            sha256: submission.upload,
            source_sha256: submission.source,
            policy: submission.policy,
            submitted_at: submission.received_at,
        }
    }
}

/// The folder of the current agents.
#[derive(Debug, Clone)]
pub struct AgentFiles {
    folder: Arc<Path>,
}

impl AgentFiles {
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|source| failed("make the folder", folder, source))?;
        Ok(Self { folder: folder.into() })
    }

    /// Removes what a crash left half written. Only while nobody else writes.
    ///
    /// # Errors
    /// When the folder cannot be read or a file cannot be removed.
    pub fn sweep(&self) -> Result<(), StoreError> {
        super::remove_files(&self.folder, |name| name.starts_with(UNFINISHED))
    }

    /// Makes the files say what the database says of `miner`. Call it for one miner from one task
    /// at a time: of two that write, the one that read the database last must write last.
    ///
    /// # Errors
    /// When the database, the source or the files fail.
    pub async fn follow(
        &self,
        store: &Store,
        blobs: &super::Blobs,
        miner: &MinerId,
    ) -> Result<(), StoreError> {
        let Some(current) = store.current(miner).await? else { return Ok(()) };
        let record = AgentRecord::of(&current);
        let (files, miner) = (self.clone(), miner.clone());
        let source = blobs.get(current.source).await?;
        let written = tokio::task::spawn_blocking(move || {
            if files.read(&miner).is_some_and(|(known, text)| known == record && text == *source) {
                return Ok(());
            }
            files.write(&miner, &record, &source)
        });
        written.await.map_err(|error| StoreError::File {
            doing: "write the files of",
            name: current.miner.to_string(),
            source: io::Error::other(error),
        })?
    }

    fn path(&self, miner: &MinerId, suffix: &str) -> PathBuf {
        // A `MinerId` has no separator and no dot, so that this cannot leave the folder.
        self.folder.join(format!("{miner}.{suffix}"))
    }

    fn read(&self, miner: &MinerId) -> Option<(AgentRecord, String)> {
        let record = fs::read_to_string(self.path(miner, "json")).ok()?;
        let source = fs::read_to_string(self.path(miner, "py")).ok()?;
        Some((serde_json::from_str(&record).ok()?, source))
    }

    fn write(&self, miner: &MinerId, record: &AgentRecord, source: &str) -> Result<(), StoreError> {
        let json = serde_json::to_string_pretty(record).map_err(|error| StoreError::Corrupt {
            what: "record",
            id: miner.to_string(),
            cause: error.to_string(),
        })?;
        self.replace(&self.path(miner, "py"), source.as_bytes())?;
        self.replace(&self.path(miner, "json"), format!("{json}\n").as_bytes())?;
        // The names themselves are on the disk only once the folder is.
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| failed("write the folder", &self.folder, source))
    }

    /// A reader sees the old file or the new one, never a part; so does a machine that lost power.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| failed("write", path, source))
    }
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { doing, name: path.display().to_string(), source }
}
