//! What a miner signs with a request in signed mode, and the headers that carry it.

use crate::model::Digest;

/// The miner's public key: ed25519 as 64 lower-case hexadecimal digits, or sr25519 as SS58 address
/// of any network.
pub const HOTKEY: &str = "x-hotkey";
/// Of an SS58 address, `ed25519` or `sr25519`; may be left out for sr25519.
pub const SCHEME: &str = "x-scheme";
/// From a trusted upstream: the hotkey that it verified, written as in [`HOTKEY`].
pub const VERIFIED_HOTKEY: &str = "x-verified-hotkey";
/// 128 hexadecimal digits, perhaps behind `0x`. An sr25519 signature is made in the context
/// `substrate`, as Substrate's accounts sign.
pub const SIGNATURE: &str = "x-signature";
/// 16 to 64 ASCII letters, digits, `-` and `_`. Good once.
pub const NONCE: &str = "x-nonce";
/// Seconds since the Unix epoch.
pub const TIMESTAMP: &str = "x-timestamp";

/// How far the timestamp may be from the platform's clock, in seconds.
pub const WINDOW_SECONDS: i64 = 300;

/// Everything that decides what a request does. A signature over it is good for no other one.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub hotkey: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    /// Of the whole body.
    pub body: Digest,
    pub timestamp: i64,
    pub nonce: &'a str,
}

impl Signed<'_> {
    /// The bytes to sign. No part can hold a line break, so that no two requests read the same.
    pub fn message(&self) -> String {
        let Self { hotkey, method, path, body, timestamp, nonce } = self;
        format!("portcullis-request-v1\n{hotkey}\n{method}\n{path}\n{body}\n{timestamp}\n{nonce}\n")
    }
}
