//! `portcullis task`: prove, start and reveal task packages. A command is a file here and a variant.

mod check;
mod import;
mod new;
mod reveal;

use super::{Exit, Terminal, block_on};

/// Prove task packages, start or import one, show what was hidden.
#[derive(Debug, clap::Args)]
pub(crate) struct TaskArguments {
    #[command(subcommand)]
    command: TaskCommand,
}

#[derive(Debug, clap::Subcommand)]
enum TaskCommand {
    Check(check::CheckArguments),
    Import(import::ImportArguments),
    New(new::NewArguments),
    Reveal(reveal::RevealArguments),
}

impl TaskArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        match self.command {
            TaskCommand::Check(check) => block_on(check.run(terminal)),
            TaskCommand::Import(import) => import.run(terminal),
            TaskCommand::New(new) => new.run(terminal),
            TaskCommand::Reveal(reveal) => reveal.run(terminal),
        }
    }
}
