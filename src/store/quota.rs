//! How much one miner may submit and store.

use jiff::{SignedDuration, Timestamp};
use sqlx::Any;

use super::rows::Reader;
use super::{Store, StoreError};
use crate::model::MinerId;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What one miner may have; `None` does not limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Submissions in any 24 hours.
    pub per_day: Option<u32>,
    /// Of all sources of the miner together.
    pub bytes: Option<u64>,
}

/// What a miner has too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    PerDay { limit: u32, again_at: Timestamp },
    Bytes { limit: u64 },
}

impl Store {
    /// Whether another source of `bytes` would be too much for `miner`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn exceeded(
        &self,
        quota: Quota,
        miner: &MinerId,
        bytes: u64,
        now: Timestamp,
    ) -> Result<Option<Exceeded>, StoreError> {
        if quota == Quota::default() {
            return Ok(None);
        }
        let mut connection = self.reads.acquire().await.map_err(StoreError::query(DOING))?;
        exceeded(&mut connection, quota, miner, bytes, now).await
    }
}

const DOING: &str = "look at a miner's quota";

pub(super) async fn exceeded(
    connection: &mut <Any as sqlx::Database>::Connection,
    quota: Quota,
    miner: &MinerId,
    bytes: u64,
    now: Timestamp,
) -> Result<Option<Exceeded>, StoreError> {
    if let Some(limit) = quota.per_day {
        let since = now.saturating_sub(DAY).unwrap_or(Timestamp::MIN);
        // What came when the clock was wrong by more than a day must not keep a miner out until then.
        let until = now.saturating_add(DAY).unwrap_or(Timestamp::MAX);
        // The oldest of the newest `limit`: when it leaves the window there is room again.
        let oldest = sqlx::query(
            "SELECT received_at FROM submissions WHERE miner_id = $1 AND received_at > $2 \
             AND received_at <= $3 ORDER BY sequence DESC LIMIT 1 OFFSET $4",
        )
        .bind(miner.to_string())
        .bind(since.as_millisecond())
        .bind(until.as_millisecond())
        .bind(i64::from(limit).saturating_sub(1).max(0))
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::query(DOING))?;
        if let Some(row) = oldest {
            let oldest =
                Reader { row: &row, what: "submission", id: miner.to_string() }.time("received_at")?;
            let again_at = oldest.saturating_add(DAY).unwrap_or(Timestamp::MAX);
            return Ok(Some(Exceeded::PerDay { limit, again_at }));
        }
    }
    if let Some(limit) = quota.bytes {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS kept FROM sources \
             WHERE sha256 IN (SELECT source_sha256 FROM submissions WHERE miner_id = $1)",
        )
        .bind(miner.to_string())
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::query(DOING))?;
        let kept = Reader { row: &row, what: "quota", id: miner.to_string() }.integer("kept")?;
        if u64::try_from(kept).unwrap_or(0).saturating_add(bytes) > limit {
            return Ok(Some(Exceeded::Bytes { limit }));
        }
    }
    Ok(None)
}
