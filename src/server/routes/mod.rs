//! The routes, one file per resource.

pub(super) mod agents;
pub(super) mod assignments;
pub(super) mod audit;
pub(super) mod bans;
pub(super) mod bridge;
pub(super) mod holds;
pub(super) mod leaderboard;
pub(super) mod rechecks;
pub(super) mod rejudges;
pub(super) mod service;
pub(super) mod submissions;
pub(super) mod tasks;
pub(super) mod upload;
pub(super) mod validate;
