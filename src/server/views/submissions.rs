//! What everybody may know of a submission.

use crate::api::{AgentSummary, AuditEvent, RunRecord, RunScore, RunStanding, SubmissionDetail};
use crate::model::{Slug, SubmissionId};
use crate::server::error::ApiError;
use crate::server::results;
use crate::server::state::App;
use crate::store::{Event, Standing, Submission};

/// A line of a list of submissions.
pub(in crate::server) fn summary(submission: &Submission) -> AgentSummary {
    AgentSummary {
        miner_id: submission.miner.clone(),
        submission_id: submission.id,
        sha256: submission.upload,
        status: submission.state,
        submitted_at: submission.received_at,
        score: submission.score,
    }
}

/// Every time a submission was judged, oldest first; of one task, if one is asked for.
pub(in crate::server) async fn history(
    app: &App,
    id: SubmissionId,
    task: Option<&Slug>,
) -> Result<Vec<RunRecord>, ApiError> {
    let runs = app.store.runs(id, task).await?.into_iter().map(|run| RunRecord {
        run_id: run.id,
        validator: run.validator.to_string(),
        rejudge_id: run.rejudge,
        policy: run.policy,
        backend: run.backend,
        score: run.score,
        ended_at: run.ended_at,
        tasks: run
            .tasks
            .into_iter()
            .map(|task| RunScore {
                task: task.task,
                task_digest: task.digest,
                score: task.score,
                standing: match task.standing {
                    Standing::Live => RunStanding::Live,
                    Standing::Proposed => RunStanding::Proposed,
                    Standing::Superseded => RunStanding::Superseded,
                    Standing::Dropped => RunStanding::Dropped,
                },
            })
            .collect(),
    });
    Ok(runs.collect())
}

/// What everybody may know of a submission.
pub(in crate::server) async fn detail(app: &App, id: SubmissionId) -> Result<SubmissionDetail, ApiError> {
    let missing = || ApiError::not_found(format!("there is no submission `{id}`"));
    let submission = app.store.submission(id).await?.ok_or_else(missing)?;
    let events = app.store.events(id).await?.into_iter().map(step).collect();
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

/// One step.
pub(in crate::server) fn step(event: Event) -> AuditEvent {
    AuditEvent { at: event.at, actor: event.actor, from: event.from, to: event.to, reason: event.reason }
}
