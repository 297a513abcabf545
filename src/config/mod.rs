//! Settings that were checked, and secrets that do not print.

mod key;
mod secret;

pub use key::{KeyError, MinerKey};
pub use secret::{Secret, SecretError};
