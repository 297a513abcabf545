//! What every page is.

use askama::Template;
use axum::response::Html;

use crate::server::error::ApiError;

/// Of a table. What is more is in the interface, in pages.
pub(super) const MOST_ROWS: u32 = 500;

pub(super) type Page = Result<Html<String>, ApiError>;

pub(super) fn render(page: &impl Template) -> Page {
    page.render().map(Html).map_err(ApiError::internal)
}
