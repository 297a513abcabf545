//! Bans, for operators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;
use crate::model::MinerId;

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

/// An operator's decision to ban a miner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BanRequest {
    #[schema(value_type = schema::Name)]
    pub miner_id: MinerId,
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
    /// 1 to 1000 bytes.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    #[schema(value_type = schema::Name)]
    pub operator: MinerId,
}
