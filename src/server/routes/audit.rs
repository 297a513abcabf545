//! The audit: who took which step of a submission, when, and why.

use axum::extract::State;
use axum::http::Uri;

use crate::api::{AuditEntry, AuditPage};
use crate::server::error::{ApiError, refusals};
use crate::server::extract::Asked;
use crate::server::paging::{self, PageQuery, Paged};
use crate::server::state::App;
use crate::server::views::submissions::step;

refusals!(List: Malformed, Unauthorized);

/// The steps of all submissions, newest first
///
/// Bans, holds and rejudge sets say in their own lists who decided them; what they did to submissions is
/// here.
#[utoipa::path(get, path = "/internal/v1/audit", tag = "operators", operation_id = "list_audit_events",
    security(("token" = [])), params(PageQuery), responses((status = OK, body = AuditPage), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<PageQuery>,
) -> Result<Paged<AuditPage>, ApiError> {
    let limit = query.limit()?;
    let mut rows = app.store.audit(query.after()?, limit + 1).await?;
    let more = paging::cut(&mut rows, limit);
    let next = rows.last().filter(|_| more).map(|row| row.sequence.to_string());
    let entry = |row: crate::store::AuditRow| AuditEntry {
        sequence: row.sequence,
        submission_id: row.submission,
        event: step(row.event),
    };
    let events = rows.into_iter().map(entry).collect();
    Ok(Paged { uri, next: next.clone(), body: AuditPage { events, next } })
}
