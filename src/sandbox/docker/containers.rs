//! The containers of one session: made, started, ended and removed.
//!
//! Where each case has a sandbox of its own, a container that has ended well is started anew for a later
//! case of the same agent. What runs in it is new then, and everything that the kernel makes for it:
//! processes, namespaces, control groups, mounts. What remains is what the engine keeps of a container
//! that does not run: its name, its settings and a root that was never writable.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker as Client;
use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, InspectContainerOptions, KillContainerOptions,
    RemoveContainerOptions, StartContainerOptions, WaitContainerOptions,
};
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use futures_util::{StreamExt as _, TryStreamExt as _, future};
use tokio::time::timeout;
use tokio_util::io::StreamReader;
use tokio_util::task::TaskTracker;

use super::engine::{call, while_it_lives};
use super::{CALL, NAME_LABEL, OWNER_LABEL, RUN_LABEL, Shared, WORK, container};
use crate::model::IsolationLevel;
use crate::sandbox::session::{Counters, IDLE_S, Launch, Link, Sandbox, greeting_failed};
use crate::sandbox::wire::{self, Greeting, RunnerConfig};
use crate::sandbox::{SandboxError, SessionSpec, SweepReport};

/// What the runner may say about its failure.
const LAST_WORDS: usize = 4096;
/// For an end that has happened already, or that the runner comes to by itself when nobody speaks to it.
const ENDING: Duration = Duration::from_secs(5);

/// Makes the sandboxes of one session.
#[derive(Debug, Clone)]
pub(super) struct Containers {
    shared: Arc<Shared>,
    ended: Ended,
}

/// What has ended well and can be started anew.
type Ended = Arc<Mutex<Vec<Container>>>;

impl Containers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, ended: Ended::default() }
    }

    fn take_ended(&self) -> Option<Container> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// A container that is started anew, if there is one and the engine can.
    async fn start_anew(&self, spec: &SessionSpec) -> Result<Option<DockerSandbox>, SandboxError> {
        let Some(container) = self.take_ended() else { return Ok(None) };
        match self.shared.start(container, spec).await {
            Ok((sandbox, _)) => Ok(Some(sandbox)),
            Err(gone @ SandboxError::Gone(_)) => Err(gone),
            Err(error) => {
                tracing::warn!(%error, "a container was not started a second time; each case has a new one from here on");
                self.shared.starts_anew.store(false, Ordering::Relaxed);
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl Launch for Containers {
    async fn launch(&self, spec: &SessionSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        let mut sandbox = match self.start_anew(spec).await? {
            Some(sandbox) => sandbox,
            None => self.shared.launch(spec).await?.0,
        };
        if self.shared.starts_anew.load(Ordering::Relaxed) {
            sandbox.ended = Some(Arc::clone(&self.ended));
        }
        Ok(Box::new(sandbox))
    }

    fn isolation(&self) -> IsolationLevel {
        self.shared.capabilities.isolation
    }

    fn cases_per_sandbox(&self) -> u32 {
        self.shared.cases_per_sandbox
    }

    fn background(&self) -> &TaskTracker {
        &self.shared.background
    }

    async fn close(&self) -> SweepReport {
        let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
        let removed = join_all(ended.into_iter().map(Container::remove_and_tell)).await;
        removed.into_iter().fold(SweepReport::default(), |mut all, one| {
            all.absorb(one);
            all
        })
    }
}

impl Shared {
    /// A new container that runs and has greeted us.
    pub(super) async fn launch(&self, spec: &SessionSpec) -> Result<(DockerSandbox, Greeting), SandboxError> {
        let container = self.create(spec).await?;
        self.start(container, spec).await
    }

    async fn create(&self, spec: &SessionSpec) -> Result<Container, SandboxError> {
        let labels = HashMap::from([
            (OWNER_LABEL.to_owned(), self.owner.to_string()),
            (RUN_LABEL.to_owned(), spec.run.to_string()),
            (NAME_LABEL.to_owned(), spec.label.clone()),
        ]);
        let plan = container::Plan {
            image: &self.image.id,
            runtime: self.runtime.as_deref(),
            runner: &self.runner,
            filter: &self.filter,
            limits: &spec.limits,
        };
        let body = container::body(plan, labels);
        let create = self.client.create_container(None::<CreateContainerOptions>, body);
        let id = call(&self.client, "create a container", CALL, create).await?.id;
        let (client, background) = (self.client.clone(), self.background.clone());
        Ok(Container { client, background, id, is_removed: false })
    }

    /// Starts `container`, which is removed when that fails.
    async fn start(
        &self,
        mut container: Container,
        spec: &SessionSpec,
    ) -> Result<(DockerSandbox, Greeting), SandboxError> {
        match self.meet(&container, spec).await {
            Ok((link, words, greeting)) => {
                let sandbox = DockerSandbox { link, words, container, ended: None };
                Ok((sandbox, greeting))
            }
            Err(error) => {
                // The first error is the one to tell; what resists is found by the next sweep.
                let _ = container.remove().await;
                Err(error)
            }
        }
    }

    async fn meet(
        &self,
        container: &Container,
        spec: &SessionSpec,
    ) -> Result<(Link, Words, Greeting), SandboxError> {
        let Container { client, id, .. } = container;
        let attach = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..AttachContainerOptions::default()
        };
        let attach = client.attach_container(id, Some(attach));
        let streams = call(client, "attach to a container", CALL, attach).await?;
        let words = Words::default();
        let heard = words.clone();
        let output = streams.output.map_err(std::io::Error::other).try_filter_map(move |part| {
            future::ready(Ok(match part {
                LogOutput::StdOut { message } => Some(message),
                LogOutput::StdErr { message } => {
                    heard.add(&message);
                    None
                }
                LogOutput::StdIn { .. } | LogOutput::Console { .. } => None,
            }))
        });
        let start = client.start_container(id, None::<StartContainerOptions>);
        call(client, "start a container", WORK, start).await?;
        let mut link = Link::new(streams.input, StreamReader::new(output));
        let uid = next_uid();
        let config = RunnerConfig::new("python3", IDLE_S, &spec.limits).with("uid", uid.into());
        let config = config.asking_for(&self.runner).frame();
        let frames = [self.runner.bytes(), &config, &wire::install(&spec.source)];
        // The greeting has a bound of its own; only an engine that goes away ends it earlier.
        let greeting = Box::pin(async {
            link.greet(&frames).await.map_err(|broken| greeting_failed(broken, &words.said()))
        });
        let greeting = while_it_lives(client, "greet us", WORK, greeting).await?;
        Ok((link, words, greeting))
    }
}

pub(super) struct DockerSandbox {
    link: Link,
    words: Words,
    container: Container,
    /// Where the container goes when it has ended well.
    ended: Option<Ended>,
}

#[async_trait]
impl Sandbox for DockerSandbox {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    async fn counters(&mut self) -> Counters {
        // The engine may be on another machine: the runner reads them, inside.
        Counters::default()
    }

    fn halt(&mut self) -> BoxFuture<'static, Result<(), SandboxError>> {
        let (client, id) = (self.container.client.clone(), self.container.id.clone());
        Box::pin(async move {
            let kill = async {
                match client.kill_container(&id, None::<KillContainerOptions>).await {
                    // It has ended already.
                    Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
                    other => other,
                }
            };
            call(&client, "end a container", WORK, kill).await
        })
    }

    async fn was_killed_for_memory(&mut self) -> bool {
        // The engine learns of the end a little after the stream does.
        self.container.exit_status().await;
        let Container { client, id, .. } = &self.container;
        let inspected = client.inspect_container(id, None::<InspectContainerOptions>);
        match call(client, "describe a container", CALL, inspected).await {
            Ok(container) => container.state.and_then(|state| state.oom_killed) == Some(true),
            Err(_) => false,
        }
    }

    async fn last_words(&mut self) -> String {
        self.words.said()
    }

    async fn retire(self: Box<Self>) -> SweepReport {
        let Self { link, container, ended, .. } = *self;
        // When nobody speaks to it any more, the runner ends by itself.
        drop(link);
        match ended {
            Some(ended) if container.exit_status().await == Some(0) => {
                ended.lock().unwrap_or_else(PoisonError::into_inner).push(container);
                SweepReport::default()
            }
            Some(_) | None => container.remove_and_tell().await,
        }
    }

    async fn destroy(self: Box<Self>) -> SweepReport {
        let Self { link, container, .. } = *self;
        // An attached stream that nobody reads would make the engine's kill hang.
        drop(link);
        container.remove_and_tell().await
    }
}

/// A container that was created and must be removed. Dropping it removes it too.
#[derive(Debug)]
struct Container {
    client: Client,
    background: TaskTracker,
    id: String,
    is_removed: bool,
}

impl Container {
    /// Waits for the end of what runs in it; `None` when that does not come soon.
    async fn exit_status(&self) -> Option<i64> {
        let mut end = self.client.wait_container(&self.id, None::<WaitContainerOptions>);
        match timeout(ENDING, end.next()).await {
            Ok(Some(Ok(end))) => Some(end.status_code),
            // Every status but 0 comes as an error.
            Ok(Some(Err(ApiError::DockerContainerWaitError { code, .. }))) => Some(code),
            Ok(Some(Err(_)) | None) | Err(_) => None,
        }
    }

    async fn remove(&mut self) -> Result<(), SandboxError> {
        self.is_removed = true;
        remove(&self.client, &self.id).await
    }

    async fn remove_and_tell(mut self) -> SweepReport {
        let left = self.remove().await.err().map(|error| format!("{}: {error}", shown(&self.id)));
        SweepReport { removed: Vec::new(), left: left.into_iter().collect() }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.is_removed {
            return;
        }
        // A run that was cancelled. Without a runtime the next sweep removes it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (client, id) = (self.client.clone(), std::mem::take(&mut self.id));
            self.background.spawn_on(async move { remove(&client, &id).await }, &runtime);
        }
    }
}

/// As people name a container.
pub(super) fn shown(id: &str) -> String {
    format!("container {}", id.get(..12).unwrap_or(id))
}

pub(super) async fn remove(client: &Client, id: &str) -> Result<(), SandboxError> {
    let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
    let removal = async {
        match client.remove_container(id, Some(options)).await {
            // Gone, or somebody is at it already.
            Err(ApiError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
            other => other,
        }
    };
    call(client, "remove a container", WORK, removal).await
}

/// What the runner says on its standard error.
#[derive(Debug, Clone, Default)]
struct Words(Arc<Mutex<Vec<u8>>>);

impl Words {
    fn add(&self, part: &Bytes) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = LAST_WORDS.saturating_sub(words.len());
        words.extend(&part[..part.len().min(room)]);
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// A user of its own for each sandbox, so that what the kernel counts by user is not shared. Engines
/// with a user namespace of their own map no more than 65,536 users.
fn next_uid() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 40_000;
    FIRST + (std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))) % COUNT
}
