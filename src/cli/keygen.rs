//! `portcullis keygen`: makes a miner's key, or a token for a validator or an upstream.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, Terminal};
use crate::config::{MinerKey, Secret, Tokens};
use crate::model::{MinerId, Scheme};

const EXAMPLES: &str = "\
Examples:
  portcullis keygen alice.key                                  a miner's key; prints the hotkey
  portcullis keygen --scheme sr25519 alice.key                 one whose hotkey is an SS58 address
  portcullis keygen --validator v7 v7.token >>validators       a token, and the platform's line for it
  portcullis keygen --upstream gateway gateway.token >>upstreams";

/// Make a key for a platform that asks for signed uploads, or a token for a validator or an upstream.
///
/// Of a key it prints the hotkey, which is the miner's id; of a token the line for the platform's
/// file, which proves nothing to anybody else.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeygenArguments {
    /// Where to write it. The file must not be there yet; its owner alone may read it.
    #[arg(value_name = "FILE", default_value = "portcullis.key")]
    file: PathBuf,

    /// How the key signs. The hotkey of an sr25519 key is its SS58 address.
    #[arg(long, value_enum, default_value_t, value_name = "SCHEME")]
    scheme: SchemeName,

    /// Make a token for the validator of this name, for `serve --validators`.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["upstream", "scheme"])]
    validator: Option<MinerId>,

    /// Make a token for the upstream of this name, for `serve --upstreams`.
    #[arg(long, value_name = "NAME", conflicts_with = "scheme")]
    upstream: Option<MinerId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum SchemeName {
    #[default]
    Ed25519,
    /// As Substrate's accounts.
    Sr25519,
}

impl KeygenArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        if let Some(name) = self.validator.as_ref().or(self.upstream.as_ref()) {
            return token(name, &self.file, terminal);
        }
        let key = MinerKey::generate(match self.scheme {
            SchemeName::Ed25519 => Scheme::Ed25519,
            SchemeName::Sr25519 => Scheme::Sr25519,
        });
        key.write(&self.file)?;
        terminal.say(format!("the key is in {}; who has it can upload in your name", self.file.display()));
        terminal.data(key.hotkey().to_string()).map(|()| Exit::Good)
    }
}

fn token(name: &MinerId, file: &Path, terminal: &Terminal) -> anyhow::Result<Exit> {
    let token = Secret::generate();
    token.write(file)?;
    terminal.say(format!("the token is in {}; `{name}` shows it to the platform", file.display()));
    terminal.data(Tokens::line(name, &token)).map(|()| Exit::Good)
}
