//! `portcullis keygen`: makes a miner's key.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Terminal};
use crate::config::MinerKey;
use crate::model::Scheme;

/// Make a key for a platform that asks for signed uploads. Prints the hotkey, which is the miner's
/// id there.
#[derive(Debug, Args)]
pub(crate) struct KeygenArguments {
    /// Where to write the key. The file must not be there yet; its owner alone may read it.
    #[arg(value_name = "FILE", default_value = "portcullis.key")]
    file: PathBuf,

    /// How the key signs. The hotkey of an sr25519 key is its SS58 address.
    #[arg(long, value_enum, default_value_t, value_name = "SCHEME")]
    scheme: SchemeName,
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
        let key = MinerKey::generate(match self.scheme {
            SchemeName::Ed25519 => Scheme::Ed25519,
            SchemeName::Sr25519 => Scheme::Sr25519,
        });
        key.write(&self.file)?;
        terminal.say(format!("the key is in {}; who has it can upload in your name", self.file.display()));
        terminal.data(key.hotkey().to_string()).map(|()| Exit::Good)
    }
}
