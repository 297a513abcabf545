//! Folders of ours among the temporary ones, and those whose makers are dead.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::SweepReport;
use super::owner::{Liveness, Owner};

/// The folders whose names begin with `prefix`, that belong to our user, and whose maker is dead, as
/// far as `us` can see. `maker` reads who made one from its path and the rest of its name.
pub(super) fn abandoned(
    prefix: &str,
    us: &Owner,
    maker: impl Fn(&Path, &str) -> Option<Owner>,
) -> Vec<PathBuf> {
    let user = nix::unistd::geteuid().as_raw();
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
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
