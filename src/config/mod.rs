//! Settings that were checked, and secrets that do not print.

mod secret;

pub use secret::{Secret, SecretError};
