//! Takes an agent from a trusted upstream, which has verified whose it is.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use utoipa::ToSchema;

use crate::api::{Uploaded, signature};
use crate::model::Hotkey;
use crate::server::auth::Upstream;
use crate::server::error::{ApiError, refusals};
use crate::server::form;
use crate::server::intake::{self, Author};
use crate::server::state::App;

refusals!(
    Refusals: Malformed, Unauthorized, Banned, OverQuota, TooMany, Duplicate, NameTaken, TooLarge, Refused
);

/// The form.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct BridgeForm {
    /// The source of the agent, one Python file.
    #[schema(value_type = String, format = Binary)]
    agent: Vec<u8>,
    /// If it is there, the verified hotkey.
    miner_id: Option<String>,
}

/// Forward an agent in the name of a verified hotkey
///
/// For an upstream with a token of its own. What follows is as with `/upload/agent`: bans, limits
/// of the miner, the gate, and only then the store. The audit names the upstream.
#[utoipa::path(post, path = "/internal/v1/bridge/submissions", tag = "upstreams",
    operation_id = "forward_agent", security(("token" = [])),
    params(
        ("X-Verified-Hotkey" = String, Header, description = "ed25519 as 64 hexadecimal digits, or an SS58 address"),
        ("X-Scheme" = Option<String>, Header, description = "`ed25519` or `sr25519`, of an SS58 address"),
    ),
    request_body(content = BridgeForm, content_type = "multipart/form-data"),
    responses((status = CREATED, body = Uploaded), Refusals))]
pub(in crate::server) async fn submit(
    State(app): State<App>,
    Extension(Upstream(upstream)): Extension<Upstream>,
    request: Request,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    let (miner, written) = verified(request.headers())?;
    let form = form::read(&app, request).await?;
    // An upstream may forward the miner's own form. That it is of somebody else is a mix-up.
    if let Some(named) = form.miner.filter(|named| *named != miner && named.as_str() != written) {
        let detail = format!("the form is of `{named}`, the verified hotkey is `{written}`");
        return Err(ApiError::malformed(detail));
    }
    let author = Author { miner, upstream: Some(upstream) };
    intake::take(&app, author, form.agent).await.map(|uploaded| (StatusCode::CREATED, Json(uploaded)))
}

fn verified(headers: &HeaderMap) -> Result<(crate::model::MinerId, String), ApiError> {
    let wrong = |why: String| ApiError::malformed(format!("`{}`: {why}", signature::VERIFIED_HOTKEY));
    let once = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (value, None) => Ok(value.and_then(|value| value.to_str().ok())),
            (_, Some(_)) => Err(wrong(format!("`{name}` is there twice"))),
        }
    };
    let hotkey =
        once(signature::VERIFIED_HOTKEY)?.ok_or_else(|| wrong("the header is missing".to_owned()))?;
    let scheme = once(signature::SCHEME)?.map(str::parse).transpose();
    let scheme = scheme.map_err(|error: crate::model::InvalidHotkey| wrong(error.to_string()))?;
    let key = Hotkey::parse(hotkey, scheme).map_err(|error| wrong(error.to_string()))?;
    Ok((key.miner()?, hotkey.to_owned()))
}
