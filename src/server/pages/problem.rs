//! A failure as a page, for who came with a browser.

use askama::Template;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Response};

use crate::server::error::ApiError;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    title: &'a str,
    detail: &'a str,
    request_id: Option<&'a str>,
}

/// Whether this is a browser that shows a page.
pub(in crate::server) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// The page, with the status and the headers of the failure.
pub(in crate::server) fn page(error: ApiError) -> Response {
    let problem = &error.problem;
    let page = ProblemPage {
        title: &problem.title,
        detail: &problem.detail,
        request_id: problem.request_id.as_deref(),
    };
    let Ok(html) = page.render() else { return error.into_response() };
    let (mut parts, _) = error.into_response().into_parts();
    let (page, body) = Html(html).into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(page.headers);
    Response::from_parts(parts, body)
}
