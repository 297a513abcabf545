//! Public keys of miners: ed25519 in hexadecimal, sr25519 as SS58 addresses.
//!
//! SS58 is base 58 of a network's prefix, the key, and two bytes of a checksum
//! (<https://docs.polkadot.com/reference/parachains/accounts/>). The prefix says for which network an
//! address was written; the key is the same for all.

use std::fmt;
use std::str::FromStr;

use blake2::{Blake2b512, Digest as _};
use serde::{Deserialize, Serialize};

use super::{InvalidName, MinerId};

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    Ed25519,
    /// Schnorr signatures on Ristretto, as Substrate's accounts make them.
    Sr25519,
}

impl Scheme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Sr25519 => "sr25519",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHotkey {
    #[error("the scheme is neither `ed25519` nor `sr25519`")]
    Scheme,
    #[error("the hotkey is neither 64 lower-case hexadecimal digits nor an SS58 address")]
    Form,
    #[error("the checksum of the SS58 address is wrong")]
    Checksum,
    #[error("the SS58 address has a network's prefix that does not exist")]
    Prefix,
    #[error("a hexadecimal hotkey is an ed25519 one; write an sr25519 one as SS58 address")]
    HexScheme,
}

impl FromStr for Scheme {
    type Err = InvalidHotkey;
    fn from_str(text: &str) -> Result<Self, InvalidHotkey> {
        [Self::Ed25519, Self::Sr25519]
            .into_iter()
            .find(|scheme| scheme.as_str() == text)
            .ok_or(InvalidHotkey::Scheme)
    }
}

/// A public key and how it signs. Whether the bytes are a point of its curve is not checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hotkey {
    pub scheme: Scheme,
    pub key: [u8; 32],
}

impl Hotkey {
    /// 64 lower-case hexadecimal digits are an ed25519 key; an SS58 address of any network is an
    /// sr25519 key, unless `scheme` says otherwise.
    ///
    /// # Errors
    /// [`InvalidHotkey`] with the first thing that is wrong.
    pub fn parse(text: &str, scheme: Option<Scheme>) -> Result<Self, InvalidHotkey> {
        let mut key = [0; 32];
        if text.len() == 64 {
            let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
            hex::decode_to_slice(text, &mut key).ok().filter(|()| lower).ok_or(InvalidHotkey::Form)?;
            return match scheme {
                None | Some(Scheme::Ed25519) => Ok(Self { scheme: Scheme::Ed25519, key }),
                Some(Scheme::Sr25519) => Err(InvalidHotkey::HexScheme),
            };
        }
        let (_, key) = ss58_decode(text)?;
        Ok(Self { scheme: scheme.unwrap_or(Scheme::Sr25519), key })
    }

    /// The one name of this key, however it was written: hexadecimal for ed25519, an SS58 address
    /// with the prefix [`SUBSTRATE`] for sr25519. One key in two spellings would be two miners.
    ///
    /// # Errors
    /// Never: both forms are names.
    pub fn miner(&self) -> Result<MinerId, InvalidName> {
        MinerId::parse(self.to_string())
    }

    /// The key as an SS58 address with the prefix [`SUBSTRATE`], whatever its scheme.
    pub fn address(&self) -> String {
        ss58_encode(SUBSTRATE, &self.key)
    }
}

impl fmt::Display for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Ed25519 => f.write_str(&hex::encode(self.key)),
            Scheme::Sr25519 => f.write_str(&self.address()),
        }
    }
}

/// The prefix of addresses that belong to no network in particular; Bittensor's is the same.
pub const SUBSTRATE: u16 = 42;

/// What Substrate's accounts sign under; part of every sr25519 signature.
pub const SIGNING_CONTEXT: &[u8] = b"substrate";

const CHECKSUM: usize = 2;
/// Two bytes of prefix, the key, two of checksum: at most 50 digits of base 58.
const LONGEST_ADDRESS: usize = 50;

/// `key` as an address of the network `prefix`. Only the lower 14 bits of it can be written.
pub fn ss58_encode(prefix: u16, key: &[u8; 32]) -> String {
    let [low, high] = prefix.to_le_bytes();
    let mut bytes = if prefix < 64 {
        vec![low]
    } else {
        // The lower 8 bits, rotated so that the first two bits of the address can say `two bytes`.
        vec![(low >> 2) | 0b0100_0000, (high & 0b0011_1111) | (low << 6)]
    };
    bytes.extend_from_slice(key);
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum);
    bs58::encode(bytes).into_string()
}

/// The prefix and the key of an address.
///
/// # Errors
/// [`InvalidHotkey`] with the first thing that is wrong.
pub fn ss58_decode(text: &str) -> Result<(u16, [u8; 32]), InvalidHotkey> {
    if text.len() > LONGEST_ADDRESS {
        return Err(InvalidHotkey::Form);
    }
    let bytes = bs58::decode(text).into_vec().map_err(|_| InvalidHotkey::Form)?;
    if !(1 + 32 + CHECKSUM..=2 + 32 + CHECKSUM).contains(&bytes.len()) {
        return Err(InvalidHotkey::Form);
    }
    let (prefix, length) = match *bytes.as_slice() {
        [first @ 0..64, ..] => (u16::from(first), 1),
        [first @ 64..128, second, ..] => {
            let (low, high) = ((first << 2) | (second >> 6), second & 0b0011_1111);
            (u16::from_le_bytes([low, high]), 2)
        }
        _ => return Err(InvalidHotkey::Prefix),
    };
    let Some((head, sum)) = bytes.split_last_chunk::<CHECKSUM>() else { return Err(InvalidHotkey::Form) };
    let Some(key) = head.get(length..).and_then(|key| key.try_into().ok()) else {
        return Err(InvalidHotkey::Form);
    };
    if checksum(head) != *sum {
        return Err(InvalidHotkey::Checksum);
    }
    // A small prefix has one spelling, and two values are reserved.
    if (length == 2 && prefix < 64) || matches!(prefix, 46 | 47) {
        return Err(InvalidHotkey::Prefix);
    }
    Ok((prefix, key))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash = Blake2b512::new_with_prefix(b"SS58PRE").chain_update(bytes).finalize();
    [hash[0], hash[1]]
}
