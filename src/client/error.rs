//! Why asking a platform failed.

use crate::api::Problem;
use crate::diagnostic::Finding;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("`{url}` is not the address of a platform: {why}")]
    Url { url: String, why: String },
    #[error("cannot set up the HTTP client")]
    Setup { source: reqwest::Error },
    #[error("cannot reach the platform at `{url}`: {}", cause(.error))]
    Unreachable {
        url: String,
        // Not called `source`, which would make it part of the chain: its text repeats the
        // address, and `cause` holds what matters.
        error: reqwest::Error,
    },
    #[error("`{url}` does not seem to be a Portcullis platform: {why}")]
    NotOurs { url: String, why: String },
    #[error("the platform refused: {}", .problem.detail)]
    Refused { problem: Box<Problem> },
}

impl ClientError {
    /// What the gate found, where it refused the source.
    pub fn findings(&self) -> Option<&[Finding]> {
        self.problem()?.findings.as_deref()
    }

    /// The platform's own words.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem } => Some(problem),
            Self::Url { .. } | Self::Setup { .. } | Self::Unreachable { .. } | Self::NotOurs { .. } => None,
        }
    }

    /// Whether the assignment is somebody else's by now.
    pub fn is_lease_ended(&self) -> bool {
        self.problem().is_some_and(|problem| problem.kind == "urn:portcullis:problem:lease-ended")
    }

    /// Whether it is worth trying again later: nobody answered, or the platform was busy or failed.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { problem } => {
                matches!(
                    problem.kind.rsplit(':').next(),
                    Some("busy" | "internal" | "timeout" | "unavailable")
                )
            }
            Self::Url { .. } | Self::Setup { .. } | Self::NotOurs { .. } => false,
        }
    }
}

/// The innermost cause: the outer ones only repeat the address.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    innermost.to_string()
}
