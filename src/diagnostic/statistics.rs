//! How often each rule found something.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Finding, Severity};

/// The findings of one rule over all files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    pub code: String,
    pub rule: String,
    pub severity: Severity,
    pub findings: usize,
    /// In how many files.
    pub files: usize,
}

/// One row per rule and severity, the most frequent first, equal ones by code.
pub fn count<'a>(files: impl IntoIterator<Item = &'a [Finding]>) -> Vec<RuleCount> {
    let mut counts: BTreeMap<(&str, &str, Severity), (usize, usize, usize)> = BTreeMap::new();
    for (number, findings) in files.into_iter().enumerate() {
        for finding in findings {
            let (total, in_files, last) = counts
                .entry((&*finding.code, &*finding.rule, finding.severity))
                .or_insert((0, 0, usize::MAX));
            *total += 1;
            if *last != number {
                *in_files += 1;
                *last = number;
            }
        }
    }
    let mut rows: Vec<RuleCount> = counts
        .into_iter()
        .map(|((code, rule, severity), (findings, files, _))| RuleCount {
            code: code.to_owned(),
            rule: rule.to_owned(),
            severity,
            findings,
            files,
        })
        .collect();
    // The sort is stable, so rules with equal counts stay in the order of their codes.
    rows.sort_by_key(|row| Reverse(row.findings));
    rows
}
