//! The gate asked again, under another policy, about everything that it once let in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::rejudges::READERS;
use crate::api::{RecheckApply, RecheckChange, RecheckPage, RecheckRequest, Rechecked};
use crate::lint::{Policy, Report};
use crate::model::{GateVerdict, SubmissionState};
use crate::server::acts;
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::extract::Body;
use crate::server::state::App;
use crate::store::{Rechecked as Done, Regated, Sentence, Submission};

refusals!(Ask: Malformed, Unauthorized, TooLarge);
refusals!(Apply: Malformed, Unauthorized, NotFound, NotOpen, TooLarge);

/// In one answer: the gate takes about a millisecond for each.
const PAGE: u32 = 200;
/// In one act.
const MOST: usize = 5_000;
const LONGEST_POLICY: usize = 1024 * 1024;

/// Ask the gate again about a part of what is stored
///
/// Nothing changes. Pages go by the order of arrival.
#[utoipa::path(post, path = "/internal/v1/rechecks/ask", tag = "operators", operation_id = "ask_recheck",
    security(("token" = [])), request_body = RecheckRequest,
    responses((status = OK, body = RecheckPage), Ask))]
pub(in crate::server) async fn ask(
    State(app): State<App>,
    Body { value: request, .. }: Body<RecheckRequest>,
) -> Result<Json<RecheckPage>, ApiError> {
    let policy = policy(&request.policy)?;
    let stored = app.store.standing_after(request.after.unwrap_or(0), PAGE).await?;
    let next = stored.last().filter(|_| stored.len() == PAGE as usize).map(|last| last.sequence);
    let checked = stored.len() as u64;
    let reports = again(&app, &stored, &policy).await?;
    let changes = stored.iter().zip(reports).filter(|(stored, report)| differs(stored, report));
    let changes = changes.map(|(stored, report)| RecheckChange {
        submission_id: stored.id,
        miner_id: stored.miner.clone(),
        status: stored.state,
        verdict: report.verdict,
        findings: report.findings,
    });
    Ok(Json(RecheckPage { policy: policy.digest(), checked, changes: changes.collect(), next }))
}

/// Hold and reject what the gate would not let in any more: everything or nothing
#[utoipa::path(post, path = "/internal/v1/rechecks", tag = "operators", operation_id = "apply_recheck",
    security(("token" = [])), request_body = RecheckApply,
    responses((status = OK, body = Rechecked), Apply))]
pub(in crate::server) async fn apply(
    State(app): State<App>,
    Body { value: request, .. }: Body<RecheckApply>,
) -> Result<Json<Rechecked>, ApiError> {
    let policy = policy(&request.policy)?;
    let act = acts::by_operator(&app, &request.reason, &request.operator, READERS)?;
    if request.submissions.len() > MOST {
        return Err(ApiError::malformed(format!("at most {MOST} submissions are changed in one act")));
    }
    let mut stored = Vec::with_capacity(request.submissions.len());
    for id in &request.submissions {
        let submission = app.store.submission(*id).await?;
        stored.push(submission.ok_or_else(|| ApiError::not_found(format!("there is no submission `{id}`")))?);
    }
    let reports = again(&app, &stored, &policy).await?;
    let changes: Vec<Regated> = stored
        .iter()
        .zip(reports)
        .filter_map(|(submission, report)| {
            let to = match report.verdict {
                GateVerdict::Rejected => Sentence::Reject,
                GateVerdict::NeedsReview => Sentence::Hold,
                GateVerdict::Accepted => return None,
            };
            Some(Regated { submission: submission.id, from: submission.state, to, findings: report.findings })
        })
        .collect();
    match app.store.apply_recheck(policy.digest(), &changes, &act).await? {
        Done::Done => {}
        Done::Moved(id) => {
            let detail = format!("`{id}` is in another state by now; nothing was changed, ask again");
            return Err(ApiError::new(Kind::NotOpen, detail));
        }
    }
    app.changes.tell();
    for submission in &stored {
        // What counts for the miner may be an earlier agent now.
        let _one_at_a_time = app.locks.lock(&submission.miner).await;
        app.files.follow(&app.store, &app.blobs, &submission.miner).await?;
    }
    let rejected = changes.iter().filter(|change| change.to == Sentence::Reject).count() as u64;
    Ok(Json(Rechecked { policy: policy.digest(), held: changes.len() as u64 - rejected, rejected }))
}

fn policy(text: &str) -> Result<Arc<Policy>, ApiError> {
    if text.len() > LONGEST_POLICY {
        return Err(ApiError::malformed("the policy is larger than 1 MiB"));
    }
    let policy = Policy::from_toml(text);
    policy.map(Arc::new).map_err(|error| ApiError::malformed(format!("the policy cannot be used: {error}")))
}

async fn again(app: &App, stored: &[Submission], policy: &Arc<Policy>) -> Result<Vec<Report>, ApiError> {
    let mut sources = Vec::with_capacity(stored.len());
    for submission in stored {
        sources.push(app.blobs.get(submission.source).await?);
    }
    app.gate.check_again(sources, Arc::clone(policy)).await
}

/// Whether the answer differs from what was done with the submission. That something held or
/// rejected by a person would be let in is told of what is held, and changes nothing.
fn differs(stored: &Submission, report: &Report) -> bool {
    match report.verdict {
        GateVerdict::Rejected => true,
        GateVerdict::NeedsReview => stored.state != SubmissionState::Held,
        GateVerdict::Accepted => stored.state == SubmissionState::Held,
    }
}
