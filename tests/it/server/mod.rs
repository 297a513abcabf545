//! The platform over HTTP, against a server that is really bound to a port.

mod again;
mod assignments;
mod documentation;
mod hostile;
mod identity;
mod lists;
mod pages;
mod ranking;
mod trust;
mod uploads;
mod validation;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use portcullis::api::{Problem, Uploaded};
use portcullis::client::{Client, ClientError};
use portcullis::queue::Clock;
use portcullis::server::{self, ServeError, Settings};
use portcullis::task;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::StillClock;
pub(crate) use crate::support::miner;
pub(crate) use assignments::result;

/// A platform on a free port of this machine, with the built-in tasks and a folder of its own.
pub(crate) struct Platform {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) client: Client,
    /// With the validators' token.
    pub(crate) inside: Client,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"), change).await
    }

    pub(crate) async fn in_folder(folder: TempDir, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = StillClock::new();
        let mut settings = settings(folder.path());
        settings.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        change(&mut settings);
        let running = server::bind(settings).await.expect("the platform starts");
        let url = running.url();
        let client = Client::new(&url).expect("a URL");
        let inside = client.clone().with_token(running.token());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(running.serve_until(async {
            // A dropped sender stops it too.
            let _ = stopped.await;
        }));
        Self { url, folder, clock, client, inside, stop: Some(stop), served }
    }

    /// Stops it in good order and hands back its folder.
    pub(crate) async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        (&mut self.served).await.expect("no panic").expect("a clean end");
        self.folder
    }

    pub(crate) async fn upload(&self, miner: &str, source: &str) -> Result<Uploaded, ClientError> {
        self.client.upload(miner, source.as_bytes().to_vec()).await
    }

    /// As [`kept`], now.
    pub(crate) fn kept(&self) -> Vec<String> {
        kept(self.folder.path())
    }

    pub(crate) fn file(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).expect("a file")
    }
}

pub(crate) fn settings(folder: &Path) -> Settings {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Settings::new(listen, folder.to_owned(), task::builtin().expect("built-in tasks"))
}

/// Every file of the platform in `root` but the database, the lock and the token, by its path.
pub(crate) fn kept(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["agents", "sources"] {
        walk(&root.join(folder), &mut files);
    }
    let mut names: Vec<String> = files
        .iter()
        .map(|path| path.strip_prefix(root).expect("below").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn walk(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, into);
        } else {
            into.push(path);
        }
    }
}

#[track_caller]
pub(crate) fn problem<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> Problem {
    match answer.expect_err("it is refused") {
        ClientError::Refused { problem } => *problem,
        error => panic!("not a problem: {error}"),
    }
}

/// A problem's name without what all have in common.
pub(crate) fn name(problem: &Problem) -> &str {
    problem.kind.strip_prefix("urn:portcullis:problem:").expect("one of ours")
}
