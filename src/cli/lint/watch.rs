//! Waits until something changes that a run of the gate is about.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Context as _;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// An editor writes a file in several steps; they count as one change.
const QUIET: Duration = Duration::from_millis(80);

/// Watches the files and folders that were named on the command line.
#[derive(Debug)]
pub(super) struct Watch {
    /// Dropping it ends the watch.
    _watcher: RecommendedWatcher,
    events: Receiver<notify::Result<notify::Event>>,
    paths: Vec<PathBuf>,
}

impl Watch {
    /// # Errors
    /// One sentence that names the path that cannot be watched.
    pub(super) fn new(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let (sender, events) = channel();
        let mut watcher = notify::recommended_watcher(sender).context("cannot watch files here")?;
        let mut watched = Vec::new();
        for path in paths {
            let shown = path.display();
            let path = path.canonicalize().with_context(|| format!("cannot watch `{shown}`"))?;
            // Many editors write a new file and rename it, so a file is watched through its folder.
            let (place, mode) = match path.parent() {
                Some(folder) if path.is_file() => (folder, RecursiveMode::NonRecursive),
                _ => (&*path, RecursiveMode::Recursive),
            };
            watcher.watch(place, mode).with_context(|| format!("cannot watch `{shown}`"))?;
            watched.push(path);
        }
        Ok(Self { _watcher: watcher, events, paths: watched })
    }

    /// Returns when something changed and then nothing did for a moment.
    ///
    /// # Errors
    /// When the system cannot watch any longer.
    pub(super) fn wait(&self) -> anyhow::Result<()> {
        loop {
            let event = self.events.recv().context("the watch ended")?;
            if self.is_ours(event)? {
                break;
            }
        }
        loop {
            match self.events.recv_timeout(QUIET) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(error) => return Err(error).context("the watch ended"),
            }
        }
    }

    fn is_ours(&self, event: notify::Result<notify::Event>) -> anyhow::Result<bool> {
        let event = event.context("cannot watch files any longer")?;
        let is_change = !matches!(event.kind, EventKind::Access(_));
        let is_named = |path: &Path| self.paths.iter().any(|ours| path.starts_with(ours));
        Ok(is_change && event.paths.iter().any(|path| is_named(path)))
    }
}
