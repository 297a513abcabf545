//! The store's tests on PostgreSQL: the same as on SQLite, and what needs several platforms on one
//! database. `PORTCULLIS_TEST_POSTGRES` names a database in which schemas may be made. The blobs' tests
//! run in a bucket of the S3-compatible server at `PORTCULLIS_TEST_S3`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../it/backup.rs"]
mod backup;
#[path = "../it/blobs.rs"]
mod blobs;
mod bucket;
mod database;
mod engines;
mod gone;
#[path = "../it/migrations.rs"]
mod migrations;
mod outage;
#[path = "../it/queue.rs"]
mod queue;
#[path = "../it/rejudge.rs"]
mod rejudge;
#[path = "../it/support/platform.rs"]
mod support;
mod twins;
