//! A secret: read from a file or made here, never printed, compared in constant time.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use subtle::ConstantTimeEq as _;

use super::guarded::{self, OTHERS, Unread};

const SHORTEST: usize = 16;
const LONGEST: usize = 512;

/// A bearer token: 16 to 512 visible ASCII characters.
#[derive(Clone)]
pub struct Secret(String);

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("cannot {doing} the token file `{name}`")]
    File { doing: &'static str, name: String, source: io::Error },
    #[error("the token file `{name}` may be read by others: `chmod 600` it")]
    Exposed { name: String },
    #[error("the token in `{name}` is not 16 to 512 visible ASCII characters")]
    Malformed { name: String },
}

impl Secret {
    /// 256 bits of the system's randomness, in hexadecimal.
    pub fn generate() -> Self {
        Self(hex::encode(rand::random::<[u8; 32]>()))
    }

    /// The first line of the file, which nobody but its owner may read.
    ///
    /// # Errors
    /// When it cannot be read, is open to others, or holds no token.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let name = path.display().to_string();
        let text = match guarded::read(path, OTHERS, LONGEST as u64 + 2) {
            Ok(text) => text,
            Err(Unread::Exposed) => return Err(SecretError::Exposed { name }),
            Err(Unread::Failed(source)) => return Err(SecretError::File { doing: "read", name, source }),
        };
        let text = text.trim_end_matches(['\r', '\n']);
        let fits = (SHORTEST..=LONGEST).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretError::Malformed { name });
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret in the file, which is made with a new one if it is not there.
    ///
    /// # Errors
    /// As [`Secret::read`], or when the file cannot be made.
    pub fn read_or_generate(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File { doing: "write", name: path.display().to_string(), source };
        if path.exists() {
            return Self::read(path);
        }
        let secret = Self::generate();
        // Whole or not at all, and never readable by others, not even for a moment.
        let temporary = path.with_extension(format!("new-{}", std::process::id()));
        let write = || {
            guarded::create(&temporary, &secret.0)?;
            // Unlike a rename this does not replace a token that somebody made meanwhile.
            let linked = fs::hard_link(&temporary, path);
            fs::remove_file(&temporary)?;
            linked
        };
        match write() {
            Ok(()) => Ok(secret),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes the secret to a file that is not there yet and that its owner alone may read.
    ///
    /// # Errors
    /// When the file is there or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SecretError> {
        let failed = |source| SecretError::File { doing: "write", name: path.display().to_string(), source };
        guarded::create(path, &self.0).map_err(failed)
    }

    /// For an `Authorization` header.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes the same time wherever the first difference is.
    pub fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_generated_token_is_kept_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let first = Secret::read_or_generate(&path).expect("made");
        let second = Secret::read_or_generate(&path).expect("read");
        assert!(first.matches(second.reveal().as_bytes()));
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_token_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        fs::write(&path, "0123456789abcdef\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(Secret::read(&path), Err(SecretError::Exposed { .. })));
    }

    #[test]
    fn a_short_or_strange_token_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for (index, text) in
            ["short\n", "", "0123456789abcde \u{e9}", "0123456789\n0123456789"].iter().enumerate()
        {
            let path = folder.path().join(index.to_string());
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
            assert!(matches!(Secret::read(&path), Err(SecretError::Malformed { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::generate();
        assert!(!format!("{secret:?}").contains(secret.reveal()));
    }
}
