//! The words every room shares: names, states, facts of a run, verdicts, scores. No I/O.

mod case;
mod digest;
mod egress;
mod facts;
mod hotkey;
mod limits;
mod name;
mod score;
mod state;

pub use case::{CaseResult, CaseVerdict, Split, TaskResult};
pub use digest::{Digest, InvalidDigest};
pub use egress::{Destination, Egress, InvalidEgress};
pub use facts::{Capture, Ending, IsolationLevel, RunFacts, Usage};
pub use hotkey::{Hotkey, InvalidHotkey, SIGNING_CONTEXT, SUBSTRATE, Scheme, ss58_decode, ss58_encode};
pub use limits::Limits;
pub use name::{InvalidName, MinerId, Slug, SubmissionId};
pub use score::{RawAmount, Score};
pub use state::{GateVerdict, SubmissionState};
