//! Reads one agent from the disk, bounded, with errors that name the file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::diagnostic::visible;

/// Far above any policy's limit, whose finding gives the better message; nothing larger is read.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// # Errors
/// One sentence, when it cannot be read, is no file, is empty, or is larger than any agent.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    // A file's name is its author's text too.
    let shown = path.display().to_string();
    let shown = visible(&shown);
    let file = File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    if file.metadata().with_context(|| format!("cannot read `{shown}`"))?.is_dir() {
        bail!("`{shown}` is a directory; an agent is one Python file");
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read `{shown}`"))?;
    if bytes.len() as u64 > MOST_BYTES {
        bail!("`{shown}` is larger than {} MiB, which no agent may be", MOST_BYTES >> 20);
    }
    if bytes.is_empty() {
        bail!("`{shown}` is empty");
    }
    Ok(bytes)
}
