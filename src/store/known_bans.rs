//! The open bans in memory, for the look before the gate, whose time is dear: it must cost next to
//! nothing for those who are not banned. The store looks at the table again when it stores, in the same
//! transaction, so that what is a moment old here lets nobody in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::bans::{self, BAN, Ban};
use super::{Store, StoreError};
use crate::model::MinerId;

/// Another platform's ban is seen after so long.
const FRESH: Duration = Duration::from_secs(1);
/// Reading them takes at most this part of the time.
const SHARE: u32 = 50;

#[derive(Debug, Clone, Default)]
pub(super) struct KnownBans(Arc<Mutex<Option<Seen>>>);

/// By the name without its case.
#[derive(Debug)]
struct Seen {
    bans: Arc<HashMap<String, Ban>>,
    until: Instant,
}

impl KnownBans {
    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        // A panic elsewhere leaves it as whole as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// They changed.
    pub(super) fn forget(&self) {
        *self.seen() = None;
    }

    /// What is known, unless it is too old and the caller is the one to read it again.
    fn fresh(&self) -> Option<Arc<HashMap<String, Ban>>> {
        let mut seen = self.seen();
        let seen = seen.as_mut()?;
        let now = Instant::now();
        if now >= seen.until {
            // Whoever comes until it is read takes what is there.
            seen.until = now + FRESH;
            return None;
        }
        Some(Arc::clone(&seen.bans))
    }
}

impl Store {
    /// As [`Store::ban_of`], from memory: a ban made or lifted here is seen at once, another
    /// platform's after a second.
    ///
    /// # Errors
    /// As [`Store::ban_of`].
    pub async fn known_ban_of(&self, miner: &MinerId) -> Result<Option<Ban>, StoreError> {
        let bans = match self.known_bans.fresh() {
            Some(bans) => bans,
            None => self.read_bans().await?,
        };
        Ok(bans.get(&miner.as_str().to_ascii_lowercase()).cloned())
    }

    async fn read_bans(&self) -> Result<Arc<HashMap<String, Ban>>, StoreError> {
        let began = Instant::now();
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {BAN} FROM bans WHERE lifted_at IS NULL")))
                .fetch_all(&self.reads)
                .await
                .map_err(StoreError::query("look for bans"))?;
        let mut bans = HashMap::with_capacity(rows.len());
        for row in &rows {
            let ban = bans::ban(row)?;
            bans.insert(ban.miner.as_str().to_ascii_lowercase(), ban);
        }
        let bans = Arc::new(bans);
        let took = began.elapsed().saturating_mul(SHARE);
        let until = Instant::now() + took.max(FRESH);
        *self.known_bans.seen() = Some(Seen { bans: Arc::clone(&bans), until });
        Ok(bans)
    }
}
