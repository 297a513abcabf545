//! Tokens of many by name, as a file of digests: whoever reads the file can prove nothing with it.
//!
//! ```text
//! # comment
//! validator-7:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! ```
//!
//! A name may have several lines, so that a new token can be given out before the old one ends.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::Secret;
use super::guarded::{self, OTHERS_WRITING, Unread};
use crate::model::MinerId;

const LARGEST_FILE: u64 = 1024 * 1024;
const ALGORITHM: &str = "sha256";

#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    #[error("cannot read the file of tokens `{name}`")]
    File { name: String, source: io::Error },
    #[error("the file of tokens `{name}` may be written by others: `chmod go-w` it")]
    Exposed { name: String },
    #[error("`{name}`, line {line}: {why}; a line is `NAME:sha256:` and 64 hexadecimal digits")]
    Malformed { name: String, line: usize, why: String },
    #[error("the file of tokens `{name}` names nobody")]
    Empty { name: String },
}

/// Who may come, by token. Cheap to clone; all clones see a new reading.
#[derive(Debug, Clone)]
pub struct Tokens {
    path: Arc<Path>,
    entries: Arc<RwLock<Vec<Entry>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: MinerId,
    digest: [u8; 32],
}

impl Tokens {
    /// # Errors
    /// When the file cannot be read, may be written by others, or a line of it is wrong.
    pub fn read(path: PathBuf) -> Result<Self, TokensError> {
        let entries = entries(&path)?;
        Ok(Self { path: path.into(), entries: Arc::new(RwLock::new(entries)) })
    }

    /// Reads the file again, so that who was added can come and who was removed cannot.
    ///
    /// # Errors
    /// As [`Tokens::read`]; then everything stays as it was.
    pub fn refresh(&self) -> Result<(), TokensError> {
        let new = entries(&self.path)?;
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Whose token it is. Takes the same time wherever in the file it is, and where it is not.
    pub fn name_of(&self, token: &[u8]) -> Option<MinerId> {
        let given: [u8; 32] = Sha256::digest(token).into();
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Choice::from(0);
        let mut place = 0_u32;
        for (index, entry) in (0_u32..).zip(entries.iter()) {
            let equal = entry.digest.ct_eq(&given);
            place.conditional_assign(&index, equal);
            found |= equal;
        }
        let entry = bool::from(found).then(|| entries.get(place as usize))??;
        Some(entry.name.clone())
    }

    /// The line for `name` in such a file.
    pub fn line(name: &MinerId, token: &Secret) -> String {
        let digest = Sha256::digest(token.reveal().as_bytes());
        format!("{name}:{ALGORITHM}:{}", hex::encode(digest))
    }
}

fn entries(path: &Path) -> Result<Vec<Entry>, TokensError> {
    let name = path.display().to_string();
    let text = match guarded::read(path, OTHERS_WRITING, LARGEST_FILE) {
        Ok(text) => text,
        Err(Unread::Exposed) => return Err(TokensError::Exposed { name }),
        Err(Unread::Failed(source)) => return Err(TokensError::File { name, source }),
    };
    let mut entries = Vec::new();
    let mut holders: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why: String| TokensError::Malformed { name: name.clone(), line: number, why };
        let entry = entry(line).map_err(wrong)?;
        if let Some(earlier) = holders.insert(entry.digest, number) {
            return Err(wrong(format!("it has the same token as line {earlier}")));
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        return Err(TokensError::Empty { name });
    }
    Ok(entries)
}

fn entry(line: &str) -> Result<Entry, String> {
    let mut parts = line.split(':');
    let (Some(name), Some(ALGORITHM), Some(digits), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it has another form".to_owned());
    };
    let name = name.parse().map_err(|error: crate::model::InvalidName| error.to_string())?;
    let mut digest = [0; 32];
    hex::decode_to_slice(digits, &mut digest).map_err(|_| "the digest has another form".to_owned())?;
    Ok(Entry { name, digest })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn name(text: &str) -> MinerId {
        text.parse().expect("a name")
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        (folder, path)
    }

    #[test]
    fn a_token_names_its_holder_until_the_line_is_gone() {
        let (old, new, other) = (Secret::generate(), Secret::generate(), Secret::generate());
        let lines =
            [("v1", &old), ("v1", &new), ("v2", &other)].map(|(who, token)| Tokens::line(&name(who), token));
        let (_folder, path) = file(&format!("# who may come\n\n{}\n", lines.join("\n")));
        let tokens = Tokens::read(path.clone()).expect("tokens");
        let of = |token: &Secret| tokens.name_of(token.reveal().as_bytes());
        assert_eq!((of(&old), of(&new), of(&other)), (Some(name("v1")), Some(name("v1")), Some(name("v2"))));
        assert_eq!(of(&Secret::generate()), None);
        assert_eq!(tokens.name_of(b""), None);
        assert!(!lines.join("").contains(old.reveal()));

        fs::write(&path, &lines[1]).expect("written");
        tokens.refresh().expect("read again");
        assert_eq!((of(&old), of(&new), of(&other)), (None, Some(name("v1")), None));
        fs::write(&path, "nonsense").expect("written");
        assert!(tokens.refresh().is_err());
        assert_eq!(of(&new), Some(name("v1")), "a broken file changes nothing");
    }

    #[test]
    fn a_file_that_is_wrong_says_where() {
        let good = Tokens::line(&name("v1"), &Secret::generate());
        for (text, why) in [
            (String::new(), "names nobody"),
            (format!("{good}\n{good}\n"), "line 2: it has the same token as line 1"),
            ("v1:sha256:12\n".to_owned(), "line 1: the digest"),
            ("v1:md5:12\n".to_owned(), "line 1: it has another form"),
            (format!("../{good}"), "is not a valid"),
        ] {
            let (_folder, path) = file(&text);
            let error = Tokens::read(path).expect_err("refused").to_string();
            assert!(error.contains(why), "{error}");
        }
        let (_folder, path) = file(&good);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("set");
        assert!(matches!(Tokens::read(path), Err(TokensError::Exposed { .. })));
    }
}
