//! What the routes answer and the pages show alike: one reading of the store for both.

pub(super) mod leaderboard;
pub(super) mod rejudges;
pub(super) mod submissions;
pub(super) mod tasks;
