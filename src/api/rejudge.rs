//! Judging again, for operators: rejudge sets, and the gate asked again under another policy.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema;
use crate::diagnostic::Finding;
use crate::model::{CaseVerdict, Digest, GateVerdict, MinerId, Score, Slug, SubmissionId, SubmissionState};

/// Which completed submissions to judge again. What is absent restricts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejudgeRequest {
    /// Only this task is run, and only submissions that have a score for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::SlugName>)]
    pub task: Option<Slug>,
    /// Only submissions that the gate let in under this policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub policy: Option<Digest>,
    /// Only submissions received then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Only submissions received before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Why, in 1 to 1000 bytes.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    /// Who asks for it, for the audit.
    #[schema(value_type = schema::Name)]
    pub operator: MinerId,
}

/// Applying or dropping, with who does it and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActRequest {
    /// 1 to 1000 bytes. Miners whose score changes read it.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    /// Who decides, for the audit.
    #[schema(value_type = schema::Name)]
    pub operator: MinerId,
}

/// One page of the rejudge sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejudgeList {
    /// Newest first.
    pub rejudges: Vec<RejudgeSummary>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// A rejudge set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejudgeSummary {
    pub rejudge_id: Uuid,
    pub status: RejudgeStatus,
    #[schema(value_type = Option<String>)]
    pub task: Option<Slug>,
    #[schema(value_type = Option<String>)]
    pub policy: Option<Digest>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    pub reason: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    pub created_by: String,
    /// Results that validators are to report, and how many are still to come.
    pub runs: u64,
    pub waiting: u64,
    /// Who applied or dropped it, when and why.
    pub resolved: Option<Resolved>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RejudgeStatus {
    Open,
    Applied,
    Dropped,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resolved {
    pub by: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub reason: String,
}

/// A rejudge set with every change that it would make, or that it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejudgeDetail {
    pub set: RejudgeSummary,
    /// Submissions whose score changes, in order of arrival.
    pub changes: Vec<RejudgeChange>,
    /// Submissions that came to the same score again.
    pub unchanged: u64,
    /// Submissions that keep their score because of what happened, with what that was.
    pub kept: Vec<RejudgeKept>,
    /// Cases of an open set whose verdict would change, at most 10,000.
    pub cases: Vec<RejudgeCase>,
    /// Whether there are more such cases than `cases` names. The changes of scores are complete.
    pub more_cases: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejudgeChange {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    #[schema(value_type = f64)]
    pub before: Score,
    #[schema(value_type = f64)]
    pub after: Score,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejudgeKept {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejudgeCase {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub task: Slug,
    #[schema(value_type = String)]
    pub case: Slug,
    /// Null for a case that was not there.
    #[schema(value_type = Option<schema::CaseVerdict>)]
    pub before: Option<CaseVerdict>,
    #[schema(value_type = schema::CaseVerdict)]
    pub after: CaseVerdict,
}

/// One page of asking the gate again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecheckRequest {
    /// The policy, as TOML.
    #[schema(max_length = 1048576)]
    pub policy: String,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub after: Option<i64>,
}

/// What the gate would say under another policy of a part of what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecheckPage {
    /// Of the policy that was asked about.
    #[schema(value_type = String)]
    pub policy: Digest,
    /// Submissions that were looked at.
    pub checked: u64,
    /// Those of which the answer differs, in order of arrival.
    pub changes: Vec<RecheckChange>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<i64>,
}

/// A submission whose answer differs under the other policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecheckChange {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    /// In which state it is now.
    #[schema(value_type = schema::SubmissionState)]
    pub status: SubmissionState,
    /// `rejected` and `needs_review` change something when they are applied; `accepted` tells that
    /// what is held would be let in.
    #[schema(value_type = schema::GateVerdict)]
    pub verdict: GateVerdict,
    #[schema(value_type = Vec<schema::Finding>)]
    pub findings: Vec<Finding>,
}

/// Takes over the new answers for these submissions: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecheckApply {
    /// The policy, as TOML.
    #[schema(max_length = 1048576)]
    pub policy: String,
    /// At most 5,000. The gate is asked once more about each.
    #[schema(value_type = Vec<uuid::Uuid>, max_items = 5000)]
    pub submissions: Vec<SubmissionId>,
    /// Why, in 1 to 1000 bytes. The miners read it.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    /// Who decides, for the audit.
    #[schema(value_type = schema::Name)]
    pub operator: MinerId,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rechecked {
    #[schema(value_type = String)]
    pub policy: Digest,
    pub held: u64,
    pub rejected: u64,
}
