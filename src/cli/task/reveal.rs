//! `portcullis task reveal`: shows the hidden cases of a task, or whether what was shown is what was
//! published.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::cli::{Exit, Terminal};
use crate::model::Digest;
use crate::task;

/// Show what is hidden of a task, or check what somebody showed.
///
/// The digest of exactly these bytes is published before a round: `GET /tasks` and `task check` tell
/// it as `hidden_digest`. Whoever has the bytes can compare, with this command or with `sha256sum`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis task reveal tasks/reverse_string > revealed.json
  portcullis task reveal --verify revealed.json --digest 2cf24dba5fb0…
  sha256sum revealed.json

Exit status: 0, with --verify 1 when the file does not have the digest, 2 when we failed.")]
pub(super) struct RevealArguments {
    /// The task's folder, or the name of a built-in task.
    #[arg(value_name = "TASK", required_unless_present = "verify")]
    task: Option<PathBuf>,

    /// Check this file instead of showing a task.
    #[arg(long, value_name = "FILE", requires = "digest", conflicts_with = "task")]
    verify: Option<PathBuf>,

    /// The digest that was published.
    #[arg(long, value_name = "SHA256")]
    digest: Option<Digest>,
}

impl RevealArguments {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        if let (Some(file), Some(published)) = (&self.verify, self.digest) {
            let name = file.display();
            let bytes = fs::read(file).with_context(|| format!("cannot read `{name}`"))?;
            let found = Digest::of(&bytes);
            let good = found == published;
            let words = if good { "is what was published" } else { "is not what was published" };
            terminal.data(format!("{name}: {found} {words}"))?;
            return Ok(if good { Exit::Good } else { Exit::SubjectFailed });
        }
        let Some(wanted) = &self.task else { bail!("name a task") };
        let task = if wanted.join("task.toml").is_file() {
            task::load(wanted)?
        } else {
            let name = wanted.to_string_lossy();
            let builtin = task::builtin()?.into_iter().find(|task| task.id.as_str() == name);
            builtin.with_context(|| format!("`{name}` is neither a task's folder nor a built-in task"))?
        };
        let Some(text) = task.reveal() else { bail!("nothing of the task `{}` is hidden", task.id) };
        let digest = Digest::of(text.as_bytes());
        // The terminal adds the line end itself.
        terminal.data(text.trim_end_matches('\n'))?;
        terminal.say(format!("its digest is {digest}"));
        Ok(Exit::Good)
    }
}
