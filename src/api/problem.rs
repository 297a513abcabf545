//! An error answer, as RFC 9457 has it (`application/problem+json`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;
use crate::diagnostic::Finding;
use crate::model::{Digest, SubmissionId};

/// Why a request was refused or failed. `detail` is one sentence for people; programs read `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Stable: `urn:portcullis:problem:` and the name of the problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of a type.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence about this request.
    pub detail: String,
    /// Names this request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Of the bytes that the gate refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sha256: Option<Digest>,
    /// Of the policy that refused them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub policy: Option<Digest>,
    /// What the gate found, as `portcullis lint` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<schema::Finding>>)]
    pub findings: Option<Vec<Finding>>,
    /// The submission that holds the same source already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub earlier: Option<SubmissionId>,
}
