//! `portcullis holds`: an operator decides about submissions that wait for a person.

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::operator::{Decider, Operator};
use super::{Exit, Terminal};
use crate::api::{ResolveRequest, Verdict};
use crate::client::Client;
use crate::diagnostic::visible;
use crate::model::SubmissionId;

/// Decide about submissions that wait for a person.
#[derive(Debug, Args)]
pub(crate) struct HoldsArguments {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    platform: Operator,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what waits, oldest first.
    List,
    /// Let a submission be scored.
    Release(Decision),
    /// Reject a submission.
    Reject(Decision),
}

#[derive(Debug, Args)]
struct Decision {
    #[arg(value_name = "SUBMISSION")]
    submission: String,

    #[command(flatten)]
    decider: Decider,
}

impl HoldsArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let client = self.platform.client()?;
        super::block_on(async {
            match self.action {
                Action::List => list(&client, terminal).await,
                Action::Release(decision) => decide(&client, decision, Verdict::Release).await,
                Action::Reject(decision) => decide(&client, decision, Verdict::Reject).await,
            }
        })
    }
}

async fn list(client: &Client, terminal: &Terminal) -> anyhow::Result<Exit> {
    let holds = client.holds().await?.holds;
    if holds.is_empty() {
        terminal.say("nothing waits for a decision");
        return Ok(Exit::Good);
    }
    let lines: Vec<String> = holds
        .iter()
        .map(|hold| {
            let since = hold.since.strftime("%Y-%m-%d %H:%M:%SZ");
            format!("{since}  {}  {}: {}", hold.submission_id, hold.miner_id, visible(&hold.reason))
        })
        .collect();
    terminal.data(lines.join("\n")).map(|()| Exit::Good)
}

async fn decide(client: &Client, decision: Decision, verdict: Verdict) -> anyhow::Result<Exit> {
    let id = SubmissionId::parse(&decision.submission)?;
    let request =
        ResolveRequest { verdict, reason: decision.decider.reason, operator: decision.decider.operator };
    client.resolve(id, &request).await.with_context(|| format!("cannot decide about `{id}`"))?;
    Ok(Exit::Good)
}
