//! Bundles: the bytes of a ZIP archive become files in memory, or a typed error that names the
//! entry. Nothing is ever unpacked to a disk, and nothing that a header claims is believed.
//!
//! ```text
//! bytes ─► directory (count, headers agree, no overlap) ─► names ─► contents, counted while they stream
//! ```
//!
//! Readers of ZIP files disagree about nearly everything that the format leaves open; what two of
//! them could read differently is refused here.

mod content;
mod directory;
mod error;
mod name;
mod pack;
mod read;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Digest;

pub use error::BundleError;
pub use pack::pack;
pub use read::{looks_like_one, read};

const MIB: u64 = 1024 * 1024;

/// What a bundle may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Ends of names, in lower case with the dot; a file must have one of them.
    pub suffixes: &'static [&'static str],
    /// Files and folders in the archive.
    pub most_entries: usize,
    /// Bytes of one file, unpacked.
    pub most_file_bytes: u64,
    /// Bytes of all files, unpacked.
    pub most_bytes: u64,
    /// Bytes of the archive itself.
    pub most_archive_bytes: u64,
}

impl Rules {
    /// For tasks of the kind `artifact`: what an infrastructure project consists of.
    pub const ARTIFACT: Self = Self {
        suffixes: &[
            ".csv", ".hcl", ".json", ".md", ".py", ".tf", ".tfstate", ".tfvars", ".toml", ".txt", ".yaml",
            ".yml",
        ],
        most_entries: 200,
        most_file_bytes: 4 * MIB,
        most_bytes: 16 * MIB,
        most_archive_bytes: 8 * MIB,
    };

    /// For tasks of the kind `metric`: scripts, their manifest, and words about them. PRISM's bounds
    /// for the count and for the archive.
    pub const METRIC: Self = Self {
        suffixes: &[".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"],
        most_entries: 200,
        most_file_bytes: MIB,
        most_bytes: 8 * MIB,
        most_archive_bytes: 2 * MIB,
    };
}

/// The files of an archive that was read whole and found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    sha256: Digest,
    /// By path, `/` between its parts.
    files: BTreeMap<String, Arc<[u8]>>,
}

impl Bundle {
    /// Of the archive's bytes.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The content of the file at `path`.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(|bytes| &**bytes)
    }

    /// Every file with its path, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), &**bytes))
    }
}
