//! The embedded backend: Linux namespaces, a system call filter, Landlock, and control groups
//! where they can be had. Needs nothing but the kernel and an interpreter on the host.

mod confine;
mod helper;
mod python;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{self, BoxFuture};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use self::helper::{BecomeUser, Plan};
pub use self::helper::{helper_main, helper_requested};
use self::python::Python;
use super::cgroup::{self, Group, Hierarchy};
use super::leftovers;
use super::owner::Owner;
use super::session::{
    Counters, IDLE_S, Launch, Link, Sandbox, WarmSession, greeting_failed, read_words, settle,
};
use super::wire::{Greeting, Runner, RunnerConfig};
use super::{Backend, Capabilities, SandboxError, Session, SessionSpec, Settings, SweepReport, failed};
use crate::model::{IsolationLevel, Limits};

/// Every folder of ours begins with this; the owner follows, then something random.
const PREFIX: &str = "portcullis-";
/// In the group beside the agent's processes: the helper, its child, the runner.
const OURS_IN_GROUP: u64 = 3;
/// Counted against the user in its namespace beside the agent's: the helper's child, the runner.
const OURS_OF_USER: u64 = 2;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Namespaces {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    helper: PathBuf,
    python: Python,
    runner: Runner,
    /// Where groups can be made, or why not.
    groups: Result<Hierarchy, String>,
    landlock: bool,
    cases_per_sandbox: u32,
    background: TaskTracker,
    owner: Owner,
    is_root: bool,
    /// Holds a folder for each sandbox.
    base: TempDir,
}

impl Namespaces {
    /// Looks at this machine and tries a sandbox out.
    pub(super) async fn new(settings: &Settings) -> Result<Self, SandboxError> {
        let python = python::find(settings.python.as_deref()).await?;
        let owner = Owner::this_process();
        let is_root = nix::unistd::geteuid().is_root();
        let base = new_base(&owner, is_root).map_err(|error| failed("make a folder", &error))?;
        let groups = cgroup::find();
        if groups.is_err() && !counts_processes_by_namespace() {
            return Err(SandboxError::Unavailable(
                "the namespaces sandbox needs control groups here, because Linux before 5.14 cannot limit \
                 processes without them: run as root, or use Docker"
                    .to_owned(),
            ));
        }
        let helper = match &settings.helper {
            Some(path) => path.clone(),
            None => std::env::current_exe().map_err(|error| failed("find this program", &error))?,
        };
        let mut shared = Shared {
            helper,
            python,
            runner: Runner::text(),
            groups,
            landlock: true,
            cases_per_sandbox: settings.reuse.cases_per_sandbox(),
            background: TaskTracker::new(),
            owner,
            is_root,
            base,
        };
        let mut tried = try_out(&shared).await;
        if tried.as_ref().is_err_and(|error| error.to_string().contains("Filesystem restrictions")) {
            shared.landlock = false;
            tried = try_out(&shared).await;
        }
        // An interpreter that is replaced while we run sees that this is not for it.
        shared.runner = Runner::compiled(tried.map_err(explain)?);
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// Opens a sandbox and closes it.
async fn try_out(shared: &Shared) -> Result<Greeting, SandboxError> {
    let (sandbox, greeting) = shared.launch(&SessionSpec::trial("")).await?;
    Box::new(sandbox).destroy().await;
    Ok(greeting)
}

/// What an operator can do about the usual refusal.
fn explain(error: SandboxError) -> SandboxError {
    let text = error.to_string();
    let refused = ["EPERM", "EACCES", "ENOSPC", "EUSERS", "not permitted", "ermission denied"];
    if !refused.iter().any(|word| text.contains(word)) {
        return error;
    }
    SandboxError::Unavailable(format!(
        "this machine does not let us make namespaces ({text}): inside a container use its host's Docker \
         instead, elsewhere allow unprivileged user namespaces (sysctl `kernel.unprivileged_userns_clone=1`, \
         `kernel.apparmor_restrict_unprivileged_userns=0`, `user.max_user_namespaces` above 0)"
    ))
}

#[async_trait]
impl Backend for Namespaces {
    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        let shared = &self.shared;
        let mut weaknesses = Vec::new();
        if let Err(why) = &shared.groups {
            weaknesses.push(format!(
                "no control group can be made ({why}), so memory is watched by us instead of limited as a \
                 whole by the kernel, and a refused process cannot be told from another failure"
            ));
        }
        let groups = match &shared.groups {
            Ok(hierarchy) => format!("version {}", hierarchy.version()),
            Err(_) => "none".to_owned(),
        };
        let detail = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(Capabilities {
            backend: "namespaces".to_owned(),
            isolation: shared.isolation(),
            weaknesses,
            details: vec![
                detail("python", &shared.python.version),
                detail("interpreter", &shared.python.executable.to_string_lossy()),
                detail("control groups", &groups),
                detail("landlock", if shared.landlock { "yes" } else { "no" }),
                detail("user", if shared.is_root { "one of its own for each sandbox" } else { "ours" }),
            ],
        })
    }

    async fn open(&self, spec: &SessionSpec) -> Result<Box<dyn Session>, SandboxError> {
        spec.without_network("namespaces")?;
        Ok(Box::new(WarmSession::open(Arc::clone(&self.shared), spec).await?))
    }

    async fn settle(&self) {
        settle(&self.shared.background).await;
    }

    async fn sweep(&self) -> Result<SweepReport, SandboxError> {
        let shared = Arc::clone(&self.shared);
        leftovers::sweep(move || shared.sweep()).await
    }
}

#[async_trait]
impl Launch for Arc<Shared> {
    async fn launch(&self, spec: &SessionSpec) -> Result<Box<dyn Sandbox>, SandboxError> {
        let (sandbox, _) = Shared::launch(self, spec).await?;
        Ok(Box::new(sandbox))
    }

    fn isolation(&self) -> IsolationLevel {
        Shared::isolation(self)
    }

    fn cases_per_sandbox(&self) -> u32 {
        self.cases_per_sandbox
    }

    fn background(&self) -> &TaskTracker {
        &self.background
    }
}

impl Shared {
    fn isolation(&self) -> IsolationLevel {
        if self.groups.is_ok() { IsolationLevel::Full } else { IsolationLevel::Reduced }
    }

    async fn launch(&self, spec: &SessionSpec) -> Result<(NamespaceSandbox, Greeting), SandboxError> {
        let limits = &spec.limits;
        let group = match &self.groups {
            Ok(hierarchy) => Some(
                hierarchy
                    .create(&self.owner, limits, OURS_IN_GROUP)
                    .map_err(|error| failed("make a control group", &error))?,
            ),
            Err(_) => None,
        };
        let folder = Folder::new(self.base.path()).map_err(|error| failed("make a folder", &error))?;
        let plan =
            self.prepare(&folder, spec, group.as_ref()).map_err(|error| failed("fill a folder", &error))?;
        let mut child = Command::new(&self.helper)
            .arg(helper::ARGUMENT)
            .arg(plan)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal is for us; we end the sandboxes in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("start the helper", &error))?;
        let (Some(to), Some(from), Some(words)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("start the helper", &"it has no pipes"));
        };
        let words = tokio::spawn(read_words(words));
        let link = Link::new(to, from);
        let mut sandbox = NamespaceSandbox { link, child, words, group, folder };
        let config = self.runner_config(limits).asking_for(&self.runner).frame();
        match sandbox.link.greet(&[self.runner.bytes(), &config]).await {
            Ok(greeting) => Ok((sandbox, greeting)),
            Err(broken) => {
                let words = sandbox.last_words().await;
                Box::new(sandbox).destroy().await;
                Err(greeting_failed(broken, &words))
            }
        }
    }

    fn runner_config(&self, limits: &Limits) -> RunnerConfig {
        let python = self.python.executable.to_string_lossy();
        let config = RunnerConfig::new(&python, IDLE_S, limits);
        if self.groups.is_ok() {
            return config;
        }
        // Room for what is reserved and never touched; the runner watches what is resident.
        let address = limits.memory_kib.saturating_mul(4 * 1024);
        config
            .with("address_bytes", address)
            .with("resident_kib", limits.memory_kib)
            .with("processes", limits.processes.saturating_add(OURS_OF_USER))
    }

    /// Writes what the helper needs and returns the path of its plan.
    fn prepare(&self, folder: &Folder, spec: &SessionSpec, group: Option<&Group>) -> io::Result<PathBuf> {
        let path = |name: &str| folder.path.join(name);
        let new_folder = |name: &str| fs::DirBuilder::new().mode(0o755).create(path(name));
        new_folder("root")?;
        write_private(&path("agent.py"), spec.source.as_bytes())?;
        let become_user = if self.is_root {
            new_folder("stage")?;
            let uid = next_uid();
            for name in ["root", "agent.py"] {
                chown(path(name), Some(uid), Some(uid))?;
            }
            Some(BecomeUser { uid, stage: path("stage") })
        } else {
            None
        };
        let plan = Plan {
            root: path("root"),
            agent: path("agent.py"),
            needs: self.python.needs.iter().cloned().collect(),
            python: self.python.executable.clone(),
            arguments: self.runner.arguments(),
            scratch_kib: spec.limits.scratch_kib,
            scratch_files: spec.limits.scratch_files,
            become_user,
            doors: group.map(Group::doors).unwrap_or_default(),
            landlock: self.landlock,
        };
        write_private(&path("plan.json"), &serde_json::to_vec(&plan)?)?;
        Ok(path("plan.json"))
    }

    fn sweep(&self) -> SweepReport {
        let mut report = SweepReport::default();
        if let Ok(hierarchy) = &self.groups {
            hierarchy.sweep(&self.owner, &mut report);
        }
        let maker = |_: &Path, rest: &str| rest.rsplit_once('.')?.0.parse::<Owner>().ok();
        for folder in leftovers::abandoned(PREFIX, &self.owner, maker) {
            leftovers::remove(&folder, &mut report);
        }
        report
    }
}

struct NamespaceSandbox {
    link: Link,
    child: Child,
    words: JoinHandle<String>,
    group: Option<Group>,
    folder: Folder,
}

#[async_trait]
impl Sandbox for NamespaceSandbox {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    async fn counters(&mut self) -> Counters {
        self.group.as_ref().map(Group::counters).unwrap_or_default()
    }

    fn halt(&mut self) -> BoxFuture<'static, Result<(), SandboxError>> {
        let killed = self.child.start_kill().map_err(|error| failed("end the helper", &error));
        Box::pin(future::ready(killed))
    }

    async fn last_words(&mut self) -> String {
        timeout(Duration::from_secs(1), &mut self.words).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn destroy(self: Box<Self>) -> SweepReport {
        let Self { link, mut child, group, folder, .. } = *self;
        // Each process of the sandbox dies with its parent, and the first of them is the helper.
        drop(link);
        let mut report = SweepReport::default();
        if let Err(error) = child.start_kill() {
            report.left.push(format!("helper {:?}: {error}", child.id()));
        }
        if timeout(PATIENCE, child.wait()).await.is_err() {
            report.left.push(format!("helper {:?} does not end", child.id()));
        }
        leftovers::forget(group, move || folder.remove(), &mut report).await;
        report
    }
}

/// The folder of one sandbox, removed when dropped.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new(base: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = base.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
        // Another user must be able to pass, and has nothing to read.
        fs::DirBuilder::new().mode(0o711).create(&path)?;
        Ok(Self { path })
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What remains goes with the base, or is found by the next sweep.
        let _ = self.remove();
    }
}

fn new_base(owner: &Owner, is_root: bool) -> io::Result<TempDir> {
    let place = leftovers::quick_place();
    let base = tempfile::Builder::new().prefix(&format!("{PREFIX}{owner}.")).tempdir_in(place)?;
    if is_root {
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o711))?;
    }
    Ok(base)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?.write_all(bytes)
}

/// A user of its own for each sandbox, so that what the kernel counts by user (signals, watches)
/// is not shared. In the upper half of the range, which distributions leave alone.
fn next_uid() -> u32 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let seed = u64::from(std::process::id()) << 8;
    let number = seed.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) & 0x00ff_ffff;
    0x6000_0000 + u32::try_from(number).unwrap_or_default()
}

/// Since 5.14 a limit on processes counts those of the user in its own user namespace.
fn counts_processes_by_namespace() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (5, 14)
}
