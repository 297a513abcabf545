//! Which files a run of the gate is about, and their bytes, never more than the gate looks at.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use anyhow::{Context as _, bail};
use ignore::WalkState;

use crate::diagnostic::visible;

/// One thing to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Stdin,
    /// A file that was named on the command line, whatever its name ends in.
    Named(PathBuf),
    /// A `.py` file of a folder that was named.
    Found(PathBuf),
}

/// A path that could not be checked, and why.
#[derive(Debug)]
pub(super) struct Unchecked {
    pub(super) path: String,
    pub(super) error: anyhow::Error,
}

/// The bytes of an input.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// Whether `bytes` is all of it. If not, it is one byte more than the limit.
    pub(super) whole: bool,
}

impl Input {
    /// As messages show it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Stdin => "<stdin>".to_owned(),
            Self::Named(path) | Self::Found(path) => shown(path),
        }
    }

    /// At most `limit` bytes and one more, which tells that there are more.
    ///
    /// # Errors
    /// One sentence that names the file, where it cannot be read, or is empty and was asked for.
    pub(super) fn read(&self, limit: usize) -> anyhow::Result<Content> {
        let (content, was_asked_for) = match self {
            Self::Stdin => {
                (bounded(io::stdin().lock(), limit, 0).context("cannot read the standard input")?, true)
            }
            Self::Named(path) => (read_file(path, limit)?, true),
            Self::Found(path) => (read_file(path, limit)?, false),
        };
        // An empty `__init__.py` of a folder is honest; an empty file that somebody names is a slip.
        if content.bytes.is_empty() && was_asked_for {
            match self {
                Self::Stdin => bail!("the standard input is empty"),
                Self::Named(path) | Self::Found(path) => bail!("{} is empty", quoted(path)),
            }
        }
        Ok(content)
    }
}

fn read_file(path: &Path, limit: usize) -> anyhow::Result<Content> {
    let read = || {
        let file = File::open(path)?;
        // One byte more shows the end with the first read.
        let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        bounded(file, limit, size.min(limit).saturating_add(1))
    };
    read().with_context(|| format!("cannot read {}", quoted(path)))
}

/// At most `limit` bytes and one more; probably about `size`.
fn bounded(from: impl Read, limit: usize, size: usize) -> io::Result<Content> {
    let mut bytes = Vec::with_capacity(size);
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    let whole = bytes.len() <= limit;
    Ok(Content { bytes, whole })
}

fn shown(path: &Path) -> String {
    path.strip_prefix("./").unwrap_or(path).display().to_string()
}

/// For an error. A file's name is its author's text too.
fn quoted(path: &Path) -> String {
    format!("`{}`", visible(&shown(path)))
}

/// The inputs that `paths` mean, sorted, each once; and one error for each path that means nothing.
/// A folder means its `.py` files but those that `.gitignore` and its kin leave out, hidden ones,
/// and links.
pub(super) fn collect(paths: &[PathBuf]) -> (Vec<Input>, Vec<Unchecked>) {
    let mut inputs = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            inputs.push(Input::Stdin);
            continue;
        }
        match std::fs::metadata(path).with_context(|| format!("cannot read {}", quoted(path))) {
            Ok(kind) if kind.is_dir() => match walk(path) {
                Ok(found) => inputs.extend(found),
                Err(error) => errors.push(Unchecked { path: shown(path), error }),
            },
            Ok(_) => inputs.push(Input::Named(path.clone())),
            Err(error) => errors.push(Unchecked { path: shown(path), error }),
        }
    }
    inputs.sort_by_cached_key(Input::shown);
    inputs.dedup_by_key(|input| input.shown());
    (inputs, errors)
}

fn walk(folder: &Path) -> anyhow::Result<Vec<Input>> {
    let (send, receive) = mpsc::channel();
    // Listing a folder can take as long as checking a third of it, so it is spread over the cores too.
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    ignore::WalkBuilder::new(folder).require_git(false).threads(cores).build_parallel().run(|| {
        let send = send.clone();
        Box::new(move |entry| {
            let is_python = |entry: &ignore::DirEntry| {
                entry.file_type().is_some_and(|kind| kind.is_file())
                    && entry.path().extension().is_some_and(|extension| extension == "py")
            };
            if entry.as_ref().map_or(true, is_python) {
                // Nobody stops listening before the walk is over.
                let _ = send.send(entry.map(ignore::DirEntry::into_path));
            }
            WalkState::Continue
        })
    });
    drop(send);
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for path in receive {
        match path {
            Ok(path) => found.push(Input::Found(path)),
            Err(error) => errors.push(error),
        }
    }
    // Always the same one, whatever was walked first.
    if let Some(error) = errors.into_iter().min_by_key(ToString::to_string) {
        return Err(error).with_context(|| format!("cannot walk {}", quoted(folder)));
    }
    if found.is_empty() {
        bail!("{} holds no Python file (`*.py`)", quoted(folder));
    }
    Ok(found)
}
