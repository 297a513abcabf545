//! What the service says of itself.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};

use crate::api::{Health, Version};
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::state::App;

refusals!(Nothing:);

const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the platform is alive and ready
///
/// An answer means that it is alive; it is ready when the database and the place of
/// the sources answer and it is not stopping.
#[utoipa::path(get, path = "/health", tag = "public", responses((status = OK, body = Health), Nothing))]
pub(in crate::server) async fn health(State(app): State<App>) -> Result<Json<Health>, ApiError> {
    if app.is_stopping() {
        return Err(ApiError::new(Kind::Busy, "the platform is shutting down"));
    }
    let missing = |what: &str, error| {
        ApiError::new(Kind::Unavailable, format!("{what} does not answer")).because(error)
    };
    let asked = async {
        app.store.ping().await.map_err(|error| missing("the database", error))?;
        app.blobs.ping().await.map_err(|error| missing("the place of the sources", error))
    };
    // Who asks wants to know soon: a storage that hangs is one that does not answer.
    match tokio::time::timeout(HEALTH_TIMEOUT, asked).await {
        Ok(done) => done?,
        Err(_) => return Err(ApiError::new(Kind::Unavailable, "the platform's storage hangs")),
    }
    Ok(Json(Health { alive: true, ready: true }))
}

/// Counters and gauges for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "public",
    responses((status = OK, body = String, content_type = "application/openmetrics-text"), Nothing))]
pub(in crate::server) async fn metrics(
    State(app): State<App>,
) -> Result<([(HeaderName, HeaderValue); 1], String), ApiError> {
    let states = app.store.state_counts().await?;
    let text = app.metrics.text(app.gate.free(), &states).map_err(ApiError::internal)?;
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text))
}

/// What this build is, and which policy its gate applies
#[utoipa::path(get, path = "/version", tag = "public", responses((status = OK, body = Version), Nothing))]
pub(in crate::server) async fn version(State(app): State<App>) -> Json<Version> {
    Json(Version {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        policy: app.gate.policy().digest(),
    })
}
