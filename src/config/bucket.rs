//! A bucket of an S3-compatible store, and the key to it: from a file or the environment, never
//! from a command line.

use std::env;
use std::fmt;
use std::io;
use std::path::Path;

use super::guarded::{self, OTHERS, Unread};

const LARGEST_FILE: u64 = 64 * 1024;
const DEFAULT_REGION: &str = "us-east-1";

/// A bucket, perhaps a folder in it, and how to reach it.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub name: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// Of a store that is not Amazon's, such as `http://127.0.0.1:9000`.
    pub endpoint: Option<String>,
    pub region: String,
    pub key: BucketKey,
}

/// Who we are to the store.
#[derive(Clone)]
pub struct BucketKey {
    pub id: String,
    pub secret: String,
    /// Of a session, where the key is a temporary one.
    pub token: Option<String>,
}

impl fmt::Debug for BucketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BucketKey({}, …)", self.id)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not a bucket: {why}; write `s3://BUCKET` or `s3://BUCKET/PREFIX`")]
pub struct InvalidBucket {
    url: String,
    why: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum BucketKeyError {
    #[error("cannot read the credentials file `{name}`")]
    File { name: String, source: io::Error },
    #[error("the credentials file `{name}` may be read by others: `chmod 600` it")]
    Exposed { name: String },
    #[error("the credentials file `{name}` has no `{missing}` in its section `[default]`")]
    Incomplete { name: String, missing: &'static str },
    #[error(
        "there is no key to the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file with \
         `--blobs-credentials`"
    )]
    Missing,
}

impl Bucket {
    /// The bucket at `s3://NAME/PREFIX`.
    ///
    /// # Errors
    /// When the URL does not name a bucket.
    pub fn parse(url: &str, key: BucketKey) -> Result<Self, InvalidBucket> {
        let wrong = |why| InvalidBucket { url: shown(url), why };
        let rest = url.strip_prefix("s3://").ok_or_else(|| wrong("it does not begin with `s3://`"))?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        if !(3..=63).contains(&name.len()) || !name.bytes().all(plain) {
            return Err(wrong("a bucket's name is 3 to 63 lower-case letters, digits, `.` and `-`"));
        }
        let prefix = prefix.trim_matches('/');
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        let parts_are_names = || prefix.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
        if prefix.len() > 512 || !prefix.bytes().all(safe) || !(prefix.is_empty() || parts_are_names()) {
            return Err(wrong("a prefix has letters, digits, `.`, `_`, `-`, and `/` between its parts"));
        }
        Ok(Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: None,
            region: DEFAULT_REGION.to_owned(),
            key,
        })
    }

    /// For people; the key is not in it.
    pub fn url(&self) -> String {
        if self.prefix.is_empty() {
            format!("s3://{}", self.name)
        } else {
            format!("s3://{}/{}", self.name, self.prefix)
        }
    }
}

/// What stands before an `@` may be a password.
fn shown(url: &str) -> String {
    url.rsplit('@').next().unwrap_or_default().chars().take(80).flat_map(char::escape_debug).collect()
}

impl BucketKey {
    /// From `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    ///
    /// # Errors
    /// When one of the first two is not set.
    pub fn from_environment() -> Result<Self, BucketKeyError> {
        let set = |name| env::var(name).ok().filter(|text| !text.is_empty());
        let (Some(id), Some(secret)) = (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) else {
            return Err(BucketKeyError::Missing);
        };
        Ok(Self { id, secret, token: set("AWS_SESSION_TOKEN") })
    }

    /// From a file as Amazon's tools have it, which nobody but its owner may read.
    ///
    /// # Errors
    /// When it cannot be read, is open to others, or its section `[default]` holds no key.
    pub fn read(path: &Path) -> Result<Self, BucketKeyError> {
        let name = path.display().to_string();
        let text = match guarded::read(path, OTHERS, LARGEST_FILE) {
            Ok(text) => text,
            Err(Unread::Exposed) => return Err(BucketKeyError::Exposed { name }),
            Err(Unread::Failed(source)) => return Err(BucketKeyError::File { name, source }),
        };
        let need = |key| {
            value(&text, key).ok_or_else(|| BucketKeyError::Incomplete { name: name.clone(), missing: key })
        };
        Ok(Self {
            id: need("aws_access_key_id")?,
            secret: need("aws_secret_access_key")?,
            token: value(&text, "aws_session_token"),
        })
    }
}

/// The value of `key` in the section `[default]`, or before any section.
fn value(text: &str, key: &str) -> Option<String> {
    let mut ours = true;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            ours = line == "[default]";
        } else if let Some((name, value)) = line.split_once('=')
            && ours
            && name.trim() == key
            && !value.trim().is_empty()
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> BucketKey {
        BucketKey { id: "id".to_owned(), secret: "hidden".to_owned(), token: None }
    }

    #[test]
    fn a_url_names_a_bucket_and_a_folder_in_it() {
        let bucket = Bucket::parse("s3://agents/season-1/a/", key()).expect("a bucket");
        assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), ("agents", "season-1/a"));
        assert_eq!(bucket.url(), "s3://agents/season-1/a");
        assert!(!format!("{bucket:?}").contains("hidden"));
        for wrong in
            ["agents", "s3://", "s3://a", "s3://UPPER", "s3://ab/c d", "s3://abc/a//b", "s3://abc/../b"]
        {
            assert!(Bucket::parse(wrong, key()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_credentials_file_is_read_as_the_field_writes_it() {
        let text =
            "[other]\naws_access_key_id = no\n[default]\naws_access_key_id = ID\naws_secret_access_key=S=1\n";
        assert_eq!(value(text, "aws_access_key_id").as_deref(), Some("ID"));
        assert_eq!(value(text, "aws_secret_access_key").as_deref(), Some("S=1"));
        assert_eq!(value(text, "aws_session_token"), None);
    }
}
