//! Who may use the internal routes: whoever sends the token.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::error::{ApiError, Kind};
use super::state::App;

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
