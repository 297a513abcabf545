//! Work for validators, under `/internal/v1/`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema;
use crate::model::{Digest, IsolationLevel, MinerId, Score, Slug, SubmissionId, SubmissionState, TaskResult};

/// Who asks for work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// The validator's name. The same name never scores a submission twice.
    #[schema(value_type = schema::Name)]
    pub validator: MinerId,
}

/// One submission, leased to one validator until `expires_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assignment {
    #[schema(value_type = uuid::Uuid)]
    pub assignment_id: Uuid,
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    /// Of the bytes as they were uploaded.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// Of `source`. Check it before you run anything.
    #[schema(value_type = String)]
    pub source_sha256: Digest,
    /// Exactly what is to be run.
    pub source: String,
    /// The tasks to score, with their digests. The validator has the packages themselves, because
    /// expected outputs never travel; where a digest differs it releases the assignment.
    pub tasks: Vec<TaskReference>,
    /// What the generated cases of this round are made from, 0 to 2^53 - 1.
    #[serde(default)]
    pub seed: u64,
    /// 1 for the first try.
    pub attempt: u32,
    /// After this moment the work is given to somebody else, unless a heartbeat came.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// How often to send a heartbeat, in milliseconds.
    pub heartbeat_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskReference {
    #[schema(value_type = String)]
    pub id: Slug,
    #[schema(value_type = String)]
    pub digest: Digest,
}

/// What a validator measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultRequest {
    #[schema(value_type = schema::Name)]
    pub validator: MinerId,
    /// The sandbox that ran it, such as `docker`; at most 64 bytes.
    #[schema(max_length = 64)]
    pub backend: String,
    #[schema(value_type = schema::IsolationLevel)]
    pub isolation: IsolationLevel,
    /// One result for each task of the assignment, one case for each case of the task.
    #[schema(value_type = Vec<schema::TaskResult>)]
    pub tasks: Vec<TaskResult>,
}

/// Gives work back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    #[schema(value_type = schema::Name)]
    pub validator: MinerId,
    /// Why, in one sentence.
    pub reason: String,
    /// Whether something of ours broke. It counts against the bounded number of attempts; giving
    /// work back because of a shutdown does not.
    pub fault: bool,
}

/// The lease after a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaseAnswer {
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What a result came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultTaken {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = schema::SubmissionState)]
    pub status: SubmissionState,
    /// 0 to 100, when this result completed the submission.
    #[schema(value_type = Option<f64>)]
    pub score: Option<Score>,
}
