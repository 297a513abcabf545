//! Parts of a request as checked values; what does not parse is answered like every other error.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Kind};

/// The one name in the path, checked.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<S, T> FromRequestParts<S> for Named<T>
where
    S: Send + Sync,
    T: FromStr<Err: Display> + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text): Path<String> = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::malformed("the name in the path is not UTF-8"))?;
        text.parse().map(Self).map_err(|error: T::Err| ApiError::malformed(error.to_string()))
    }
}

/// The query string, checked.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(value) = Query::from_request_parts(parts, state).await.map_err(|error| {
            ApiError::malformed(format!("the query cannot be read: {}", error.body_text()))
        })?;
        Ok(Self(value))
    }
}

/// A JSON body, checked, and its bytes as they came.
#[derive(Debug)]
pub(super) struct Body<T> {
    pub(super) value: T,
    pub(super) bytes: bytes::Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = bytes::Bytes::from_request(request, state).await.map_err(|error| {
            if error.status() == Kind::TooLarge.status() {
                ApiError::new(Kind::TooLarge, "the body is larger than this route reads")
            } else {
                ApiError::malformed("the body broke off")
            }
        })?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::malformed(format!("the body is not the JSON of this route: {error}"))
        })?;
        Ok(Self { value, bytes })
    }
}
