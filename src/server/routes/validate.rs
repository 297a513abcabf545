//! Bundles against invariants, as a service: a bundle comes in, a job comes of it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequest as _, Multipart, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::Validation;
use crate::bundle::Rules;
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::extract::Asked;
use crate::server::form::{broken, missing, take};
use crate::server::state::App;
use crate::server::validation::{NoInvariants, Order};

refusals!(Submit: Malformed, TooMany, NotFound, TooLarge);
refusals!(Look: Malformed, NotFound);

const MOST_TASK_BYTES: usize = 256 * 1024;
/// A job takes far less; who comes back then finds a place.
const RETRY_AFTER_SECONDS: u64 = 2;
/// Below the time that a whole request may take.
const LONGEST_WAIT_SECONDS: u64 = 30;
const LINES: usize = 200;

/// The form.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ValidateForm {
    /// A ZIP archive with `terraform.tfstate` and other documents.
    #[schema(value_type = String, format = Binary)]
    bundle: Vec<u8>,
    /// The id of a task of the kind `artifact` that the platform has, or the text of a `task.json`.
    /// Such a text may have invariants of resources, not expressions.
    task: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct WaitQuery {
    #[serde(default)]
    wait: u64,
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct TailQuery {
    tail: Option<usize>,
}

/// Check a bundle against invariants
///
/// The bundle is checked on a queue; the answer names the job. A bundle that cannot be read is a job
/// with the score 0. A restart of the platform loses no job: what it cut off is checked again, and
/// fails by the platform's fault when that happened three times.
#[utoipa::path(post, path = "/validate", tag = "public", operation_id = "validate_bundle",
    request_body(content = ValidateForm, content_type = "multipart/form-data"),
    responses((status = ACCEPTED, body = Validation), Submit))]
pub(in crate::server) async fn submit(
    State(app): State<App>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<Validation>), ApiError> {
    app.limits.check_address(address.ip())?;
    let (order, task_id) = read(&app, request).await?;
    let job = app.jobs.take(order, task_id).await?;
    let job = job.ok_or_else(|| ApiError::queue_full(RETRY_AFTER_SECONDS))?;
    let place = format!("/validate/{}", job.job_id);
    let place = HeaderValue::try_from(place).map_err(ApiError::internal)?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(job)))
}

/// A job and what came of it
#[utoipa::path(get, path = "/validate/{id}", tag = "public", operation_id = "show_validation",
    params(("id" = Uuid, Path, description = "The job's id"),
        ("wait" = Option<u64>, Query, description = "Answer at the job's end, or after so many seconds (0 to 30)")),
    responses((status = OK, body = Validation), Look))]
pub(in crate::server) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    Asked(query): Asked<WaitQuery>,
) -> Result<Json<Validation>, ApiError> {
    let id = job_id(&id)?;
    let patience = Duration::from_secs(query.wait.min(LONGEST_WAIT_SECONDS));
    app.jobs.wait(id, patience).await?.map(Json).ok_or_else(|| unknown(id))
}

/// The end of a job's log
#[utoipa::path(get, path = "/validate/{id}/log", tag = "public", operation_id = "validation_log",
    params(("id" = Uuid, Path, description = "The job's id"),
        ("tail" = Option<usize>, Query, description = "So many lines at most, the last ones; 200 unless said")),
    responses((status = OK, body = String, content_type = "text/plain"), Look))]
pub(in crate::server) async fn log(
    State(app): State<App>,
    Path(id): Path<String>,
    Asked(query): Asked<TailQuery>,
) -> Result<String, ApiError> {
    let id = job_id(&id)?;
    let (_, log) = app.jobs.get(id).await?.ok_or_else(|| unknown(id))?;
    let left_out = log.lines().count().saturating_sub(query.tail.unwrap_or(LINES));
    Ok(log.split_inclusive('\n').skip(left_out).collect())
}

fn job_id(text: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(text).map_err(|_| ApiError::malformed("the id of a job is a UUID"))
}

fn unknown(id: Uuid) -> ApiError {
    ApiError::not_found(format!("there is no job `{id}`, or it ended more than an hour ago"))
}

async fn read(app: &App, request: Request) -> Result<(Order, Option<String>), ApiError> {
    let most = usize::try_from(Rules::ARTIFACT.most_archive_bytes).unwrap_or(usize::MAX);
    let too_large = || {
        ApiError::new(
            Kind::TooLarge,
            format!("the bundle is larger than {most} bytes, which is the most we take"),
        )
    };
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|error| {
        ApiError::malformed(format!(
            "this is not a multipart form with `bundle` and `task`: {}",
            error.body_text()
        ))
    })?;
    let (mut bundle, mut task): (Option<Bytes>, Option<String>) = (None, None);
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "bundle" if bundle.is_none() => bundle = Some(take(field, most).await?.ok_or_else(too_large)?),
            "task" if task.is_none() => {
                let text = take(field, MOST_TASK_BYTES).await?;
                let text = text.ok_or_else(|| ApiError::malformed("the part `task` is too long"))?;
                let text = String::from_utf8(text.to_vec())
                    .map_err(|_| ApiError::malformed("the part `task` is not UTF-8"))?;
                task = Some(text);
            }
            "bundle" | "task" => return Err(ApiError::malformed(format!("the form has `{name}` twice"))),
            _ => {
                return Err(ApiError::malformed("the form has a part that is neither `bundle` nor `task`"));
            }
        }
    }
    let bundle = bundle.filter(|bytes| !bytes.is_empty()).ok_or_else(|| missing("bundle"))?;
    let task = task.ok_or_else(|| missing("task"))?;
    // Looked at before it waits, and again when it is its turn.
    let (_, task_id) = app.jobs.invariants(&task)?;
    Ok((Order { task, bundle }, task_id))
}

impl From<NoInvariants> for ApiError {
    fn from(error: NoInvariants) -> Self {
        match error {
            NoInvariants::Unknown(_) => Self::not_found(error.to_string()),
            NoInvariants::Invalid(_) | NoInvariants::Name(_) => Self::malformed(error.to_string()),
        }
    }
}
