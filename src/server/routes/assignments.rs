//! Work for validators: claim it, keep it, report it, give it back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::{
    Assignment, ClaimRequest, LeaseAnswer, ReleaseRequest, ResultRequest, ResultTaken, TaskReference,
};
use crate::server::acts;
use crate::server::auth::Caller;
use crate::server::error::{ApiError, refusals};
use crate::server::extract::{Body, Named};
use crate::server::results::{self, Checked};
use crate::server::state::App;
use crate::store::{Finish, LeaseRow};
use crate::task::Task;

refusals!(Claim: Malformed, Unauthorized, Forbidden, TooLarge);
refusals!(Ended: Malformed, Unauthorized, Forbidden, NotFound, LeaseEnded, TooLarge);
refusals!(BadResult: Malformed, Unauthorized, Forbidden, NotFound, LeaseEnded, TooLarge, InvalidResult);

/// Claim the oldest submission that wants a validator
#[utoipa::path(post, path = "/internal/v1/assignments/claim", tag = "validators",
    operation_id = "claim_assignment", security(("token" = [])), request_body = ClaimRequest,
    responses((status = OK, body = Assignment), (status = NO_CONTENT, description = "There is nothing to do"), Claim))]
pub(in crate::server) async fn claim(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Body { value: request, .. }: Body<ClaimRequest>,
) -> Result<Response, ApiError> {
    caller.check(&request.validator)?;
    let Some(lease) = app.queue.claim(&request.validator).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let source = match app.blobs.get(lease.submission.source).await {
        Ok(source) => source,
        Err(error) => {
            // Nobody can score it. The bounded number of attempts ends that, and says why.
            app.queue.release(lease.row.id, &request.validator, true, &error.to_string()).await?;
            return Err(error.into());
        }
    };
    app.changes.tell();
    let heartbeat = app.queue.rules().heartbeat().as_millis();
    let assignment = Assignment {
        assignment_id: lease.row.id,
        submission_id: lease.submission.id,
        miner_id: lease.submission.miner,
        sha256: lease.submission.upload,
        source_sha256: lease.submission.source,
        source: source.to_string(),
        tasks: tasks_of(&app, &lease.row)
            .await?
            .iter()
            .map(|task| TaskReference { id: task.id.clone(), digest: task.digest })
            .collect(),
        seed: app.seed,
        attempt: lease.row.attempt,
        expires_at: lease.row.expires_at,
        heartbeat_ms: u64::try_from(heartbeat).unwrap_or(u64::MAX),
    };
    Ok(Json(assignment).into_response())
}

/// What an assignment is about: all tasks, or the one of a rejudge set that has one.
async fn tasks_of<'a>(app: &'a App, lease: &LeaseRow) -> Result<Vec<&'a Task>, ApiError> {
    let set = match lease.rejudge {
        Some(id) => app.store.rejudge(id).await?,
        None => None,
    };
    let only = set.and_then(|set| set.selection.task);
    Ok(app.tasks.iter().filter(|task| only.as_ref().is_none_or(|only| task.id == *only)).collect())
}

/// Keep an assignment
#[utoipa::path(post, path = "/internal/v1/assignments/{id}/heartbeat", tag = "validators",
    operation_id = "renew_assignment", security(("token" = [])), request_body = ClaimRequest,
    params(("id" = Uuid, Path, description = "The assignment's id")),
    responses((status = OK, body = LeaseAnswer), Ended))]
pub(in crate::server) async fn heartbeat(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<Uuid>,
    Body { value: request, .. }: Body<ClaimRequest>,
) -> Result<Json<LeaseAnswer>, ApiError> {
    caller.check(&request.validator)?;
    let expires_at: Timestamp = app.queue.renew(id, &request.validator).await?;
    Ok(Json(LeaseAnswer { expires_at }))
}

/// Report what an assignment came to
///
/// The result must hold exactly the tasks and cases of the assignment, and scores that are what its
/// cases say. Sending the same result again is answered like the first time.
#[utoipa::path(post, path = "/internal/v1/assignments/{id}/result", tag = "validators",
    operation_id = "finish_assignment", security(("token" = [])), request_body = ResultRequest,
    params(("id" = Uuid, Path, description = "The assignment's id")),
    responses((status = OK, body = ResultTaken), BadResult))]
pub(in crate::server) async fn result(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<Uuid>,
    Body { value: request, bytes }: Body<ResultRequest>,
) -> Result<Json<ResultTaken>, ApiError> {
    caller.check(&request.validator)?;
    let lease = app.queue.find(id, &request.validator).await?;
    let finish = match results::check(&request, &bytes, &tasks_of(&app, &lease).await?)? {
        Checked::Judged(judgement) => app.queue.finish(id, &request.validator, &judgement).await?.1,
        Checked::Unjudged { why } => {
            app.queue.release(id, &request.validator, true, &why).await?;
            Finish::Waiting
        }
    };
    app.changes.tell();
    let submission = app.store.submission(lease.submission).await?;
    let status = submission.map_or(crate::model::SubmissionState::Running, |submission| submission.state);
    let score = match finish {
        Finish::Completed { score } => Some(score),
        Finish::Waiting | Finish::Held | Finish::Proposed | Finish::LeaseEnded => None,
    };
    Ok(Json(ResultTaken { submission_id: lease.submission, status, score }))
}

/// Give an assignment back
#[utoipa::path(post, path = "/internal/v1/assignments/{id}/release", tag = "validators",
    operation_id = "release_assignment", security(("token" = [])), request_body = ReleaseRequest,
    params(("id" = Uuid, Path, description = "The assignment's id")),
    responses((status = NO_CONTENT, description = "It was given back"), Ended))]
pub(in crate::server) async fn release(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Named(id): Named<Uuid>,
    Body { value: request, .. }: Body<ReleaseRequest>,
) -> Result<StatusCode, ApiError> {
    caller.check(&request.validator)?;
    let why = acts::by_validator(&request.reason)?;
    app.queue.release(id, &request.validator, request.fault, &why).await?;
    app.changes.tell();
    Ok(StatusCode::NO_CONTENT)
}
