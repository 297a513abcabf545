//! `portcullis task`: prove task packages, start a new one. A command is a file here and a variant.

mod check;
mod new;

use super::{Exit, Terminal, block_on};

/// Prove task packages, or start a new one.
#[derive(Debug, clap::Args)]
pub(crate) struct TaskArguments {
    #[command(subcommand)]
    command: TaskCommand,
}

#[derive(Debug, clap::Subcommand)]
enum TaskCommand {
    Check(check::CheckArguments),
    New(new::NewArguments),
}

impl TaskArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        match self.command {
            TaskCommand::Check(check) => block_on(check.run(terminal)),
            TaskCommand::New(new) => new.run(terminal),
        }
    }
}
