//! The process in which a namespace sandbox is made: this program again, started with one hidden
//! argument. Making namespaces forks without exec, which only a process with a single thread may
//! do, so it cannot happen in the validator itself.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use hakoniwa::landlock::{CompatMode, FsAccess, Resource, Ruleset};
use hakoniwa::{Container, MountOptions, Namespace, Rlimit, Runctl};
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Uid};
use serde::{Deserialize, Serialize};

use super::confine;
use crate::sandbox::wire::AGENT_PATH;

/// The first argument that makes this program a helper.
pub(super) const ARGUMENT: &str = "--sandbox-helper";

/// The user that a program sees itself as. It owns nothing but its scratch folder.
const INSIDE_UID: u32 = 1000;

/// What to make, in a file that only we and the helper can read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// An empty folder for the mount points.
    pub(super) root: PathBuf,
    /// The checked source.
    pub(super) agent: PathBuf,
    /// Of the host, read-only, at the same place.
    pub(super) needs: Vec<PathBuf>,
    pub(super) python: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) scratch_kib: u64,
    pub(super) scratch_files: u64,
    /// Only for root: the user to become, and an empty folder to make files reachable for it.
    pub(super) become_user: Option<BecomeUser>,
    /// Files of control groups to enter.
    pub(super) doors: Vec<PathBuf>,
    pub(super) landlock: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BecomeUser {
    pub(super) uid: u32,
    pub(super) stage: PathBuf,
}

/// Whether this process was started as a helper.
pub fn helper_requested() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT)
}

/// The helper's `main`. What fails is said on stderr, where the validator reads it.
#[expect(clippy::print_stderr, reason = "this process has no other voice, and its stdout is the runner's")]
pub fn helper_main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let path = std::env::args_os().nth(2).context("the helper needs the path of its plan")?;
    let text = fs::read(&path).context("cannot read the helper's plan")?;
    let mut plan: Plan = serde_json::from_slice(&text).context("the helper's plan makes no sense")?;
    for door in &plan.doors {
        fs::write(door, "0").with_context(|| format!("cannot enter `{}`", door.display()))?;
    }
    let mut sources = plan.needs.clone();
    if let Some(user) = plan.become_user.take() {
        stage(&mut sources, &user.stage)?;
        become_user(user.uid)?;
    }
    let container = container(&plan, &sources)?;
    let program = path_string(&plan.python)?;
    let arguments: Vec<CString> = std::iter::once(program.as_bytes())
        .chain(plan.arguments.iter().map(String::as_bytes))
        .map(CString::new)
        .collect::<Result<_, _>>()?;
    let mut command = confine::command(&container, CString::new(program)?, arguments)?;
    command.current_dir("/tmp");
    let status = command.status().context("cannot make the sandbox")?;
    // The runner's own end is 0; anything else is a report of what could not be made.
    if status.code != 0 {
        anyhow::bail!("{}", status.reason);
    }
    Ok(ExitCode::SUCCESS)
}

/// Binds what the sandbox needs to where its future user can reach it (an interpreter in root's
/// home cannot be). The mounts belong to this process's own mount namespace and go with it.
fn stage(sources: &mut [PathBuf], stage: &Path) -> anyhow::Result<()> {
    let none = None::<&str>;
    nix::sched::unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    nix::mount::mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("cannot make mounts private")?;
    for (number, source) in sources.iter_mut().enumerate() {
        if fs::symlink_metadata(&*source)?.is_symlink() {
            continue;
        }
        let target = stage.join(number.to_string());
        if source.is_dir() {
            fs::create_dir(&target)?;
        } else {
            fs::write(&target, "")?;
        }
        nix::mount::mount(Some(&*source), &target, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
            .with_context(|| format!("cannot bind `{}`", source.display()))?;
        *source = target;
    }
    Ok(())
}

fn become_user(uid: u32) -> anyhow::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(uid));
    nix::unistd::setgroups(&[])?;
    nix::unistd::setresgid(gid, gid, gid)?;
    nix::unistd::setresuid(uid, uid, uid)?;
    // The change of user made /proc/self root's, and the user map could not be written.
    nix::sys::prctl::set_dumpable(true)?;
    Ok(())
}

fn container(plan: &Plan, sources: &[PathBuf]) -> anyhow::Result<Container> {
    let mut container = Container::new();
    container
        .rootdir(&plan.root)
        .unshare(Namespace::Network)
        .unshare(Namespace::Ipc)
        .unshare(Namespace::Uts)
        .unshare(Namespace::Cgroup)
        .hostname("sandbox")
        .uidmap(INSIDE_UID)
        .gidmap(INSIDE_UID)
        .setrlimit(Rlimit::Core, 0, 0)
        .runctl(Runctl::MountFallback);
    let read_only = MountOptions::BIND
        | MountOptions::REC
        | MountOptions::RDONLY
        | MountOptions::NOSUID
        | MountOptions::NODEV;
    for (need, source) in plan.needs.iter().zip(sources) {
        let target = path_string(need)?;
        if fs::symlink_metadata(source)?.is_symlink() {
            container.symlink(path_string(&fs::read_link(source)?)?, target);
        } else {
            container.mount(path_string(source)?, target, "", read_only, None);
        }
    }
    let no_programs = read_only | MountOptions::NOEXEC;
    container.mount(path_string(&plan.agent)?, AGENT_PATH, "", no_programs, None);
    let device = MountOptions::BIND | MountOptions::NOSUID | MountOptions::NOEXEC;
    for path in DEVICES {
        container.mount(path, path, "", device, None);
    }
    let scratch = MountOptions::NOSUID | MountOptions::NODEV | MountOptions::NOEXEC;
    // The root of a tmpfs is an inode too.
    let (size, files) = (plan.scratch_kib, plan.scratch_files.saturating_add(1));
    let options = format!("size={size}k,nr_inodes={files},mode=1777");
    container.mount("scratch", "/tmp", "tmpfs", scratch, Some(options));
    // Without what /proc says of the machine and lets change on it.
    container.mount("proc", "/proc", "proc", scratch, Some("subset=pid".to_owned()));
    if plan.landlock {
        container.landlock_ruleset(landlock(plan)?);
    }
    Ok(container)
}

const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// The same walls once more, held by another part of the kernel.
fn landlock(plan: &Plan) -> anyhow::Result<Ruleset> {
    let mut rules = Ruleset::default();
    rules.restrict(Resource::FS, CompatMode::Enforce);
    let (read, write, execute) = (FsAccess::R, FsAccess::W, FsAccess::X);
    for need in &plan.needs {
        rules.allow_path(path_string(need)?, read | execute);
    }
    rules.allow_path(AGENT_PATH, read);
    rules.allow_path("/proc", read | write);
    rules.allow_path("/tmp", read | write);
    for device in DEVICES {
        rules.allow_path(device, read | write);
    }
    Ok(rules)
}

fn path_string(path: &Path) -> anyhow::Result<&str> {
    std::str::from_utf8(path.as_os_str().as_bytes())
        .with_context(|| format!("`{}` is not UTF-8", path.display()))
}
