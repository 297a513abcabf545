//! The container backend, on any engine that speaks the Docker API.
//!
//! A container stays open over the cases of one agent (see `session`); every call to the engine
//! has a time-out, because an engine that hangs is as common as one that is down.

mod container;
mod containers;
mod engine;

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker as Client;
use bollard::errors::Error as ApiError;
use bollard::models::SystemInfo;
use bollard::query_parameters::{CreateImageOptions, ListContainersOptions};
use futures_util::StreamExt as _;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use self::containers::{Containers, remove, shown};
use self::engine::call;
use super::owner::{Liveness, Owner};
use super::seccomp;
use super::session::{Sandbox as _, WarmSession, settle};
use super::wire::{Greeting, Runner};
use super::{Backend, Capabilities, SandboxError, Session, SessionSpec, Settings, SweepReport};
use crate::model::IsolationLevel;

/// For calls that only ask or create.
const CALL: Duration = Duration::from_secs(30);
/// Starting and removing make the kernel work: namespaces, groups, mounts.
const WORK: Duration = Duration::from_secs(60);
/// For an engine that is not there or does not answer at all.
const GREETING: Duration = Duration::from_secs(5);
/// Between two signs of life of a pull.
const PULL: Duration = Duration::from_secs(120);

/// Measured with Debian's runsc 20221219 by `doctor`: the wall is gVisor's own kernel, and several of
/// ours do not stand inside it.
const WEAKNESSES_OF_RUNSC: [&str; 3] = [
    "this runtime counts its own threads as processes, so the process limit is looser by 64, and a program \
     that reaches it takes the whole sandbox down, which is told as our fault and not as its",
    "this runtime does not apply our filter of system calls",
    "this runtime may let a program look at the runner and exceed the limits of its scratch folder",
];

/// Who made a container, for [`Backend::sweep`].
const OWNER_LABEL: &str = "portcullis.owner";
const RUN_LABEL: &str = "portcullis.run";
const NAME_LABEL: &str = "portcullis.label";

#[derive(Debug, Clone)]
pub(super) struct Docker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    image: Image,
    /// As configured; `None` is the engine's default.
    runtime: Option<String>,
    runner: Runner,
    /// The system calls that a container may make, as the engine takes it.
    filter: String,
    capabilities: Capabilities,
    cases_per_sandbox: u32,
    /// Whether a container that has ended can be started a second time here.
    starts_anew: AtomicBool,
    owner: Owner,
    /// What goes on although nobody waits for it: openings that were dropped half-way, which would
    /// leave a container behind, and removals of containers that were dropped.
    background: TaskTracker,
}

#[derive(Debug, Clone)]
struct Image {
    name: String,
    /// `sha256:…` of the image's configuration: what is run, whatever the name means later.
    id: String,
}

impl Docker {
    /// Connects, sees that the image is there (or pulls it), and tries a container out.
    pub(super) async fn new(
        settings: &Settings,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Self, SandboxError> {
        let (client, address) = connect(settings.engine.as_deref())?;
        let client = greet(client, &address).await?;
        let info = call(&client, "describe itself", CALL, client.info()).await?;
        let image = find_image(&client, &settings.image, progress).await?;
        let mut shared = Shared {
            capabilities: capabilities(&info, &image, settings.runtime.as_deref()),
            client,
            image,
            runtime: settings.runtime.clone(),
            runner: Runner::text(),
            filter: seccomp::engine_profile(info.architecture.as_deref()).to_string(),
            cases_per_sandbox: settings.reuse.cases_per_sandbox(),
            starts_anew: AtomicBool::new(true),
            owner: Owner::this_process(),
            background: TaskTracker::new(),
        };
        let greeting = shared.try_out().await.map_err(|error| {
            let image = &shared.image.name;
            SandboxError::Unavailable(format!("a container of `{image}` cannot be used: {error}"))
        })?;
        shared.capabilities.details.push(("python".to_owned(), greeting.python_version().to_owned()));
        // The image is named by its digest from here on, so its interpreter stays the same.
        shared.runner = Runner::compiled(greeting);
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// The client and the address as people know it. Nothing is sent yet.
fn connect(engine: Option<&str>) -> Result<(Client, String), SandboxError> {
    let from_environment = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let address = engine.map(str::to_owned).or(from_environment);
    let address = address.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
    match Client::connect_with_host(&address) {
        Ok(client) => Ok((client, address)),
        Err(error) => Err(no_engine(&address, &with_causes(&error))),
    }
}

async fn greet(client: Client, address: &str) -> Result<Client, SandboxError> {
    match timeout(GREETING, client.negotiate_version()).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(no_engine(address, &with_causes(&error))),
        Err(_) => Err(no_engine(address, &format!("no answer within {} s", GREETING.as_secs()))),
    }
}

fn no_engine(address: &str, cause: &dyn Display) -> SandboxError {
    SandboxError::Unavailable(format!(
        "no Docker engine answers at `{address}` ({cause}): install `docker.io` and start it, let this user \
         use its socket, or choose the namespaces sandbox"
    ))
}

async fn find_image(
    client: &Client,
    name: &str,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Image, SandboxError> {
    let inspect = || async {
        let inspected = async {
            match client.inspect_image(name).await {
                Ok(image) => Ok(image.id),
                Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        call(client, "find the image", CALL, inspected).await
    };
    if let Some(id) = inspect().await? {
        return Ok(Image { name: name.to_owned(), id });
    }
    progress(&format!("pulling the image `{name}`"));
    pull(client, name, progress).await.map_err(|cause| {
        SandboxError::Unavailable(format!(
            "the image `{name}` is not there and cannot be pulled ({cause}): pull or import it, or name \
             another one that has `python3`"
        ))
    })?;
    match inspect().await? {
        Some(id) => Ok(Image { name: name.to_owned(), id }),
        None => Err(SandboxError::Unavailable(format!("the image `{name}` was pulled and is not there"))),
    }
}

async fn pull(client: &Client, name: &str, progress: &(dyn Fn(&str) + Send + Sync)) -> Result<(), String> {
    // Without a tag the engine would pull every tag there is.
    let tagged = if name.rsplit('/').next().is_some_and(|last| last.contains([':', '@'])) {
        name.to_owned()
    } else {
        format!("{name}:latest")
    };
    let options = CreateImageOptions { from_image: Some(tagged), ..CreateImageOptions::default() };
    let mut steps = client.create_image(Some(options), None, None);
    let mut last = String::new();
    loop {
        match timeout(PULL, steps.next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(step))) => {
                let text = [step.id, step.status].into_iter().flatten().collect::<Vec<_>>().join(" ");
                // The engine repeats itself many times a second.
                if text != last {
                    progress(&text);
                    last = text;
                }
            }
            Ok(Some(Err(error))) => return Err(with_causes(&error)),
            Err(_) => return Err(format!("nothing happened for {} s", PULL.as_secs())),
        }
    }
}

/// What this engine can keep of our promises.
fn capabilities(info: &SystemInfo, image: &Image, runtime: Option<&str>) -> Capabilities {
    let mut weaknesses = Vec::new();
    let mut require = |there: bool, weakness: &str| {
        if !there {
            weaknesses.push(weakness.to_owned());
        }
    };
    require(info.memory_limit == Some(true), "this engine cannot limit memory");
    require(info.swap_limit == Some(true), "this engine cannot limit swap, so a program may use more memory");
    require(info.pids_limit == Some(true), "this engine cannot limit processes");
    require(info.cpu_cfs_quota == Some(true), "this engine cannot limit a program to one processor");
    let options = info.security_options.as_deref().unwrap_or_default();
    require(
        options.iter().any(|option| option.contains("seccomp")),
        "this engine cannot filter system calls",
    );
    let runtime = runtime.or(info.default_runtime.as_deref()).unwrap_or_default();
    for weakness in WEAKNESSES_OF_RUNSC {
        require(!runtime.contains("runsc"), weakness);
    }
    let detail = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Capabilities {
        backend: "docker".to_owned(),
        isolation: if weaknesses.is_empty() { IsolationLevel::Full } else { IsolationLevel::Reduced },
        weaknesses,
        details: vec![
            detail("engine", info.server_version.as_deref().unwrap_or_default()),
            detail("runtime", runtime),
            detail(
                "control groups",
                &format!(
                    "version {}",
                    match info.cgroup_version {
                        Some(version) => version.to_string(),
                        None => "1".to_owned(),
                    }
                ),
            ),
            detail("image", &image.name),
            detail("image id", &image.id),
        ],
    }
}

#[async_trait]
impl Backend for Docker {
    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        call(&self.shared.client, "answer", GREETING, self.shared.client.ping()).await?;
        Ok(self.shared.capabilities.clone())
    }

    async fn open(&self, spec: &SessionSpec) -> Result<Box<dyn Session>, SandboxError> {
        spec.without_network("docker")?;
        let (containers, spec) = (Containers::new(Arc::clone(&self.shared)), spec.clone());
        let (to_us, opened) = oneshot::channel();
        self.shared.background.spawn(async move {
            // What came of it when nobody waits any more is closed again.
            if let Err(Ok(session)) = to_us.send(WarmSession::open(containers, &spec).await) {
                let _ = Box::new(session).close().await;
            }
        });
        match opened.await {
            Ok(session) => Ok(Box::new(session?)),
            Err(lost) => Err(SandboxError::Failed { doing: "open a container", cause: lost.to_string() }),
        }
    }

    async fn settle(&self) {
        settle(&self.shared.background).await;
    }

    async fn sweep(&self) -> Result<SweepReport, SandboxError> {
        let filters = HashMap::from([("label".to_owned(), vec![OWNER_LABEL.to_owned()])]);
        let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        let client = &self.shared.client;
        let containers = call(client, "list containers", CALL, client.list_containers(Some(options))).await?;
        let mut report = SweepReport::default();
        for container in containers {
            let Some(id) = container.id else { continue };
            let labels = container.labels.unwrap_or_default();
            let owner = labels.get(OWNER_LABEL).and_then(|owner| owner.parse::<Owner>().ok());
            if owner.is_none_or(|owner| self.shared.owner.sees(&owner) != Liveness::Dead) {
                continue;
            }
            let shown = shown(&id);
            match remove(client, &id).await {
                Ok(()) => report.removed.push(shown),
                Err(error) => report.left.push(format!("{shown}: {error}")),
            }
        }
        Ok(report)
    }
}

impl Shared {
    /// Opens a container and closes it.
    async fn try_out(&self) -> Result<Greeting, SandboxError> {
        let (sandbox, greeting) = self.launch(&SessionSpec::trial("")).await?;
        Box::new(sandbox).destroy().await;
        Ok(greeting)
    }
}

/// An error with its causes: the first says only that the client failed, the last says why.
fn with_causes(error: &ApiError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn failed(doing: &'static str, error: &ApiError) -> SandboxError {
    SandboxError::Failed { doing, cause: with_causes(error) }
}
