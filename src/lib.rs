//! Portcullis decides which untrusted Python agents may enter, and how good they are.
//!
//! Data flows one way: bytes, source, tree, findings, verdict, submission, run, comparison,
//! score, rank. `ARCHITECTURE.md` has the map.

pub mod api;
pub mod bundle;
pub mod cli;
pub mod client;
pub mod config;
pub mod diagnostic;
pub mod judge;
pub mod lint;
pub mod model;
pub mod python;
pub mod queue;
pub mod report;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod task;
pub mod validator;
