//! Decides what facts mean: compares outputs, judges cases, scores, ranks and rewards. Pure.
//!
//! ```text
//! RunFacts + Rules ─► CaseResult ─► task score ─► agent score ─► rank ─► reward
//! ```

mod case;
mod checkers;
mod comparison;
mod difference;
mod interval;
mod rank;
mod repeats;
mod rewards;
mod score;

pub use case::{Form, Rules, has_answer, judge_case, judge_said};
pub use checkers::{Checker, CheckerFault, Tolerance, said_by_checker};
pub use comparison::Comparison;
pub use interval::{Interval, Measured, interval};
pub use rank::{Costs, Entry, Ranked, TieBreaker, rank};
pub use repeats::combine;
pub use rewards::{InvalidScheme, Scheme, rewards};
pub use score::{Weighted, group, score_agent, score_task};
