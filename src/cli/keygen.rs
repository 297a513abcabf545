//! `portcullis keygen`: makes a miner's key.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Terminal};
use crate::config::MinerKey;

/// Make a key for a platform that asks for signed uploads. Prints the hotkey, which is the miner's
/// id there.
#[derive(Debug, Args)]
pub(crate) struct KeygenArguments {
    /// Where to write the key. The file must not be there yet; its owner alone may read it.
    #[arg(value_name = "FILE", default_value = "portcullis.key")]
    file: PathBuf,
}

impl KeygenArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let key = MinerKey::generate();
        key.write(&self.file)?;
        terminal.say(format!("the key is in {}; who has it can upload in your name", self.file.display()));
        terminal.data(key.hotkey()).map(|()| Exit::Good)
    }
}
