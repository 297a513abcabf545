//! Miners who may not take part.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Deserialize;

use crate::api::{Ban, BanList, BanRequest, BannedKey, LiftRequest, Lifted};
use crate::model::{Hotkey, MinerId, Scheme};
use crate::server::acts;
use crate::server::error::{ApiError, Kind, refusals};
use crate::server::extract::{Asked, Body, Named};
use crate::server::paging::{self, Paged};
use crate::server::settings::Identity;
use crate::server::state::App;
use crate::store::{self, BanPage};

refusals!(List: Malformed, Unauthorized);
refusals!(Add: Malformed, Unauthorized, AlreadyBanned, TooLarge);
refusals!(Remove: Malformed, Unauthorized, NotFound, TooLarge);

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
    let body = BanList { bans: bans.into_iter().map(|ban| shown(&app, ban)).collect(), next: next.clone() };
    Ok(Paged { uri, next, body })
}

/// Ban a miner
///
/// No upload of the miner is taken, none is given to a validator, none is ranked. A key may be
/// written in hexadecimal or as an SS58 address; where an address is the key of two miners, one for
/// each scheme, `scheme` says which.
#[utoipa::path(post, path = "/internal/v1/bans", tag = "operators", operation_id = "ban_miner",
    security(("token" = [])), request_body = BanRequest,
    responses((status = CREATED, body = Ban), Add))]
pub(in crate::server) async fn add(
    State(app): State<App>,
    Body { value: request, .. }: Body<BanRequest>,
) -> Result<(StatusCode, Json<Ban>), ApiError> {
    let act = acts::by_operator(&app, &request.reason, &request.operator, "the miner reads it")?;
    let miner = to_ban(&app, request.miner_id, request.scheme).await?;
    let Some(ban) = app.store.ban(&miner, &act.why, &act.actor, act.at).await? else {
        return Err(ApiError::new(Kind::AlreadyBanned, format!("`{miner}` is banned already")));
    };
    tracing::warn!(miner = %miner, by = act.actor, "miner banned");
    app.changes.tell();
    Ok((StatusCode::CREATED, Json(shown(&app, ban))))
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
    let act = acts::by_operator(&app, &request.reason, &request.operator, "it is the audit")?;
    let miner = to_lift(&app, miner, request.scheme).await?;
    if !app.store.lift_ban(&miner, &act.why, &act.actor, act.at).await? {
        return Err(ApiError::not_found(format!("`{miner}` is not banned")));
    }
    tracing::warn!(miner = %miner, by = act.actor, "ban lifted");
    app.changes.tell();
    Ok(StatusCode::NO_CONTENT)
}

/// Whom a ban is about. Where miners are known by their keys, the one name of the key: a ban of an
/// address is a ban of all addresses of its key. An address does not say how its key signs; then it
/// is the scheme under which the platform knows the key, else the one that a signed request has by
/// default.
async fn to_ban(app: &App, written: MinerId, scheme: Option<Scheme>) -> Result<MinerId, ApiError> {
    let [sr25519, ed25519] = match names(app, written, scheme)? {
        Names::One(miner) => return Ok(miner),
        Names::Either(either) => either,
    };
    let known = [app.store.history(&sr25519, 1).await?, app.store.history(&ed25519, 1).await?];
    match known.each_ref().map(Vec::is_empty) {
        [_, true] => Ok(sr25519),
        [true, false] => Ok(ed25519),
        [false, false] => Err(ambiguous()),
    }
}

/// As [`to_ban`], among those who are banned.
async fn to_lift(app: &App, written: MinerId, scheme: Option<Scheme>) -> Result<MinerId, ApiError> {
    let [sr25519, ed25519] = match names(app, written, scheme)? {
        Names::One(miner) => return Ok(miner),
        Names::Either(either) => either,
    };
    let banned = [app.store.ban_of(&sr25519).await?, app.store.ban_of(&ed25519).await?];
    match banned.each_ref().map(Option::is_none) {
        [_, true] => Ok(sr25519),
        [true, false] => Ok(ed25519),
        [false, false] => Err(ambiguous()),
    }
}

/// Under which names a miner may be known.
enum Names {
    One(MinerId),
    /// An address is a key of sr25519, or the same bytes are one of ed25519.
    Either([MinerId; 2]),
}

fn names(app: &App, written: MinerId, scheme: Option<Scheme>) -> Result<Names, ApiError> {
    if app.identity == Identity::Open {
        return match scheme {
            None => Ok(Names::One(written)),
            Some(_) => Err(ApiError::malformed("this platform knows miners by their names, not by keys")),
        };
    }
    let key = match Hotkey::parse(written.as_str(), scheme) {
        Ok(key) => key,
        // Nobody can have that name here, which does no harm.
        Err(_) if scheme.is_none() => return Ok(Names::One(written)),
        Err(error) => return Err(ApiError::malformed(error.to_string())),
    };
    if scheme.is_some() || key.scheme == Scheme::Ed25519 {
        return Ok(Names::One(key.miner()?));
    }
    Ok(Names::Either([key.miner()?, Hotkey { scheme: Scheme::Ed25519, ..key }.miner()?]))
}

fn ambiguous() -> ApiError {
    ApiError::malformed("two miners have this key, one for each scheme: say `scheme` too")
}

fn shown(app: &App, ban: store::Ban) -> Ban {
    // What is stored is the one name of the key, which says the scheme.
    let key = match app.identity {
        Identity::Open => None,
        Identity::Signed | Identity::Bridge => Hotkey::parse(ban.miner.as_str(), None).ok(),
    };
    Ban {
        miner_id: ban.miner,
        key: key.map(|key| BannedKey {
            scheme: key.scheme,
            hex: hex::encode(key.key),
            address: key.address(),
        }),
        reason: ban.reason,
        since: ban.since,
        operator: ban.by,
        lifted: ban.lifted.map(|lift| Lifted { at: lift.at, operator: lift.by, reason: lift.reason }),
    }
}
