//! A run as the contract's JSON (`score|validate --format json`).

use serde::Serialize;

use super::Summary;
use crate::diagnostic::Finding;
use crate::judge::Interval;
use crate::model::{CaseResult, CaseVerdict, Digest, MinerId, RawAmount, Score, Slug, Split, TaskResult};
use crate::sandbox::Capabilities;
use crate::validator::Round;

#[derive(Serialize)]
struct Report<'a> {
    version: u8,
    pool: RawAmount,
    unit: &'a str,
    rankings: Vec<Ranking<'a>>,
    rejected: Vec<Rejected<'a>>,
    errors: Vec<Error<'a>>,
    unscored: Vec<Unscored<'a>>,
    /// The seeds and digests of generated cases.
    generated: &'a [Round],
    partial: bool,
    sandbox: Option<&'a Capabilities>,
    scheme: String,
    burned: RawAmount,
    repeat: u32,
    allow_weak: bool,
}

#[derive(Serialize)]
struct Ranking<'a> {
    rank: usize,
    miner_id: &'a MinerId,
    sha256: Digest,
    score: Score,
    reward: RawAmount,
    /// Of 95 measurements in 100; null where cases were run once.
    interval: Option<Bounds>,
    /// Whether the score does not tell it from the one before it.
    tied: bool,
    tasks: Vec<Task<'a>>,
}

#[derive(Serialize)]
struct Bounds {
    low: Score,
    high: Score,
}

impl From<Interval> for Bounds {
    fn from(interval: Interval) -> Self {
        Self { low: interval.low, high: interval.high }
    }
}

#[derive(Serialize)]
struct Unscored<'a> {
    miner_id: &'a MinerId,
    sha256: Digest,
    tasks: Vec<Task<'a>>,
}

#[derive(Serialize)]
struct Task<'a> {
    task: &'a Slug,
    score: Option<Score>,
    /// Null unless the task has public and hidden cases.
    split: Option<Split>,
    cases: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Case<'a> {
    name: &'a Slug,
    verdict: &'static str,
    wall_ms: u64,
    cpu_ms: u64,
    memory_kib: u64,
    message: Option<&'a str>,
    diff: Option<&'a str>,
    flaky: bool,
    /// The verdict of each run; empty for a case that was run once.
    repeats: &'a [CaseVerdict],
}

#[derive(Serialize)]
struct Rejected<'a> {
    miner_id: &'a MinerId,
    sha256: Digest,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct Error<'a> {
    miner_id: &'a MinerId,
    task: &'a Slug,
    message: &'a str,
}

/// One JSON object, indented, with the numbers of the table.
pub fn json(summary: &Summary) -> String {
    // Strings, integers and lists: there is nothing in it that JSON cannot say.
    serde_json::to_string_pretty(&report(summary)).unwrap_or_default()
}

/// The same object on one line, as the last of a stream of events.
pub fn json_line(summary: &Summary) -> String {
    let line = Line { event: "summary", report: report(summary) };
    serde_json::to_string(&line).unwrap_or_default()
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    #[serde(flatten)]
    report: Report<'a>,
}

fn report(summary: &Summary) -> Report<'_> {
    Report {
        version: 1,
        pool: summary.terms.pool,
        unit: &summary.terms.unit,
        rankings: summary
            .rankings
            .iter()
            .map(|(ranked, reward)| Ranking {
                rank: ranked.rank,
                miner_id: &ranked.miner_id,
                sha256: ranked.sha256,
                score: ranked.score,
                reward: *reward,
                interval: ranked.interval.map(Bounds::from),
                tied: ranked.tied,
                tasks: tasks(&ranked.tasks),
            })
            .collect(),
        rejected: summary
            .refused
            .iter()
            .map(|agent| Rejected {
                miner_id: &agent.miner_id,
                sha256: agent.sha256,
                findings: &agent.findings,
            })
            .collect(),
        errors: summary
            .faults
            .iter()
            .map(|fault| Error { miner_id: &fault.miner_id, task: &fault.task, message: &fault.message })
            .collect(),
        unscored: summary
            .unscored
            .iter()
            .map(|entry| Unscored {
                miner_id: &entry.miner_id,
                sha256: entry.sha256,
                tasks: tasks(&entry.tasks),
            })
            .collect(),
        generated: &summary.rounds,
        partial: summary.partial,
        sandbox: summary.terms.sandbox.as_ref(),
        scheme: summary.terms.scheme.to_string(),
        burned: summary.burned(),
        repeat: summary.terms.repeat,
        allow_weak: summary.terms.allow_weak,
    }
}

fn tasks(results: &[TaskResult]) -> Vec<Task<'_>> {
    results
        .iter()
        .map(|result| Task {
            task: &result.task,
            score: result.score,
            split: result.split,
            cases: result.cases.iter().map(case).collect(),
        })
        .collect()
}

fn case(result: &CaseResult) -> Case<'_> {
    Case {
        name: &result.name,
        verdict: result.verdict.as_str(),
        wall_ms: result.usage.wall_ms,
        cpu_ms: result.usage.cpu_ms,
        memory_kib: result.usage.memory_kib,
        message: result.message.as_deref(),
        diff: result.diff.as_deref(),
        flaky: result.is_flaky(),
        repeats: &result.repeats,
    }
}
