//! The stylesheet and the script, part of the binary.

use axum::http::{HeaderName, HeaderValue, header};

type Asset = ([(HeaderName, HeaderValue); 2], &'static str);

/// A new binary may have new ones under the same name, so browsers ask again after a while.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=300");

const fn asset(kind: &'static str, text: &'static str) -> Asset {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, FRESH)], text)
}

pub(super) async fn style() -> Asset {
    asset("text/css; charset=utf-8", include_str!("../assets/style.css"))
}

pub(super) async fn script() -> Asset {
    asset("text/javascript; charset=utf-8", include_str!("../assets/live.js"))
}
