//! `portcullis status`: what became of a submission, of a miner, or who leads.

use clap::Args;
use serde::Serialize;

use super::upload::{Format, PLATFORM};
use super::{Exit, Terminal};
use crate::api::{AgentDetail, AgentSummary, Leaderboard, SubmissionDetail};
use crate::client::Client;
use crate::diagnostic::visible;
use crate::model::{CaseVerdict, MinerId, SubmissionId, TaskResult};

const EXAMPLES: &str = "\
Examples:
  portcullis status                      the ranking
  portcullis status --miner alice        every submission of one miner
  portcullis status 0198f0c4-…           one submission, case by case

Exit status: 0 it is known, 1 the platform does not know it, 2 it could not be asked.";

/// Ask a platform what became of a submission or a miner.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArguments {
    /// The submission, as `upload` printed it.
    #[arg(value_name = "SUBMISSION", conflicts_with = "miner")]
    submission: Option<String>,

    /// All submissions of this miner.
    #[arg(long, value_name = "ID")]
    miner: Option<MinerId>,

    /// The platform's address.
    #[arg(long, value_name = "URL", default_value = PLATFORM, env = "PORTCULLIS_PLATFORM")]
    platform: String,

    /// How to show the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl StatusArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let client = Client::new(&self.platform)?;
        let submission = self.submission.as_deref().map(SubmissionId::parse).transpose()?;
        let asked = async {
            match (submission, &self.miner) {
                (Some(id), _) => self.show(terminal, &client.submission(id).await?, submission_text),
                (None, Some(miner)) => self.show(terminal, &client.agent(miner).await?, miner_text),
                (None, None) => self.show(terminal, &client.leaderboard().await?, ranking_text),
            }
        };
        super::block_on(async {
            match asked.await {
                Err(error) if is_unknown(&error) => {
                    terminal.error(&error);
                    Ok(Exit::SubjectFailed)
                }
                done => done,
            }
        })
    }

    fn show<T: Serialize>(
        &self,
        terminal: &Terminal,
        answer: &T,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<Exit> {
        let shown = match self.format {
            Format::Json => serde_json::to_string_pretty(answer)?,
            Format::Text => text(answer),
        };
        terminal.data(shown).map(|()| Exit::Good)
    }
}

fn is_unknown(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<crate::client::ClientError>()
        .and_then(crate::client::ClientError::problem)
        .is_some_and(|problem| problem.kind == "urn:portcullis:problem:not-found")
}

fn submission_text(submission: &SubmissionDetail) -> String {
    let mut lines = vec![
        format!("submission  {}", submission.submission_id),
        format!("miner       {}", submission.miner_id),
        format!("sha256      {}", submission.sha256),
        format!("state       {}", submission.status),
    ];
    if let Some(reason) = &submission.reason {
        lines.push(format!("reason      {}", visible(reason)));
    }
    if let Some(score) = submission.score {
        lines.push(format!("score       {score}"));
    }
    for task in &submission.tasks {
        lines.push(task_line(task));
        let failed = task.cases.iter().filter(|case| case.verdict != CaseVerdict::Accepted);
        for case in failed {
            let message =
                case.message.as_deref().map(|text| format!(": {}", visible(text))).unwrap_or_default();
            lines.push(format!("    {:<24} {}{message}", case.name, case.verdict));
        }
    }
    for event in &submission.events {
        let at = event.at.strftime("%Y-%m-%d %H:%M:%SZ");
        lines.push(format!("{at}  {:<9}  {} ({})", event.to, visible(&event.reason), visible(&event.actor)));
    }
    lines.join("\n")
}

fn task_line(task: &TaskResult) -> String {
    let passed = task.cases.iter().filter(|case| case.verdict == CaseVerdict::Accepted).count();
    let score = task.score.map_or_else(|| "-".to_owned(), |score| score.to_string());
    format!("  {:<26} {score:>6}  {passed} of {} cases", task.task, task.cases.len())
}

fn miner_text(agent: &AgentDetail) -> String {
    let current = agent.current.as_ref().map(|current| current.submission_id);
    let lines: Vec<String> = agent
        .submissions
        .iter()
        .map(|submission| {
            let mark = if Some(submission.submission_id) == current { "  current" } else { "" };
            format!("{}{mark}", agent_line(submission))
        })
        .collect();
    lines.join("\n")
}

fn agent_line(agent: &AgentSummary) -> String {
    let at = agent.submitted_at.strftime("%Y-%m-%d %H:%M:%SZ");
    let score = agent.score.map_or_else(|| "-".to_owned(), |score| score.to_string());
    format!("{at}  {}  {:<9} {score:>6}", agent.submission_id, agent.status)
}

fn ranking_text(board: &Leaderboard) -> String {
    let mut lines: Vec<String> = board
        .rankings
        .iter()
        .map(|entry| {
            format!(
                "{:>3}. {}: {} (reward: {} '{}')",
                entry.rank,
                entry.miner_id,
                entry.score,
                entry.reward,
                visible(&board.unit)
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("nobody is ranked yet".to_owned());
    }
    if board.waiting > 0 {
        lines.push(format!("{} more to be scored", board.waiting));
    }
    lines.join("\n")
}
