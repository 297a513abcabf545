//! Nonces of signed requests: each is good once.

use jiff::Timestamp;

use super::{Store, StoreError};
use crate::model::MinerId;

impl Store {
    /// Remembers a nonce. `false` when it was used before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_nonce(
        &self,
        hotkey: &MinerId,
        nonce: &str,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO nonces (hotkey, nonce, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (hotkey, nonce) DO NOTHING",
        )
        .bind(hotkey.to_string())
        .bind(nonce.to_owned())
        .bind(until.as_millisecond())
        .execute(&self.writes)
        .await
        .map_err(StoreError::query("remember a nonce"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets the nonces that no signature could use any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_nonces(&self, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM nonces WHERE expires_at < $1")
            .bind(now.as_millisecond())
            .execute(&self.writes)
            .await
            .map(drop)
            .map_err(StoreError::query("forget nonces"))
    }
}
