//! What happens to an agent whose author is known: bans, limits, the gate, and only then the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::error::{ApiError, Kind};
use super::gate::Unchecked;
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
    let (intake, started) = (Intake { app: app.clone(), author }, Instant::now());
    let checked = app.gate.check_then(agent, move |report, answer| {
        intake.app.metrics.gate(started.elapsed());
        intake.checked(report, answer);
    });
    let Stored { submission, followed } = match checked.await {
        Ok(stored) => stored?,
        Err(Unchecked::Late(report)) => {
            app.metrics.gate(started.elapsed());
            return Err(ApiError::refused(report));
        }
        Err(Unchecked::Failed(error)) => return Err(error),
    };
    if let Some(followed) = followed {
        // An error is the sender that was dropped: nobody writes any more.
        let _ = followed.await;
    }
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

/// What is in the database.
struct Stored {
    submission: Box<Submission>,
    /// When the files of the agent are written, where somebody should wait for them.
    followed: Option<oneshot::Receiver<()>>,
}

/// To whoever waits for it, if anybody still does.
type Answer = oneshot::Sender<Result<Stored, ApiError>>;

/// An agent on its way from the gate into the store. It is handed on from one to the next without the
/// task of the connection, which is woken once, by the answer: so nobody is woken in between, and a
/// client that hangs up stops nothing half-way.
struct Intake {
    app: App,
    author: Author,
}

impl Intake {
    /// On the thread of the gate.
    fn checked(self, report: Report, answer: Answer) {
        let hold = match report.verdict {
            GateVerdict::Rejected => {
                // Who does not listen any more does not need to know; so below.
                let _ = answer.send(Err(ApiError::refused(report)));
                return;
            }
            GateVerdict::NeedsReview => Some("the gate asks for a person's review".to_owned()),
            GateVerdict::Accepted => None,
        };
        let Some(source) = report.source else {
            let _ = answer.send(Err(ApiError::internal(NoSource)));
            return;
        };
        let app = &self.app;
        let new = NewSubmission {
            id: SubmissionId::generate(),
            miner: self.author.miner,
            upload: report.sha256,
            source: Digest::of(source.as_bytes()),
            source_bytes: source.len() as u64,
            text: None,
            policy: report.policy,
            findings: report.findings,
            hold,
            quorum: app.quorum,
            quota: app.quota,
            upstream: self.author.upstream,
            at: app.clock.now(),
        };
        store(self.app, new, source, answer);
    }
}

/// The source before its rows or with them, and the files of the agent behind: a crash in between
/// leaves at most a blob that nothing names, or files that the next start mends.
fn store(app: App, mut new: NewSubmission, source: Arc<str>, answer: Answer) {
    if app.blobs.has_shelf() {
        new.text = Some(source);
        return admit(app, new, answer);
    }
    tokio::spawn(async move {
        match app.blobs.put(new.source, &source).await {
            Ok(()) => admit(app, new, answer),
            Err(error) => {
                let _ = answer.send(Err(error.into()));
            }
        }
    });
}

fn admit(app: App, new: NewSubmission, answer: Answer) {
    let (miner, at) = (new.miner.clone(), new.at);
    let store = app.store.clone();
    store.admit_then(new, move |admission| {
        let stored = admission.map_err(ApiError::from).and_then(|admission| match admission {
            Admission::Stored(submission) => {
                let followed = app.following.stored(miner);
                app.changes.tell();
                Ok(Stored { submission, followed })
            }
            Admission::Duplicate { earlier, miner } => Err(ApiError::duplicate(earlier, &miner)),
            Admission::NameTaken { by } => {
                let detail = format!("the miner id `{miner}` differs only in case from `{by}`");
                Err(ApiError::new(Kind::NameTaken, detail))
            }
            Admission::Banned(ban) => Err(banned(&ban)),
            Admission::OverQuota(exceeded) => Err(ApiError::over_quota(&miner, exceeded, at)),
        });
        let _ = answer.send(stored);
    });
}
