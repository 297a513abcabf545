//! Rejudge sets: made, looked at, applied or dropped by an operator.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use uuid::Uuid;

use crate::api::{ActRequest, RejudgeDetail, RejudgeList, RejudgeRequest, RejudgeSummary};
use crate::server::acts;
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::extract::{Asked, Body, Named};
use crate::server::paging::{self, PageQuery, Paged};
use crate::server::state::App;
use crate::server::views::rejudges::{detail, fate, summary, unknown};
use crate::store::{Applied, Made, ScoreChange, Selection};

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
