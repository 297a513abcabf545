//! Holds, for operators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;
use crate::model::{MinerId, SubmissionId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldList {
    pub holds: Vec<Hold>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// A submission that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    #[schema(value_type = uuid::Uuid)]
    pub submission_id: SubmissionId,
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    pub reason: String,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is scored, from the beginning.
    Release,
    Reject,
}

/// An operator's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    pub verdict: Verdict,
    /// 1 to 1000 bytes. The miner reads it.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    /// Who decides, for the audit.
    #[schema(value_type = schema::Name)]
    pub operator: MinerId,
}
