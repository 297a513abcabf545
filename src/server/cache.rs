//! `ETag` and `If-None-Match` (RFC 9110): who has the newest answer is told so, and nothing more.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::error::ApiError;
use crate::model::Digest;

/// Of an answer. Ours are made in memory, bounded by the pages they come in.
const LARGEST: usize = 256 * 1024 * 1024;

/// What a cache may keep must be asked for again each time; the answer is then usually a 304.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// Tags answers to `GET`, and answers 304 where the tag is the one that the client has.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match to_bytes(body, LARGEST).await {
        Ok(bytes) => bytes,
        Err(error) => return ApiError::internal(error).into_response(),
    };
    let tag = format!("\"{}\"", Digest::of(&bytes));
    // A digest is a header.
    if let Ok(tag) = HeaderValue::try_from(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    parts.headers.insert(header::CACHE_CONTROL, REVALIDATE);
    if known.iter().any(|list| names(list, &tag)) {
        let mut headers = HeaderMap::new();
        for name in [header::ETAG, header::CACHE_CONTROL, header::LINK] {
            if let Some(value) = parts.headers.remove(&name) {
                headers.insert(name, value);
            }
        }
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers = headers;
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether a list of tags has this one. The comparison is the weak one, as for every read.
fn names(list: &HeaderValue, tag: &str) -> bool {
    let Ok(list) = list.to_str() else { return false };
    list.trim() == "*" || list.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list() {
        let names = |list: &'static str| names(&HeaderValue::from_static(list), "\"a\"");
        assert!(names("\"a\"") && names("\"b\", W/\"a\"") && names(" * "));
        assert!(!names("\"b\"") && !names("a") && !names("") && !names("\"aa\""));
    }
}
