//! Portcullis decides which untrusted Python agents may enter, and how good they are.
//!
//! Data flows one way: bytes, source, tree, findings, verdict, submission, run, comparison,
//! score, rank. `ARCHITECTURE.md` has the map.

pub mod cli;
pub mod diagnostic;
pub mod judge;
pub mod lint;
pub mod model;
pub mod python;
pub mod report;
pub mod sandbox;
pub mod task;
pub mod validator;
