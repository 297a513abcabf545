//! Who uploads. In open mode whoever says so; in signed mode whoever signed the request.

use axum::http::HeaderMap;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::SignedDuration;

use super::error::{ApiError, Kind};
use super::state::App;
use crate::api::signature::{self, Signed, WINDOW_SECONDS};
use crate::model::{Digest, MinerId};

/// How the platform knows its miners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// The form says who it is. For a laptop, or behind something that knows better.
    #[default]
    Open,
    /// The request is signed with the miner's ed25519 key, whose public part is the miner's id.
    Signed,
}

/// What a signed request claims.
#[derive(Debug)]
struct Claims<'a> {
    hotkey: &'a str,
    signature: &'a str,
    nonce: &'a str,
    timestamp: i64,
}

/// The miner whose valid, fresh and unused signature the request carries.
pub(super) async fn verify(
    app: &App,
    headers: &HeaderMap,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<MinerId, ApiError> {
    let claims = claims(headers)?;
    let now = app.clock.now();
    let age = now.as_second().saturating_sub(claims.timestamp);
    if !(-WINDOW_SECONDS..=WINDOW_SECONDS).contains(&age) {
        return Err(refused(format!(
            "the signature's timestamp is {} s away from the platform's clock; at most {WINDOW_SECONDS} are allowed",
            age.unsigned_abs()
        )));
    }
    let (Some(key), Some(signature)) = (key(claims.hotkey), parse_signature(claims.signature)) else {
        return Err(refused("the hotkey or the signature is not lower-case hexadecimal of an ed25519 one"));
    };
    let signed = Signed {
        hotkey: claims.hotkey,
        method,
        path,
        body: Digest::of(body),
        timestamp: claims.timestamp,
        nonce: claims.nonce,
    };
    // Strict: a key of small order, whose signatures fit many messages, is refused.
    if key.verify_strict(signed.message().as_bytes(), &signature).is_err() {
        return Err(refused("the signature does not fit this request"));
    }
    let miner = MinerId::parse(claims.hotkey)?;
    // Last, so that nobody can use up the nonces of somebody else.
    let until = now.saturating_add(SignedDuration::from_secs(2 * WINDOW_SECONDS)).unwrap_or(now);
    if !app.store.use_nonce(&miner, claims.nonce, until).await? {
        return Err(refused("the nonce was used before"));
    }
    Ok(miner)
}

fn claims(headers: &HeaderMap) -> Result<Claims<'_>, ApiError> {
    let header = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(value), None) => Ok(value),
            _ => {
                Err(refused(format!("the platform takes signed requests only; `{name}` must be there once")))
            }
        }
    };
    let nonce = header(signature::NONCE)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(16..=64).contains(&nonce.len()) || !nonce.bytes().all(plain) {
        return Err(refused("the nonce is not 16 to 64 ASCII letters, digits, `-` and `_`"));
    }
    let timestamp = header(signature::TIMESTAMP)?
        .parse()
        .map_err(|_| refused("the timestamp is not a whole number of seconds"))?;
    Ok(Claims {
        hotkey: header(signature::HOTKEY)?,
        signature: header(signature::SIGNATURE)?,
        nonce,
        timestamp,
    })
}

fn refused(detail: impl Into<String>) -> ApiError {
    ApiError::new(Kind::Unsigned, detail)
}

/// Lower case only: the same key in two spellings would be two miners.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

fn key(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&bytes(text)?).ok()
}

fn parse_signature(text: &str) -> Option<Signature> {
    bytes(text).map(|bytes| Signature::from_bytes(&bytes))
}
