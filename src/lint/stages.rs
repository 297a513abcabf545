//! The steps of a check one by one, for the benches. Everybody else calls [`check`](super::check),
//! which bounds what these do not.

use std::fmt;

use super::verdict::Findings;
use super::{Policy, walk};
use crate::python::analysis::Module;
use crate::python::{self, Source, ast};

/// A source that parsed.
pub struct Parsed {
    source: Source,
    body: ast::Suite,
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} statements", self.body.len())
    }
}

/// `None` for what the gate refuses unread.
pub fn parse(source: Source, policy: &Policy) -> Option<Parsed> {
    let body = python::parse::parse_module(source.text(), policy.target()).ok()?;
    Some(Parsed { source, body })
}

impl Parsed {
    /// Resolves scopes and bindings.
    pub fn analyse(&self) {
        std::hint::black_box(Module::new(&self.body, None));
    }

    /// Resolves, and applies every rule. How many findings there are.
    pub fn judge(&self, policy: &Policy) -> usize {
        let mut findings = Findings::new(policy);
        walk::walk(&self.body, &self.source, policy, &mut findings);
        findings.finish().1.len()
    }
}
