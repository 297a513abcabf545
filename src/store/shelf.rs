//! Sources that wait for their place. On SQLite an upload waits for the disk once: its source is stored
//! in the transaction with the rows that name it, and becomes a file later, many with one wait.
//!
//! A row goes only when its file is on the disk, and who reads looks at both, so that a crash at any
//! moment loses nothing and repeats at most some writing.

use std::sync::Arc;

use bytes::Bytes;
use sqlx::{Any, Row as _, Transaction};

use super::rows::Reader;
use super::{Blobs, Engine, NewSubmission, Store, StoreError, count};
use crate::model::Digest;

/// Moved with one wait for the disk.
const AT_ONCE: i64 = 2048;
/// Of the sources that are moved at once, in bytes, but for the last of them.
const BYTES_AT_ONCE: i64 = 8 << 20;

impl Store {
    /// Whether sources may be stored with the rows that name them. PostgreSQL is shared by platforms
    /// that have their sources in one bucket, and a bucket waits for no disk of ours.
    pub fn has_shelf(&self) -> bool {
        self.engine == Engine::Sqlite
    }

    pub(super) async fn on_shelf(&self, digest: Digest) -> Result<Option<Arc<str>>, StoreError> {
        if !self.has_shelf() {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT text FROM shelf WHERE place = (SELECT latest FROM sources WHERE sha256 = $1)",
        )
        .bind(digest.to_string())
        .fetch_optional(&self.reads)
        .await
        .map_err(StoreError::query("find a source"))?;
        let Some(row) = row else { return Ok(None) };
        let reader = Reader { row: &row, what: "source", id: digest.to_string() };
        let text: Vec<u8> = row.try_get("text").map_err(|error| reader.corrupt(error))?;
        if Digest::of(&text) != digest {
            return Err(reader.corrupt("its digest is another one"));
        }
        let text = String::from_utf8(text).map_err(|_| reader.corrupt("it is not UTF-8"))?;
        Ok(Some(text.into()))
    }

    /// How many sources wait for their place, or some more. The place of one is the number of its submission
    /// and the oldest are left first, so that nobody has to count.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_on_shelf(&self) -> Result<u64, StoreError> {
        if !self.has_shelf() {
            return Ok(0);
        }
        let row = sqlx::query(
            "SELECT COALESCE((SELECT MAX(place) FROM shelf) - (SELECT MIN(place) FROM shelf) + 1, 0) AS waiting",
        )
        .fetch_one(&self.reads)
        .await
        .map_err(StoreError::query("count sources that wait for their place"))?;
        count(&row, "waiting").map_err(StoreError::query("count sources that wait for their place"))
    }

    /// The oldest of them with their rows, some at a time.
    async fn oldest_on_shelf(&self) -> Result<Vec<(i64, Digest, Bytes)>, StoreError> {
        const DOING: &str = "read sources that wait for their place";
        let sizes = sqlx::query("SELECT place, length(text) AS bytes FROM shelf ORDER BY place LIMIT $1")
            .bind(AT_ONCE)
            .fetch_all(&self.reads)
            .await
            .map_err(StoreError::query(DOING))?;
        let (mut last, mut bytes) = (0, 0);
        for row in &sizes {
            let reader = Reader { row, what: "source", id: String::new() };
            last = reader.integer("place")?;
            bytes += reader.integer("bytes")?;
            if bytes > BYTES_AT_ONCE {
                break;
            }
        }
        let rows = sqlx::query("SELECT place, sha256, text FROM shelf WHERE place <= $1 ORDER BY place")
            .bind(last)
            .fetch_all(&self.reads)
            .await
            .map_err(StoreError::query(DOING))?;
        rows.iter()
            .map(|row| {
                let sha256: String = row.try_get("sha256").map_err(StoreError::query(DOING))?;
                let reader = Reader { row, what: "source", id: sha256 };
                let text: Vec<u8> = row.try_get("text").map_err(|error| reader.corrupt(error))?;
                Ok((reader.integer("place")?, reader.parsed("sha256", str::parse)?, text.into()))
            })
            .collect()
    }
}

/// Stores the source that comes with a submission, if it does.
pub(super) async fn shelve(
    transaction: &mut Transaction<'static, Any>,
    new: &NewSubmission,
    place: i64,
) -> Result<(), StoreError> {
    let Some(text) = &new.text else { return Ok(()) };
    sqlx::query("INSERT INTO shelf (place, sha256, text) VALUES ($1, $2, $3)")
        .bind(place)
        .bind(new.source.to_string())
        .bind(text.as_bytes().to_vec())
        .execute(&mut **transaction)
        .await
        .map(drop)
        .map_err(StoreError::query("store a source"))
}

impl Blobs {
    /// Moves sources from the shelf into their place, the oldest first, and answers how many. There
    /// may be more: call it until there is none.
    ///
    /// # Errors
    /// When they cannot be read or written; then they stay on the shelf.
    pub async fn settle(&self) -> Result<usize, StoreError> {
        let Some(shelf) = self.shelf() else { return Ok(0) };
        let waiting = shelf.oldest_on_shelf().await?;
        let Some((last, ..)) = waiting.last() else { return Ok(0) };
        let (last, many) = (*last, waiting.len());
        // What came meanwhile stands behind `last`: nothing is ever put in between.
        self.put_all(waiting.into_iter().map(|(_, digest, text)| (digest, text)).collect()).await?;
        sqlx::query("DELETE FROM shelf WHERE place <= $1")
            .bind(last)
            .execute(&shelf.writes)
            .await
            .map_err(StoreError::query("let go of sources that are in their place"))?;
        Ok(many)
    }
}
