//! All routes in one table, the layers around some of them, and the documentation made from both.

use axum::Json;
use axum::Router;
use axum::middleware;
use axum::routing::get;
use tower::util::MapRequestLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, Kind};
use super::state::App;
use super::{auth, cache, document, front, pages, routes};

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

/// To add a route: a function in `routes/`, and a line here.
pub(super) fn router(app: App) -> Router {
    let public = OpenApiRouter::new()
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
        .routes(routes!(routes::upload::upload_agent))
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
        .route_layer(MapRequestLayer::new(front::named))
        .fallback(|| async { ApiError::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(Kind::MethodNotAllowed, "this path does not answer that method")
        })
        .with_state(app)
}
