//! Uploads, submissions, agents and the ranking, as the public routes show them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;
use crate::diagnostic::Finding;
use crate::model::{Digest, MinerId, Score, SubmissionId, SubmissionState, TaskResult};

/// The answer to an upload that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    /// Of the bytes as they were uploaded.
    #[schema(value_type = String)]
    pub sha256: Digest,
    #[schema(value_type = schema::SubmissionState)]
    pub status: SubmissionState,
    /// Warnings; an error would have refused the upload.
    #[schema(value_type = Vec<schema::Finding>)]
    pub findings: Vec<Finding>,
}

/// Everything that may be known of one submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmissionDetail {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    /// Of the bytes as they were uploaded.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// Of the normalised text (UTF-8, LF, no byte-order mark) that is stored and run.
    #[schema(value_type = String)]
    pub source_sha256: Digest,
    /// Of the policy under which the gate let it in.
    #[schema(value_type = String)]
    pub policy: Digest,
    #[schema(value_type = schema::SubmissionState)]
    pub status: SubmissionState,
    /// Why it failed or is held, where it is one of these.
    pub reason: Option<String>,
    /// How often a validator began to score it.
    pub attempts: u32,
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    #[schema(value_type = Vec<schema::Finding>)]
    pub findings: Vec<Finding>,
    /// 0 to 100, once it is completed.
    #[schema(value_type = Option<f64>)]
    pub score: Option<Score>,
    /// Each case with its verdict. Of hidden cases neither difference nor message is shown.
    #[schema(value_type = Vec<schema::TaskResult>)]
    pub tasks: Vec<TaskResult>,
    /// What happened to it, oldest first.
    pub events: Vec<AuditEvent>,
}

/// One step of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who: a miner, a validator, an operator or the platform itself.
    pub actor: String,
    #[schema(value_type = Option<schema::SubmissionState>)]
    pub from: Option<SubmissionState>,
    #[schema(value_type = schema::SubmissionState)]
    pub to: SubmissionState,
    pub reason: String,
}

/// One page of the steps of all submissions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    pub events: Vec<AuditEntry>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// A step, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// The order in which the steps were taken. A clock that was set back does not change it.
    pub sequence: i64,
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// Every time a submission was judged, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunList {
    pub runs: Vec<RunRecord>,
}

/// One validator's run of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunRecord {
    pub run_id: uuid::Uuid,
    pub validator: String,
    /// The rejudge set that it was made for; null for the live score.
    pub rejudge_id: Option<uuid::Uuid>,
    /// Of the policy under which the gate had let the submission in.
    #[schema(value_type = String)]
    pub policy: Digest,
    pub backend: String,
    /// Of the tasks of this run.
    #[schema(value_type = f64)]
    pub score: Score,
    #[schema(value_type = String, format = DateTime)]
    pub ended_at: Timestamp,
    pub tasks: Vec<RunScore>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunScore {
    #[schema(value_type = String)]
    pub task: crate::model::Slug,
    /// Of the task's package as it was judged; null for what was stored before this was kept.
    #[schema(value_type = Option<String>)]
    pub task_digest: Option<Digest>,
    #[schema(value_type = f64)]
    pub score: Score,
    pub standing: RunStanding,
}

/// Whether a score counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStanding {
    /// It counts, or will when enough validators agree.
    Live,
    /// Of a rejudge set that is open.
    Proposed,
    /// It counted until another one took its place.
    Superseded,
    /// Of a rejudge set that was not applied.
    Dropped,
}

/// The current agent of one miner, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentSummary {
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    /// Of the bytes as they were uploaded.
    #[schema(value_type = String)]
    pub sha256: Digest,
    #[schema(value_type = schema::SubmissionState)]
    pub status: SubmissionState,
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// 0 to 100, once it is completed.
    #[schema(value_type = Option<f64>)]
    pub score: Option<Score>,
}

/// One page of the current agents, by miner id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentPage {
    pub agents: Vec<AgentSummary>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// One page of submissions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmissionPage {
    pub submissions: Vec<AgentSummary>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// One miner: the current agent and one page of the submissions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentDetail {
    /// Null while the gate let nothing of this miner in.
    pub current: Option<AgentSummary>,
    pub submissions: Vec<AgentSummary>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// The text that runs. Only for who holds the validators' token: agents are not published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentSource {
    pub agent: AgentSummary,
    pub source: String,
}

/// The ranking over the newest completed submission of each miner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Leaderboard {
    /// Of this format. It only grows.
    pub version: u32,
    /// What is shared among the ranked, in `unit`.
    pub pool: f64,
    pub unit: String,
    /// How `pool` is shared: `proportional` to the scores, `winner-takes-all`, `top-k:K` (in proportion
    /// among the first K), or `linear-rank` (by place).
    #[schema(pattern = "^(proportional|winner-takes-all|top-k:[1-9][0-9]*|linear-rank)$")]
    #[serde(default = "proportional")]
    pub rewards: String,
    /// One page of it, from the first rank or behind `after`.
    pub rankings: Vec<Standing>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
    /// Submissions that wait for a validator or are being scored.
    pub waiting: u64,
}

/// What platforms did that do not say.
fn proportional() -> String {
    "proportional".to_owned()
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// From 1. Two agents never share a rank: the earlier submission wins a tie.
    pub rank: u64,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub sha256: Digest,
    #[schema(value_type = f64, minimum = 0, maximum = 100)]
    pub score: Score,
    /// Where the score would lie, 95 times in 100, if it was measured again: low and high. Null where
    /// no case was run more than once.
    #[serde(default)]
    #[schema(value_type = Option<Vec<f64>>, min_items = 2, max_items = 2)]
    pub interval: Option<[Score; 2]>,
    /// The share of the pool, in its unit.
    pub reward: f64,
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
}

/// Whether the platform can take and store uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The process answers.
    pub alive: bool,
    /// The database answers and the platform is not shutting down.
    pub ready: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    pub name: String,
    pub version: String,
    /// Of the gate's policy.
    #[schema(value_type = String)]
    pub policy: Digest,
}
