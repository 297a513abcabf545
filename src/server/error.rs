//! Every way in which a request fails, with its HTTP status. Statuses of errors are nowhere else.
//!
//! The client gets one sentence; the log gets the whole chain of causes.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as ResponseDoc, ResponseBuilder};

use crate::api::Problem;
use crate::lint::Report;
use crate::model::{InvalidName, MinerId, SubmissionId};
use crate::queue::QueueError;
use crate::store::{Exceeded, StoreError};

/// A kind of failure. Its name is stable and part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Malformed,
    Unauthorized,
    /// As `Unauthorized`, so that a browser asks for a password.
    NeedsPassword,
    /// As `Unauthorized`, of an upload.
    Unsigned,
    /// The token is good, but not for this.
    Forbidden,
    Banned,
    OverQuota,
    TooMany,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Duplicate,
    NameTaken,
    LeaseEnded,
    NotHeld,
    AlreadyBanned,
    /// Of a rejudge set or what is to be changed with it.
    NotOpen,
    TooLarge,
    Refused,
    InvalidResult,
    Unfit,
    Internal,
    Busy,
    /// The database or the place of the sources does not answer.
    Unavailable,
}

impl Kind {
    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The request is malformed"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "A valid token is needed"),
            Self::NeedsPassword => (StatusCode::UNAUTHORIZED, "unauthorized", "A password is needed"),
            Self::Unsigned => (StatusCode::UNAUTHORIZED, "unsigned", "A valid signature is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The token is not good for this"),
            Self::Banned => (StatusCode::FORBIDDEN, "banned", "The miner may not take part"),
            Self::OverQuota => (StatusCode::FORBIDDEN, "over-quota", "The miner has stored too much"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here")
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The request took too long"),
            Self::Duplicate => (StatusCode::CONFLICT, "duplicate", "This source was submitted before"),
            Self::NameTaken => (StatusCode::CONFLICT, "name-taken", "The miner id is taken"),
            Self::LeaseEnded => (StatusCode::CONFLICT, "lease-ended", "The assignment has ended"),
            Self::NotHeld => (StatusCode::CONFLICT, "not-held", "The submission is not held"),
            Self::AlreadyBanned => (StatusCode::CONFLICT, "already-banned", "The miner is banned already"),
            Self::NotOpen => (StatusCode::CONFLICT, "not-open", "This cannot be done now"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
            Self::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused", "The gate refused the source"),
            Self::InvalidResult => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-result", "The result does not fit the assignment")
            }
            Self::Unfit => (StatusCode::UNPROCESSABLE_ENTITY, "unfit", "There is nothing to do it with"),
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The platform failed; it is not your fault")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "The platform is busy"),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The platform's storage does not answer")
            }
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        self.parts().0
    }
}

/// The answer to a request that failed.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    pub(super) kind: Kind,
    pub(super) problem: Box<Problem>,
    /// Seconds after which trying again makes sense.
    retry_after: Option<u64>,
    /// For the log.
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"portcullis operator\", charset=\"UTF-8\"");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl ApiError {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, name, title) = kind.parts();
        let problem = Problem {
            kind: format!("urn:portcullis:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            request_id: None,
            sha256: None,
            policy: None,
            findings: None,
            earlier: None,
        };
        let retry_after = match kind {
            Kind::Busy => Some(1),
            Kind::Unavailable => Some(5),
            _ => None,
        };
        Self { kind, problem: Box::new(problem), retry_after, cause: None }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// Our fault. The client learns that it is ours, the log learns why.
    pub(super) fn internal(cause: impl StdError + Send + Sync + 'static) -> Self {
        let error = Self::new(
            Kind::Internal,
            "the platform could not do this because of a fault of its own; nothing was half done",
        );
        Self { cause: Some(Arc::new(cause)), ..error }
    }

    /// Of a service that keeps its orders in memory.
    pub(super) fn queue_full(seconds: u64) -> Self {
        let detail = format!("the queue is full; try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(Kind::TooMany, detail) }
    }

    pub(super) fn too_many(who: &str, seconds: u64) -> Self {
        let detail = format!("too many uploads from {who}; try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(Kind::TooMany, detail) }
    }

    pub(super) fn over_quota(miner: &MinerId, exceeded: Exceeded, now: Timestamp) -> Self {
        match exceeded {
            Exceeded::PerDay { limit, again_at } => {
                let seconds = u64::try_from(again_at.duration_since(now).as_secs()).unwrap_or(0).max(1);
                let detail =
                    format!("`{miner}` may submit {limit} times in 24 hours; try again in {seconds} s");
                Self { retry_after: Some(seconds), ..Self::new(Kind::TooMany, detail) }
            }
            Exceeded::Bytes { limit } => {
                let detail = format!("the sources of `{miner}` may not be more than {limit} bytes together");
                Self::new(Kind::OverQuota, detail)
            }
        }
    }

    /// Adds what the log shall say.
    pub(super) fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    pub(super) fn refused(report: Report) -> Self {
        let found = match report.findings.len() {
            1 => "1 finding".to_owned(),
            n => format!("{n} findings"),
        };
        let mut error = Self::new(Kind::Refused, format!("the gate refused the source with {found}"));
        error.problem.sha256 = Some(report.sha256);
        error.problem.policy = Some(report.policy);
        error.problem.findings = Some(report.findings);
        error
    }

    pub(super) fn duplicate(earlier: SubmissionId, miner: &MinerId) -> Self {
        let mut error = Self::new(
            Kind::Duplicate,
            format!("`{miner}` submitted the same source before, as submission `{earlier}`"),
        );
        error.problem.earlier = Some(earlier);
        error
    }

    /// The causes, outermost first, as one line for the log.
    pub(super) fn chain(&self) -> Option<String> {
        let mut cause: &dyn StdError = self.cause.as_deref()?;
        let mut line = cause.to_string();
        while let Some(next) = cause.source() {
            line.push_str(": ");
            line.push_str(&next.to_string());
            cause = next;
        }
        Some(line)
    }

    pub(super) fn with_request_id(mut self, id: Option<&str>) -> Self {
        self.problem.request_id = id.map(str::to_owned);
        self
    }
}

/// The error travels in the extensions too, so that the outermost layer can log it and name the
/// request in it.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), Json(&self.problem)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        let extra = match self.kind {
            Kind::Unauthorized => Some((header::WWW_AUTHENTICATE, BEARER)),
            Kind::NeedsPassword => Some((header::WWW_AUTHENTICATE, BASIC)),
            _ => None,
        };
        response.headers_mut().extend(extra);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<InvalidName> for ApiError {
    fn from(error: InvalidName) -> Self {
        Self::malformed(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_outage() {
            let detail =
                "the platform's storage does not answer; nothing was half done, try again in a moment";
            return Self::new(Kind::Unavailable, detail).because(error);
        }
        Self::internal(error)
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        match error {
            // Whose it is, is nobody else's business.
            QueueError::Unknown(id) | QueueError::NotYours { assignment: id, .. } => {
                Self::not_found(QueueError::Unknown(id).to_string())
            }
            QueueError::Ended(_) | QueueError::Contradicted(_) => {
                Self::new(Kind::LeaseEnded, error.to_string())
            }
            QueueError::Store(error) => error.into(),
        }
    }
}

/// The documentation of these failures for a route, by status. Two kinds may share a status.
pub(super) fn problems(kinds: &[Kind]) -> BTreeMap<String, RefOr<ResponseDoc>> {
    let mut docs: BTreeMap<String, String> = BTreeMap::new();
    // These can happen to every request.
    for kind in kinds.iter().chain(&[Kind::Timeout, Kind::Internal, Kind::Busy, Kind::Unavailable]) {
        let (status, _, title) = kind.parts();
        docs.entry(status.as_u16().to_string())
            .and_modify(|text| {
                text.push_str("; or: ");
                text.push_str(title);
            })
            .or_insert_with(|| title.to_owned());
    }
    let response = |description: String| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(description).content("application/problem+json", content).build()
    };
    docs.into_iter().map(|(status, text)| (status, response(text).into())).collect()
}

/// Names what a route refuses with: a type for the `responses(…)` of its documentation.
macro_rules! refusals {
    ($name:ident: $($kind:ident),* $(,)?) => {
        struct $name;
        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::response::Response>,
            > {
                $crate::server::error::problems(&[$($crate::server::error::Kind::$kind),*])
            }
        }
    };
}
pub(super) use refusals;
