//! Settings that were checked, and secrets that do not print.

mod bucket;
mod key;
mod secret;

pub use bucket::{Bucket, BucketKey, BucketKeyError, InvalidBucket};
pub use key::{KeyError, MinerKey};
pub use secret::{Secret, SecretError};
