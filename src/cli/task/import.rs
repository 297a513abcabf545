//! `portcullis task import`: a problem package of Kattis or the ICPC becomes a task.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::{Exit, Terminal};
use crate::lint::{self, Policy};
use crate::model::{GateVerdict, Slug};
use crate::task;

/// Make a task of a problem package of Kattis or the ICPC.
///
/// Reads `problem.yaml` (legacy and 2023-07), statement, samples, secret data and groups, flags of the
/// output validator, limits, and Python submissions. What the task cannot hold is listed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis task import ~/problems/different
  portcullis task import package --name oddecho --dir competition/tasks
  portcullis task check tasks/different

Exit status: 0 when the task was written, 2 when the package cannot be one.")]
pub(super) struct ImportArguments {
    /// The package's folder.
    #[arg(value_name = "DIR")]
    package: PathBuf,

    /// The task's name. That of the package's folder by default.
    #[arg(long, value_name = "NAME")]
    name: Option<Slug>,

    /// The folder in which the task's folder is made.
    #[arg(long, value_name = "DIR", default_value = "tasks")]
    dir: PathBuf,
}

impl ImportArguments {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let name = match self.name {
            Some(name) => name,
            None => {
                let folder = self.package.canonicalize();
                let folder = folder.with_context(|| format!("cannot read `{}`", self.package.display()))?;
                let name = folder.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
                Slug::parse(name.unwrap_or_default())
                    .context("the package's folder cannot name the task; give one with --name")?
            }
        };
        let policy = Policy::standard();
        let admits = |source: &[u8]| lint::check(source, &policy).verdict != GateVerdict::Rejected;
        let imported = task::import(&self.package, &self.dir, &name, &admits)?;
        terminal.data(imported.folder.display().to_string())?;
        terminal.say(format!("{} cases", imported.cases));
        for what in &imported.left_out {
            terminal.warn(format!("not carried over: {what}"));
        }
        terminal.say(format!("prove it with `portcullis task check {}`", imported.folder.display()));
        Ok(Exit::Good)
    }
}
