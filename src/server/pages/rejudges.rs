//! The operators' pages of rejudge sets: which there are, and every change that one would make.

use askama::Template;
use axum::extract::State;
use uuid::Uuid;

use super::page::{MOST_ROWS, Page, render};
use super::view::time;
use crate::api::{RejudgeStatus, RejudgeSummary};
use crate::diagnostic::visible;
use crate::server::extract::Named;
use crate::server::state::App;
use crate::server::views::rejudges::{detail, summary};

#[derive(Template)]
#[template(path = "rejudges.html")]
struct SetsPage {
    sets: Vec<SetView>,
}

struct SetView {
    id: String,
    what: String,
    state: &'static str,
    reason: String,
    by: String,
    at: String,
    done: u64,
    runs: u64,
}

#[derive(Template)]
#[template(path = "rejudge.html")]
struct SetPage {
    set: SetView,
    resolved: String,
    unchanged: u64,
    changes: Vec<ChangeView>,
    more_cases: bool,
    kept: Vec<KeptView>,
}

struct ChangeView {
    id: String,
    miner: String,
    before: String,
    after: String,
    class: &'static str,
    cases: Vec<String>,
}

struct KeptView {
    id: String,
    miner: String,
    why: String,
}

pub(super) async fn list(State(app): State<App>) -> Page {
    let sets = app.store.rejudges(None, MOST_ROWS).await?;
    render(&SetsPage { sets: sets.iter().map(|set| set_view(&summary(set))).collect() })
}

pub(super) async fn show(State(app): State<App>, Named(id): Named<Uuid>) -> Page {
    let detail = detail(&app, id).await?;
    let changes = detail.changes.iter().map(|change| ChangeView {
        id: change.submission_id.to_string(),
        miner: change.miner_id.to_string(),
        before: change.before.to_string(),
        after: change.after.to_string(),
        class: if change.before < change.after { "verdict accepted" } else { "verdict wrong_answer" },
        cases: detail
            .cases
            .iter()
            .filter(|case| case.submission_id == change.submission_id)
            .map(|case| {
                let words = |verdict: crate::model::CaseVerdict| verdict.as_str().replace('_', " ");
                let before = case.before.map_or_else(|| "not there".to_owned(), words);
                format!("{} {}: {before} → {}", case.task, case.case, words(case.after))
            })
            .collect(),
    });
    let kept = detail.kept.iter().map(|one| KeptView {
        id: one.submission_id.to_string(),
        miner: one.miner_id.to_string(),
        why: visible(&one.why).into_owned(),
    });
    let resolved = detail.set.resolved.as_ref().map_or_else(String::new, |resolved| {
        let (by, reason) = (visible(&resolved.by), visible(&resolved.reason));
        format!("{by}, {}: {reason}", time(resolved.at))
    });
    render(&SetPage {
        set: set_view(&detail.set),
        resolved,
        unchanged: detail.unchanged,
        changes: changes.collect(),
        more_cases: detail.more_cases,
        kept: kept.collect(),
    })
}

fn set_view(set: &RejudgeSummary) -> SetView {
    let mut what = set.task.as_ref().map_or_else(|| "all tasks".to_owned(), ToString::to_string);
    if let Some(policy) = set.policy {
        what.push_str(&format!(", let in under {}…", &policy.to_string()[..8]));
    }
    if let Some(since) = set.since {
        what.push_str(&format!(", from {}", time(since)));
    }
    if let Some(until) = set.until {
        what.push_str(&format!(", before {}", time(until)));
    }
    SetView {
        id: set.rejudge_id.to_string(),
        what,
        state: match set.status {
            RejudgeStatus::Open => "open",
            RejudgeStatus::Applied => "applied",
            RejudgeStatus::Dropped => "dropped",
        },
        reason: visible(&set.reason).into_owned(),
        by: visible(&set.created_by).into_owned(),
        at: time(set.created_at),
        done: set.runs - set.waiting.min(set.runs),
        runs: set.runs,
    }
}
