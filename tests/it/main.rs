//! Fast offline tests: the library and the binary as their users meet them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod architecture;
mod artifact;
mod backup;
mod blobs;
mod bucket;
mod bundle;
mod checker_program;
mod database;
mod deputies;
mod diagnostic;
mod differential;
mod faults;
mod generated;
mod hidden;
mod hotkey;
mod import;
mod judge;
mod lint;
mod lint_cli;
mod lint_disguises;
mod lint_fixtures;
mod lint_totality;
mod lint_watch;
mod lsp;
mod metric;
mod migrations;
mod operator_cli;
mod platform_cli;
mod queue;
mod rejudge;
mod report;
mod rules;
mod rules_cli;
mod sarif;
mod score;
mod security;
mod server;
mod stdlib_tables;
mod support;
mod task;
mod task_cli;
mod together;
mod validator;
