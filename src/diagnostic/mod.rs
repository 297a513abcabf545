//! A finding: what was found where, why it matters and what to write instead; and its renderers.
//!
//! To add a format: a file here with a `render`, and an arm in `cli/lint.rs`.

mod finding;
pub mod github;
pub mod json;
pub mod sarif;
pub mod statistics;
pub mod text;
mod visible;

pub use finding::{Finding, Note, Severity, Span};
pub use visible::{visible, visible_start};
