//! What is done around every request, whoever answers it: its id, its time, a panic, the headers of the
//! answer, the metrics and one line of the log.
//!
//! This is one function and not a stack of layers: a layer around a router is copied with everything
//! below it for each request, and waits in a box of its own.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tower::ServiceExt as _;

use super::error::{ApiError, Kind};
use super::pages;
use super::state::App;

/// Bodies of the routes that do not say otherwise.
const MOST_BODY_BYTES: usize = 16 * 1024 * 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Of an id that a client chose, for the log and the problem.
const LONGEST_ID: usize = 64;

/// What browsers must not do with any answer of ours.
const SAFE_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'none'; \
         base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Answers requests.
#[derive(Debug)]
pub(super) struct Front {
    app: App,
    router: Router,
    /// Of one request.
    timeout: Duration,
}

/// The route that answers, once the router knows it: as it is written in the code, for the metrics.
#[derive(Debug, Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

/// Only inside of the router is it known which route a request goes to.
pub(super) fn named(request: Request) -> Request {
    if let (Some(route), Some(path)) =
        (request.extensions().get::<Route>(), request.extensions().get::<MatchedPath>())
    {
        // A request goes to one route.
        let _ = route.0.set(path.clone());
    }
    request
}

impl Front {
    pub(super) fn new(app: App, router: Router, timeout: Duration) -> Self {
        Self { app, router, timeout }
    }

    /// Writes one line for each request, with the causes of what failed, and names the request in the
    /// answer. Neither bodies nor header values are logged.
    pub(super) async fn answer(&self, mut request: Request) -> Response {
        let started = Instant::now();
        let id = request.headers().get(&REQUEST_ID).cloned().unwrap_or_else(new_id);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let wants_page = pages::wants_page(request.headers());
        let route = Route::default();
        request.extensions_mut().insert(route.clone());
        DefaultBodyLimit::max(MOST_BODY_BYTES).apply(&mut request);
        let mut response = self.route(request).await;
        let error = response.extensions_mut().remove::<ApiError>();
        let cause = error.as_ref().and_then(ApiError::chain);
        if let Some(error) = error {
            let error = error.with_request_id(shown(&id).as_deref());
            response = if wants_page { pages::problem_page(error) } else { error.into_response() };
        }
        let headers = response.headers_mut();
        headers.reserve(SAFE_HEADERS.len() + 1);
        for (name, value) in SAFE_HEADERS {
            headers.insert(name, value);
        }
        let (status, took) = (response.status().as_u16(), started.elapsed());
        self.app.metrics.request(&method, route.0.get().map(MatchedPath::as_str), status, took);
        let (path, ms) = (uri.path(), took.as_millis());
        match cause {
            Some(cause) => {
                tracing::error!(id = shown(&id), %method, path, status, ms, cause, "request failed");
            }
            None => tracing::info!(id = shown(&id), %method, path, status, ms, "request"),
        }
        response.headers_mut().entry(REQUEST_ID).or_insert(id);
        response
    }

    /// A request that takes too long is given up; what it had begun in the database is rolled back.
    async fn route(&self, request: Request) -> Response {
        // Nothing that is shared is left half changed by a panic of a route: locks do not poison here.
        let answered = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        match tokio::time::timeout(self.timeout, answered).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => panicked(&*panic),
            Err(_) => ApiError::new(Kind::Timeout, "the request took longer than the platform waits")
                .into_response(),
        }
    }
}

/// An id for a request that came without. It names a request in a log and nothing else.
fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = id.hyphenated().encode_lower(&mut text);
    // Digits and hyphens are a header.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("none"))
}

fn shown(id: &HeaderValue) -> Option<String> {
    id.to_str().ok().map(|id| id.chars().take(LONGEST_ID).collect())
}

#[derive(Debug, thiserror::Error)]
#[error("a route panicked: {0}")]
struct Panicked(String);

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_default();
    ApiError::internal(Panicked(text)).into_response()
}
