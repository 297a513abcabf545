//! For runs in which nothing is executed: a backend that runs nothing.

use async_trait::async_trait;

use super::{Backend, Capabilities, SandboxError, Session, SessionSpec, SweepReport};

/// Refuses every session.
#[derive(Debug, Clone, Copy)]
pub struct Refusing;

fn refusal() -> SandboxError {
    SandboxError::Unavailable("no sandbox was chosen, because nothing was to be run".to_owned())
}

#[async_trait]
impl Backend for Refusing {
    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        Err(refusal())
    }

    async fn open(&self, _: &SessionSpec) -> Result<Box<dyn Session>, SandboxError> {
        Err(refusal())
    }

    async fn sweep(&self) -> Result<SweepReport, SandboxError> {
        Ok(SweepReport::default())
    }
}
