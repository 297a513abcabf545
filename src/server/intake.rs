//! What happens to an agent whose author is known: bans, limits, the gate, and only then the store.

use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;

use super::error::{ApiError, Kind};
use super::state::App;
use crate::api::Uploaded;
use crate::lint::Report;
use crate::model::{Digest, GateVerdict, MinerId, SubmissionId};
use crate::store::{Admission, Ban, NewSubmission, Submission};

/// Whose agent it is.
#[derive(Debug, Clone)]
pub(super) struct Author {
    pub(super) miner: MinerId,
    /// Who vouches for that, where the miner did not come in person.
    pub(super) upstream: Option<MinerId>,
}

/// Takes an agent, or says why not.
pub(super) async fn take(app: &App, author: Author, agent: Bytes) -> Result<Uploaded, ApiError> {
    if app.following.shelf_is_full.load(Ordering::Relaxed) {
        let detail =
            "too many sources wait for the platform's disk; nothing was half done, try again in a moment";
        return Err(ApiError::new(Kind::Unavailable, detail));
    }
    app.limits.check_miner(&author.miner)?;
    if let Some(ban) = app.store.known_ban_of(&author.miner).await? {
        return Err(banned(&ban));
    }
    // Before the gate, whose time is dear; the store looks again when it stores.
    let (now, bytes) = (app.clock.now(), agent.len() as u64);
    if let Some(exceeded) = app.store.exceeded(app.quota, &author.miner, bytes, now).await? {
        return Err(ApiError::over_quota(&author.miner, exceeded, now));
    }
    let started = Instant::now();
    let report = app.gate.check(agent).await?;
    app.metrics.gate(started.elapsed());
    let hold = match report.verdict {
        GateVerdict::Rejected => return Err(ApiError::refused(report)),
        GateVerdict::NeedsReview => Some("the gate asks for a person's review".to_owned()),
        GateVerdict::Accepted => None,
    };
    // On a task of its own: a client that hangs up must not stop it half-way.
    let stored = tokio::spawn(store(app.clone(), author, report, hold));
    let submission = stored.await.map_err(ApiError::internal)??;
    app.changes.tell();
    tracing::info!(submission = %submission.id, miner = %submission.miner, "submission stored");
    Ok(Uploaded {
        submission_id: submission.id,
        miner_id: submission.miner,
        sha256: submission.upload,
        status: submission.state,
        findings: submission.findings,
    })
}

fn banned(ban: &Ban) -> ApiError {
    ApiError::new(Kind::Banned, format!("`{}` may not take part: {}", ban.miner, ban.reason))
}

#[derive(Debug, thiserror::Error)]
#[error("the gate let in a source that it could not decode")]
struct NoSource;

/// The source before its rows or with them, and the files of the agent behind: a crash in between
/// leaves at most a blob that nothing names, or files that the next start mends.
async fn store(
    app: App,
    author: Author,
    report: Report,
    hold: Option<String>,
) -> Result<Submission, ApiError> {
    let source = report.source.ok_or_else(|| ApiError::internal(NoSource))?;
    let digest = Digest::of(source.as_bytes());
    let text = app.blobs.accept(digest, &source).await?;
    let new = NewSubmission {
        id: SubmissionId::generate(),
        miner: author.miner,
        upload: report.sha256,
        source: digest,
        source_bytes: source.len() as u64,
        text,
        policy: report.policy,
        findings: report.findings,
        hold,
        quorum: app.quorum,
        quota: app.quota,
        upstream: author.upstream,
        at: app.clock.now(),
    };
    let stored = match app.store.admit(&new).await? {
        Admission::Stored(submission) => *submission,
        Admission::Duplicate { earlier, miner } => return Err(ApiError::duplicate(earlier, &miner)),
        Admission::NameTaken { by } => {
            let detail = format!("the miner id `{}` differs only in case from `{by}`", new.miner);
            return Err(ApiError::new(Kind::NameTaken, detail));
        }
        Admission::Banned(ban) => return Err(banned(&ban)),
        Admission::OverQuota(exceeded) => return Err(ApiError::over_quota(&new.miner, exceeded, new.at)),
    };
    app.following.stored(new.miner).await;
    Ok(stored)
}
