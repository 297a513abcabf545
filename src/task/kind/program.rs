//! The agent is a program and is run as it is.

use std::sync::Arc;

pub(super) fn program(agent: &Arc<str>) -> Arc<str> {
    Arc::clone(agent)
}
