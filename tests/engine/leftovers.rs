//! What is there when nothing should be: processes, containers, control groups, folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::World;

/// Whether this process has left anything behind.
pub(crate) fn check(world: &World) -> Result<(), String> {
    // A test that failed has dropped its session.
    for chosen in world.backends() {
        world.runtime.block_on(chosen.backend.settle());
    }
    // The folder that holds all others goes with its backend, which is still there.
    let bases = world.backends().count();
    let folders = folders_of(std::process::id());
    for folder in &folders {
        let inside = fs::read_dir(folder).into_iter().flatten().flatten();
        let inside: Vec<_> = inside.filter(|entry| entry.file_name() != "owner").collect();
        if !inside.is_empty() {
            return Err(format!("{inside:?}"));
        }
    }
    if folders.len() > bases {
        return Err(format!("{folders:?}"));
    }
    let mut left = helpers_below(std::process::id());
    left.extend(monitors_of(std::process::id()).into_iter().map(|pid| format!("machine monitor {pid}")));
    left.extend(groups_of(std::process::id()));
    left.extend(containers_of(std::process::id()));
    if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
}

/// Whether a process that is dead has left anything behind.
pub(crate) fn of_process(pid: u32) -> Result<(), String> {
    let mut left = groups_of(pid);
    left.extend(folders_of(pid).into_iter().map(|path| path.display().to_string()));
    left.extend(containers_of(pid));
    for (id, arguments) in processes() {
        let plan = arguments.get(2).filter(|_| arguments.iter().any(|word| word == "--sandbox-helper"));
        if plan.is_some_and(|plan| plan.contains(&mark(pid))) {
            left.push(format!("process {id}"));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
}

/// In the middle of every name of ours that belongs to a process.
fn mark(pid: u32) -> String {
    format!(".{pid}.")
}

/// Every process with its arguments.
pub(crate) fn processes() -> Vec<(u32, Vec<String>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        found.push((pid, words.collect()));
    }
    found.sort();
    found
}

/// The machine monitors that this process started.
pub(crate) fn monitors_of(parent: u32) -> Vec<u32> {
    let pids = processes().into_iter().map(|(pid, _)| pid);
    pids.filter(|pid| is_monitor(*pid) && parent_of(*pid) == Some(parent)).collect()
}

/// Whether it is one and runs.
pub(crate) fn is_monitor(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains("name=portcullis")
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn helpers_below(pid: u32) -> Vec<String> {
    let is_ours = |arguments: &[String]| {
        arguments.iter().any(|word| word == "--sandbox-helper")
            && arguments.get(2).is_some_and(|plan| plan.contains(&mark(pid)))
    };
    let all = processes().into_iter().filter(|(_, arguments)| is_ours(arguments));
    all.map(|(pid, arguments)| format!("process {pid} {arguments:?}")).collect()
}

fn groups_of(pid: u32) -> Vec<String> {
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/cgroup"), 6, &mut |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("portcullis-") && name.contains(&mark(pid)) {
            found.push(format!("control group {}", path.display()));
        }
    });
    found
}

fn walk(folder: &Path, depth: usize, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            visit(&entry.path());
            walk(&entry.path(), depth - 1, visit);
        }
    }
}

fn folders_of(pid: u32) -> Vec<PathBuf> {
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
    let entries = places.into_iter().flat_map(fs::read_dir).flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let owner = fs::read_to_string(path.join("owner")).unwrap_or_default();
            (name.starts_with("portcullis-") && name.contains(&mark(pid)))
                || (name.starts_with("portcullisvm-") && owner.contains(&mark(pid)))
        })
        .collect()
}

fn containers_of(pid: u32) -> Vec<String> {
    let format = "{{.ID}} {{.Label \"portcullis.owner\"}}";
    let listed = Command::new("docker")
        .args(["ps", "-a", "--filter", "label=portcullis.owner", "--format", format])
        .output();
    let Ok(listed) = listed else { return Vec::new() };
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|line| line.contains(&mark(pid)))
        .map(|line| format!("container {line}"))
        .collect()
}
