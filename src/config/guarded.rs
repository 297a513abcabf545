//! Files that others must not read or write.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Bits of a file's mode: anything for anybody but the owner.
pub(super) const OTHERS: u32 = 0o077;
/// Bits of a file's mode: writing for anybody but the owner.
pub(super) const OTHERS_WRITING: u32 = 0o022;

pub(super) enum Unread {
    /// Its mode has a bit that it must not have.
    Exposed,
    Failed(io::Error),
}

/// The first `most` bytes of a text whose mode has no bit of `forbidden`.
pub(super) fn read(path: &Path, forbidden: u32, most: u64) -> Result<String, Unread> {
    let file = File::open(path).map_err(Unread::Failed)?;
    // Of the file that is open, which nobody can exchange any more.
    if file.metadata().map_err(Unread::Failed)?.permissions().mode() & forbidden != 0 {
        return Err(Unread::Exposed);
    }
    let mut text = String::new();
    file.take(most).read_to_string(&mut text).map_err(Unread::Failed)?;
    Ok(text)
}

/// Writes a line to a file that is not there yet and that its owner alone may read, not even others
/// for a moment.
pub(super) fn create(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()
}
