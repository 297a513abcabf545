//! Settings that were checked, and secrets that do not print.

mod bucket;
mod guarded;
mod key;
mod secret;
mod tokens;

pub use bucket::{Bucket, BucketKey, BucketKeyError, InvalidBucket};
pub use key::{KeyError, MinerKey};
pub use secret::{Secret, SecretError};
pub use tokens::{Tokens, TokensError};
