//! How often one miner and one address may upload.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::error::ApiError;
use crate::model::MinerId;

/// Uploads a minute, with as many at once. `None` does not limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UploadLimits {
    pub per_miner: Option<NonZeroU32>,
    pub per_address: Option<NonZeroU32>,
}

type Limiter<K> = RateLimiter<
    K,
    HashMapStateStore<K>,
    MonotonicClock,
    NoOpMiddleware<<MonotonicClock as governor::clock::Clock>::Instant>,
>;

#[derive(Debug)]
pub(super) struct Limits {
    miners: Option<Limiter<String>>,
    addresses: Option<Limiter<IpAddr>>,
}

impl Limits {
    pub(super) fn new(limits: UploadLimits) -> Self {
        Self { miners: limits.per_miner.map(limiter), addresses: limits.per_address.map(limiter) }
    }

    pub(super) fn check_address(&self, address: IpAddr) -> Result<(), ApiError> {
        check(self.addresses.as_ref(), || network(address), || "this address".to_owned())
    }

    pub(super) fn check_miner(&self, miner: &MinerId) -> Result<(), ApiError> {
        check(self.miners.as_ref(), || miner.as_str().to_ascii_lowercase(), || format!("`{miner}`"))
    }

    /// Forgets who has not come for a while, so that the tables stay small.
    pub(super) fn forget(&self) {
        if let Some(miners) = &self.miners {
            miners.retain_recent();
            miners.shrink_to_fit();
        }
        if let Some(addresses) = &self.addresses {
            addresses.retain_recent();
            addresses.shrink_to_fit();
        }
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(per_minute: NonZeroU32) -> Limiter<K> {
    RateLimiter::new(Quota::per_minute(per_minute), HashMapStateStore::default(), MonotonicClock)
}

fn check<K: std::hash::Hash + Eq + Clone>(
    limiter: Option<&Limiter<K>>,
    key: impl FnOnce() -> K,
    who: impl FnOnce() -> String,
) -> Result<(), ApiError> {
    let Some(limiter) = limiter else { return Ok(()) };
    limiter.check_key(&key()).map_err(|not_until| {
        let wait = not_until.wait_time_from(MonotonicClock.now());
        // A part of a second counts as a whole one, so that who waits as told is let in.
        ApiError::too_many(&who(), wait.saturating_add(Duration::from_millis(999)).as_secs().max(1))
    })
}

/// Who has one IPv6 address has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let mask = u128::MAX << 64;
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_share_a_limit() {
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(network(parse("2001:db8::1")), network(parse("2001:db8::ffff:1")));
        assert_ne!(network(parse("2001:db8::1")), network(parse("2001:db8:0:1::1")));
        assert_eq!(network(parse("::ffff:10.0.0.1")), parse("10.0.0.1"));
    }
}
