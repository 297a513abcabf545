//! The current agent of each miner.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use crate::api::{AgentDetail, AgentPage, AgentSource, AgentSummary};
use crate::model::MinerId;
use crate::server::error::{ApiError, refusals};
use crate::server::extract::{Asked, Named};
use crate::server::state::App;
use crate::store::{Page, Submission};

refusals!(List: Malformed);
refusals!(Show: Malformed, NotFound);
refusals!(Source: Malformed, NotFound, Unauthorized);

const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 1000;
const LONGEST_HISTORY: u32 = 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct PageQuery {
    /// Begin behind this miner id: `next` of the page before.
    after: Option<String>,
    /// At most so many agents.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

impl PageQuery {
    fn page(self) -> Result<Page, ApiError> {
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=LONGEST_PAGE).contains(&limit) {
            return Err(ApiError::malformed(format!("`limit` must be 1 to {LONGEST_PAGE}")));
        }
        Ok(Page { after: self.after.map(MinerId::parse).transpose()?, limit })
    }
}

/// The agents that count, by miner id
#[utoipa::path(get, path = "/agents", tag = "public", operation_id = "list_agents", params(PageQuery),
    responses((status = OK, body = AgentPage), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<AgentPage>, ApiError> {
    let page = query.page()?;
    let agents = app.store.currents(&page).await?;
    let full = agents.len() == page.limit as usize;
    let next = agents.last().filter(|_| full).map(|agent| agent.miner.to_string());
    Ok(Json(AgentPage { agents: agents.iter().map(summary).collect(), next }))
}

/// One miner's agent and submissions
#[utoipa::path(get, path = "/agents/{miner_id}", tag = "public", operation_id = "show_agent",
    params(("miner_id" = String, Path, description = "The miner's id")),
    responses((status = OK, body = AgentDetail), Show))]
pub(in crate::server) async fn show(
    State(app): State<App>,
    Named(miner): Named<MinerId>,
) -> Result<Json<AgentDetail>, ApiError> {
    let history = app.store.history(&miner, LONGEST_HISTORY).await?;
    if history.is_empty() {
        return Err(unknown(&miner));
    }
    let current = app.store.current(&miner).await?;
    Ok(Json(AgentDetail {
        current: current.as_ref().map(summary),
        submissions: history.iter().map(summary).collect(),
    }))
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

fn summary(submission: &Submission) -> AgentSummary {
    AgentSummary {
        miner_id: submission.miner.clone(),
        submission_id: submission.id,
        sha256: submission.upload,
        status: submission.state,
        submitted_at: submission.received_at,
        score: submission.score,
    }
}
