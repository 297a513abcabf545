//! `portcullis rejudge`: an operator judges completed submissions again, beside their live scores.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::operator::{Decider, Operator};
use super::upload::Format;
use super::{Exit, Terminal};
use crate::api::{RejudgeDetail, RejudgeRequest, RejudgeStatus, RejudgeSummary};
use crate::client::Client;
use crate::diagnostic::visible;
use crate::model::{Digest, MinerId, Slug};

const EXAMPLES: &str = "\
Examples:
  portcullis rejudge create --task reverse_string --reason 'a case was wrong'
  portcullis rejudge show 0198f0c4-…            every change that it would make
  portcullis rejudge apply 0198f0c4-… --reason 'looked at'
  portcullis rejudge drop 0198f0c4-… --reason 'the old cases were right'

Validators judge the set when nothing waits for its first score. No live score changes until the set
is applied; then all of them do in one step, with who did it and why.";

/// Judge completed submissions again, and apply or drop what comes of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RejudgeArguments {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    options: Operator,

    /// How to show the answer.
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a set of completed submissions. What is not given restricts nothing.
    Create(Create),
    /// Show the sets, newest first.
    List,
    /// Show every change that a set would make, or made.
    Show(Set),
    /// Make the new results count: everything or nothing.
    Apply(Resolve),
    /// Drop a set: no score changes.
    Drop(Resolve),
}

#[derive(Debug, Args)]
struct Create {
    /// Run only this task, for submissions that have a score for it.
    #[arg(long, value_name = "TASK")]
    task: Option<Slug>,

    /// Only submissions that the gate let in under the policy with this digest.
    #[arg(long, value_name = "SHA256")]
    policy: Option<Digest>,

    /// Only submissions received then or later: a date (UTC) or a time such as 2026-11-21T10:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,

    /// Only submissions received before.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,

    /// Why. Other operators read it.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Who asks for it, for the audit.
    #[arg(long, value_name = "NAME", env = "USER")]
    operator: MinerId,
}

#[derive(Debug, Args)]
struct Set {
    #[arg(value_name = "SET")]
    set: Uuid,
}

#[derive(Debug, Args)]
struct Resolve {
    #[arg(value_name = "SET")]
    set: Uuid,

    #[command(flatten)]
    decider: Decider,
}

/// A time, or the beginning of a day in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day = text.parse::<Date>().map_err(|_| "neither a date nor a time".to_owned())?;
    day.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).map_err(|error| error.to_string())
}

impl RejudgeArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        let client = self.options.client()?;
        super::block_on(async {
            match self.action {
                Action::Create(create) => make(&client, create, terminal, self.format).await,
                Action::List => {
                    let sets = client.rejudges().await?;
                    let text = match self.format {
                        Format::Json => serde_json::to_string_pretty(&sets)?,
                        Format::Text if sets.rejudges.is_empty() => "there is no rejudge set".to_owned(),
                        Format::Text => sets.rejudges.iter().map(line).collect::<Vec<_>>().join("\n"),
                    };
                    terminal.data(text).map(|()| Exit::Good)
                }
                Action::Show(Set { set }) => show(&client.rejudge(set).await?, terminal, self.format),
                Action::Apply(Resolve { set, decider }) => {
                    let done = client.apply_rejudge(set, &decider.act()).await;
                    show(&done.with_context(|| format!("cannot apply `{set}`"))?, terminal, self.format)
                }
                Action::Drop(Resolve { set, decider }) => {
                    let done = client.drop_rejudge(set, &decider.act()).await;
                    show(&done.with_context(|| format!("cannot drop `{set}`"))?, terminal, self.format)
                }
            }
        })
    }
}

async fn make(client: &Client, create: Create, terminal: &Terminal, format: Format) -> anyhow::Result<Exit> {
    if let (Some(since), Some(until)) = (create.since, create.until)
        && since >= until
    {
        bail!("`--since` is not before `--until`");
    }
    let request = RejudgeRequest {
        task: create.task,
        policy: create.policy,
        since: create.since,
        until: create.until,
        reason: create.reason,
        operator: create.operator,
    };
    let set = client.create_rejudge(&request).await?;
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&set)?,
        Format::Text => set.rejudge_id.to_string(),
    };
    terminal.say(format!("{} results are to come from validators", set.runs));
    terminal.data(text).map(|()| Exit::Good)
}

const fn status(status: RejudgeStatus) -> &'static str {
    match status {
        RejudgeStatus::Open => "open",
        RejudgeStatus::Applied => "applied",
        RejudgeStatus::Dropped => "dropped",
    }
}

fn line(set: &RejudgeSummary) -> String {
    let at = set.created_at.strftime("%Y-%m-%d %H:%M:%SZ");
    let what = set.task.as_ref().map_or_else(|| "all tasks".to_owned(), Slug::to_string);
    let done = set.runs - set.waiting.min(set.runs);
    let (id, status, reason) = (set.rejudge_id, status(set.status), visible(&set.reason));
    format!("{at}  {id}  {status:<7}  {done} of {}  {what}: {reason}", set.runs)
}

fn show(detail: &RejudgeDetail, terminal: &Terminal, format: Format) -> anyhow::Result<Exit> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(detail)?,
        Format::Text => text(detail),
    };
    terminal.data(text).map(|()| Exit::Good)
}

fn text(detail: &RejudgeDetail) -> String {
    let mut lines = vec![line(&detail.set)];
    if let Some(resolved) = &detail.set.resolved {
        let at = resolved.at.strftime("%Y-%m-%d %H:%M:%SZ");
        let (status, by) = (status(detail.set.status), visible(&resolved.by));
        lines.push(format!("{at}  {status} by {by}: {}", visible(&resolved.reason)));
    }
    for change in &detail.changes {
        let (miner, id) = (&change.miner_id, change.submission_id);
        lines.push(format!("  {id}  {miner}: {} -> {}", change.before, change.after));
        for case in detail.cases.iter().filter(|case| case.submission_id == id) {
            lines.push(format!("    {}", case_line(case)));
        }
    }
    for kept in &detail.kept {
        lines.push(format!(
            "  {}  {}: keeps its score: {}",
            kept.submission_id,
            kept.miner_id,
            visible(&kept.why)
        ));
    }
    if detail.more_cases {
        lines.push(
            "  more cases have another verdict than are named here; the scores are complete".to_owned(),
        );
    }
    lines.push(format!("  {} unchanged, {} results to come", detail.unchanged, detail.set.waiting));
    lines.join("\n")
}

fn case_line(case: &crate::api::RejudgeCase) -> String {
    let before = case.before.map_or("-", |verdict| verdict.as_str());
    format!("{} {}: {before} -> {}", case.task, case.case, case.after)
}
