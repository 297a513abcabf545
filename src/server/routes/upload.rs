//! Takes an agent from its author.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use utoipa::ToSchema;

use crate::api::Uploaded;
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::form::{self, FORM_BYTES};
use crate::server::identity;
use crate::server::intake::{self, Author};
use crate::server::settings::Identity;
use crate::server::state::App;

refusals!(
    Refusals: Malformed, Unsigned, Banned, OverQuota, TooMany, Duplicate, NameTaken, TooLarge, Refused
);

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
/// A platform that asks for signatures wants the headers `X-Hotkey`, `X-Scheme`, `X-Signature`,
/// `X-Nonce` and `X-Timestamp`, and the hotkey as `miner_id`.
#[utoipa::path(post, path = "/upload/agent", tag = "public",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = CREATED, body = Uploaded), Refusals))]
pub(in crate::server) async fn upload_agent(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    app.limits.check_address(address.ip())?;
    let (author, agent) = match app.identity {
        Identity::Open => {
            let form = form::read(&app, request).await?;
            let miner = form.miner.ok_or_else(|| form::missing("miner_id"))?;
            (Author { miner, upstream: None }, form.agent)
        }
        Identity::Signed => read_signed(&app, request).await?,
        Identity::Bridge => {
            return Err(ApiError::new(
                Kind::Unsigned,
                "this platform takes uploads from its upstream only, which knows the miners",
            ));
        }
    };
    intake::take(&app, author, agent).await.map(|uploaded| (StatusCode::CREATED, Json(uploaded)))
}

/// The form of a request whose signature was checked over the whole body, as its signer.
async fn read_signed(app: &App, request: Request) -> Result<(Author, bytes::Bytes), ApiError> {
    let most = app.max_upload + FORM_BYTES;
    if form::content_length(request.headers()).is_some_and(|length| length > most as u64) {
        // The ordinary way knows how to say no to this.
        form::read(app, request).await?;
        return Err(ApiError::malformed("the body is larger than we take"));
    }
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, most)
        .await
        .map_err(|_| ApiError::malformed("the body broke off or is larger than we take"))?;
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let signer = identity::verify(app, &parts.headers, method, path, &body).await?;
    let form = form::read(app, Request::from_parts(parts, body.into())).await?;
    let named = form.miner.ok_or_else(|| form::missing("miner_id"))?;
    if named == signer.miner || named.as_str() == signer.written {
        return Ok((Author { miner: signer.miner, upstream: None }, form.agent));
    }
    Err(ApiError::new(Kind::Unsigned, format!("`{}` signed an upload for `{named}`", signer.written)))
}
