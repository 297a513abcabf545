//! From what the rules found to what is reported: severities by policy, sorted, without repeats,
//! bounded in number; and the verdict.

use std::borrow::Cow;

use super::Rule;
use super::policy::{Level, Policy};
use crate::diagnostic::{Finding, Note, Severity, Span};
use crate::model::GateVerdict;

/// Collects findings while the rules run.
#[derive(Debug)]
pub(super) struct Findings {
    policy: Policy,
    list: Vec<Finding>,
    /// How many errors and how many warnings are in the list.
    kept: [usize; 2],
    verdict: GateVerdict,
    /// Found beyond what is kept.
    dropped: usize,
}

/// A finding before the policy has spoken.
#[derive(Debug, Default, Clone)]
pub(crate) struct Found {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) notes: Vec<Note>,
}

impl Found {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// What to do instead. The sentence of a rule's page becomes a fragment, as behind `error:`.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        let mut help = help.into();
        let mut characters = help.chars();
        if let (Some(first), Some(second)) = (characters.next(), characters.next())
            && first.is_ascii_uppercase()
            && second.is_ascii_lowercase()
        {
            help.replace_range(..1, &first.to_ascii_lowercase().to_string());
        }
        if help.ends_with('.') {
            help.pop();
        }
        self.help = Some(help);
        self
    }

    pub(crate) fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// While collecting, this many times the reported number are kept, so that sorting keeps the first.
const HEADROOM: usize = 20;

impl Findings {
    pub(super) fn new(policy: &Policy) -> Self {
        Self {
            policy: policy.clone(),
            list: Vec::new(),
            kept: [0; 2],
            verdict: GateVerdict::Accepted,
            dropped: 0,
        }
    }

    pub(super) fn push(&mut self, rule: &'static Rule, span: Span, found: Found) {
        let (severity, verdict) = match self.policy.level(rule) {
            Level::Off => return,
            Level::Warning => (Severity::Warning, GateVerdict::Accepted),
            Level::Review => (Severity::Warning, GateVerdict::NeedsReview),
            Level::Error => (Severity::Error, GateVerdict::Rejected),
        };
        self.verdict = worse(self.verdict, verdict);
        // Each severity for itself, so that no number of warnings crowds out an error.
        let kept = &mut self.kept[usize::from(severity == Severity::Warning)];
        if *kept >= self.policy.limits.findings.saturating_mul(HEADROOM) {
            self.dropped += 1;
            return;
        }
        *kept += 1;
        self.list.push(Finding {
            span,
            code: Cow::Borrowed(rule.code),
            rule: Cow::Borrowed(rule.name),
            severity,
            message: found.message,
            help: found.help,
            name: found.name,
            notes: found.notes,
            file: None,
        });
    }

    /// Refuses whatever the policy says: what was not analysed cannot pass.
    pub(super) fn refuse(&mut self) {
        self.verdict = GateVerdict::Rejected;
    }

    pub(super) fn finish(self) -> (GateVerdict, Vec<Finding>) {
        let Self { policy, mut list, verdict, dropped, kept: _ } = self;
        list.sort();
        list.dedup_by(|a, b| a.span == b.span && a.code == b.code && a.name == b.name);
        let keep = policy.limits.findings;
        if list.len() > keep {
            let more = list.len() - keep + dropped;
            // What refuses is shown before what only warns. The sort is stable: the first ones stay.
            list.sort_by_key(|finding| finding.severity);
            list.truncate(keep);
            list.sort();
            if let Some(last) = list.last().cloned() {
                list.push(Finding {
                    message: format!("and {more} more findings that are not shown"),
                    help: None,
                    name: None,
                    notes: Vec::new(),
                    ..last
                });
            }
        }
        (verdict, list)
    }
}

fn worse(a: GateVerdict, b: GateVerdict) -> GateVerdict {
    let rank = |verdict| match verdict {
        GateVerdict::Accepted => 0,
        GateVerdict::NeedsReview => 1,
        GateVerdict::Rejected => 2,
    };
    if rank(a) >= rank(b) { a } else { b }
}
