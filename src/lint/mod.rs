//! The gate: bytes in, a verdict with all its findings out. Same bytes, same policy, same report.
//! The terminal, the server and the validator call [`check`] and nothing else.
//!
//! Whoever adds a rule writes a file in `rules/` and names it in `rules/mod.rs`.

mod bundle;
mod context;
mod disguise;
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
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Finding;
use crate::model::{Digest, GateVerdict};
use crate::python::analysis::Fuel;
use crate::python::{self, Source};

pub use bundle::{BundleReport, check_bundle};
pub use policy::{GateLimits, Level, Policy, PolicyError, Suggestion};
pub use rule::{Family, Rule};
pub use rules::rules;
pub use worker::{Cancelled, STACK};

use verdict::{Findings, Found};
use worker::Failure;

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

/// Unoptimised builds are about this much slower.
const PATIENCE: u64 = if cfg!(debug_assertions) { 20 } else { 1 };

/// Decodes, parses and analyses `bytes` as CPython of the policy's version would, and applies
/// every rule. Total: whatever the bytes are, it returns within the policy's time, on a caller's
/// stack of any size, and what could not be analysed is refused. How much may be spent on a source
/// is counted in steps, so the verdict is the same on every machine and under any load; the
/// policy's time is a backstop far behind that.
pub fn check(bytes: &[u8], policy: &Policy) -> Report {
    check_by(bytes, policy, |source| {
        let shared = policy.clone();
        worker::run(patience(policy), move |cancelled| analyse(&source, &shared, cancelled))
    })
}

/// As [`check`] on the calling thread, for those who keep threads for it. They must have [`STACK`] bytes
/// of stack, and it is the caller's to watch the clock: when [`patience`] is over, set `cancelled` and
/// answer [`out_of_time`].
pub fn check_here(bytes: &[u8], policy: &Policy, cancelled: Cancelled) -> Report {
    check_by(bytes, policy, |source| {
        let analysed = catch_unwind(AssertUnwindSafe(|| analyse(&source, policy, cancelled)));
        analysed.map_err(|_| Failure::Panicked)
    })
}

/// The refusal of what took longer than [`patience`].
pub fn out_of_time(bytes: &[u8], policy: &Policy) -> Report {
    check_by(bytes, policy, |_| Err(Failure::OutOfTime))
}

/// How long one analysis may take.
pub fn patience(policy: &Policy) -> Duration {
    Duration::from_millis(policy.limits.analysis_ms.saturating_mul(PATIENCE))
}

/// `analysis` stands for itself where it fails: neither depth nor time nor a mistake of ours can take the
/// caller down, a panic or an overrun is a refusal.
fn check_by(
    bytes: &[u8],
    policy: &Policy,
    analysis: impl FnOnce(Source) -> Result<(GateVerdict, Vec<Finding>), Failure>,
) -> Report {
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
    let (verdict, findings) = analysis(source).unwrap_or_else(|failure| unanalysed(failure, policy));
    report(verdict, findings, Some(text))
}

fn unanalysed(failure: Failure, policy: &Policy) -> (GateVerdict, Vec<Finding>) {
    let why = match failure {
        Failure::NoThread => "the source could not be analysed: no thread could be started",
        Failure::OutOfTime => "the source takes too long to analyse",
        Failure::Panicked => "the source could not be analysed",
    };
    too_complex(Findings::new(policy), why)
}

/// Refused whatever was found.
fn too_complex(mut findings: Findings, why: &str) -> (GateVerdict, Vec<Finding>) {
    findings.push(&rules::source::TOO_COMPLEX, rules::source::START, Found::new(why));
    findings.refuse();
    findings.finish()
}

fn analyse(source: &Source, policy: &Policy, cancelled: Cancelled) -> (GateVerdict, Vec<Finding>) {
    let mut findings = Findings::new(policy);
    rules::source::check_text(source, &mut findings);
    match python::parse::parse_module(source.text(), policy.target()) {
        Ok(body) => {
            let fuel = Rc::new(Fuel::for_source(source.text().len(), cancelled));
            walk::walk(&body, source, policy, &mut findings, &fuel);
            if fuel.is_spent() {
                // What the rules said since then may rest on half an answer.
                let mut findings = Findings::new(policy);
                rules::source::check_text(source, &mut findings);
                return too_complex(findings, "what the source may do takes too many steps to find out");
            }
        }
        Err(problems) => {
            rules::source::report_syntax(source, &problems, &mut findings);
            findings.refuse();
        }
    }
    findings.finish()
}
