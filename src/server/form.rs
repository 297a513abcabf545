//! Reads the form of an upload under limits.

use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::error::{ApiError, Kind};
use super::state::App;
use crate::model::MinerId;

/// What the form takes beside the agent itself: boundaries, headers, the miner's id.
pub(super) const FORM_BYTES: usize = 16 * 1024;
const LONGEST_MINER_FIELD: usize = 1024;
/// A client that is still sending what we will not take reads our answer only when it is done; so
/// much we let it send, and so long, before we hang up.
const DRAIN_BYTES: u64 = 128 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Form {
    /// Who it says it is from, if it says so.
    pub(super) miner: Option<MinerId>,
    /// Not empty.
    pub(super) agent: Bytes,
}

/// The form in the body of `request`.
pub(super) async fn read(app: &App, request: Request) -> Result<Form, ApiError> {
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
    // Each part comes once and no other is taken, so that nothing here has to count them.
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
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
    let agent: Bytes = agent.ok_or_else(|| missing("agent"))?;
    if agent.is_empty() {
        return Err(ApiError::malformed("the part `agent` is empty"));
    }
    Ok(Form { miner, agent })
}

/// The whole part, or `None` when it is larger than `limit`.
pub(super) async fn take(mut field: Field<'_>, limit: usize) -> Result<Option<Bytes>, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

pub(super) fn broken(error: &MultipartError) -> ApiError {
    if error.status() == Kind::TooLarge.status() {
        return ApiError::new(Kind::TooLarge, "the form is larger than we take");
    }
    ApiError::malformed("the multipart form is broken or incomplete")
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
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

/// The refusal of a form that lacks a part.
pub(super) fn missing(name: &str) -> ApiError {
    ApiError::malformed(format!("the form has no part `{name}`"))
}
