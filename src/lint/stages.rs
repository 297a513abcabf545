//! The steps of a check one by one, for the benches. Everybody else calls [`check`](super::check),
//! which bounds what these do not.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::verdict::Findings;
use super::{Policy, walk};
use crate::python::analysis::{Fuel, Module};
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
        std::hint::black_box(Module::new(&self.body, None, &self.fuel()));
    }

    /// Resolves, and applies every rule. How many findings there are.
    pub fn judge(&self, policy: &Policy) -> usize {
        let mut findings = Findings::new(policy);
        walk::walk(&self.body, &self.source, policy, &mut findings, &self.fuel());
        findings.finish().1.len()
    }

    /// How many steps that takes, and how many are allowed.
    pub fn steps(&self, policy: &Policy) -> (u64, u64) {
        let fuel = self.fuel();
        walk::walk(&self.body, &self.source, policy, &mut Findings::new(policy), &fuel);
        fuel.gauge()
    }

    fn fuel(&self) -> Rc<Fuel> {
        Rc::new(Fuel::for_source(self.source.text().len(), Arc::default()))
    }
}
