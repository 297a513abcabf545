//! Miners who may not take part.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Deserialize;

use crate::api::{Ban, BanList, BanRequest, LiftRequest, Lifted};
use crate::model::{Hotkey, MinerId};
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::extract::{Asked, Body, Named};
use crate::server::identity::Identity;
use crate::server::paging::{self, Paged};
use crate::server::state::App;
use crate::store::{self, BanPage};

refusals!(List: Malformed, Unauthorized);
refusals!(Add: Malformed, Unauthorized, AlreadyBanned, TooLarge);
refusals!(Remove: Malformed, Unauthorized, NotFound, TooLarge);

const LONGEST_REASON: usize = 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct BanQuery {
    /// Begin behind this ban: `next` of the page before.
    after: Option<uuid::Uuid>,
    /// Bans that ended, too.
    ended: Option<bool>,
    /// At most so many bans.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// The miners who may not take part, in the order of the decisions
#[utoipa::path(get, path = "/internal/v1/bans", tag = "operators", operation_id = "list_bans",
    security(("token" = [])), params(BanQuery), responses((status = OK, body = BanList), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<BanQuery>,
) -> Result<Paged<BanList>, ApiError> {
    let limit = paging::limit(query.limit)?;
    let after = query.after.map(|id| id.to_string());
    let asked = BanPage { after, ended: query.ended.unwrap_or(false), limit: limit + 1 };
    let mut bans = app.store.bans(&asked).await?;
    let more = paging::cut(&mut bans, limit);
    let next = bans.last().filter(|_| more).map(|ban| ban.id.clone());
    let body = BanList { bans: bans.into_iter().map(shown).collect(), next: next.clone() };
    Ok(Paged { uri, next, body })
}

/// Ban a miner
///
/// No upload of the miner is taken, none is given to a validator, none is ranked.
#[utoipa::path(post, path = "/internal/v1/bans", tag = "operators", operation_id = "ban_miner",
    security(("token" = [])), request_body = BanRequest,
    responses((status = CREATED, body = Ban), Add))]
pub(in crate::server) async fn add(
    State(app): State<App>,
    Body { value: request, .. }: Body<BanRequest>,
) -> Result<(StatusCode, Json<Ban>), ApiError> {
    check_reason(&request.reason)?;
    let miner = known_as(&app, request.miner_id)?;
    let by = format!("operator {}", request.operator);
    let Some(ban) = app.store.ban(&miner, &request.reason, &by, app.clock.now()).await? else {
        return Err(ApiError::new(Kind::AlreadyBanned, format!("`{miner}` is banned already")));
    };
    tracing::warn!(miner = %miner, by, "miner banned");
    app.changes.tell();
    Ok((StatusCode::CREATED, Json(shown(ban))))
}

/// End a ban
#[utoipa::path(post, path = "/internal/v1/bans/{miner_id}/lift", tag = "operators",
    operation_id = "lift_ban", security(("token" = [])), request_body = LiftRequest,
    params(("miner_id" = String, Path, description = "The miner's id")),
    responses((status = NO_CONTENT, description = "It has ended"), Remove))]
pub(in crate::server) async fn lift(
    State(app): State<App>,
    Named(miner): Named<MinerId>,
    Body { value: request, .. }: Body<LiftRequest>,
) -> Result<StatusCode, ApiError> {
    check_reason(&request.reason)?;
    let miner = known_as(&app, miner)?;
    let by = format!("operator {}", request.operator);
    if !app.store.lift_ban(&miner, &request.reason, &by, app.clock.now()).await? {
        return Err(ApiError::not_found(format!("`{miner}` is not banned")));
    }
    tracing::warn!(miner = %miner, by, "ban lifted");
    app.changes.tell();
    Ok(StatusCode::NO_CONTENT)
}

fn check_reason(reason: &str) -> Result<(), ApiError> {
    if reason.trim().is_empty() || reason.len() > LONGEST_REASON {
        return Err(ApiError::malformed("`reason` must be 1 to 1000 bytes: it is the audit"));
    }
    Ok(())
}

/// Where miners are known by their keys, the one name of the key: a ban of an address is a ban of
/// all addresses of its key.
fn known_as(app: &App, miner: MinerId) -> Result<MinerId, ApiError> {
    match app.identity {
        Identity::Open => Ok(miner),
        Identity::Signed | Identity::Bridge => match Hotkey::parse(miner.as_str(), None) {
            Ok(key) => Ok(key.miner()?),
            Err(_) => Ok(miner),
        },
    }
}

fn shown(ban: store::Ban) -> Ban {
    Ban {
        miner_id: ban.miner,
        reason: ban.reason,
        since: ban.since,
        operator: ban.by,
        lifted: ban.lifted.map(|lift| Lifted { at: lift.at, operator: lift.by, reason: lift.reason }),
    }
}
