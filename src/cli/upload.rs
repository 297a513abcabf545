//! `portcullis upload`: sends an agent to a platform.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Terminal, agent_file};
use crate::api::{JobStatus, Passed};
use crate::bundle;
use crate::client::{Client, ClientError};
use crate::config::MinerKey;
use crate::diagnostic::{Finding, text};
use crate::model::{MinerId, Slug};
use crate::python;

pub(super) const PLATFORM: &str = "http://127.0.0.1:8080";

const EXAMPLES: &str = "\
Examples:
  portcullis upload agent.py --miner alice
  portcullis upload agent.py --miner alice --platform https://example.org
  portcullis upload network.zip --task two_tier_network
  portcullis upload agent.py --key portcullis.key       where the platform asks for signatures

Exit status: 0 the platform took it, 1 it refused it, 2 it could not be asked.";

/// Upload an agent to a platform.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UploadArguments {
    /// The agent, one Python file; or a bundle (ZIP).
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Who submits: 1 to 64 ASCII letters, digits, `-` and `_`. With a key it is the hotkey.
    #[arg(long, value_name = "ID", env = "PORTCULLIS_MINER", required_unless_present_any = ["key", "task"])]
    miner: Option<MinerId>,

    /// The key to sign with, as `portcullis keygen` made it, where the platform asks for it. `sr25519:`
    /// and the secret seed of a Substrate account is a key too.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_KEY", conflicts_with = "miner")]
    key: Option<PathBuf>,

    /// For a bundle (ZIP): the task of the kind `artifact` that it answers. The platform checks it and
    /// keeps nothing; nobody has to say who submits.
    #[arg(long, value_name = "ID", conflicts_with_all = ["miner", "key"])]
    task: Option<Slug>,

    /// The platform's address.
    #[arg(long, value_name = "URL", default_value = PLATFORM, env = "PORTCULLIS_PLATFORM")]
    platform: String,

    /// How to show the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// The platform's answer as it is.
    Json,
}

impl UploadArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let bytes = agent_file::read(&self.file)?;
        let client = Client::new(&self.platform)?;
        match (&self.task, bundle::looks_like_one(&bytes)) {
            (Some(task), true) => return super::block_on(self.validate(&client, task, bytes, terminal)),
            (Some(_), false) => anyhow::bail!("`--task` goes with a bundle, and this is none"),
            (None, true) => anyhow::bail!("this is a bundle; say with `--task` which task it answers"),
            (None, false) => {}
        }
        let key = self.key.as_deref().map(MinerKey::read).transpose()?;
        super::block_on(async {
            let answer = match (&key, &self.miner) {
                (Some(key), _) => client.upload_signed(key, &bytes).await,
                (None, Some(miner)) => client.upload(miner.as_str(), bytes.clone()).await,
                (None, None) => anyhow::bail!("`--miner` or `--key` must say who submits"),
            };
            match answer {
                Ok(uploaded) if self.format == Format::Json => {
                    terminal.data(serde_json::to_string_pretty(&uploaded)?)?;
                    Ok(Exit::Good)
                }
                Ok(uploaded) => {
                    if !uploaded.findings.is_empty() {
                        terminal.say(self.shown(&bytes, &uploaded.findings, terminal));
                    }
                    terminal.say(format!("taken; it is {} now", uploaded.status));
                    terminal.data(uploaded.submission_id.to_string())?;
                    Ok(Exit::Good)
                }
                Err(error) => self.refused(&bytes, error, terminal),
            }
        })
    }

    /// Has a bundle checked, and waits for what comes of it.
    async fn validate(
        &self,
        client: &Client,
        task: &Slug,
        bytes: Vec<u8>,
        terminal: &Terminal,
    ) -> anyhow::Result<Exit> {
        let mut job = match client.validate(task.as_str(), bytes.clone()).await {
            Ok(job) => job,
            Err(error) => return self.refused(&bytes, error, terminal),
        };
        while matches!(job.status, JobStatus::Queued | JobStatus::Running) {
            job = client.validation(job.job_id, 20).await?;
        }
        let Some(result) = &job.result else { anyhow::bail!("the platform failed to check the bundle") };
        if self.format == Format::Json {
            terminal.data(serde_json::to_string_pretty(&job)?)?;
        } else {
            terminal.say(client.validation_log(job.job_id).await?.trim_end());
            let (passed, total) = (result.passed_invariants, result.total_invariants);
            terminal.data(format!("score {} ({passed} of {total} invariants hold)", result.score))?;
        }
        Ok(if result.status == Passed::Pass { Exit::Good } else { Exit::SubjectFailed })
    }

    /// What the platform will not take is the author's to mend; everything else is an error.
    fn refused(&self, bytes: &[u8], error: ClientError, terminal: &Terminal) -> anyhow::Result<Exit> {
        let Some(problem) = error.problem().filter(|_| !error.is_temporary()) else {
            return Err(error.into());
        };
        if self.format == Format::Json {
            terminal.data(serde_json::to_string_pretty(problem)?)?;
            return Ok(Exit::SubjectFailed);
        }
        if let Some(findings) = error.findings().filter(|findings| !findings.is_empty()) {
            terminal.data(self.shown(bytes, findings, terminal))?;
        }
        terminal.error(&error.into());
        Ok(Exit::SubjectFailed)
    }

    /// The findings as `portcullis lint` shows them.
    fn shown(&self, bytes: &[u8], findings: &[Finding], terminal: &Terminal) -> String {
        let source = python::decode(bytes, bytes.len()).ok();
        let source = source.as_ref().map(|source| source.text().as_ref());
        text::render(&self.file.display().to_string(), source, findings, terminal.colors_data())
    }
}
