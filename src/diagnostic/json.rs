//! The contract of `lint --format json`: versioned, and it only grows. The server's 422 answer and
//! the `rejected` list of `score` hold the same findings.

use serde::{Deserialize, Serialize};

use super::Finding;
use super::statistics::RuleCount;
use crate::model::{Digest, GateVerdict};

/// What one run of the gate says of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// 1. A field that is added does not change it, one that goes away would.
    pub version: u32,
    /// The version of CPython that was assumed, such as `3.11`.
    pub target: String,
    /// `sha256:` and the digest of the policy.
    pub policy: String,
    pub summary: Summary,
    /// Sorted by path.
    pub files: Vec<FileReport>,
    /// What could not be checked, and why. Not a word about the files' content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FileError>,
    /// Findings per rule, the most frequent first, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Vec<RuleCount>>,
}

/// How many files came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    pub files: usize,
    pub accepted: usize,
    pub rejected: usize,
    #[serde(default)]
    pub needs_review: usize,
}

/// The verdict on one file, with all its findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    pub path: String,
    /// Of the bytes as they lie on disk. `null` where the file is larger than the gate reads.
    pub sha256: Option<Digest>,
    pub verdict: GateVerdict,
    /// Sorted by place.
    pub findings: Vec<Finding>,
}

/// A file that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileError {
    pub path: String,
    pub message: String,
}

impl Document {
    pub const VERSION: u32 = 1;

    pub fn new(target: String, policy: Digest, files: Vec<FileReport>, errors: Vec<FileError>) -> Self {
        let summary = Summary::of(&files);
        Self {
            version: Self::VERSION,
            target,
            policy: format!("sha256:{policy}"),
            summary,
            files,
            errors,
            statistics: None,
        }
    }
}

impl Summary {
    pub fn of(files: &[FileReport]) -> Self {
        let mut summary = Self { files: files.len(), ..Self::default() };
        for file in files {
            match file.verdict {
                GateVerdict::Accepted => summary.accepted += 1,
                GateVerdict::NeedsReview => summary.needs_review += 1,
                GateVerdict::Rejected => summary.rejected += 1,
            }
        }
        summary
    }
}
