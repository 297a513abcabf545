//! The ranking.

use axum::extract::State;
use axum::http::Uri;

use crate::api::Leaderboard;
use crate::server::error::{ApiError, refusals};
use crate::server::extract::Asked;
use crate::server::paging::{self, PageQuery, Paged};
use crate::server::state::App;
use crate::server::views::leaderboard::ranking;

refusals!(Show: Malformed);

/// The ranking over the newest completed submission of each miner
#[utoipa::path(get, path = "/leaderboard", tag = "public", operation_id = "show_leaderboard",
    params(PageQuery), responses((status = OK, body = Leaderboard), Show))]
pub(in crate::server) async fn show(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<PageQuery>,
) -> Result<Paged<Leaderboard>, ApiError> {
    let (limit, after) = (query.limit()?, query.after::<u64>()?.unwrap_or(0));
    let mut body = ranking(&app).await?;
    body.rankings.retain(|standing| standing.rank > after);
    let more = paging::cut(&mut body.rankings, limit);
    body.next = body.rankings.last().filter(|_| more).map(|standing| standing.rank.to_string());
    Ok(Paged { uri, next: body.next.clone(), body })
}
