//! Submissions that wait for an operator's decision.

use axum::extract::State;
use axum::http::{StatusCode, Uri};

use crate::api::{Hold, HoldList, ResolveRequest, Verdict};
use crate::model::SubmissionId;
use crate::server::acts;
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::extract::{Asked, Body, Named};
use crate::server::paging::{self, PageQuery, Paged};
use crate::server::state::App;
use crate::store::Resolution;

refusals!(List: Malformed, Unauthorized);
refusals!(Resolve: Malformed, Unauthorized, NotFound, NotHeld, TooLarge);

/// The open holds, oldest first
#[utoipa::path(get, path = "/internal/v1/holds", tag = "operators", operation_id = "list_holds",
    security(("token" = [])), params(PageQuery), responses((status = OK, body = HoldList), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<PageQuery>,
) -> Result<Paged<HoldList>, ApiError> {
    let limit = query.limit()?;
    let mut holds = app.store.holds_after(query.after()?, limit + 1).await?;
    let more = paging::cut(&mut holds, limit);
    let next = holds.last().filter(|_| more).map(|hold| hold.submission.to_string());
    let holds = holds.into_iter().map(|hold| Hold {
        submission_id: hold.submission,
        miner_id: hold.miner,
        reason: hold.reason,
        since: hold.since,
    });
    Ok(Paged { uri, next: next.clone(), body: HoldList { holds: holds.collect(), next } })
}

/// Release a held submission to be scored, or reject it
#[utoipa::path(post, path = "/internal/v1/holds/{id}/resolve", tag = "operators",
    operation_id = "resolve_hold", security(("token" = [])), request_body = ResolveRequest,
    params(("id" = uuid::Uuid, Path, description = "The submission's id")),
    responses((status = NO_CONTENT, description = "It was decided"), Resolve))]
pub(in crate::server) async fn resolve(
    State(app): State<App>,
    Named(id): Named<SubmissionId>,
    Body { value: request, .. }: Body<ResolveRequest>,
) -> Result<StatusCode, ApiError> {
    let act = acts::by_operator(&app, &request.reason, &request.operator, "the miner reads it")?;
    let resolution = match request.verdict {
        Verdict::Release => Resolution::Release,
        Verdict::Reject => Resolution::Reject,
    };
    let Some(submission) = app.store.submission(id).await? else {
        return Err(ApiError::not_found(format!("there is no submission `{id}`")));
    };
    let _one_at_a_time = app.locks.lock(&submission.miner).await;
    if !app.store.resolve(id, resolution, &act.actor, &act.why, act.at).await? {
        return Err(ApiError::new(Kind::NotHeld, format!("the submission `{id}` is not held")));
    }
    app.changes.tell();
    // A released agent counts now.
    app.files.follow(&app.store, &app.blobs, &submission.miner).await?;
    Ok(StatusCode::NO_CONTENT)
}
