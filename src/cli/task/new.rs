//! `portcullis task new`: starts a task.

use std::path::PathBuf;

use crate::cli::{Exit, Terminal};
use crate::model::Slug;
use crate::task::{self, Template};

/// Start a task: a small one that `task check` proves, to be rewritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis task new word_count
  portcullis task new parse_date --kind function --dir competition/tasks")]
pub(super) struct NewArguments {
    /// Its name: lower-case ASCII letters, digits, `-` and `_`.
    name: Slug,

    /// What an agent is asked for.
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    kind: NewKind,

    /// The folder in which the task's folder is made.
    #[arg(long, value_name = "DIR", default_value = "tasks")]
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum NewKind {
    /// A program that reads and prints.
    #[default]
    Program,
    /// A module, of which a function is called.
    Function,
    /// A program that prints a module, of which a function is called.
    Solution,
    /// A bundle of documents, which must satisfy invariants.
    Artifact,
}

impl NewArguments {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let template = match self.kind {
            NewKind::Program => Template::Program,
            NewKind::Function => Template::Function,
            NewKind::Solution => Template::Solution,
            NewKind::Artifact => Template::Artifact,
        };
        let folder = task::scaffold(&self.dir, &self.name, template)?;
        terminal.data(folder.display().to_string())?;
        terminal.say(format!("prove it with `portcullis task check {}`", folder.display()));
        Ok(Exit::Good)
    }
}
