//! `portcullis recheck`: the gate is asked again, under another policy, about everything stored.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::operator::Operator;
use super::upload::Format;
use super::{Exit, Terminal, policy};
use crate::api::{RecheckApply, RecheckChange, RecheckRequest, Rechecked};
use crate::diagnostic::visible;
use crate::model::{Digest, GateVerdict, MinerId};

const EXAMPLES: &str = "\
Examples:
  portcullis recheck --policy next.toml                  what would change; nothing does
  portcullis recheck --policy next.toml --apply --reason 'a way around PC201 was found'

Exit status: 0 nothing would change or it was applied, 1 something would, 2 it could not be asked.";

/// Ask the gate again about everything stored, under another policy.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RecheckArguments {
    /// The policy to ask about, in TOML.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// Reject and hold what the gate would not let in any more, all of it in one step.
    #[arg(long, requires = "reason")]
    apply: bool,

    /// Why. The miners read it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Who decides, for the audit.
    #[arg(long, value_name = "NAME", env = "USER", required_if_eq("apply", "true"))]
    operator: Option<MinerId>,

    #[command(flatten)]
    options: Operator,

    /// How to show the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Answer {
    version: u32,
    policy: Digest,
    checked: u64,
    changes: Vec<RecheckChange>,
    /// What was done about it; null when nothing was.
    applied: Option<Rechecked>,
}

impl RecheckArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        // So that a mistake in it is told as `lint` would tell it.
        let digest = policy::load(Some(&self.policy), None)?.digest();
        let text = fs::read_to_string(&self.policy)
            .with_context(|| format!("cannot read the policy `{}`", self.policy.display()))?;
        let client = self.options.client()?;
        super::block_on(async {
            let mut answer =
                Answer { version: 1, policy: digest, checked: 0, changes: Vec::new(), applied: None };
            let mut after = None;
            loop {
                let request = RecheckRequest { policy: text.clone(), after };
                let page = client.ask_recheck(&request).await?;
                answer.checked += page.checked;
                answer.changes.extend(page.changes);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            if let (true, Some(reason), Some(operator)) = (self.apply, self.reason, self.operator) {
                let worse = answer.changes.iter().filter(|change| change.verdict != GateVerdict::Accepted);
                let request = RecheckApply {
                    policy: text,
                    submissions: worse.map(|change| change.submission_id).collect(),
                    reason,
                    operator,
                };
                answer.applied = Some(client.apply_recheck(&request).await.context("nothing was changed")?);
            }
            let exit = if answer.changes.is_empty() || answer.applied.is_some() {
                Exit::Good
            } else {
                Exit::SubjectFailed
            };
            let shown = match self.format {
                Format::Json => serde_json::to_string_pretty(&answer)?,
                Format::Text => shown(&answer),
            };
            terminal.data(shown).map(|()| exit)
        })
    }
}

fn shown(answer: &Answer) -> String {
    let mut lines = Vec::new();
    for change in &answer.changes {
        let (id, miner, status) = (change.submission_id, &change.miner_id, change.status);
        let what = match change.verdict {
            GateVerdict::Rejected => "would be rejected",
            GateVerdict::NeedsReview => "would be held",
            GateVerdict::Accepted => "would be let in; release it with `holds release`",
        };
        lines.push(format!("{id}  {miner} ({status}) {what}"));
        for finding in &change.findings {
            let (line, column) = (finding.span.line, finding.span.column);
            lines.push(format!(
                "    {line}:{column} {} {}",
                visible(&finding.code),
                visible(&finding.message)
            ));
        }
    }
    lines.push(format!("{} checked, {} differ", answer.checked, answer.changes.len()));
    if let Some(done) = &answer.applied {
        lines.push(format!("{} rejected, {} held", done.rejected, done.held));
    }
    lines.join("\n")
}
