//! The current agent of each miner.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use crate::api::{AgentDetail, AgentPage, AgentSource};
use crate::model::MinerId;
use crate::server::error::{ApiError, refusals};
use crate::server::extract::{Asked, Named};
use crate::server::paging::{self, PageQuery, Paged};
use crate::server::state::App;
use crate::server::views::submissions::summary;
use crate::store::{Page, SubmissionQuery};

refusals!(List: Malformed);
refusals!(Show: Malformed, NotFound);
refusals!(Source: Malformed, NotFound, Unauthorized);

/// The agents that count, by miner id
#[utoipa::path(get, path = "/agents", tag = "public", operation_id = "list_agents", params(PageQuery),
    responses((status = OK, body = AgentPage), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<PageQuery>,
) -> Result<Paged<AgentPage>, ApiError> {
    let limit = query.limit()?;
    let mut agents = app.store.currents(&Page { after: query.after()?, limit: limit + 1 }).await?;
    let more = paging::cut(&mut agents, limit);
    let next = agents.last().filter(|_| more).map(|agent| agent.miner.to_string());
    let body = AgentPage { agents: agents.iter().map(summary).collect(), next: next.clone() };
    Ok(Paged { uri, next, body })
}

/// One miner's agent and submissions
#[utoipa::path(get, path = "/agents/{miner_id}", tag = "public", operation_id = "show_agent",
    params(("miner_id" = String, Path, description = "The miner's id"), PageQuery),
    responses((status = OK, body = AgentDetail), Show))]
pub(in crate::server) async fn show(
    State(app): State<App>,
    uri: Uri,
    Named(miner): Named<MinerId>,
    Asked(query): Asked<PageQuery>,
) -> Result<Paged<AgentDetail>, ApiError> {
    let (limit, after) = (query.limit()?, query.after()?);
    let asked = SubmissionQuery { miner: Some(miner.clone()), after, limit: limit + 1, ..Default::default() };
    let mut history = app.store.list(&asked).await?;
    if history.is_empty() && app.store.history(&miner, 1).await?.is_empty() {
        return Err(unknown(&miner));
    }
    let more = paging::cut(&mut history, limit);
    let next = history.last().filter(|_| more).map(|submission| submission.id.to_string());
    let current = app.store.current(&miner).await?;
    let body = AgentDetail {
        current: current.as_ref().map(summary),
        submissions: history.iter().map(summary).collect(),
        next: next.clone(),
    };
    Ok(Paged { uri, next, body })
}

/// The text of a miner's agent
#[utoipa::path(get, path = "/internal/v1/agents/{miner_id}/source", tag = "operators",
    operation_id = "agent_source", security(("token" = [])),
    params(("miner_id" = String, Path, description = "The miner's id")),
    responses((status = OK, body = AgentSource), Source))]
pub(in crate::server) async fn source(
    State(app): State<App>,
    Named(miner): Named<MinerId>,
) -> Result<Json<AgentSource>, ApiError> {
    let current = app.store.current(&miner).await?.ok_or_else(|| unknown(&miner))?;
    let source = app.blobs.get(current.source).await?;
    Ok(Json(AgentSource { agent: summary(&current), source: source.to_string() }))
}

fn unknown(miner: &MinerId) -> ApiError {
    ApiError::not_found(format!("there is no agent of `{miner}`"))
}
