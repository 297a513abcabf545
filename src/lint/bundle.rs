//! The gate for bundles: the archive itself, and every Python file in it.

use super::rules::source;
use super::verdict::{Findings, Found};
use super::{Policy, Report, check};
use crate::bundle::{self, Bundle, Rules};
use crate::model::{Digest, GateVerdict};

/// What the gate says of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleReport {
    /// On the archive as a whole; its findings are about the archive.
    pub archive: Report,
    /// On each Python file, by path. Empty where the archive cannot be read.
    pub members: Vec<(String, Report)>,
    /// What is in it, where it can be read.
    pub bundle: Option<Bundle>,
}

/// Reads an archive under `rules` and checks every Python file in it as [`check`] does.
pub fn check_bundle(bytes: &[u8], rules: &Rules, policy: &Policy) -> BundleReport {
    let report = |verdict, findings| Report {
        sha256: Digest::of(bytes),
        policy: policy.digest(),
        verdict,
        findings,
        source: None,
    };
    match bundle::read(bytes, rules) {
        Ok(bundle) => {
            let scripts = bundle.files().filter(|(path, _)| path.ends_with(".py"));
            let members: Vec<(String, Report)> =
                scripts.map(|(path, content)| (path.to_owned(), check(content, policy))).collect();
            let archive = report(GateVerdict::Accepted, Vec::new());
            BundleReport { archive, members, bundle: Some(bundle) }
        }
        Err(error) => {
            let mut findings = Findings::new(policy);
            findings.push(&source::BAD_BUNDLE, source::START, Found::new(error.to_string()));
            findings.refuse();
            let (verdict, findings) = findings.finish();
            BundleReport { archive: report(verdict, findings), members: Vec::new(), bundle: None }
        }
    }
}

impl BundleReport {
    /// The worst of all.
    pub fn verdict(&self) -> GateVerdict {
        let all = || self.members.iter().map(|(_, report)| report.verdict).chain([self.archive.verdict]);
        if all().any(|verdict| verdict == GateVerdict::Rejected) {
            GateVerdict::Rejected
        } else if all().any(|verdict| verdict == GateVerdict::NeedsReview) {
            GateVerdict::NeedsReview
        } else {
            GateVerdict::Accepted
        }
    }

    /// As one report: each finding says which file it is about.
    #[must_use]
    pub fn into_report(self) -> Report {
        let verdict = self.verdict();
        let mut report = Report { verdict, ..self.archive };
        for (path, member) in self.members {
            let named = member.findings.into_iter().map(|mut finding| {
                finding.file = Some(path.clone());
                finding
            });
            report.findings.extend(named);
        }
        report
    }
}
