//! The current agent of each miner as two files, `<miner>.py` and `<miner>.json`, for people and
//! tools that want files. The database is the truth; the files follow it and are mended at start.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Blobs, Objects, Store, StoreError, Submission};
use crate::model::{Digest, MinerId, SubmissionId};

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
    objects: Objects,
}

impl AgentFiles {
    pub fn new(objects: Objects) -> Self {
        Self { objects }
    }

    /// Removes what a crash left half written in the local folder `path`. Only while nobody else
    /// writes.
    ///
    /// # Errors
    /// When the folder cannot be read or a file cannot be removed.
    pub fn sweep(path: &Path) -> Result<(), StoreError> {
        // A file is written to `NAME#NUMBER` before it is renamed; miner ids have no `#`.
        super::remove_files(path, |name| name.contains('#'))
    }

    /// Makes the files say what the database says of `miner`. Several may do so at once, even from
    /// several platforms: whoever writes last looks at the database again and sees the newest.
    ///
    /// # Errors
    /// When the database, the source or the files fail.
    pub async fn follow(&self, store: &Store, blobs: &Blobs, miner: &MinerId) -> Result<(), StoreError> {
        let mut current = store.current(miner).await?;
        while let Some(submission) = current {
            let source = blobs.get(submission.source).await?;
            self.write(miner, &AgentRecord::of(&submission), &source).await?;
            let newest = store.current(miner).await?;
            current = newest.filter(|newest| newest.id != submission.id);
        }
        Ok(())
    }

    /// As [`AgentFiles::follow`], and writes nothing where the files are right.
    ///
    /// # Errors
    /// As [`AgentFiles::follow`].
    pub async fn mend(&self, store: &Store, blobs: &Blobs, current: &Submission) -> Result<(), StoreError> {
        let record = AgentRecord::of(current);
        match self.read(&current.miner).await {
            Some((known, source)) if known == record && source == current.source => Ok(()),
            Some(_) | None => self.follow(store, blobs, &current.miner).await,
        }
    }

    /// What the files say, if both are whole: the record, and the digest of the source.
    async fn read(&self, miner: &MinerId) -> Option<(AgentRecord, Digest)> {
        let [py, json] = names(miner);
        let record = self.objects.get(&[&json]).await.ok()?;
        let source = self.objects.get(&[&py]).await.ok()?;
        Some((serde_json::from_slice(&record).ok()?, Digest::of(&source)))
    }

    async fn write(&self, miner: &MinerId, record: &AgentRecord, source: &str) -> Result<(), StoreError> {
        let json = serde_json::to_string_pretty(record).map_err(|error| StoreError::Corrupt {
            what: "record",
            id: miner.to_string(),
            cause: error.to_string(),
        })?;
        let [py, name] = names(miner);
        self.objects.replace(&[&py], source.to_owned().into()).await?;
        self.objects.replace(&[&name], format!("{json}\n").into()).await
    }
}

/// A `MinerId` has no separator and no dot, so that these cannot leave the folder.
fn names(miner: &MinerId) -> [String; 2] {
    [format!("{miner}.py"), format!("{miner}.json")]
}
