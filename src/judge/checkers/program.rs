//! A program of the task's author decides. It runs in a sandbox of its own, which is the validator's
//! part; here is what its ending means.

use super::{Definition, Tolerance, any_answer};
use crate::judge::{Comparison, difference};
use crate::model::{Ending, RunFacts};

pub(super) const DEFINITION: Definition =
    Definition { compare: not_asked, valid_answer: any_answer, takes_tolerance: false };

/// Reached only by a caller that did not ask the program: nothing is right then.
fn not_asked(_: &[u8], _: &[u8], _: Tolerance) -> Comparison {
    Comparison::Differs { message: "the checker program was not asked".to_owned(), diff: None }
}

/// Why a checker program gave no verdict: the fault of the task, never of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckerFault {
    /// How it ended.
    pub how: String,
    /// The last line it wrote to standard error. It may quote the expected answer.
    pub last_words: Option<String>,
}

/// The verdict of a checker program that ran: status 0 accepts, status 1 refuses with the first line
/// of its standard output as the reason.
///
/// # Errors
/// Every other ending.
pub fn said_by_checker(facts: &RunFacts) -> Result<Comparison, CheckerFault> {
    let how = match facts.ending {
        Ending::Exited { code: 0 } => return Ok(Comparison::Same),
        Ending::Exited { code: 1 } => {
            let message = match difference::first_line(&facts.stdout.bytes) {
                Some(line) => line,
                None => "the checker program refuses it".to_owned(),
            };
            return Ok(Comparison::Differs { message, diff: None });
        }
        Ending::Exited { code } => format!("exited with status {code}"),
        Ending::Signalled { signal } => format!("was killed by signal {signal}"),
        Ending::WallLimit | Ending::CpuLimit => "did not end in time".to_owned(),
        Ending::OutputLimit => "wrote too much".to_owned(),
        Ending::Cancelled => "was cancelled".to_owned(),
    };
    Err(CheckerFault { how, last_words: difference::last_line(&facts.stderr.bytes) })
}
