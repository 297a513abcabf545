//! Bundles that are checked against invariants as a service, in the words of AlphaCore's validators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One bundle on its way through the service. It is kept for an hour after its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    pub job_id: Uuid,
    /// The task's id; null where the request had the invariants itself and no id with them.
    pub task_id: Option<String>,
    pub status: JobStatus,
    /// How often a restart of the platform cut it off; then it is run again, three times at most.
    #[serde(default)]
    pub interrupted: u32,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The path of the log.
    pub log_url: String,
    /// Once `status` is `done`.
    pub result: Option<ValidationResult>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    Queued,
    Running,
    Done,
    /// The platform failed, and it is not the bundle's fault.
    Failed,
}

/// What a bundle came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValidationResult {
    pub status: Passed,
    /// Passed ÷ total weight of the invariants, 0 to 1. 1 only when all hold; 0 when there are none.
    #[schema(minimum = 0, maximum = 1)]
    pub score: f64,
    pub passed_invariants: u64,
    pub total_invariants: u64,
    /// What is wrong first, in one line.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Passed {
    /// Every invariant holds, and there is one.
    Pass,
    Fail,
}
