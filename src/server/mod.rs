//! The platform: takes uploads through the gate, lends them to validators, shows the ranking.
//!
//! [`bind`] opens the data folder and the listener; [`Running::serve_until`] answers until it is
//! told to stop and then finishes what is in flight. A route is a file in `routes/` and a line in
//! `openapi.rs`.

mod acts;
mod auth;
mod cache;
mod changes;
mod connections;
mod document;
mod error;
mod extract;
mod follow;
mod following;
mod form;
mod front;
mod gate;
mod identity;
mod intake;
mod limits;
mod listen;
mod metrics;
mod openapi;
mod pages;
mod paging;
mod results;
mod routes;
mod settings;
mod state;
mod validation;
mod views;
mod workers;

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::net::TcpListener;

pub use limits::UploadLimits;
pub use settings::{Identity, Settings};

use crate::config::{Bucket, Secret, SecretError, Tokens, TokensError};
use crate::queue::{Queue, QueueError};
use crate::store::{AgentFiles, Blobs, Objects, Page, Store, StoreError};
use crate::task::{self, Task};
use state::{App, MinerLocks, Shared};

/// Why the platform cannot start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on `{address}`")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot use the data folder `{name}`")]
    Data { name: String, source: io::Error },
    #[error("another platform uses the data folder `{name}`")]
    InUse { name: String },
    #[error("there is no task to compete in")]
    NoTasks,
    #[error("the quorum must be at least 1")]
    NoQuorum,
    #[error(transparent)]
    Token(#[from] SecretError),
    #[error("bridge mode needs a file with the tokens of the upstreams")]
    NoUpstream,
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// A platform that holds its port and its data folder and can begin to answer.
#[derive(Debug)]
pub struct Running {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    front: front::Front,
    connections: Option<usize>,
    /// Held for as long as the folder is ours.
    _lock: File,
}

/// Opens the data folder, brings the database up to date, mends what a crash left behind and
/// takes the port.
///
/// # Errors
/// One sentence about the thing that is in the way.
pub async fn bind(settings: Settings) -> Result<Running, ServeError> {
    // Uploads are single files; bundles are for the service.
    let (bundles, mut tasks): (Vec<Task>, Vec<Task>) =
        settings.tasks.into_iter().partition(|task| task.kind.bundle().is_some());
    if tasks.is_empty() {
        return Err(ServeError::NoTasks);
    }
    if settings.quorum == 0 {
        return Err(ServeError::NoQuorum);
    }
    if settings.identity == Identity::Bridge && settings.upstreams.is_none() {
        return Err(ServeError::NoUpstream);
    }
    let lock = take_folder(&settings.data)?;
    let store = match &settings.database {
        Some(url) => Store::open_url(url).await?,
        None => Store::open_file(&settings.data.join("platform.sqlite")).await?,
    };
    let token_file = settings.token_file.unwrap_or_else(|| settings.data.join("validator.token"));
    let seed = match settings.seed {
        Some(seed) => seed,
        None => task::seed_of(Secret::read_or_generate(&settings.data.join("round.seed"))?.reveal()),
    };
    tasks.sort_by(|a, b| a.id.cmp(&b.id));
    let (blobs, files) = open_files(&settings.data, settings.bucket.as_ref(), &store).await?;
    let platform = validation::platform_of(&settings.data)
        .map_err(|source| ServeError::Data { name: settings.data.display().to_string(), source })?;
    let jobs = validation::Jobs::new(validation::Parts {
        store: store.clone(),
        platform,
        policy: Arc::clone(&settings.policy),
        bundles,
        queue: settings.validation_queue,
        clock: Arc::clone(&settings.clock),
    });
    let app = App::new(Shared {
        queue: Queue::new(store.clone(), Arc::clone(&settings.clock), settings.rules),
        store,
        blobs,
        files,
        max_upload: settings.policy.limits.source_bytes,
        jobs,
        gate: gate::Gate::new(settings.policy, settings.gate_queue),
        clock: settings.clock,
        tasks,
        token: Secret::read_or_generate(&token_file)?,
        seed,
        validators: settings.validators.map(Tokens::read).transpose()?,
        upstreams: settings.upstreams.map(Tokens::read).transpose()?,
        pool: settings.pool,
        rewards: settings.rewards,
        unit: settings.unit,
        quorum: settings.quorum,
        locks: MinerLocks::new(),
        following: following::Following::default(),
        shelf: settings.shelf,
        identity: settings.identity,
        limits: limits::Limits::new(settings.limits),
        quota: settings.quota,
        metrics: metrics::Metrics::new(settings.log_errors),
        changes: changes::Changes::new(),
        stopping: AtomicBool::new(false),
    });
    mend(&app).await?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|source| ServeError::Listen { address: settings.listen, source })?;
    app.jobs.resume().await?;
    let address =
        listener.local_addr().map_err(|source| ServeError::Listen { address: settings.listen, source })?;
    let router = openapi::router(app.clone());
    let front = front::Front::new(app.clone(), router, settings.request_timeout);
    Ok(Running { listener, address, app, front, connections: settings.connections, _lock: lock })
}

impl Running {
    /// Where it listens; with the port that was taken when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What validators show on the internal routes.
    pub fn token(&self) -> &Secret {
        &self.app.token
    }

    /// Answers requests until `shutdown` is done, then takes no new connection, finishes the
    /// requests in flight and closes the database.
    ///
    /// # Errors
    /// When the listener fails for good.
    pub async fn serve_until(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        let upkeep = tokio::spawn(upkeep(self.app.clone()));
        let following =
            [tokio::spawn(follow::agents(self.app.clone())), tokio::spawn(follow::sources(self.app.clone()))];
        let app = self.app.clone();
        let told = async move {
            shutdown.await;
            app.stop();
        };
        listen::serve(self.listener, self.front, self.app.clone(), self.connections, told).await;
        upkeep.abort();
        // It was aborted on purpose; a panic in it was logged by the runtime's hook.
        let _ = upkeep.await;
        self.app.following.end();
        for task in following {
            // As above.
            let _ = task.await;
        }
        self.app.store.close().await;
        Ok(())
    }
}

/// Where the sources and the current agents lie: in the bucket, else in the data folder.
async fn open_files(
    data: &Path,
    bucket: Option<&Bucket>,
    store: &Store,
) -> Result<(Blobs, AgentFiles), StoreError> {
    if let Some(bucket) = bucket {
        let objects = Objects::in_bucket(bucket)?;
        objects.ping().await?;
        return Ok((Blobs::new(objects.below("sources")), AgentFiles::new(objects.below("agents"))));
    }
    let (sources, agents) = (data.join("sources"), data.join("agents"));
    // The database is the truth of what lies in `agents`: the next start mends what a power cut took.
    let blobs = Blobs::in_folder(&sources)?.with_shelf(store);
    let opened = (blobs, AgentFiles::new(Objects::in_folder_unsynced(&agents)?));
    Blobs::sweep(&sources)?;
    AgentFiles::sweep(&agents)?;
    Ok(opened)
}

/// Makes the folder and takes it for this process alone, for as long as the file is held.
///
/// # Errors
/// When it cannot be made, or another platform has it.
pub fn take_folder(folder: &Path) -> Result<File, ServeError> {
    let name = folder.display().to_string();
    let failed = |source| ServeError::Data { name: name.clone(), source };
    // Sources and the token are nobody else's business.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(ServeError::InUse { name }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// A crash between the database and the files left the files behind: let them follow.
async fn mend(app: &App) -> Result<(), StoreError> {
    follow::settle(app).await;
    let mut page = Page { after: None, limit: 256 };
    loop {
        let agents = app.store.currents(&page).await?;
        let Some(last) = agents.last() else { return Ok(()) };
        page.after = Some(last.miner.clone());
        for agent in &agents {
            let _one_at_a_time = app.locks.lock(&agent.miner).await;
            if let Err(error) = app.files.mend(&app.store, &app.blobs, agent).await {
                // One lost blob must not keep everybody else's platform down.
                tracing::error!(miner = %agent.miner, error = %error, "cannot mend the files of an agent");
            }
        }
    }
}

/// Takes back overdue work even when no validator asks for any.
async fn upkeep(app: App) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    loop {
        ticks.tick().await;
        app.limits.forget();
        for tokens in [&app.validators, &app.upstreams].into_iter().flatten() {
            // Who was added can come now, and who was removed cannot.
            if let Err(error) = tokens.refresh() {
                tracing::error!(error = %error, "the tokens stay as they were");
            }
        }
        if let Err(error) = app.store.forget_nonces(app.clock.now()).await {
            tracing::error!(error = %error, "cannot forget old nonces");
        }
        if let Err(error) = app.jobs.forget().await {
            tracing::error!(error = %error, "cannot forget old validations");
        }
        match app.queue.expire().await {
            Ok(0) => {}
            Ok(ended) => {
                app.changes.tell();
                app.metrics.expired(ended);
                tracing::warn!(ended, "validators did not answer in time; their work was requeued");
            }
            Err(error) => tracing::error!(error = %error, "cannot take back overdue work"),
        }
    }
}
