//! Miners who may not take part.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::rows::Reader;
use super::{Store, StoreError};
use crate::model::MinerId;

/// A ban, and how it ended if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    pub id: String,
    pub miner: MinerId,
    pub reason: String,
    pub since: Timestamp,
    pub by: String,
    pub lifted: Option<Lift>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lift {
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
}

/// Which bans to list.
#[derive(Debug, Clone, Default)]
pub struct BanPage {
    /// Only those behind this one.
    pub after: Option<String>,
    /// Those that ended too.
    pub ended: bool,
    pub limit: u32,
}

pub(super) const BAN: &str =
    "id, miner_id, reason, created_at, created_by, lifted_at, lifted_by, lift_reason";

/// In a `WHERE` about submissions `s`: the miner takes part.
pub(super) const NOT_BANNED: &str = "NOT EXISTS (SELECT 1 FROM bans b JOIN miners m ON m.folded = b.folded \
     WHERE m.id = s.miner_id AND b.lifted_at IS NULL)";

impl Store {
    /// Bans a miner. `None` when that was done before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ban(
        &self,
        miner: &MinerId,
        reason: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<Option<Ban>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO bans (id, miner_id, folded, reason, created_at, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING {BAN}"
        )))
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(miner.to_string())
        .bind(miner.as_str().to_ascii_lowercase())
        .bind(reason.to_owned())
        .bind(at.as_millisecond())
        .bind(by.to_owned())
        .fetch_optional(&self.writes)
        .await
        .map_err(StoreError::query("ban a miner"))?;
        self.known_bans.forget();
        row.as_ref().map(ban).transpose()
    }

    /// Ends a ban. `false` when the miner is not banned.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lift_ban(
        &self,
        miner: &MinerId,
        reason: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE bans SET lifted_at = $1, lifted_by = $2, lift_reason = $3 \
             WHERE folded = $4 AND lifted_at IS NULL",
        )
        .bind(at.as_millisecond())
        .bind(by.to_owned())
        .bind(reason.to_owned())
        .bind(miner.as_str().to_ascii_lowercase())
        .execute(&self.writes)
        .await
        .map_err(StoreError::query("lift a ban"))?;
        self.known_bans.forget();
        Ok(done.rows_affected() == 1)
    }

    /// The ban that a miner is under.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn ban_of(&self, miner: &MinerId) -> Result<Option<Ban>, StoreError> {
        of(&self.reads, miner).await
    }

    /// Bans in the order in which they were made.
    ///
    /// # Errors
    /// As [`Store::ban_of`].
    pub async fn bans(&self, page: &BanPage) -> Result<Vec<Ban>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {BAN} FROM bans WHERE id > $1 AND ($2 = 1 OR lifted_at IS NULL) ORDER BY id LIMIT $3"
        )))
        .bind(page.after.clone().unwrap_or_default())
        .bind(i64::from(page.ended))
        .bind(i64::from(page.limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the bans"))?;
        rows.iter().map(ban).collect()
    }
}

/// As [`Store::ban_of`], asked of whom the caller says.
pub(super) async fn of(
    executor: impl sqlx::Executor<'_, Database = sqlx::Any>,
    miner: &MinerId,
) -> Result<Option<Ban>, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {BAN} FROM bans WHERE folded = $1 AND lifted_at IS NULL"
    )))
    .bind(miner.as_str().to_ascii_lowercase())
    .fetch_optional(executor)
    .await
    .map_err(StoreError::query("look for a ban"))?;
    row.as_ref().map(ban).transpose()
}

pub(super) fn ban(row: &AnyRow) -> Result<Ban, StoreError> {
    let id: String = row.try_get("id").map_err(StoreError::query("read a ban"))?;
    let reader = Reader { row, what: "ban", id: id.clone() };
    let lifted = match (reader.optional_text("lifted_by")?, reader.optional_text("lift_reason")?) {
        (Some(by), Some(reason)) => Some(Lift { at: reader.time("lifted_at")?, by, reason }),
        _ => None,
    };
    Ok(Ban {
        id,
        miner: reader.parsed("miner_id", str::parse)?,
        reason: reader.text("reason")?,
        since: reader.time("created_at")?,
        by: reader.text("created_by")?,
        lifted,
    })
}
