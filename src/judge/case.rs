//! One case: what happened and what was printed become a verdict. Decided by facts that the agent
//! cannot forge; its own text is shown, never believed.

use std::sync::Arc;

use super::{Checker, Comparison, Tolerance, difference};
use crate::model::{CaseResult, CaseVerdict, Ending, Limits, RunFacts, Slug};

/// What the standard output of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What the agent printed.
    Output,
    /// What our harness says that a function returned (`{"returns": …}`) or raised (`{"raises": …}`).
    Reply,
}

/// What a case is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub name: &'a Slug,
    pub form: Form,
    pub checker: Checker,
    pub tolerance: Tolerance,
    /// Every answer that is right; the first is the one that differences are shown against.
    pub accepted: &'a [Arc<str>],
    pub limits: &'a Limits,
    /// Of a hidden case nothing is told but its verdict: input and answer could be read from more.
    pub hidden: bool,
}

/// The verdict on one run. Where several apply, the first of: cancelled, output limit, time limit,
/// memory limit, process limit, runtime error, wrong answer. An internal error is not for this
/// function to find: then there are no facts.
pub fn judge_case(facts: &RunFacts, rules: &Rules<'_>) -> CaseResult {
    let compare = |accepted: &str, actual: &[u8]| rules.checker.compare(accepted, actual, rules.tolerance);
    judge_by(facts, rules, &compare)
}

/// As [`judge_case`], where a checker program was asked and `said` this of what was printed.
pub fn judge_said(facts: &RunFacts, rules: &Rules<'_>, said: &Comparison) -> CaseResult {
    judge_by(facts, rules, &|_, _| said.clone())
}

/// Whether the run ended well, so that what it printed decides.
pub fn has_answer(facts: &RunFacts) -> bool {
    facts.ending == Ending::Exited { code: 0 } && !facts.stdout.truncated && !facts.stderr.truncated
}

/// An accepted answer and what was printed.
type Compare<'a> = dyn Fn(&str, &[u8]) -> Comparison + 'a;

fn judge_by(facts: &RunFacts, rules: &Rules<'_>, compare: &Compare<'_>) -> CaseResult {
    let mut judged = verdict(facts, rules, compare);
    if rules.hidden {
        judged.message = (judged.verdict != CaseVerdict::Accepted).then(|| "hidden case".to_owned());
        judged.diff = None;
    }
    CaseResult {
        name: rules.name.clone(),
        verdict: judged.verdict,
        usage: facts.usage,
        message: judged.message,
        diff: judged.diff,
        repeats: Vec::new(),
    }
}

struct Judged {
    verdict: CaseVerdict,
    message: Option<String>,
    diff: Option<String>,
}

impl Judged {
    fn new(verdict: CaseVerdict, message: impl Into<String>) -> Self {
        Self { verdict, message: Some(message.into()), diff: None }
    }
}

fn verdict(facts: &RunFacts, rules: &Rules<'_>, compare: &Compare<'_>) -> Judged {
    let limits = rules.limits;
    let truncated = facts.stdout.truncated || facts.stderr.truncated;
    match facts.ending {
        Ending::Cancelled => Judged::new(CaseVerdict::Skipped, "the run was cancelled"),
        Ending::OutputLimit => too_much_output(limits),
        Ending::WallLimit | Ending::CpuLimit | Ending::Signalled { .. } | Ending::Exited { .. }
            if truncated =>
        {
            too_much_output(limits)
        }
        Ending::WallLimit => {
            Judged::new(CaseVerdict::TimeLimit, format!("stopped after {} ms of wall time", limits.wall_ms))
        }
        Ending::CpuLimit => {
            Judged::new(CaseVerdict::TimeLimit, format!("stopped after {} ms of CPU time", limits.cpu_ms))
        }
        // The kernel ends a process whose CPU time is up with SIGXCPU, and with SIGKILL one that does
        // not mind. The signal alone proves nothing, because a program can send it to itself.
        Ending::Signalled { signal: SIGXCPU | SIGKILL } if facts.usage.cpu_ms >= limits.cpu_ms => {
            Judged::new(CaseVerdict::TimeLimit, format!("stopped after {} ms of CPU time", limits.cpu_ms))
        }
        Ending::Exited { code: 0 } => answer(facts, rules, compare),
        Ending::Exited { .. } | Ending::Signalled { .. } if facts.oom_kills > 0 => Judged::new(
            CaseVerdict::MemoryLimit,
            format!("used more than {} KiB of memory", limits.memory_kib),
        ),
        Ending::Exited { .. } | Ending::Signalled { .. } if facts.process_limit_hits > 0 => {
            let message = format!("failed after it was refused more than {} processes", limits.processes);
            Judged::new(CaseVerdict::ProcessLimit, message)
        }
        Ending::Exited { code } => Judged::new(
            CaseVerdict::RuntimeError,
            with_last_line(format!("exited with status {code}"), &facts.stderr.bytes),
        ),
        Ending::Signalled { signal } => Judged::new(
            CaseVerdict::RuntimeError,
            with_last_line(format!("killed by {}", signal_name(signal)), &facts.stderr.bytes),
        ),
    }
}

fn too_much_output(limits: &Limits) -> Judged {
    Judged::new(CaseVerdict::OutputLimit, format!("wrote more than {} bytes", limits.output_bytes))
}

/// It ended well, so that what it printed decides.
fn answer(facts: &RunFacts, rules: &Rules<'_>, compare: &Compare<'_>) -> Judged {
    let actual = facts.stdout.bytes.as_slice();
    let mut first = None;
    let mut right = false;
    for accepted in rules.accepted {
        match compare(accepted, actual) {
            Comparison::Same => {
                right = true;
                break;
            }
            Comparison::Differs { message, diff } => {
                first.get_or_insert((message, diff));
            }
        }
    }
    // A process of the agent was killed or refused, and it ended well nonetheless: worth a word.
    let remark = if facts.oom_kills > 0 {
        Some("a process of the agent was killed for its memory")
    } else if facts.process_limit_hits > 0 {
        Some("the agent was refused more processes")
    } else {
        None
    };
    if right {
        return Judged { verdict: CaseVerdict::Accepted, message: remark.map(ToOwned::to_owned), diff: None };
    }
    if rules.form == Form::Reply
        && let Some(exception) = raised(actual)
        && !rules.accepted.iter().any(|accepted| raised(accepted.as_bytes()).is_some())
    {
        let message = format!("raised {}", difference::quoted(exception.as_bytes()));
        return Judged::new(CaseVerdict::RuntimeError, with_last_line(message, &facts.stderr.bytes));
    }
    // A case without any accepted answer cannot be loaded; were there one, nothing would be right.
    let (mut message, diff) = first.unwrap_or_else(|| ("no answer is accepted".to_owned(), None));
    if rules.accepted.len() > 1 {
        message.push_str(&format!(", the first of {} accepted answers", rules.accepted.len()));
    }
    if std::str::from_utf8(actual).is_err() {
        message.push_str("; the output is not UTF-8");
    }
    if let Some(remark) = remark {
        message.push_str("; ");
        message.push_str(remark);
    }
    Judged { verdict: CaseVerdict::WrongAnswer, message: Some(message), diff }
}

/// The exception that a function raised, where it raised one.
fn raised(reply: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Raised {
        raises: String,
    }
    serde_json::from_slice(reply).ok().map(|Raised { raises }| raises)
}

/// Adds the last line of the standard error, which for a Python program names the exception.
fn with_last_line(what: String, stderr: &[u8]) -> String {
    let trimmed = stderr.trim_ascii_end();
    let last = trimmed.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if last.is_empty() { what } else { format!("{what}: {}", difference::quoted_words(last)) }
}

const SIGKILL: u8 = 9;
const SIGXCPU: u8 = 24;

/// Linux names; the numbers are those of x86-64 and AArch64.
fn signal_name(signal: u8) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        SIGKILL => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        SIGXCPU => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}
