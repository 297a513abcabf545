//! Names that were checked once and are then safe in a path, a URL, a label and a log line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name. The message holds the text itself, cut to a readable length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a valid {kind}: {reason}")]
pub struct InvalidName {
    kind: &'static str,
    shown: String,
    reason: &'static str,
}

const MAX_NAME: usize = 64;

fn check(kind: &'static str, text: &str, upper: bool) -> Result<(), InvalidName> {
    let wrong = |reason| {
        let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
        let dots = if text.chars().count() > 40 { "…" } else { "" };
        Err(InvalidName { kind, shown: format!("{shown}{dots}"), reason })
    };
    if text.is_empty() {
        return wrong("it is empty");
    }
    if text.len() > MAX_NAME {
        return wrong("it is longer than 64 characters");
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || (upper && c.is_ascii_uppercase());
    if !text.starts_with(plain) {
        return wrong(if upper {
            "it must begin with an ASCII letter or digit"
        } else {
            "it must begin with a lower-case ASCII letter or digit"
        });
    }
    if !text.chars().all(|c| plain(c) || c == '_' || c == '-') {
        return wrong(if upper {
            "only ASCII letters, digits, `-` and `_` are allowed"
        } else {
            "only lower-case ASCII letters, digits, `-` and `_` are allowed"
        });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $upper:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks the text once; what is inside afterwards is safe in a path.
            ///
            /// # Errors
            /// [`InvalidName`] with the first thing that is wrong.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check($kind, &text, $upper)?;
                Ok(Self(text))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// Who submits: 1 to 64 ASCII letters, digits, `-` and `_`, beginning with a letter or digit.
    /// Letters keep their case, because SS58 addresses need it; two ids that differ in nothing but
    /// case are refused by the store, because they would share a file on some systems.
    MinerId, "miner id", true
);
name!(
    /// The name of a task or of a case: as [`MinerId`], without upper case.
    Slug, "name", false
);

/// One accepted upload. Version 7 UUIDs sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubmissionId(uuid::Uuid);

impl SubmissionId {
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// # Errors
    /// [`InvalidName`] when the text is not a UUID.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| InvalidName {
            kind: "submission id",
            shown: text.chars().take(40).flat_map(char::escape_debug).collect(),
            reason: "it is not a UUID",
        })
    }
}

impl From<uuid::Uuid> for SubmissionId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id)
    }
}

impl FromStr for SubmissionId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, because: &str) {
        match MinerId::parse(text) {
            Ok(id) => panic!("`{id}` was accepted"),
            Err(error) => assert!(error.to_string().contains(because), "{error}"),
        }
    }

    #[test]
    fn a_name_cannot_leave_its_folder() {
        refused("../x", "begin with");
        refused("a/b", "only ASCII");
        refused("a\\b", "only ASCII");
        refused(".hidden", "begin with");
        refused("a.b", "only ASCII");
        refused("a\0", "only ASCII");
    }

    #[test]
    fn a_name_is_neither_empty_nor_endless() {
        refused("", "empty");
        refused(&"x".repeat(300), "longer than 64");
        assert!(MinerId::parse("x".repeat(64)).is_ok());
    }

    #[test]
    fn an_error_shows_control_characters_escaped() {
        refused("\u{1b}[31mred", "\\u{1b}[31mred");
    }

    #[test]
    fn a_task_name_has_no_upper_case() {
        assert!(Slug::parse("Reverse").is_err());
        assert!(Slug::parse("reverse_string").is_ok());
    }
}
