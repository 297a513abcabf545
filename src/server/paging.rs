//! Lists in pages: a bounded number of entries, a cursor, and a `Link` to the next page (RFC 8288).

use axum::Json;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::error::ApiError;

pub(super) const LONGEST_PAGE: u32 = 1000;
const PAGE: u32 = 100;

/// The part of a query that every list has. `C` is the list's cursor.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Begin behind this entry: `next` of the page before.
    pub(super) after: Option<String>,
    /// At most so many entries.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub(super) limit: Option<u32>,
}

impl PageQuery {
    pub(super) fn limit(&self) -> Result<u32, ApiError> {
        limit(self.limit)
    }

    /// The cursor, read as what this list's cursors are.
    pub(super) fn after<C: std::str::FromStr<Err: std::fmt::Display>>(&self) -> Result<Option<C>, ApiError> {
        after(self.after.as_deref())
    }
}

pub(super) fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    let limit = asked.unwrap_or(PAGE);
    if !(1..=LONGEST_PAGE).contains(&limit) {
        return Err(ApiError::malformed(format!("`limit` must be 1 to {LONGEST_PAGE}")));
    }
    Ok(limit)
}

pub(super) fn after<C: std::str::FromStr<Err: std::fmt::Display>>(
    text: Option<&str>,
) -> Result<Option<C>, ApiError> {
    let parsed = text.map(str::parse::<C>).transpose();
    parsed.map_err(|error| ApiError::malformed(format!("`after` is not a cursor of this list: {error}")))
}

/// What of `entries`, which are one more than a page where there are more, is the page; and whether
/// there are more.
pub(super) fn cut<T>(entries: &mut Vec<T>, limit: u32) -> bool {
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    more
}

/// A page as the answer to a request for `uri`.
#[derive(Debug)]
pub(super) struct Paged<T> {
    pub(super) uri: Uri,
    /// The cursor of the next page; `None` on the last one.
    pub(super) next: Option<String>,
    pub(super) body: T,
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        let link = self.next.map(|next| link(&self.uri, &next));
        // A cursor is one of our ids, so that the link is a header.
        if let Some(Ok(link)) = link.map(HeaderValue::try_from) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

/// The same request with another cursor.
fn link(uri: &Uri, next: &str) -> String {
    let others = uri.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> =
        others.filter(|pair| !pair.is_empty() && *pair != "after" && !pair.starts_with("after=")).collect();
    let after = format!("after={next}");
    query.push(&after);
    format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_everything_but_the_cursor() {
        let link = |uri: &str| link(&uri.parse().expect("a URI"), "m2");
        assert_eq!(link("/agents"), "</agents?after=m2>; rel=\"next\"");
        assert_eq!(link("/agents?after=m1&limit=3"), "</agents?limit=3&after=m2>; rel=\"next\"");
    }
}
