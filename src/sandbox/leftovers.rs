//! What sandboxes leave outside of themselves: where temporary folders of ours lie, the removal of one
//! sandbox's folder and control group, and what dead makers left.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{Statfs, TMPFS_MAGIC, statfs};
use nix::unistd::AccessFlags;

use super::cgroup::Group;
use super::owner::{Liveness, Owner};
use super::{SandboxError, SweepReport, failed};

/// A file system in memory that everybody may write to, on any Linux that is set up as usual.
const MEMORY: &str = "/dev/shm";

/// So much must be free in [`MEMORY`]; what a sandbox keeps there is little more than its source.
const ROOM_BYTES: u64 = 64 * 1024 * 1024;

/// The place for what is made and removed for each sandbox. In memory that takes microseconds, on a
/// disk milliseconds, and longer where a disk is told of each block that became free.
pub(super) fn quick_place() -> PathBuf {
    let is_roomy = |stat: Statfs| {
        let block = u64::try_from(stat.block_size()).unwrap_or_default();
        stat.filesystem_type() == TMPFS_MAGIC && stat.blocks_available().saturating_mul(block) >= ROOM_BYTES
    };
    let is_writable = || nix::unistd::access(MEMORY, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if statfs(MEMORY).is_ok_and(is_roomy) && is_writable() { MEMORY.into() } else { std::env::temp_dir() }
}

/// The folders whose names begin with `prefix`, that belong to our user, and whose maker is dead, as
/// far as `us` can see. `maker` reads who made one from its path and the rest of its name.
pub(super) fn abandoned(
    prefix: &str,
    us: &Owner,
    maker: impl Fn(&Path, &str) -> Option<Owner>,
) -> Vec<PathBuf> {
    let user = nix::unistd::geteuid().as_raw();
    // Both: where a folder lies is decided when it is made.
    let places = BTreeSet::from([PathBuf::from(MEMORY), std::env::temp_dir()]);
    let entries = places.into_iter().flat_map(fs::read_dir).flatten().flatten();
    let found = entries.filter_map(|entry| {
        let (name, path) = (entry.file_name(), entry.path());
        let rest = name.to_str()?.strip_prefix(prefix)?;
        // A name is easily forged, an owner is not.
        let is_ours = fs::symlink_metadata(&path).is_ok_and(|folder| folder.is_dir() && folder.uid() == user);
        let is_dead = || maker(&path, rest).is_some_and(|maker| us.sees(&maker) == Liveness::Dead);
        (is_ours && is_dead()).then_some(path)
    });
    found.collect()
}

/// Removes such a folder and says so.
pub(super) fn remove(folder: &Path, report: &mut SweepReport) {
    let shown = format!("folder {}", folder.display());
    match fs::remove_dir_all(folder) {
        Ok(()) => report.removed.push(shown),
        Err(error) => report.left.push(format!("{shown}: {error}")),
    }
}

/// Removes the control group and the folder of a sandbox whose processes have ended.
pub(super) async fn forget(
    group: Option<Group>,
    remove_folder: impl FnOnce() -> io::Result<()> + Send + 'static,
    report: &mut SweepReport,
) {
    let removal = move || (group.map_or(Ok(()), Group::remove), remove_folder());
    match tokio::task::spawn_blocking(removal).await {
        Ok((group, folder)) => {
            let errors = [group, folder].into_iter().filter_map(Result::err);
            report.left.extend(errors.map(|error| error.to_string()));
        }
        Err(error) => report.left.push(error.to_string()),
    }
}

/// Sweeps on a thread that may block.
pub(super) async fn sweep(
    sweep: impl FnOnce() -> SweepReport + Send + 'static,
) -> Result<SweepReport, SandboxError> {
    tokio::task::spawn_blocking(sweep).await.map_err(|error| failed("sweep", &error))
}
