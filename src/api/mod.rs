//! The words of the HTTP interface: what the server sends and the client reads. Both use these
//! types, so they cannot drift apart; `/openapi.json` is generated from them.

mod assignment;
mod ban;
mod hold;
mod problem;
mod rejudge;
pub(crate) mod schema;
pub mod signature;
mod submission;
mod task;
mod validation;

pub use assignment::{
    Assignment, ClaimRequest, LeaseAnswer, ReleaseRequest, ResultRequest, ResultTaken, TaskReference,
};
pub use ban::{Ban, BanList, BanRequest, BannedKey, LiftRequest, Lifted};
pub use hold::{Hold, HoldList, ResolveRequest, Verdict};
pub use problem::Problem;
pub use rejudge::{
    ActRequest, RecheckApply, RecheckChange, RecheckPage, RecheckRequest, Rechecked, RejudgeCase,
    RejudgeChange, RejudgeDetail, RejudgeKept, RejudgeList, RejudgeRequest, RejudgeStatus, RejudgeSummary,
    Resolved,
};
pub use submission::{
    AgentDetail, AgentPage, AgentSource, AgentSummary, AuditEntry, AuditEvent, AuditPage, Health,
    Leaderboard, RunList, RunRecord, RunScore, RunStanding, Standing, SubmissionDetail, SubmissionPage,
    Uploaded, Version,
};
pub use task::{ExampleCase, TaskDetail, TaskList, TaskSummary};
pub use validation::{JobStatus, Passed, Validation, ValidationResult};
