//! The page of one submission: its state, what the gate found with the lines it is about, every
//! case, and what happened to it.

use askama::Template;
use axum::extract::State;

use super::page::{Page, render};
use super::view::time;
use crate::api::{RunRecord, RunStanding};
use crate::diagnostic::{Finding, visible, visible_start};
use crate::model::{CaseResult, CaseVerdict, SubmissionId, SubmissionState, TaskResult};
use crate::server::error::ApiError;
use crate::server::extract::Named;
use crate::server::state::App;
use crate::server::views::submissions::{detail, history};

/// More of a line than this helps nobody to understand a finding.
const LONGEST_LINE: usize = 400;
const MOST_FINDINGS: usize = 200;
const MOST_DIFF_LINES: usize = 400;

#[derive(Template)]
#[template(path = "submission.html")]
struct SubmissionPage {
    id: String,
    miner: String,
    sha256: String,
    policy: String,
    state: &'static str,
    open: bool,
    score: Option<String>,
    reason: Option<String>,
    attempts: u32,
    at: String,
    findings: Vec<FindingView>,
    tasks: Vec<TaskView>,
    runs: Vec<RunView>,
    disputed: bool,
    events: Vec<EventView>,
}

struct FindingView {
    severity: &'static str,
    message: String,
    code: String,
    anchor: String,
    help: Option<String>,
    lines: Vec<LineView>,
}

/// A line of the source, in three parts, and the carets below it.
#[derive(Debug, PartialEq, Eq)]
struct LineView {
    number: u32,
    before: String,
    marked: String,
    after: String,
    carets: String,
}

struct TaskView {
    name: String,
    score: String,
    cases: Vec<CaseView>,
}

struct CaseView {
    name: String,
    hidden: bool,
    verdict: &'static str,
    label: String,
    flaky: bool,
    /// How often it passed.
    repeats: String,
    message: Option<String>,
    wall_ms: u64,
    cpu_ms: u64,
    memory: String,
    diff: Vec<DiffLine>,
}

struct DiffLine {
    class: &'static str,
    text: String,
}

struct RunView {
    at: String,
    validator: String,
    backend: String,
    tasks: usize,
    score: String,
    standing: &'static str,
    rejudged: bool,
}

struct EventView {
    at: String,
    to: &'static str,
    reason: String,
    actor: String,
}

pub(super) async fn show(State(app): State<App>, Named(id): Named<SubmissionId>) -> Page {
    let submission = detail(&app, id).await?;
    let runs = history(&app, id, None).await?;
    // Only lines that a finding is about are shown: agents are not published.
    let source = if submission.findings.is_empty() {
        None
    } else {
        Some(app.blobs.get(submission.source_sha256).await.map_err(ApiError::from)?)
    };
    let lines: Vec<&str> = source.as_deref().map(|text| text.split('\n').collect()).unwrap_or_default();
    let findings = submission.findings.iter().take(MOST_FINDINGS).enumerate();
    render(&SubmissionPage {
        id: submission.submission_id.to_string(),
        miner: submission.miner_id.to_string(),
        sha256: submission.sha256.to_string(),
        policy: submission.policy.to_string(),
        state: submission.status.as_str(),
        open: matches!(submission.status, SubmissionState::Pending | SubmissionState::Running),
        score: submission.score.map(|score| score.to_string()),
        reason: submission.reason.map(|reason| visible(&reason).into_owned()),
        attempts: submission.attempts,
        at: time(submission.submitted_at),
        findings: findings.map(|(index, finding)| finding_view(index, finding, &lines)).collect(),
        tasks: submission.tasks.iter().map(|result| task_view(&app, result)).collect(),
        disputed: submission.status == SubmissionState::Held && runs.len() > 1,
        runs: runs.into_iter().map(run_view).collect(),
        events: submission
            .events
            .iter()
            .map(|event| EventView {
                at: time(event.at),
                to: event.to.as_str(),
                reason: visible(&event.reason).into_owned(),
                actor: visible(&event.actor).into_owned(),
            })
            .collect(),
    })
}

fn finding_view(index: usize, finding: &Finding, source: &[&str]) -> FindingView {
    let (first, last) = (finding.span.line, finding.span.end_line.max(finding.span.line));
    // The line above for orientation; of a long range its first lines.
    let shown = first.saturating_sub(1).max(1)..=last.min(first.saturating_add(4));
    let lines = shown.filter_map(|number| {
        let text = source.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
        Some(line_view(number, text, finding))
    });
    FindingView {
        severity: finding.severity.as_str(),
        message: visible(&finding.message).into_owned(),
        code: visible(&finding.code).into_owned(),
        anchor: format!("finding-{}", index + 1),
        help: finding.help.as_deref().map(|help| visible(help).into_owned()),
        lines: lines.collect(),
    }
}

fn line_view(number: u32, text: &str, finding: &Finding) -> LineView {
    let span = finding.span;
    let inside = (span.line..=span.end_line.max(span.line)).contains(&number);
    let length = text.chars().count();
    let column = |column: u32| (column as usize).saturating_sub(1).min(length);
    let (start, end) = if inside {
        let start = if number == span.line { column(span.column) } else { 0 };
        let end = if number == span.end_line { column(span.end_column).max(start) } else { length };
        (start, end)
    } else {
        (length, length)
    };
    let part = |from: usize, to: usize| {
        let text: String = text.chars().skip(from).take(to.saturating_sub(from)).collect();
        visible_start(&text, LONGEST_LINE).into_owned()
    };
    let (before, marked, after) = (part(0, start), part(start, end), part(end, length));
    let carets = if number == span.line && inside {
        // A tab is as wide below as it is above.
        let indent: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!("{indent}{}", "^".repeat(marked.chars().count().max(1)))
    } else {
        String::new()
    };
    LineView { number, before, marked, after, carets }
}

fn task_view(app: &App, result: &TaskResult) -> TaskView {
    let task = app.task(&result.task);
    let hidden = |case: &CaseResult| {
        let known = task.and_then(|task| task.cases.iter().find(|known| known.name == case.name));
        known.is_none_or(|known| known.hidden)
    };
    TaskView {
        name: result.task.to_string(),
        score: result.score.map_or_else(|| "–".to_owned(), |score| score.to_string()),
        cases: result.cases.iter().map(|case| case_view(case, hidden(case))).collect(),
    }
}

/// Of a run whose tasks stand differently, because some were judged again, it is said that it
/// counts in part.
fn run_view(run: RunRecord) -> RunView {
    let live = run.tasks.iter().filter(|task| task.standing == RunStanding::Live).count();
    let standing = match run.tasks.first().map(|task| task.standing) {
        _ if live > 0 && live < run.tasks.len() => "in part",
        Some(RunStanding::Live) => "yes",
        Some(RunStanding::Proposed) => "not yet",
        Some(RunStanding::Superseded) => "no longer",
        Some(RunStanding::Dropped) | None => "no",
    };
    RunView {
        at: time(run.ended_at),
        validator: visible(&run.validator).into_owned(),
        backend: visible(&run.backend).into_owned(),
        tasks: run.tasks.len(),
        score: run.score.to_string(),
        standing,
        rejudged: run.rejudge_id.is_some(),
    }
}

fn case_view(case: &CaseResult, hidden: bool) -> CaseView {
    let diff = case.diff.as_deref().unwrap_or_default();
    CaseView {
        name: case.name.to_string(),
        hidden,
        verdict: case.verdict.as_str(),
        label: case.verdict.as_str().replace('_', " "),
        flaky: case.is_flaky(),
        repeats: {
            let passed = case.repeats.iter().filter(|one| **one == CaseVerdict::Accepted).count();
            format!("{passed} of {} passed", case.repeats.len())
        },
        message: case
            .message
            .as_deref()
            .filter(|_| case.verdict != CaseVerdict::Accepted)
            .map(|message| visible(message).into_owned()),
        wall_ms: case.usage.wall_ms,
        cpu_ms: case.usage.cpu_ms,
        memory: format!("{}.{}", case.usage.memory_kib / 1024, case.usage.memory_kib % 1024 * 10 / 1024),
        diff: diff.lines().take(MOST_DIFF_LINES).map(diff_line).collect(),
    }
}

fn diff_line(line: &str) -> DiffLine {
    let class = match line.as_bytes().first() {
        Some(b'+') => "add",
        Some(b'-') => "del",
        Some(b'@') => "at",
        _ => "same",
    };
    DiffLine { class, text: visible(line).into_owned() }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::diagnostic::{Severity, Span};

    fn finding(line: u32, column: u32, end_line: u32, end_column: u32) -> Finding {
        Finding {
            span: Span { line, column, end_line, end_column },
            code: Cow::Borrowed("PC000"),
            rule: Cow::Borrowed("rule"),
            severity: Severity::Error,
            message: String::new(),
            help: None,
            name: None,
            notes: Vec::new(),
            file: None,
        }
    }

    #[test]
    fn carets_stand_below_what_is_marked() {
        let view = line_view(1, "é = eval('1')", &finding(1, 5, 1, 9));
        assert_eq!(
            (view.before.as_str(), view.marked.as_str(), view.after.as_str()),
            ("é = ", "eval", "('1')")
        );
        assert_eq!(view.carets, "    ^^^^");
    }

    #[test]
    fn hidden_characters_show_and_the_carets_move_with_them() {
        let view = line_view(1, "\u{202e}eval", &finding(1, 2, 1, 6));
        assert_eq!(view.before, "<U+202E>");
        assert_eq!(view.carets, "        ^^^^");
    }

    #[test]
    fn a_place_outside_the_source_is_no_panic() {
        assert_eq!(line_view(1, "x", &finding(1, 900, 1, 901)).carets, " ^");
        assert!(finding_view(0, &finding(70, 1, 90, 1), &["x"]).lines.is_empty());
        assert!(finding_view(0, &finding(0, 0, 0, 0), &["x"]).lines.len() < 2);
        let _ = line_view(1, "x", &finding(1, u32::MAX, u32::MAX, u32::MAX));
    }

    #[test]
    fn a_range_over_lines_marks_each_of_them() {
        let lines = ["a = (", "  b", ")", "c"];
        let view = finding_view(0, &finding(1, 5, 3, 2), &lines);
        let marked: Vec<&str> = view.lines.iter().map(|line| line.marked.as_str()).collect();
        assert_eq!(marked, ["(", "  b", ")"]);
    }
}
