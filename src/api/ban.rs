//! Bans, for operators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;
use crate::model::{MinerId, Scheme};

/// One page of bans, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BanList {
    pub bans: Vec<Ban>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// A miner who may not take part: no upload is taken, none is scored, none is ranked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ban {
    #[schema(value_type = String)]
    pub miner_id: MinerId,
    /// The miner's key in both of its forms, where miners are known by their keys; else null.
    pub key: Option<BannedKey>,
    pub reason: String,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Who decided it.
    pub operator: String,
    /// How it ended; null while it lasts.
    pub lifted: Option<Lifted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lifted {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub operator: String,
    pub reason: String,
}

/// One key, as it may stand in an operator's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BannedKey {
    #[schema(value_type = schema::SignatureScheme)]
    pub scheme: Scheme,
    /// 64 lower-case hexadecimal digits.
    pub hex: String,
    /// The SS58 address with the prefix 42.
    pub address: String,
}

/// An operator's decision to ban a miner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BanRequest {
    /// The miner's id. Where miners are known by their keys, any SS58 address of the key will do.
    #[schema(value_type = schema::Name)]
    pub miner_id: MinerId,
    /// How the key of an SS58 address signs. Without it the one is meant that the platform knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::SignatureScheme>)]
    pub scheme: Option<Scheme>,
    /// 1 to 1000 bytes. The miner reads it.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    /// Who decides, for the audit.
    #[schema(value_type = schema::Name)]
    pub operator: MinerId,
}

/// An operator's decision to end a ban.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftRequest {
    /// As in the ban. Without it the one is meant that is banned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::SignatureScheme>)]
    pub scheme: Option<Scheme>,
    /// 1 to 1000 bytes.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    #[schema(value_type = schema::Name)]
    pub operator: MinerId,
}
