//! What one run of an agent may use. The sandbox enforces it, the task may lower or raise it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one case. Every backend enforces all of them or refuses to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Wall time in milliseconds, measured outside the sandbox. 10 s by default.
    pub wall_ms: u64,
    /// CPU time of the process tree in milliseconds.
    pub cpu_ms: u64,
    /// Memory of the whole sandbox in KiB; there is no swap beside it.
    pub memory_kib: u64,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Standard output and standard error together, in bytes.
    pub output_bytes: u64,
    /// Size of the scratch folder in KiB.
    pub scratch_kib: u64,
    /// Files and folders in the scratch folder.
    pub scratch_files: u64,
    /// Open file descriptors of a process.
    pub open_files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_ms: 10_000,
            cpu_ms: 10_000,
            memory_kib: 256 * 1024,
            processes: 32,
            output_bytes: 1024 * 1024,
            scratch_kib: 32 * 1024,
            scratch_files: 4096,
            open_files: 64,
        }
    }
}

impl Limits {
    pub fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }
}
