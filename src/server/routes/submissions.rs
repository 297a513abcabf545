//! One submission: its state, its findings, its results.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Deserialize;

use crate::api::{RunList, SubmissionDetail, SubmissionPage, schema};
use crate::model::{MinerId, Slug, SubmissionId, SubmissionState};
use crate::server::error::{ApiError, refusals};
use crate::server::extract::{Asked, Named};
use crate::server::paging::{self, Paged};
use crate::server::state::App;
use crate::server::views::submissions::{detail, history, summary};
use crate::store::SubmissionQuery;

refusals!(List: Malformed);
refusals!(Show: Malformed, NotFound);

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct ListQuery {
    /// Begin behind this submission: `next` of the page before.
    after: Option<uuid::Uuid>,
    /// At most so many submissions.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// Only those of this miner.
    #[param(value_type = Option<schema::Name>)]
    miner_id: Option<MinerId>,
    /// Only those in this state.
    #[param(value_type = Option<schema::SubmissionState>)]
    status: Option<SubmissionState>,
}

/// The submissions, newest first
#[utoipa::path(get, path = "/submissions", tag = "public", operation_id = "list_submissions",
    params(ListQuery), responses((status = OK, body = SubmissionPage), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<ListQuery>,
) -> Result<Paged<SubmissionPage>, ApiError> {
    let limit = paging::limit(query.limit)?;
    let asked = SubmissionQuery {
        after: query.after.map(Into::into),
        miner: query.miner_id,
        state: query.status,
        limit: limit + 1,
    };
    let mut submissions = app.store.list(&asked).await?;
    let more = paging::cut(&mut submissions, limit);
    let next = submissions.last().filter(|_| more).map(|submission| submission.id.to_string());
    let body = SubmissionPage { submissions: submissions.iter().map(summary).collect(), next: next.clone() };
    Ok(Paged { uri, next, body })
}

/// One submission
#[utoipa::path(get, path = "/submissions/{id}", tag = "public", operation_id = "show_submission",
    params(("id" = uuid::Uuid, Path, description = "The submission's id")),
    responses((status = OK, body = SubmissionDetail), Show))]
pub(in crate::server) async fn show(
    State(app): State<App>,
    Named(id): Named<SubmissionId>,
) -> Result<Json<SubmissionDetail>, ApiError> {
    detail(&app, id).await.map(Json)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct RunsQuery {
    /// Only what the runs say of this task.
    task: Option<String>,
}

/// Every time a submission was judged, oldest first
///
/// Those that count, those that did, and those of rejudge sets, each with the digests of what it was
/// judged by.
#[utoipa::path(get, path = "/submissions/{id}/runs", tag = "public", operation_id = "submission_runs",
    params(("id" = uuid::Uuid, Path, description = "The submission's id"), RunsQuery),
    responses((status = OK, body = RunList), Show))]
pub(in crate::server) async fn runs(
    State(app): State<App>,
    Named(id): Named<SubmissionId>,
    Asked(query): Asked<RunsQuery>,
) -> Result<Json<RunList>, ApiError> {
    let task = query.task.map(Slug::parse).transpose()?;
    if app.store.submission(id).await?.is_none() {
        return Err(ApiError::not_found(format!("there is no submission `{id}`")));
    }
    history(&app, id, task.as_ref()).await.map(|runs| Json(RunList { runs }))
}
