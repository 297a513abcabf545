//! A miner's key for signed uploads.

use std::fmt;
use std::io;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

use super::guarded;
use super::{Secret, SecretError};
use crate::model::{Hotkey, SIGNING_CONTEXT, Scheme};

/// An ed25519 or sr25519 key. Never printed.
#[derive(Clone)]
pub struct MinerKey {
    seed: [u8; 32],
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Ed25519(Box<SigningKey>),
    Sr25519(Box<Keypair>),
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot write the key file `{name}`")]
    Write { name: String, source: io::Error },
    #[error(transparent)]
    Read(#[from] SecretError),
    #[error(
        "`{name}` holds no key: 64 hexadecimal digits, or `ed25519:` or `sr25519:` and 64 digits, as \
         `portcullis keygen` writes them"
    )]
    Malformed { name: String },
}

impl MinerKey {
    pub fn generate(scheme: Scheme) -> Self {
        Self::from_seed(scheme, rand::random())
    }

    /// The key that every other program makes of `seed`: for sr25519 Substrate's `secret seed`.
    #[expect(clippy::expect_used, reason = "any 32 bytes are a seed: only a wrong length is refused")]
    pub fn from_seed(scheme: Scheme, seed: [u8; 32]) -> Self {
        let pair = match scheme {
            Scheme::Ed25519 => Pair::Ed25519(Box::new(SigningKey::from_bytes(&seed))),
            Scheme::Sr25519 => {
                let secret = MiniSecretKey::from_bytes(&seed).expect("32 bytes");
                Pair::Sr25519(Box::new(secret.expand_to_keypair(ExpansionMode::Ed25519)))
            }
        };
        Self { seed, pair }
    }

    /// The key in the file, which nobody but its owner may read.
    ///
    /// # Errors
    /// When it cannot be read, is open to others, or holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let secret = Secret::read(path)?;
        let malformed = || KeyError::Malformed { name: path.display().to_string() };
        let (scheme, digits) = match secret.reveal().split_once(':') {
            Some((scheme, digits)) => (scheme.parse().map_err(|_| malformed())?, digits),
            None => (Scheme::Ed25519, secret.reveal()),
        };
        let mut seed = [0; 32];
        // Substrate's tools write `0x` before a seed.
        hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), &mut seed)
            .map_err(|_| malformed())?;
        Ok(Self::from_seed(scheme, seed))
    }

    /// Writes the key to a file that is not there yet and that its owner alone may read.
    ///
    /// # Errors
    /// When the file is there or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let line = format!("{}:{}", self.scheme(), hex::encode(self.seed));
        guarded::create(path, &line)
            .map_err(|source| KeyError::Write { name: path.display().to_string(), source })
    }

    pub fn scheme(&self) -> Scheme {
        match &self.pair {
            Pair::Ed25519(_) => Scheme::Ed25519,
            Pair::Sr25519(_) => Scheme::Sr25519,
        }
    }

    /// The public key.
    pub fn hotkey(&self) -> Hotkey {
        let key = match &self.pair {
            Pair::Ed25519(pair) => pair.verifying_key().to_bytes(),
            Pair::Sr25519(pair) => pair.public.to_bytes(),
        };
        Hotkey { scheme: self.scheme(), key }
    }

    /// 128 hexadecimal digits.
    pub fn sign(&self, message: &[u8]) -> String {
        hex::encode(match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).to_bytes(),
            Pair::Sr25519(pair) => pair.sign_simple(SIGNING_CONTEXT, message).to_bytes(),
        })
    }
}

impl fmt::Debug for MinerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MinerKey({})", self.hotkey())
    }
}
