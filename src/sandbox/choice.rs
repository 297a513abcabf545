//! Which backend runs here. An explicit choice is taken or refused; only `auto` may choose, and it
//! says what it chose and why.

use std::path::PathBuf;
use std::sync::Arc;

use super::docker::Docker;
use super::microvm::{MicroVm, MicroVmSettings};
use super::namespaces::Namespaces;
use super::{Backend, Capabilities, SandboxError};

/// What the operator asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Docker where the engine answers and has the image or can pull it, else namespaces.
    #[default]
    Auto,
    Docker,
    Namespaces,
    /// Never taken by `Auto`: it needs an image that somebody made.
    MicroVm,
}

/// How long one sandbox serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// All cases of one agent and one task, each with a fresh interpreter.
    #[default]
    Agent,
    /// One case.
    Case,
}

impl Reuse {
    /// Some kernel state is not wiped between cases; a bound keeps it small.
    pub(super) fn cases_per_sandbox(self) -> u32 {
        match self {
            Self::Agent => 256,
            Self::Case => 1,
        }
    }
}

/// What the backends can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The image of the container backend; it must have `python3` in its path.
    pub image: String,
    /// `unix:///…`, `tcp://…`; `None` means `DOCKER_HOST` and then the default socket.
    pub engine: Option<String>,
    /// `runc`, `runsc`, `kata`; `None` means the engine's default.
    pub runtime: Option<String>,
    pub reuse: Reuse,
    pub microvm: MicroVmSettings,
    /// The interpreter of the namespaces backend; `None` means the first in the path that will do.
    pub python: Option<PathBuf>,
    /// The program whose `main` calls [`helper_main`](super::helper_main); `None` means this one.
    pub helper: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            image: "python:3.11-slim".to_owned(),
            engine: None,
            runtime: None,
            reuse: Reuse::default(),
            microvm: MicroVmSettings::default(),
            python: None,
            helper: None,
        }
    }
}

/// A backend that was tried out on this machine.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub backend: Arc<dyn Backend>,
    pub capabilities: Capabilities,
    /// One sentence for people: which one was taken, and why.
    pub reason: String,
}

/// Takes the backend that was asked for, or with [`Choice::Auto`] the best that works. `progress`
/// is told what takes long (pulling an image).
///
/// # Errors
/// [`SandboxError::Unavailable`] with what to install or start when no permitted backend works.
pub async fn choose(
    choice: Choice,
    settings: &Settings,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Chosen, SandboxError> {
    match choice {
        Choice::Docker => taken(Arc::new(Docker::new(settings, progress).await?), "as asked for").await,
        Choice::Namespaces => taken(Arc::new(Namespaces::new(settings).await?), "as asked for").await,
        Choice::MicroVm => taken(Arc::new(MicroVm::new(settings, progress).await?), "as asked for").await,
        Choice::Auto => {
            let docker = match Docker::new(settings, progress).await {
                Ok(docker) => {
                    return taken(Arc::new(docker), "because its engine answers and has the image").await;
                }
                Err(error) => error,
            };
            match Namespaces::new(settings).await {
                Ok(namespaces) => taken(Arc::new(namespaces), &format!("because {docker}")).await,
                Err(namespaces) => Err(SandboxError::Unavailable(format!(
                    "no sandbox can be had, and nothing is run without one: {docker}; {namespaces}"
                ))),
            }
        }
    }
}

async fn taken(backend: Arc<dyn Backend>, why: &str) -> Result<Chosen, SandboxError> {
    let capabilities = backend.probe().await?;
    let reason = format!("{}, {why}", capabilities.backend);
    Ok(Chosen { backend, capabilities, reason })
}
