//! What happened in one run, as facts that the program under test cannot forge: the exit status,
//! the kernel's counters, our own clock and our own byte counts. Nothing here is a judgement.

use serde::{Deserialize, Serialize};

/// How the main process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ending {
    /// It exited by itself, 0 to 255.
    Exited { code: u8 },
    /// A signal ended it that we did not send.
    Signalled { signal: u8 },
    /// We killed it when its wall time was up.
    WallLimit,
    /// The kernel or we killed it when its CPU time was up.
    CpuLimit,
    /// We killed it when it had written more than it may.
    OutputLimit,
    /// The caller cancelled the run.
    Cancelled,
}

/// The head of one output stream, and what is known of its whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capture {
    /// At most the limit; everything behind it was dropped unread or uncounted.
    pub bytes: Vec<u8>,
    /// Whether the program wrote more than `bytes` holds.
    pub truncated: bool,
}

/// What the kernel measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Start of the process to its end, in milliseconds of a monotonic clock.
    pub wall_ms: u64,
    /// User and system time of the process and the children it waited for, in milliseconds.
    pub cpu_ms: u64,
    /// Largest resident set of a process of the run, in KiB.
    pub memory_kib: u64,
}

/// How strong the walls were in which the program ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationLevel {
    /// Every guarantee of the backend held.
    Full,
    /// Some limit is weaker than promised (rlimits where no cgroup could be had).
    Reduced,
}

/// Everything known of one run of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    pub ending: Ending,
    pub stdout: Capture,
    pub stderr: Capture,
    /// Kills by the memory limit during this run, from the cgroup's counter (0 where there is none).
    pub oom_kills: u64,
    /// Refused forks during this run, from the cgroup's counter (0 where there is none).
    pub process_limit_hits: u64,
    pub usage: Usage,
    pub isolation: IsolationLevel,
}
