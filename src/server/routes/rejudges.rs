//! Rejudge sets: made, looked at, applied or dropped by an operator.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use uuid::Uuid;

use crate::api::{
    ActRequest, RejudgeCase, RejudgeChange, RejudgeDetail, RejudgeKept, RejudgeList, RejudgeRequest,
    RejudgeStatus, RejudgeSummary, Resolved,
};
use crate::judge;
use crate::model::{MinerId, Score, SubmissionState, TaskResult};
use crate::server::acts;
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::extract::{Asked, Body, Named};
use crate::server::paging::{self, PageQuery, Paged};
use crate::server::state::App;
use crate::store::{Applied, Entry, Made, Rejudge, RejudgeState, ScoreChange, Selection};

refusals!(List: Malformed, Unauthorized);
refusals!(Create: Malformed, Unauthorized, NotFound, TooLarge, Unfit);
refusals!(Show: Malformed, Unauthorized, NotFound);
refusals!(Resolve: Malformed, Unauthorized, NotFound, NotOpen, TooLarge);

/// Who reads the reasons of judging again and of asking the gate again.
pub(super) const READERS: &str = "miners read it";

/// The rejudge sets, newest first
#[utoipa::path(get, path = "/internal/v1/rejudges", tag = "operators", operation_id = "list_rejudges",
    security(("token" = [])), params(PageQuery), responses((status = OK, body = RejudgeList), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<PageQuery>,
) -> Result<Paged<RejudgeList>, ApiError> {
    let limit = query.limit()?;
    let mut sets = app.store.rejudges(query.after()?, limit + 1).await?;
    let more = paging::cut(&mut sets, limit);
    let next = sets.last().filter(|_| more).map(|set| set.id.to_string());
    let rejudges = sets.iter().map(summary).collect();
    Ok(Paged { uri, next: next.clone(), body: RejudgeList { rejudges, next } })
}

/// Judge completed submissions again, beside their live scores
///
/// Validators get the work when nothing waits for its first score. No live score changes until the
/// set is applied.
#[utoipa::path(post, path = "/internal/v1/rejudges", tag = "operators", operation_id = "create_rejudge",
    security(("token" = [])), request_body = RejudgeRequest,
    responses((status = CREATED, body = RejudgeSummary), Create))]
pub(in crate::server) async fn create(
    State(app): State<App>,
    Body { value: request, .. }: Body<RejudgeRequest>,
) -> Result<(StatusCode, Json<RejudgeSummary>), ApiError> {
    if let Some(task) = request.task.as_ref().filter(|task| app.task(task).is_none()) {
        return Err(ApiError::not_found(format!("there is no task `{task}`")));
    }
    let act = acts::by_operator(&app, &request.reason, &request.operator, READERS)?;
    let selection =
        Selection { task: request.task, policy: request.policy, since: request.since, until: request.until };
    match app.store.create_rejudge(&selection, &act).await? {
        Made::Set(set) => {
            app.changes.tell();
            Ok((StatusCode::CREATED, Json(summary(&set))))
        }
        Made::Empty => Err(ApiError::new(Kind::Unfit, "no completed submission is such; nothing was made")),
        Made::TooMany { most } => {
            let detail = format!("more than {most} submissions are such; make several sets by date");
            Err(ApiError::new(Kind::Unfit, detail))
        }
    }
}

/// A rejudge set with every change that it would make
#[utoipa::path(get, path = "/internal/v1/rejudges/{id}", tag = "operators", operation_id = "show_rejudge",
    security(("token" = [])), params(("id" = Uuid, Path, description = "The set's id")),
    responses((status = OK, body = RejudgeDetail), Show))]
pub(in crate::server) async fn show(
    State(app): State<App>,
    Named(id): Named<Uuid>,
) -> Result<Json<RejudgeDetail>, ApiError> {
    detail(&app, id).await.map(Json)
}

/// Make what was found anew count: everything or nothing
#[utoipa::path(post, path = "/internal/v1/rejudges/{id}/apply", tag = "operators",
    operation_id = "apply_rejudge", security(("token" = [])), request_body = ActRequest,
    params(("id" = Uuid, Path, description = "The set's id")),
    responses((status = OK, body = RejudgeDetail), Resolve))]
pub(in crate::server) async fn apply(
    State(app): State<App>,
    Named(id): Named<Uuid>,
    Body { value: request, .. }: Body<ActRequest>,
) -> Result<Json<RejudgeDetail>, ApiError> {
    let act = acts::by_operator(&app, &request.reason, &request.operator, READERS)?;
    let set = app.store.rejudge(id).await?.ok_or_else(|| unknown(id))?;
    let entries = app.store.rejudge_entries(id).await?;
    let scores: Vec<ScoreChange> =
        entries.iter().filter_map(|entry| fate(entry, &set.selection).ok().flatten()).collect();
    let not_open = |detail: String| ApiError::new(Kind::NotOpen, detail);
    match app.store.apply_rejudge(id, set.selection.task.as_ref(), &scores, &act).await? {
        Applied::Done => {}
        Applied::NotOpen => return Err(not_open(format!("the set `{id}` is not open"))),
        Applied::Unfinished { waiting } => {
            return Err(not_open(format!("{waiting} results of the set `{id}` are still to come")));
        }
        Applied::Moved(submission) => {
            return Err(not_open(format!(
                "the score of `{submission}` changed in the meantime; nothing was applied, look again"
            )));
        }
    }
    app.changes.tell();
    detail(&app, id).await.map(Json)
}

/// Drop a set: no live score changes
#[utoipa::path(post, path = "/internal/v1/rejudges/{id}/drop", tag = "operators",
    operation_id = "drop_rejudge", security(("token" = [])), request_body = ActRequest,
    params(("id" = Uuid, Path, description = "The set's id")),
    responses((status = OK, body = RejudgeDetail), Resolve))]
pub(in crate::server) async fn discard(
    State(app): State<App>,
    Named(id): Named<Uuid>,
    Body { value: request, .. }: Body<ActRequest>,
) -> Result<Json<RejudgeDetail>, ApiError> {
    let act = acts::by_operator(&app, &request.reason, &request.operator, READERS)?;
    app.store.rejudge(id).await?.ok_or_else(|| unknown(id))?;
    if !app.store.drop_rejudge(id, &act).await? {
        return Err(ApiError::new(Kind::NotOpen, format!("the set `{id}` is not open")));
    }
    app.changes.tell();
    detail(&app, id).await.map(Json)
}

fn unknown(id: Uuid) -> ApiError {
    ApiError::not_found(format!("there is no rejudge set `{id}`"))
}

/// Everything about a set.
pub(in crate::server) async fn detail(app: &App, id: Uuid) -> Result<RejudgeDetail, ApiError> {
    let set = app.store.rejudge(id).await?.ok_or_else(|| unknown(id))?;
    let entries = app.store.rejudge_entries(id).await?;
    let miner = |id| entries.iter().find(|entry| entry.submission == id).map(|entry| entry.miner.clone());
    let mut detail = RejudgeDetail {
        set: summary(&set),
        changes: Vec::new(),
        unchanged: 0,
        kept: Vec::new(),
        cases: Vec::new(),
    };
    let made = match set.state {
        RejudgeState::Open => None,
        RejudgeState::Applied | RejudgeState::Dropped => Some(app.store.rejudge_changes(id).await?),
    };
    if let Some(made) = made {
        for change in made {
            detail.changes.extend(miner(change.submission).map(|miner| shown(&change, miner)));
        }
        let changed = detail.changes.len() as u64;
        detail.unchanged = entries.len() as u64 - changed.min(entries.len() as u64);
        return Ok(detail);
    }
    for entry in &entries {
        match fate(entry, &set.selection) {
            Ok(Some(change)) if change.before == change.after => detail.unchanged += 1,
            Ok(Some(change)) => detail.changes.push(shown(&change, entry.miner.clone())),
            Ok(None) => {}
            Err(why) => detail.kept.push(RejudgeKept {
                submission_id: entry.submission,
                miner_id: entry.miner.clone(),
                why,
            }),
        }
    }
    let cases = app.store.rejudge_cases(id).await?.into_iter().map(|change| RejudgeCase {
        submission_id: change.submission,
        task: change.task,
        case: change.case,
        before: change.before,
        after: change.after,
    });
    detail.cases = cases.collect();
    Ok(detail)
}

fn shown(change: &ScoreChange, miner: MinerId) -> RejudgeChange {
    RejudgeChange {
        submission_id: change.submission,
        miner_id: miner,
        before: change.before,
        after: change.after,
    }
}

/// What applying would do to a submission now: `None` while results are still to come, and why it
/// keeps its score where something happened.
fn fate(entry: &Entry, selection: &Selection) -> Result<Option<ScoreChange>, String> {
    let Some(before) = entry.score.filter(|_| entry.state == SubmissionState::Completed) else {
        return Err(format!("it is {} now", entry.state));
    };
    if let Some(why) = &entry.failed {
        return Err(format!("we failed to judge it again: {why}"));
    }
    if entry.disputed {
        return Err("validators disagree about it".to_owned());
    }
    if entry.waiting > 0 {
        return Ok(None);
    }
    let mut tasks = entry.proposed.clone();
    if selection.task.is_some() {
        // Only that task was judged again; the others count as they did.
        for (task, score) in &entry.live {
            tasks.entry(task.clone()).or_insert(*score);
        }
    }
    let results: Vec<TaskResult> = tasks
        .into_iter()
        .map(|(task, score): (_, Score)| TaskResult {
            task,
            score: Some(score),
            split: None,
            cases: Vec::new(),
        })
        .collect();
    let after = judge::score_agent(&results).ok_or_else(|| "nothing was judged".to_owned())?;
    Ok(Some(ScoreChange { submission: entry.submission, before, after }))
}

pub(in crate::server) fn summary(set: &Rejudge) -> RejudgeSummary {
    RejudgeSummary {
        rejudge_id: set.id,
        status: match set.state {
            RejudgeState::Open => RejudgeStatus::Open,
            RejudgeState::Applied => RejudgeStatus::Applied,
            RejudgeState::Dropped => RejudgeStatus::Dropped,
        },
        task: set.selection.task.clone(),
        policy: set.selection.policy,
        since: set.selection.since,
        until: set.selection.until,
        reason: set.reason.clone(),
        created_at: set.created_at,
        created_by: set.created_by.clone(),
        runs: set.places,
        waiting: match set.state {
            RejudgeState::Open => set.waiting,
            RejudgeState::Applied | RejudgeState::Dropped => 0,
        },
        resolved: set.resolved.clone().map(|(by, at, reason)| Resolved { by, at, reason }),
    }
}
