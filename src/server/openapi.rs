//! All routes in one table, the layers around them, and the documentation made from both.

use std::time::{Duration, Instant};

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use utoipa::OpenApi as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, Kind};
use super::state::App;
use super::{auth, cache, document, pages, routes};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Portcullis", description = "Uploads of agents, their state and the ranking."),
    components(schemas(crate::api::Problem)),
    tags(
        (name = "public", description = "For everybody"),
        (name = "validators", description = "Needs a validator's token, or the platform's where all share it"),
        (name = "upstreams", description = "Needs an upstream's token"),
        (name = "operators", description = "Needs the platform's token"),
    )
)]
struct Document;

/// Bodies of the routes that do not say otherwise.
const MOST_BODY_BYTES: usize = 16 * 1024 * 1024;

/// To add a route: a function in `routes/`, and a line here.
pub(super) fn router(app: App, timeout: Duration) -> Router {
    let public = OpenApiRouter::new()
        .routes(routes!(routes::upload::upload_agent))
        .routes(routes!(routes::tasks::list))
        .routes(routes!(routes::tasks::show))
        .routes(routes!(routes::agents::list))
        .routes(routes!(routes::agents::show))
        .routes(routes!(routes::submissions::list))
        .routes(routes!(routes::submissions::show))
        .routes(routes!(routes::submissions::runs))
        .routes(routes!(routes::leaderboard::show))
        .routes(routes!(routes::service::version))
        .route_layer(middleware::from_fn(cache::tag));
    let live = OpenApiRouter::new()
        .routes(routes!(routes::validate::submit))
        .routes(routes!(routes::validate::show))
        .routes(routes!(routes::validate::log))
        .routes(routes!(routes::service::health))
        .routes(routes!(routes::service::metrics));
    let validators = OpenApiRouter::new()
        .routes(routes!(routes::assignments::claim))
        .routes(routes!(routes::assignments::heartbeat))
        .routes(routes!(routes::assignments::result))
        .routes(routes!(routes::assignments::release))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::require_validator));
    let upstreams = OpenApiRouter::new()
        .routes(routes!(routes::bridge::submit))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::require_upstream));
    let operators = OpenApiRouter::new()
        .routes(routes!(routes::agents::source))
        .routes(routes!(routes::audit::list))
        .routes(routes!(routes::bans::list, routes::bans::add))
        .routes(routes!(routes::bans::lift))
        .routes(routes!(routes::holds::list))
        .routes(routes!(routes::holds::resolve))
        .routes(routes!(routes::rejudges::list, routes::rejudges::create))
        .routes(routes!(routes::rejudges::show))
        .routes(routes!(routes::rejudges::apply))
        .routes(routes!(routes::rejudges::discard))
        .routes(routes!(routes::rechecks::ask))
        .routes(routes!(routes::rechecks::apply))
        .route_layer(middleware::from_fn(cache::tag))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::require_token));
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(public)
        .merge(live)
        .merge(validators)
        .merge(upstreams)
        .merge(operators)
        .split_for_parts();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
    document::complete(&mut document);
    let pages = pages::router(&app, &document);
    let openapi =
        get(move || std::future::ready(Json(document.clone()))).layer(middleware::from_fn(cache::tag));

    router
        .route("/openapi.json", openapi)
        .merge(pages)
        .route_layer(middleware::from_fn(named))
        .fallback(|| async { ApiError::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(Kind::MethodNotAllowed, "this path does not answer that method")
        })
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .layer(middleware::from_fn_with_state(timeout, bounded))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), outermost))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(app)
}

/// The route that answered, for the metrics.
#[derive(Debug, Clone)]
struct Route(MatchedPath);

/// Only inside of the router is it known which route a request goes to.
async fn named(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(path) = matched {
        response.extensions_mut().insert(Route(path));
    }
    response
}

/// A request that takes too long is given up; what it had begun in the database is rolled back.
async fn bounded(State(timeout): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            ApiError::new(Kind::Timeout, "the request took longer than the platform waits").into_response()
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a route panicked: {0}")]
struct Panicked(String);

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_default();
    ApiError::internal(Panicked(text)).into_response()
}

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

/// Writes one line for each request, with the causes of what failed, and names the request in the
/// answer. Neither bodies nor header values are logged.
async fn outermost(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request
        .extensions()
        .get::<RequestId>()
        .and_then(|id| id.header_value().to_str().ok())
        .map(|id| id.chars().take(64).collect::<String>());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let wants_page = pages::wants_page(request.headers());
    let mut response = next.run(request).await;
    let error = response.extensions_mut().remove::<ApiError>();
    let cause = error.as_ref().and_then(ApiError::chain);
    if let Some(error) = error {
        let error = error.with_request_id(id.as_deref());
        let route = response.extensions_mut().remove::<Route>();
        response = if wants_page { pages::problem_page(error) } else { error.into_response() };
        if let Some(route) = route {
            response.extensions_mut().insert(route);
        }
    }
    for (name, value) in SAFE_HEADERS {
        response.headers_mut().insert(name, value);
    }
    let route = response.extensions().get::<Route>().map(|route| route.0.as_str().to_owned());
    app.metrics.request(&method, route.as_deref(), response.status().as_u16(), started.elapsed());
    let (status, ms) = (response.status().as_u16(), started.elapsed().as_millis());
    match cause {
        Some(cause) => tracing::error!(id, %method, path, status, ms, cause, "request failed"),
        None => tracing::info!(id, %method, path, status, ms, "request"),
    }
    response
}
