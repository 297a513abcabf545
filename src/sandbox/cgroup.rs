//! A control group of its own for each sandbox, on version 1 and version 2 of the interface.
//!
//! Three controllers and two counters by plain files: the crates for this bring an OCI
//! specification and a message bus with them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::SweepReport;
use super::owner::{Liveness, Owner};
use super::session::Counters;
use crate::model::Limits;

/// Every group of ours begins with this; the owner follows, then a number.
const PREFIX: &str = "portcullis-";
const PERIOD_US: u64 = 100_000;

/// Where groups can be made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hierarchy {
    V1 { memory: PathBuf, pids: PathBuf, cpu: Option<PathBuf> },
    V2 { parent: PathBuf },
}

/// Finds the place for groups, or says why there is none.
pub(super) fn find() -> Result<Hierarchy, String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
    let mut reasons = Vec::new();
    for hierarchy in candidates(&mounts, &own) {
        match hierarchy.try_out() {
            Ok(()) => return Ok(hierarchy),
            Err(reason) => reasons.push(reason),
        }
    }
    if reasons.is_empty() {
        reasons.push("no memory and pids controllers are mounted".to_owned());
    }
    Err(reasons.join("; "))
}

/// The places worth trying, best first, from `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn candidates(mounts: &str, own: &str) -> Vec<Hierarchy> {
    let own_path = |controller: &str| {
        own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            controllers.split(',').any(|name| name == controller).then(|| path.trim_start_matches('/'))
        })
    };
    // `… mount-point options … - type source super-options`
    let mounted: Vec<(&str, &str, &str)> = mounts
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mut right = right.split(' ');
            Some((left.split(' ').nth(4)?, right.next()?, right.nth(1).unwrap_or_default()))
        })
        .collect();
    let v1 = |controller: &str| {
        let (point, ..) = mounted
            .iter()
            .find(|(_, kind, options)| *kind == "cgroup" && options.split(',').any(|o| o == controller))?;
        Some(Path::new(point).join(own_path(controller)?))
    };
    let mut found = Vec::new();
    if let (Some(memory), Some(pids)) = (v1("memory"), v1("pids")) {
        found.push(Hierarchy::V1 { memory, pids, cpu: v1("cpu") });
    }
    if let Some((point, ..)) = mounted.iter().find(|(_, kind, _)| *kind == "cgroup2") {
        // A group that holds processes cannot share out controllers, so our own group serves only
        // when it was delegated empty; root can use the top.
        found.extend(own_path("").map(|path| Hierarchy::V2 { parent: Path::new(point).join(path) }));
        let top = Hierarchy::V2 { parent: PathBuf::from(point) };
        if !found.contains(&top) {
            found.push(top);
        }
    }
    found
}

impl Hierarchy {
    pub(super) fn version(&self) -> &'static str {
        match self {
            Self::V1 { .. } => "1",
            Self::V2 { .. } => "2",
        }
    }

    fn try_out(&self) -> Result<(), String> {
        let group = self.create(&Owner::this_process(), &Limits::default(), 0);
        group
            .map_err(|error| format!("cgroup v{}: {error}", self.version()))?
            .remove()
            .map_err(|e| e.to_string())
    }

    /// The folders in which groups of ours lie.
    fn parents(&self) -> Vec<&Path> {
        match self {
            Self::V1 { memory, pids, cpu } => {
                [Some(memory), Some(pids), cpu.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect()
            }
            Self::V2 { parent } => vec![parent],
        }
    }

    /// A new group with `limits`. `extra_processes` are our own in it, beside the agent's.
    pub(super) fn create(&self, owner: &Owner, limits: &Limits, extra_processes: u64) -> io::Result<Group> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{owner}.{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut group = Group { folders: Vec::new(), oom: PathBuf::new(), pids: PathBuf::new() };
        let bytes = limits.memory_kib.saturating_mul(1024).to_string();
        let processes = limits.processes.saturating_add(extra_processes).to_string();
        match self {
            Self::V1 { memory, pids, cpu } => {
                let folder = group.add(memory, &name)?;
                write(&folder, "memory.limit_in_bytes", &bytes)?;
                // Absent where the kernel does not account for swap; harmless where there is none.
                let swap = folder.join("memory.memsw.limit_in_bytes");
                if swap.exists() {
                    fs::write(swap, &bytes)?;
                }
                group.oom = folder.join("memory.oom_control");
                let folder = group.add(pids, &name)?;
                write(&folder, "pids.max", &processes)?;
                group.pids = folder.join("pids.events");
                if let Some(cpu) = cpu {
                    let folder = group.add(cpu, &name)?;
                    write(&folder, "cpu.cfs_period_us", &PERIOD_US.to_string())?;
                    write(&folder, "cpu.cfs_quota_us", &PERIOD_US.to_string())?;
                }
            }
            Self::V2 { parent } => {
                let shared = fs::read_to_string(parent.join("cgroup.subtree_control"))?;
                let has = |name| shared.split_ascii_whitespace().any(|word| word == name);
                if !(has("memory") && has("pids")) {
                    return Err(io::Error::other(format!(
                        "`{}` does not share out the memory and pids controllers",
                        parent.display()
                    )));
                }
                let folder = group.add(parent, &name)?;
                write(&folder, "memory.max", &bytes)?;
                let swap = folder.join("memory.swap.max");
                if swap.exists() {
                    fs::write(swap, "0")?;
                }
                write(&folder, "pids.max", &processes)?;
                if has("cpu") {
                    write(&folder, "cpu.max", &format!("{PERIOD_US} {PERIOD_US}"))?;
                }
                group.oom = folder.join("memory.events");
                group.pids = folder.join("pids.events");
            }
        }
        Ok(group)
    }

    /// Removes the groups whose makers are dead.
    pub(super) fn sweep(&self, us: &Owner, report: &mut SweepReport) {
        for parent in self.parents() {
            for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let owner = name.to_str().and_then(|name| {
                    let (owner, _) = name.strip_prefix(PREFIX)?.rsplit_once('.')?;
                    owner.parse::<Owner>().ok()
                });
                if owner.is_none_or(|owner| us.sees(&owner) != Liveness::Dead) {
                    continue;
                }
                let path = entry.path();
                match remove_folder(&path) {
                    Ok(()) => report.removed.push(format!("cgroup {}", path.display())),
                    Err(error) => report.left.push(format!("cgroup {}: {error}", path.display())),
                }
            }
        }
    }
}

/// The group of one sandbox, removed when dropped.
#[derive(Debug)]
pub(super) struct Group {
    folders: Vec<PathBuf>,
    oom: PathBuf,
    pids: PathBuf,
}

impl Group {
    fn add(&mut self, parent: &Path, name: &str) -> io::Result<PathBuf> {
        let folder = parent.join(name);
        // Controllers that are mounted together share the folder.
        if !self.folders.contains(&folder) {
            fs::create_dir(&folder)?;
            self.folders.push(folder.clone());
        }
        Ok(folder)
    }

    /// The files into which a process writes `0` to join.
    pub(super) fn doors(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.join("cgroup.procs")).collect()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            oom_kills: number(&self.oom, "oom_kill").unwrap_or_default(),
            process_limit_hits: number(&self.pids, "max").unwrap_or_default(),
        }
    }

    /// Ends whatever is still in it and removes it. Blocks for some milliseconds.
    pub(super) fn remove(mut self) -> io::Result<()> {
        self.remove_folders()
    }

    fn remove_folders(&mut self) -> io::Result<()> {
        while let Some(folder) = self.folders.last() {
            remove_folder(folder)?;
            self.folders.pop();
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What remains is found by the next sweep.
        let _ = self.remove_folders();
    }
}

/// A group can be removed once its last process is gone, which takes a moment after SIGKILL.
fn remove_folder(folder: &Path) -> io::Result<()> {
    let mut attempts = 0;
    loop {
        match fs::remove_dir(folder) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) && attempts < 200 => {
                attempts += 1;
                kill_members(folder);
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            done => return done,
        }
    }
}

fn kill_members(folder: &Path) {
    let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
    }
}

fn write(folder: &Path, file: &str, value: &str) -> io::Result<()> {
    fs::write(folder.join(file), value)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot set `{file}`: {error}")))
}

fn number(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_used_below_the_own_group_of_each_controller() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      31 23 0:27 / /sys/fs/cgroup/pids rw,relatime shared:3 - cgroup cgroup rw,pids\n";
        let own = "4:memory:/a/b\n8:pids:/\n0::/\n";
        let expected = Hierarchy::V1 {
            memory: "/sys/fs/cgroup/memory/a/b".into(),
            pids: "/sys/fs/cgroup/pids/".into(),
            cpu: None,
        };
        assert_eq!(candidates(mounts, own), [expected]);
    }

    #[test]
    fn version_2_tries_the_own_group_and_then_the_top() {
        let mounts = "26 25 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let places = candidates(mounts, "0::/user.slice/run-1.scope\n");
        let own = Hierarchy::V2 { parent: "/sys/fs/cgroup/user.slice/run-1.scope".into() };
        assert_eq!(places, [own, Hierarchy::V2 { parent: "/sys/fs/cgroup".into() }]);
    }

    #[test]
    fn nothing_mounted_is_nothing_to_try() {
        assert_eq!(candidates("22 1 0:20 / / rw - ext4 /dev/vda rw\n", "0::/\n"), []);
    }
}
