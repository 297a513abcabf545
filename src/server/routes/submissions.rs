//! One submission: its state, its findings, its results.

use axum::Json;
use axum::extract::State;

use crate::api::{AuditEvent, SubmissionDetail};
use crate::model::SubmissionId;
use crate::server::error::{ApiError, refusals};
use crate::server::extract::Named;
use crate::server::results;
use crate::server::state::App;
use crate::store::Event;

refusals!(Show: Malformed, NotFound);

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

/// What everybody may know of a submission.
pub(in crate::server) async fn detail(app: &App, id: SubmissionId) -> Result<SubmissionDetail, ApiError> {
    let missing = || ApiError::not_found(format!("there is no submission `{id}`"));
    let submission = app.store.submission(id).await?.ok_or_else(missing)?;
    let events = app.store.events(id).await?.into_iter().map(audit_event).collect();
    // Results that validators disagree about are not shown as if they were true.
    let tasks = match submission.score {
        Some(_) => results::public(&app.store.live_results(id).await?, &app.tasks),
        None => Vec::new(),
    };
    Ok(SubmissionDetail {
        submission_id: submission.id,
        miner_id: submission.miner,
        sha256: submission.upload,
        source_sha256: submission.source,
        policy: submission.policy,
        status: submission.state,
        reason: submission.reason,
        attempts: submission.attempts,
        submitted_at: submission.received_at,
        updated_at: submission.updated_at,
        findings: submission.findings,
        score: submission.score,
        tasks,
        events,
    })
}

fn audit_event(event: Event) -> AuditEvent {
    AuditEvent { at: event.at, actor: event.actor, from: event.from, to: event.to, reason: event.reason }
}
