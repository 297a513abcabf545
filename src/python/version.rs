//! The Python versions that a source can be checked for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A minor version of Python 3 that the gate knows: 3.8 to 3.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PythonVersion {
    minor: u8,
}

/// A text that is not one of the known versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Python version that the gate knows, which are 3.8 to 3.14")]
pub struct UnknownVersion(String);

impl PythonVersion {
    pub const OLDEST: Self = Self { minor: 8 };
    /// The version that runs the agents.
    pub const DEFAULT: Self = Self { minor: 11 };
    pub const NEWEST: Self = Self { minor: 14 };

    /// The `11` of 3.11.
    pub const fn minor(self) -> u8 {
        self.minor
    }

    /// Every known version, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::OLDEST.minor..=Self::NEWEST.minor).map(|minor| Self { minor })
    }
}

impl Default for PythonVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = UnknownVersion;
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::all()
            .find(|version| version.to_string() == text)
            .ok_or_else(|| UnknownVersion(text.chars().take(20).collect()))
    }
}

impl TryFrom<String> for PythonVersion {
    type Error = UnknownVersion;
    fn try_from(text: String) -> Result<Self, UnknownVersion> {
        text.parse()
    }
}

impl From<PythonVersion> for String {
    fn from(version: PythonVersion) -> Self {
        version.to_string()
    }
}
