//! A finding: what was found where, why it matters and what to write instead; and its renderers.

mod finding;

pub use finding::{Finding, Note, Severity, Span};
