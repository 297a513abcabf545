//! `portcullis bans`: an operator decides who may not take part.

use clap::{Args, Subcommand};

use super::operator::Operator;
use super::{Exit, Terminal};
use crate::api::{Ban, BanRequest, LiftRequest};
use crate::client::Client;
use crate::diagnostic::visible;
use crate::model::{MinerId, Scheme};

const EXAMPLES: &str = "\
Examples:
  portcullis bans add mallory --reason 'sells answers' --operator carol
  portcullis bans add 5F3sa2TJ… --scheme ed25519 --reason 'one key, two accounts'
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
    /// The miner's id. Of a miner that is known by a key also any SS58 address of it.
    #[arg(value_name = "MINER")]
    miner: MinerId,

    /// How the key of an SS58 address signs: `ed25519` or `sr25519`. Without it the key that the
    /// platform knows.
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<Scheme>,

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
                Action::Add(Decision { miner, scheme, reason, operator }) => {
                    let ban = client.ban(&BanRequest { miner_id: miner, scheme, reason, operator }).await?;
                    // An address does not say which miner it is.
                    terminal.say(format!("banned {}", who(&ban)));
                    Ok(Exit::Good)
                }
                Action::Remove(Decision { miner, scheme, reason, operator }) => {
                    client.lift_ban(&miner, &LiftRequest { scheme, reason, operator }).await?;
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

/// The miner's id, and of a key its scheme and its other form.
fn who(ban: &Ban) -> String {
    match &ban.key {
        None => ban.miner_id.to_string(),
        Some(key) => {
            let other = match key.scheme {
                Scheme::Ed25519 => &key.address,
                Scheme::Sr25519 => &key.hex,
            };
            format!("{} ({}, {})", ban.miner_id, key.scheme, visible(other))
        }
    }
}

fn line(ban: &Ban) -> String {
    let since = ban.since.strftime("%Y-%m-%d %H:%M:%SZ");
    let line = format!("{since}  {}  {} ({})", who(ban), visible(&ban.reason), visible(&ban.operator));
    match &ban.lifted {
        None => line,
        Some(lifted) => {
            let at = lifted.at.strftime("%Y-%m-%d %H:%M:%SZ");
            format!("{line}; ended {at}: {} ({})", visible(&lifted.reason), visible(&lifted.operator))
        }
    }
}
