//! The gate: bytes in, a verdict with all its findings out. Same bytes, same policy, same report.
//! The terminal, the server and the validator call [`check`] and nothing else.
//!
//! Whoever adds a rule writes a file in `rules/` and names it in `rules/mod.rs`.

mod context;
mod instances;
mod names;
mod paths;
mod policy;
mod rule;
mod rules;
#[doc(hidden)]
pub mod stages;
mod verdict;
mod walk;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Finding;
use crate::model::{Digest, GateVerdict};
use crate::python::{self, Source};

pub use policy::{GateLimits, Level, Policy, PolicyError, Suggestion};
pub use rule::{Family, Rule};
pub use rules::rules;

use verdict::{Findings, Found};

/// What the gate says of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Of the bytes as they came.
    pub sha256: Digest,
    /// Of the policy that was applied.
    pub policy: Digest,
    pub verdict: GateVerdict,
    /// Sorted by place; all of them, not only the first.
    pub findings: Vec<Finding>,
    /// The text that was analysed and that alone may be run: UTF-8, LF, no byte-order mark.
    /// `None` where the bytes could not be decoded.
    #[serde(skip)]
    pub source: Option<Arc<str>>,
}

/// Address space for the analysis; only what is touched costs memory. The nesting limits keep the
/// deepest walk far below it.
const STACK: usize = 256 << 20;

/// Unoptimised builds are about this much slower.
const PATIENCE: u64 = if cfg!(debug_assertions) { 20 } else { 1 };

/// Decodes, parses and analyses `bytes` as CPython of the policy's version would, and applies
/// every rule. Total: whatever the bytes are, it returns within the policy's time, on a caller's
/// stack of any size, and what could not be analysed is refused.
pub fn check(bytes: &[u8], policy: &Policy) -> Report {
    let report = |verdict, findings, source| Report {
        sha256: Digest::of(bytes),
        policy: policy.digest(),
        verdict,
        findings,
        source,
    };
    let source = match python::decode(bytes, policy.limits.source_bytes) {
        Ok(source) => source,
        Err(error) => {
            let (verdict, findings) = rules::source::undecodable(bytes, &error, policy);
            return report(verdict, findings, None);
        }
    };
    let text = Arc::clone(source.text());
    let (verdict, findings) = bounded(source, policy);
    report(verdict, findings, Some(text))
}

/// Runs the analysis on a thread of its own, so that neither depth nor time nor a mistake of ours
/// can take the caller down: a panic or an overrun is a refusal.
fn bounded(source: Source, policy: &Policy) -> (GateVerdict, Vec<Finding>) {
    let (answer, waiting) = mpsc::sync_channel(1);
    let shared = policy.clone();
    let worker = thread::Builder::new().name("gate".to_owned()).stack_size(STACK).spawn(move || {
        // A closed channel means that the caller gave up, which is no reason to do anything.
        let _ = answer.send(analyse(&source, &shared));
    });
    let failed = |why: &str| {
        let mut findings = Findings::new(policy);
        findings.push(&rules::source::TOO_COMPLEX, rules::source::START, Found::new(why));
        findings.refuse();
        findings.finish()
    };
    if worker.is_err() {
        return failed("the source could not be analysed: no thread could be started");
    }
    match waiting.recv_timeout(Duration::from_millis(policy.limits.analysis_ms.saturating_mul(PATIENCE))) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => failed("the source takes too long to analyse"),
        Err(mpsc::RecvTimeoutError::Disconnected) => failed("the source could not be analysed"),
    }
}

fn analyse(source: &Source, policy: &Policy) -> (GateVerdict, Vec<Finding>) {
    let mut findings = Findings::new(policy);
    rules::source::check_text(source, &mut findings);
    match python::parse::parse_module(source.text(), policy.target()) {
        Ok(body) => walk::walk(&body, source, policy, &mut findings),
        Err(problems) => {
            rules::source::report_syntax(source, &problems, &mut findings);
            findings.refuse();
        }
    }
    findings.finish()
}
