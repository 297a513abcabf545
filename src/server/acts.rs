//! What operators and validators give as reasons, for the audit.

use super::error::ApiError;
use super::state::App;
use crate::model::MinerId;
use crate::store::{Act, storable};

const LONGEST_REASON: usize = 1000;

/// An operator's act, if it says why. `reader` is who reads that.
pub(super) fn by_operator(
    app: &App,
    reason: &str,
    operator: &MinerId,
    reader: &str,
) -> Result<Act, ApiError> {
    if reason.trim().is_empty() || reason.len() > LONGEST_REASON {
        return Err(ApiError::malformed(format!("`reason` must be 1 to {LONGEST_REASON} bytes: {reader}")));
    }
    Ok(Act { actor: format!("operator {operator}"), why: storable(reason), at: app.clock.now() })
}

/// Why a validator gives work back. It may be empty.
pub(super) fn by_validator(reason: &str) -> Result<String, ApiError> {
    if reason.len() > LONGEST_REASON {
        return Err(ApiError::malformed(format!("`reason` is longer than {LONGEST_REASON} bytes")));
    }
    Ok(storable(reason))
}
