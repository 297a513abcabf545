//! A miner's key for signed uploads.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};

use super::{Secret, SecretError};

/// An ed25519 key. Never printed.
#[derive(Clone)]
pub struct MinerKey(SigningKey);

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot write the key file `{name}`")]
    Write { name: String, source: io::Error },
    #[error(transparent)]
    Read(#[from] SecretError),
    #[error("`{name}` holds no key: 64 hexadecimal digits, as `portcullis keygen` writes them")]
    Malformed { name: String },
}

impl MinerKey {
    pub fn generate() -> Self {
        Self(SigningKey::from_bytes(&rand::random()))
    }

    /// The key in the file, which nobody but its owner may read.
    ///
    /// # Errors
    /// When it cannot be read, is open to others, or holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let secret = Secret::read(path)?;
        let mut seed = [0; 32];
        hex::decode_to_slice(secret.reveal(), &mut seed)
            .map_err(|_| KeyError::Malformed { name: path.display().to_string() })?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Writes the key to a file that is not there yet and that its owner alone may read.
    ///
    /// # Errors
    /// When the file is there or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            writeln!(file, "{}", hex::encode(self.0.to_bytes()))?;
            file.sync_all()
        };
        write().map_err(|source| KeyError::Write { name: path.display().to_string(), source })
    }

    /// The public key, which is the miner's id on a platform that asks for signatures.
    pub fn hotkey(&self) -> String {
        hex::encode(self.0.verifying_key().as_bytes())
    }

    /// 128 hexadecimal digits.
    pub fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for MinerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MinerKey({})", self.hotkey())
    }
}
