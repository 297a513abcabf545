//! Who uploads. In open mode whoever says so; in signed mode whoever signed the request; in bridge
//! mode whom the upstream names.

use axum::http::HeaderMap;
use jiff::SignedDuration;

use super::error::{ApiError, Kind};
use super::state::App;
use crate::api::signature::{self, Signed, WINDOW_SECONDS};
use crate::model::{Digest, Hotkey, InvalidHotkey, MinerId, SIGNING_CONTEXT, Scheme};

/// Who signed a request.
#[derive(Debug)]
pub(super) struct Signer {
    /// The one name of the key.
    pub(super) miner: MinerId,
    /// The key as the request writes it.
    pub(super) written: String,
}

/// What a signed request claims.
#[derive(Debug)]
struct Claims<'a> {
    /// As it was written, which is what was signed.
    hotkey: &'a str,
    key: Hotkey,
    signature: [u8; 64],
    nonce: &'a str,
    timestamp: i64,
}

/// The signer, where the signature is valid, fresh and unused.
pub(super) async fn verify(
    app: &App,
    headers: &HeaderMap,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Signer, ApiError> {
    let claims = claims(headers)?;
    let now = app.clock.now();
    let age = now.as_second().saturating_sub(claims.timestamp);
    if !(-WINDOW_SECONDS..=WINDOW_SECONDS).contains(&age) {
        return Err(refused(format!(
            "the signature's timestamp is {} s away from the platform's clock; at most {WINDOW_SECONDS} are allowed",
            age.unsigned_abs()
        )));
    }
    let signed = Signed {
        hotkey: claims.hotkey,
        method,
        path,
        body: Digest::of(body),
        timestamp: claims.timestamp,
        nonce: claims.nonce,
    };
    if !fits(&claims.key, signed.message().as_bytes(), &claims.signature) {
        return Err(refused("the signature does not fit this request"));
    }
    // Under the one name of the key: another spelling of it is no other miner.
    let miner = claims.key.miner()?;
    // Last, so that nobody can use up the nonces of somebody else.
    let until = now.saturating_add(SignedDuration::from_secs(2 * WINDOW_SECONDS)).unwrap_or(now);
    if !app.store.use_nonce(&miner, claims.nonce, until).await? {
        return Err(refused("the nonce was used before"));
    }
    Ok(Signer { miner, written: claims.hotkey.to_owned() })
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
    let hotkey = header(signature::HOTKEY)?;
    let scheme = match headers.get(signature::SCHEME) {
        None => None,
        Some(_) => Some(
            header(signature::SCHEME)?.parse().map_err(|error: InvalidHotkey| refused(error.to_string()))?,
        ),
    };
    let key = Hotkey::parse(hotkey, scheme).map_err(|error| refused(error.to_string()))?;
    let signature = header(signature::SIGNATURE)?;
    let mut bytes = [0; 64];
    hex::decode_to_slice(signature.strip_prefix("0x").unwrap_or(signature), &mut bytes)
        .map_err(|_| refused("the signature is not 128 hexadecimal digits"))?;
    Ok(Claims { hotkey, key, signature: bytes, nonce, timestamp })
}

fn refused(detail: impl Into<String>) -> ApiError {
    ApiError::new(Kind::Unsigned, detail)
}

/// Whether the holder of `hotkey` signed `message`.
fn fits(hotkey: &Hotkey, message: &[u8], signature: &[u8; 64]) -> bool {
    match hotkey.scheme {
        // Strict: a key of small order, whose signatures fit many messages, is refused.
        Scheme::Ed25519 => ed25519_dalek::VerifyingKey::from_bytes(&hotkey.key).is_ok_and(|key| {
            key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
        }),
        // The key of zeros is the one of nobody, in whose name everybody could sign.
        Scheme::Sr25519 => hotkey.key != [0; 32] && sr25519_fits(hotkey, message, signature).unwrap_or(false),
    }
}

fn sr25519_fits(hotkey: &Hotkey, message: &[u8], signature: &[u8; 64]) -> schnorrkel::SignatureResult<bool> {
    let key = schnorrkel::PublicKey::from_bytes(&hotkey.key)?;
    let signature = schnorrkel::Signature::from_bytes(signature)?;
    Ok(key.verify_simple(SIGNING_CONTEXT, message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_that_another_program_made_fits() {
        // A published one of `@polkadot/util-crypto`, in the context `substrate`.
        let key = Hotkey::parse("5Gv8YYFu8H1btvmrJy9FjjAWfb99wrhV3uhPFoNEr918utyR", None).expect("a key");
        let mut signature = [0; 64];
        let digits = "22f91b41ba12f8663ddce26bfc90dbfe6a51683fd3782ad679ab2a5fdbe7d44c\
                      2a119f22c74eea22555e5483eb7f42b828f189a38379d59c3b607d2461f0858e";
        hex::decode_to_slice(digits, &mut signature).expect("64 bytes");
        assert!(fits(&key, b"test message\n", &signature));
        assert!(!fits(&key, b"another message\n", &signature));
        assert!(!fits(&Hotkey { scheme: Scheme::Ed25519, ..key }, b"test message\n", &signature));
        signature[63] &= 0x7f;
        assert!(!fits(&key, b"test message\n", &signature), "without the mark of its scheme");
    }

    #[test]
    fn nobody_signs_for_the_key_of_nobody() {
        // With a key of zeros, any multiple of the base point with its factor would do.
        let mut signature = [0; 64];
        signature[63] = 0x80;
        assert!(!fits(&Hotkey { scheme: Scheme::Sr25519, key: [0; 32] }, b"x", &signature));
        let mut small = [0; 32];
        small[0] = 1;
        assert!(!fits(&Hotkey { scheme: Scheme::Ed25519, key: small }, b"x", &[0; 64]));
    }
}
