//! What the pages show beside single submissions.

use jiff::Timestamp;

use super::rows::{self, Reader, SUBMISSION};
use super::{Store, StoreError, Submission, count};
use crate::model::{MinerId, Score};
use sqlx::Row as _;

/// How a validator does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorHealth {
    pub validator: MinerId,
    /// When it last took work.
    pub last: Timestamp,
    pub live: u64,
    pub done: u64,
    pub released: u64,
    pub expired: u64,
}

impl Store {
    /// The newest submissions, newest first.
    ///
    /// # Errors
    /// When the database fails or what it holds cannot be read.
    pub async fn newest(&self, limit: u32) -> Result<Vec<Submission>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {SUBMISSION} FROM submissions ORDER BY sequence DESC LIMIT $1"
        )))
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the newest submissions"))?;
        rows.iter().map(rows::submission).collect()
    }

    /// The scores of the newest completed submissions of all miners, oldest first.
    ///
    /// # Errors
    /// As [`Store::newest`].
    pub async fn score_history(&self, limit: u32) -> Result<Vec<(MinerId, Score)>, StoreError> {
        let rows = sqlx::query(
            "SELECT miner_id, score, sequence FROM submissions WHERE state = 'completed' \
             ORDER BY sequence DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("read the history of scores"))?;
        rows.iter()
            .rev()
            .map(|row| {
                let id: i64 = row.try_get("sequence").map_err(StoreError::query("read a score"))?;
                let reader = Reader { row, what: "score", id: id.to_string() };
                let score = reader.optional_score("score")?.ok_or_else(|| reader.corrupt("no score"))?;
                Ok((reader.parsed("miner_id", str::parse)?, score))
            })
            .collect()
    }

    /// Every validator that ever took work, the most recent first.
    ///
    /// # Errors
    /// As [`Store::newest`].
    pub async fn validators(&self, limit: u32) -> Result<Vec<ValidatorHealth>, StoreError> {
        let rows = sqlx::query(
            "SELECT validator, MAX(leased_at) AS last_at, \
             COUNT(CASE WHEN state = 'live' THEN 1 END) AS live, \
             COUNT(CASE WHEN state IN ('done', 'superseded') THEN 1 END) AS finished, \
             COUNT(CASE WHEN state = 'released' THEN 1 END) AS released, \
             COUNT(CASE WHEN state = 'expired' THEN 1 END) AS expired \
             FROM assignments GROUP BY validator ORDER BY last_at DESC, validator LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await
        .map_err(StoreError::query("list the validators"))?;
        rows.iter()
            .map(|row| {
                let id = row.try_get("validator").map_err(StoreError::query("read a validator"))?;
                let reader = Reader { row, what: "validator", id };
                let number = |column| count(row, column).map_err(|error| reader.corrupt(error));
                Ok(ValidatorHealth {
                    validator: reader.parsed("validator", str::parse)?,
                    last: reader.time("last_at")?,
                    live: number("live")?,
                    done: number("finished")?,
                    released: number("released")?,
                    expired: number("expired")?,
                })
            })
            .collect()
    }
}
