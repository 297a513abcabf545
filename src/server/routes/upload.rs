//! Takes an agent: reads the form under a limit, asks the gate, and only then stores anything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{ConnectInfo, FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use utoipa::ToSchema;

use crate::api::Uploaded;
use crate::lint::Report;
use crate::model::{Digest, GateVerdict, MinerId, SubmissionId};
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::identity::{self, Identity};
use crate::server::state::App;
use crate::store::{Admission, NewSubmission, Submission};

refusals!(Refusals: Malformed, Unsigned, TooMany, Duplicate, NameTaken, TooLarge, Refused);

/// What the form takes beside the agent itself: boundaries, headers, the miner's id.
const FORM_BYTES: usize = 16 * 1024;
const LONGEST_MINER_FIELD: usize = 1024;
/// A client that is still sending what we will not take reads our answer only when it is done; so
/// much we let it send, and so long, before we hang up.
const DRAIN_BYTES: u64 = 128 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// The form.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct UploadForm {
    /// The source of the agent, one Python file.
    #[schema(value_type = String, format = Binary)]
    agent: Vec<u8>,
    /// 1 to 64 ASCII letters, digits, `-` and `_`, beginning with a letter or digit.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
    miner_id: String,
}

/// Upload an agent
///
/// The gate checks it before anything is stored; what it refuses is answered with every finding.
#[utoipa::path(post, path = "/upload/agent", tag = "public",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = CREATED, body = Uploaded), Refusals))]
pub(in crate::server) async fn upload_agent(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    app.limits.check_address(address.ip())?;
    let form = match app.identity {
        Identity::Open => read(&app, request).await?,
        Identity::Signed => read_signed(&app, request).await?,
    };
    app.limits.check_miner(&form.miner)?;
    let started = Instant::now();
    let report = app.gate.check(form.agent).await?;
    app.metrics.gate(started.elapsed());
    let hold = match report.verdict {
        GateVerdict::Rejected => return Err(ApiError::refused(report)),
        GateVerdict::NeedsReview => Some("the gate asks for a person's review".to_owned()),
        GateVerdict::Accepted => None,
    };
    // On a task of its own: a client that hangs up must not stop it half-way.
    let submission =
        tokio::spawn(store(app.clone(), form.miner, report, hold)).await.map_err(ApiError::internal)??;
    app.changes.tell();
    tracing::info!(submission = %submission.id, miner = %submission.miner, "submission stored");
    let uploaded = Uploaded {
        submission_id: submission.id,
        miner_id: submission.miner,
        sha256: submission.upload,
        status: submission.state,
        findings: submission.findings,
    };
    Ok((StatusCode::CREATED, Json(uploaded)))
}

#[derive(Debug)]
struct Form {
    miner: MinerId,
    agent: Bytes,
}

/// The form of a request whose signature was checked over the whole body, as its signer.
async fn read_signed(app: &App, request: Request) -> Result<Form, ApiError> {
    let most = app.max_upload + FORM_BYTES;
    if content_length(request.headers()).is_some_and(|length| length > most as u64) {
        // The ordinary way knows how to say no to this.
        return read(app, request).await;
    }
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, most)
        .await
        .map_err(|_| ApiError::malformed("the body broke off or is larger than we take"))?;
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let signer = identity::verify(app, &parts.headers, method, path, &body).await?;
    let form = read(app, Request::from_parts(parts, body.into())).await?;
    if form.miner == signer.miner || form.miner.as_str() == signer.written {
        return Ok(Form { miner: signer.miner, ..form });
    }
    Err(ApiError::new(Kind::Unsigned, format!("`{}` signed an upload for `{}`", signer.written, form.miner)))
}

async fn read(app: &App, request: Request) -> Result<Form, ApiError> {
    let limit = app.max_upload;
    let most = limit + FORM_BYTES;
    let too_large = || {
        ApiError::new(
            Kind::TooLarge,
            format!("the agent is larger than {limit} bytes, which is the most we take"),
        )
    };
    if content_length(request.headers()).is_some_and(|length| length > most as u64) {
        drain(request).await;
        return Err(too_large());
    }
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|error| {
        ApiError::malformed(format!(
            "this is not a multipart form with `agent` and `miner_id`: {}",
            error.body_text()
        ))
    })?;
    let (mut miner, mut agent) = (None, None);
    // No part may be larger than the form: boundaries of empty parts are what is left to count.
    let mut left = most;
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        left = left.checked_sub(64).ok_or_else(too_large)?;
        let name = field.name().unwrap_or_default().to_owned();
        let twice = || ApiError::malformed(format!("the form has `{name}` twice"));
        match name.as_str() {
            "agent" if agent.is_some() => return Err(twice()),
            "miner_id" if miner.is_some() => return Err(twice()),
            "agent" => agent = Some(take(field, limit).await?.ok_or_else(too_large)?),
            "miner_id" => {
                let text = take(field, LONGEST_MINER_FIELD).await?;
                let text =
                    text.ok_or_else(|| ApiError::malformed("the part `miner_id` is longer than a miner id"))?;
                let text = std::str::from_utf8(&text)
                    .map_err(|_| ApiError::malformed("the part `miner_id` is not UTF-8"))?;
                miner = Some(MinerId::parse(text)?);
            }
            _ => {
                let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
                return Err(ApiError::malformed(format!(
                    "the form has a part `{shown}`; it takes `agent` and `miner_id`"
                )));
            }
        }
    }
    let missing = |name| ApiError::malformed(format!("the form has no part `{name}`"));
    let form = Form {
        miner: miner.ok_or_else(|| missing("miner_id"))?,
        agent: agent.ok_or_else(|| missing("agent"))?,
    };
    if form.agent.is_empty() {
        return Err(ApiError::malformed("the part `agent` is empty"));
    }
    Ok(form)
}

/// The whole part, or `None` when it is larger than `limit`.
async fn take(mut field: Field<'_>, limit: usize) -> Result<Option<Bytes>, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

fn broken(error: &MultipartError) -> ApiError {
    if error.status() == Kind::TooLarge.status() {
        return ApiError::new(Kind::TooLarge, "the form is larger than we take");
    }
    ApiError::malformed("the multipart form is broken or incomplete")
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Lets the client finish sending, and drops what it sends. A client that waits for our leave to
/// send (`Expect`) is answered at once.
async fn drain(request: Request) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let mut chunks = request.into_body().into_data_stream();
    let read = async {
        let mut seen = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            seen += chunk.len() as u64;
            if seen > DRAIN_BYTES {
                return;
            }
        }
    };
    // Whether it finished or not, the answer is the same.
    let _ = tokio::time::timeout(DRAIN_TIME, read).await;
}

#[derive(Debug, thiserror::Error)]
#[error("the gate let in a source that it could not decode")]
struct NoSource;

/// The source first, then the database, then the files: a crash in between leaves at most a blob
/// that nothing names, or files that the next start mends.
async fn store(
    app: App,
    miner: MinerId,
    report: Report,
    hold: Option<String>,
) -> Result<Submission, ApiError> {
    let source = report.source.ok_or_else(|| ApiError::internal(NoSource))?;
    let digest = Digest::of(source.as_bytes());
    app.blobs.put(digest, &source).await?;
    let new = NewSubmission {
        id: SubmissionId::generate(),
        miner,
        upload: report.sha256,
        source: digest,
        source_bytes: source.len() as u64,
        policy: report.policy,
        findings: report.findings,
        hold,
        quorum: app.quorum,
        at: app.clock.now(),
    };
    let _one_at_a_time = app.locks.lock(&new.miner).await;
    let stored = match app.store.admit(&new).await? {
        Admission::Stored(submission) => *submission,
        Admission::Duplicate { earlier, miner } => return Err(ApiError::duplicate(earlier, &miner)),
        Admission::NameTaken { by } => {
            let detail = format!("the miner id `{}` differs only in case from `{by}`", new.miner);
            return Err(ApiError::new(Kind::NameTaken, detail));
        }
    };
    if let Err(error) = app.files.follow(&app.store, &app.blobs, &new.miner).await {
        // The submission is in the database, whole; the files follow at the next start.
        tracing::error!(miner = %new.miner, error = %error, "cannot write the files of an agent");
    }
    Ok(stored)
}
