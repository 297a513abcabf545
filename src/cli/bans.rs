//! `portcullis bans`: an operator decides who may not take part.

use clap::{Args, Subcommand};

use super::operator::Operator;
use super::{Exit, Terminal};
use crate::api::{Ban, BanRequest, LiftRequest};
use crate::client::Client;
use crate::diagnostic::visible;
use crate::model::MinerId;

const EXAMPLES: &str = "\
Examples:
  portcullis bans add mallory --reason 'sells answers' --operator carol
  portcullis bans list --all
  portcullis bans remove mallory --reason 'it was somebody else' --operator carol

Exit status: 0 done, 2 it could not be done.";

/// Say who may not take part, and who may again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BansArguments {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    platform: Operator,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show who is banned, by whom and why.
    List {
        /// Bans that ended, too.
        #[arg(long)]
        all: bool,
    },
    /// Ban a miner: no upload is taken, none is scored, none is ranked.
    Add(Decision),
    /// End a ban.
    Remove(Decision),
}

#[derive(Debug, Args)]
struct Decision {
    #[arg(value_name = "MINER")]
    miner: MinerId,

    /// Why, for the audit. The miner reads why there is a ban.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Who decides, for the audit.
    #[arg(long, value_name = "NAME", env = "USER")]
    operator: MinerId,
}

impl BansArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let client = self.platform.client()?;
        super::block_on(async {
            match self.action {
                Action::List { all } => list(&client, all, terminal).await,
                Action::Add(Decision { miner, reason, operator }) => {
                    client.ban(&BanRequest { miner_id: miner, reason, operator }).await?;
                    Ok(Exit::Good)
                }
                Action::Remove(Decision { miner, reason, operator }) => {
                    client.lift_ban(&miner, &LiftRequest { reason, operator }).await?;
                    Ok(Exit::Good)
                }
            }
        })
    }
}

async fn list(client: &Client, all: bool, terminal: &Terminal) -> anyhow::Result<Exit> {
    let bans = client.bans(all).await?;
    if bans.is_empty() {
        terminal.say("nobody is banned");
        return Ok(Exit::Good);
    }
    let lines: Vec<String> = bans.iter().map(line).collect();
    terminal.data(lines.join("\n")).map(|()| Exit::Good)
}

fn line(ban: &Ban) -> String {
    let since = ban.since.strftime("%Y-%m-%d %H:%M:%SZ");
    let line = format!("{since}  {}  {} ({})", ban.miner_id, visible(&ban.reason), visible(&ban.operator));
    match &ban.lifted {
        None => line,
        Some(lifted) => {
            let at = lifted.at.strftime("%Y-%m-%d %H:%M:%SZ");
            format!("{line}; ended {at}: {} ({})", visible(&lifted.reason), visible(&lifted.operator))
        }
    }
}
