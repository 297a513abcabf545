//! Who may use the internal routes, by bearer token: the operator, a validator, an upstream.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;

use super::error::{ApiError, Kind};
use super::state::App;
use crate::config::Tokens;
use crate::model::MinerId;

/// Which validator a request is from.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// The one whose token it is.
    Named(MinerId),
    /// All validators share the platform's token: whoever the request says.
    Shared,
}

impl Caller {
    /// A validator acts in its own name.
    pub(super) fn check(&self, name: &MinerId) -> Result<(), ApiError> {
        match self {
            Self::Named(own) if own != name => Err(ApiError::new(
                Kind::Forbidden,
                format!("the token is the one of `{own}`, not of `{name}`"),
            )),
            Self::Named(_) | Self::Shared => Ok(()),
        }
    }
}

/// Which upstream a request is from.
#[derive(Debug, Clone)]
pub(super) struct Upstream(pub(super) MinerId);

/// Lets validators pass: each with its own token where they have their own, else all with the
/// platform's.
pub(super) async fn require_validator(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(validators) = &app.validators else {
        request.extensions_mut().insert(Caller::Shared);
        return require_token(State(app.clone()), request, next).await;
    };
    let name = holder(validators, request.headers(), "a validator's token")?;
    request.extensions_mut().insert(Caller::Named(name));
    Ok(next.run(request).await)
}

/// Lets upstreams pass, each with its own token.
pub(super) async fn require_upstream(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(upstreams) = &app.upstreams else {
        return Err(ApiError::new(Kind::Unauthorized, "this platform has no upstream"));
    };
    let name = holder(upstreams, request.headers(), "an upstream's token")?;
    request.extensions_mut().insert(Upstream(name));
    Ok(next.run(request).await)
}

fn holder(tokens: &Tokens, headers: &HeaderMap, what: &str) -> Result<MinerId, ApiError> {
    let detail = || format!("this route needs `Authorization: Bearer` and {what}");
    let given = bearer(headers).ok_or_else(|| ApiError::new(Kind::Unauthorized, detail()))?;
    tokens.name_of(given).ok_or_else(|| ApiError::new(Kind::Unauthorized, format!("the token is not {what}")))
}

/// Lets a request pass that carries `Authorization: Bearer` and the token.
pub(super) async fn require_token(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let given = bearer(request.headers());
    if given.is_some_and(|given| app.token.matches(given)) {
        return Ok(next.run(request).await);
    }
    let detail = match given {
        None => "this route needs `Authorization: Bearer` and the platform's token",
        Some(_) => "the token is not the platform's",
    };
    Err(ApiError::new(Kind::Unauthorized, detail))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// As [`require_token`], for an operator with a browser, which asks for a password and sends it as
/// `Basic` with the token in it. The pages behind it only show; they change nothing, so that a
/// foreign page that makes a browser load them gains nothing.
pub(super) async fn require_operator(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    let given = bearer(headers).map(<[u8]>::to_vec).or_else(|| basic(headers));
    if given.is_some_and(|given| app.token.matches(&given)) {
        return Ok(next.run(request).await);
    }
    Err(ApiError::new(Kind::NeedsPassword, "this page needs the platform's token as the password"))
}

/// The password, whatever the user name is.
fn basic(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, credentials) = value.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(credentials).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}
