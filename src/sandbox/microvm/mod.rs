//! A virtual machine for each agent and task: a kernel of its own between the agent and ours, with
//! the same inner walls that the other backends put up.
//!
//! The machine has one processor, a read-only disk, memory, and a channel to us; no network card.
//! Scratch space is memory of the machine, and results leave through the channel. Who runs the
//! machine is a [`Monitor`](monitor::Monitor): QEMU or Firecracker.

mod firecracker;
mod guest;
mod monitor;
mod qemu;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::{self, BoxFuture};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use self::firecracker::Firecracker;
use self::monitor::{Machine, Monitor, PID_FILE, Running};
use self::qemu::{Accelerator, Qemu};
use super::cgroup::{self, Group, Hierarchy};
use super::image::Image;
use super::leftovers;
use super::owner::{Owner, start_of};
use super::session::{Counters, IDLE_S, Launch, Link, Sandbox, WarmSession, greeting_failed, settle};
use super::wire::{self, RUNNER, RunnerConfig};
use super::{
    Backend, Capabilities, CaseSpec, SandboxError, Session, SessionSpec, Settings, SweepReport, failed,
};
use crate::model::{Ending, IsolationLevel, Limits, Slug};

pub use self::firecracker::FirecrackerFiles;

/// Every folder of ours begins with this; who made it stands inside, because the path of a socket
/// must be short.
const PREFIX: &str = "portcullisvm-";
const OWNER_FILE: &str = "owner";
/// Beside the memory of the machine: the monitor itself.
const MONITOR_KIB: u64 = 512 * 1024;
/// The monitor's threads.
const MONITOR_THREADS: u64 = 64;
/// For the first machine under KVM, which shows whether it works at all: such a boot takes less
/// than a second, and where it hangs it hangs for ever.
const TEST_BOOT: Duration = Duration::from_secs(15);
/// What the first program in a machine sleeps, to compare its clock with ours.
const NAP: Duration = Duration::from_secs(1);

/// How the backend is to make machines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MicroVmSettings {
    /// The folder that `portcullis image build --microvm` filled; `None` means [`default_folder`](super::image::default_folder).
    pub image: Option<PathBuf>,
    /// Run machines by Firecracker with these files; `None` means QEMU.
    pub firecracker: Option<FirecrackerFiles>,
}

#[derive(Debug, Clone)]
pub(super) struct MicroVm {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    monitor: Box<dyn Monitor>,
    /// Where groups for monitors can be made, or why not.
    groups: Result<Hierarchy, String>,
    cases_per_sandbox: u32,
    background: TaskTracker,
    owner: Owner,
    /// Holds a folder for each machine.
    base: Base,
}

impl MicroVm {
    /// Finds the image and the monitor, and boots a machine to see that it works.
    pub(super) async fn new(
        settings: &Settings,
        progress: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Self, SandboxError> {
        if std::env::consts::ARCH != "x86_64" {
            return Err(SandboxError::Unavailable(
                "the microvm sandbox needs an x86-64 machine; use docker or namespaces here".to_owned(),
            ));
        }
        if let Some(files) = &settings.microvm.firecracker {
            let firecracker = Firecracker::new(files)?;
            let this = Self::with(settings, Box::new(firecracker))?;
            this.try_out().await.map_err(|error| unusable("Firecracker", &error))?;
            return Ok(this);
        }
        let image = Image::find(settings.microvm.image.as_deref())?;
        let because = match Self::with_kvm(settings, &image).await {
            Ok(Ok(this)) => return Ok(this),
            Ok(Err(because)) => because,
            Err(error) => return Err(error),
        };
        progress(&format!("machines are emulated ({because}); the first boot may take 20 s"));
        Self::emulated(settings, &image, because).await
    }

    /// The backend under KVM where a machine really boots, or why not. Opening the device says
    /// little: a host may hand out one on which no kernel starts.
    async fn with_kvm(settings: &Settings, image: &Image) -> Result<Result<Self, String>, SandboxError> {
        if let Err(error) = std::fs::File::options().read(true).write(true).open("/dev/kvm") {
            return Ok(Err(format!("`/dev/kvm`: {error}")));
        }
        let qemu = Qemu::new(image.clone(), Accelerator::Kvm).await?;
        let this = Self::with(settings, Box::new(qemu))?;
        Ok(match tokio::time::timeout(TEST_BOOT, this.try_out()).await {
            Ok(Ok(_)) => Ok(this),
            Ok(Err(error)) => Err(format!("a test boot under KVM failed: {}", short(&error))),
            Err(_) => Err(format!("a test boot under KVM did not end within {} s", TEST_BOOT.as_secs())),
        })
    }

    /// The backend under emulation, with a counter whose rate was tried out.
    async fn emulated(settings: &Settings, image: &Image, because: String) -> Result<Self, SandboxError> {
        let Some(mut tsc_khz) = qemu::host_tsc_khz() else {
            return Err(SandboxError::Unavailable(
                "a machine cannot be emulated here, because `/proc/cpuinfo` does not tell the processor's rate"
                    .to_owned(),
            ));
        };
        // What the file tells may be a rate of the moment. Then the machine's clock shows the right one.
        for _ in 0..2 {
            let accelerator = Accelerator::Emulation { because: because.clone(), tsc_khz };
            let qemu = Qemu::new(image.clone(), accelerator).await?;
            let this = Self::with(settings, Box::new(qemu))?;
            let ratio = this.try_out().await.map_err(|error| unusable("QEMU", &error))?;
            if (0.8..=1.25).contains(&ratio) {
                return Ok(this);
            }
            tsc_khz = (tsc_khz as f64 * ratio) as u64;
        }
        Err(SandboxError::Unavailable("the clock of an emulated machine does not agree with ours".to_owned()))
    }

    fn with(settings: &Settings, monitor: Box<dyn Monitor>) -> Result<Self, SandboxError> {
        let owner = Owner::this_process();
        let base = Base::new(&owner).map_err(|error| failed("make a folder", &error))?;
        let shared = Shared {
            monitor,
            groups: cgroup::find(),
            cases_per_sandbox: settings.reuse.cases_per_sandbox(),
            background: TaskTracker::new(),
            owner,
            base,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Boots a machine, runs a program in it and ends it. How fast its clock is beside ours.
    async fn try_out(&self) -> Result<f64, SandboxError> {
        let spec = SessionSpec {
            limits: Limits { wall_ms: 60_000, ..Limits::default() },
            ..SessionSpec::trial(&format!("import time\ntime.sleep({})\n", NAP.as_secs_f64()))
        };
        let name = Slug::parse("probe").map_err(|error| failed("name a probe", &error))?;
        let case = CaseSpec { name, arguments: Vec::new(), stdin: Arc::from([]) };
        let mut session = self.open(&spec).await?;
        let began = Instant::now();
        let facts = session.run(&case).await;
        let passed = began.elapsed();
        session.close().await?;
        match facts? {
            facts if facts.ending == (Ending::Exited { code: 0 }) => {
                Ok(facts.usage.wall_ms as f64 / passed.as_millis().max(1) as f64)
            }
            facts => {
                let said = String::from_utf8_lossy(&facts.stderr.bytes).into_owned();
                Err(failed("run a first program", &format!("{:?} {said}", facts.ending)))
            }
        }
    }
}

fn unusable(monitor: &str, error: &SandboxError) -> SandboxError {
    SandboxError::Unavailable(format!("no machine can be booted by {monitor}: {error}"))
}

/// The beginning of an error, which may carry a console's worth of text.
fn short(error: &SandboxError) -> String {
    let text = error.to_string();
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[async_trait]
impl Backend for MicroVm {
    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        let mut details = self.shared.monitor.details();
        let group = match &self.shared.groups {
            Ok(hierarchy) => format!("version {} around each monitor, version 2 inside", hierarchy.version()),
            Err(why) => format!("version 2 inside; none around the monitors ({why})"),
        };
        details.push(("control groups".to_owned(), group));
        Ok(Capabilities {
            backend: "microvm".to_owned(),
            isolation: self.shared.isolation(),
            weaknesses: Vec::new(),
            details,
        })
    }

    async fn open(&self, spec: &SessionSpec) -> Result<Box<dyn Session>, SandboxError> {
        spec.without_network("microvm")?;
        Ok(Box::new(WarmSession::open(Arc::clone(&self.shared), spec).await?))
    }

    fn slowness(&self) -> u32 {
        self.shared.monitor.slowness()
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
        Ok(Box::new(Shared::launch(self, spec).await?))
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
    /// Every wall of ours stands inside the machine, whoever executes it.
    fn isolation(&self) -> IsolationLevel {
        IsolationLevel::Full
    }

    async fn launch(&self, spec: &SessionSpec) -> Result<MachineSandbox, SandboxError> {
        let limits = &spec.limits;
        let folder = tempfile::Builder::new()
            .prefix("m")
            .tempdir_in(&self.base.0)
            .map_err(|error| failed("make a folder", &error))?;
        let memory_mib = guest::memory_mib(limits);
        let group = match &self.groups {
            Ok(hierarchy) => {
                let around = Limits {
                    memory_kib: memory_mib.saturating_mul(1024).saturating_add(MONITOR_KIB),
                    processes: MONITOR_THREADS,
                    ..limits.clone()
                };
                let group = hierarchy.create(&self.owner, &around, 0);
                Some(group.map_err(|error| failed("make a control group", &error))?)
            }
            Err(_) => None,
        };
        let machine = Machine { folder: folder.path(), memory_mib, cpus: 1 };
        let running = self.monitor.boot(&machine).await?;
        let mut sandbox = MachineSandbox { running, group, folder };
        match sandbox.start(limits, &spec.source).await {
            Ok(()) => Ok(sandbox),
            Err(error) => {
                // The first error is the one to tell; what resists is found by the next sweep.
                Box::new(sandbox).destroy().await;
                Err(error)
            }
        }
    }

    fn sweep(&self) -> SweepReport {
        let mut report = SweepReport::default();
        for folder in leftovers::abandoned(PREFIX, &self.owner, maker) {
            for machine in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                if let Some(pid) = kill_monitor(&machine.path().join(PID_FILE)) {
                    report.removed.push(format!("machine monitor {pid}"));
                }
            }
            leftovers::remove(&folder, &mut report);
        }
        // Only now: a group goes when its last process has gone.
        if let Ok(hierarchy) = &self.groups {
            hierarchy.sweep(&self.owner, &mut report);
        }
        report
    }
}

/// Ends the monitor that a file names, unless its number belongs to another process by now.
fn kill_monitor(file: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(file).ok()?;
    let (pid, started) = text.trim().split_once(' ')?;
    let (pid, started): (u32, u64) = (pid.parse().ok()?, started.parse().ok()?);
    if start_of(pid) != Some(started) {
        return None;
    }
    let target = nix::unistd::Pid::from_raw(i32::try_from(pid).ok().filter(|pid| *pid > 0)?);
    nix::sys::signal::kill(target, nix::sys::signal::Signal::SIGKILL).ok()?;
    Some(pid)
}

/// The folder of all machines of one backend, removed when dropped.
#[derive(Debug)]
struct Base(PathBuf);

impl Base {
    /// It is made under its owner's name and gets its short one when that stands inside, so that there is
    /// no moment at which nobody could tell whose it is.
    fn new(owner: &Owner) -> io::Result<Self> {
        let made = tempfile::Builder::new().prefix(&format!("{PREFIX}{owner}.")).tempdir()?;
        std::fs::write(made.path().join(OWNER_FILE), owner.to_string())?;
        let random = made.path().extension().unwrap_or_default().to_string_lossy().into_owned();
        let short = std::env::temp_dir().join(format!("{PREFIX}{random}"));
        std::fs::rename(made.path(), &short)?;
        Ok(Self(short))
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        // What remains is found by the next sweep.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Who made a base: its file says so, or its name while there is no file yet.
fn maker(folder: &Path, rest: &str) -> Option<Owner> {
    let text = std::fs::read_to_string(folder.join(OWNER_FILE)).ok();
    let written = text.and_then(|text| text.parse().ok());
    written.or_else(|| rest.rsplit_once('.')?.0.parse().ok())
}

struct MachineSandbox {
    running: Running,
    group: Option<Group>,
    folder: TempDir,
}

impl MachineSandbox {
    async fn start(&mut self, limits: &Limits, source: &str) -> Result<(), SandboxError> {
        if let (Some(group), Some(pid)) = (&self.group, self.running.pid()) {
            for door in group.doors() {
                std::fs::write(&door, pid.to_string())
                    .map_err(|error| failed("put a machine into its control group", &error))?;
            }
        }
        let opening = guest::opening(limits)?;
        let config = RunnerConfig::new("python3", IDLE_S, limits).with("uid", guest::UID).frame();
        let frames = [&opening, RUNNER.as_bytes(), &config, &wire::install(source)];
        match self.running.link.greet(&frames).await {
            Ok(_) => Ok(()),
            Err(broken) => Err(greeting_failed(broken, &self.running.last_words().await)),
        }
    }
}

#[async_trait]
impl Sandbox for MachineSandbox {
    fn link(&mut self) -> &mut Link {
        &mut self.running.link
    }

    async fn counters(&mut self) -> Counters {
        // They are the other kernel's; the runner reads them, inside.
        Counters::default()
    }

    fn halt(&mut self) -> BoxFuture<'static, Result<(), SandboxError>> {
        Box::pin(future::ready(self.running.halt()))
    }

    async fn last_words(&mut self) -> String {
        self.running.last_words().await
    }

    async fn destroy(self: Box<Self>) -> SweepReport {
        let Self { running, group, folder } = *self;
        let mut report = running.kill().await;
        leftovers::forget(group, move || folder.close(), &mut report).await;
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_whose_maker_died_before_it_was_finished_is_found() {
        let us = Owner::this_process();
        let dead: Owner = {
            let text = us.to_string();
            let mut parts: Vec<_> = text.splitn(5, '.').map(ToOwned::to_owned).collect();
            parts[3] = "1".to_owned();
            parts.join(".").parse().unwrap()
        };
        let make =
            |owner: &Owner| tempfile::Builder::new().prefix(&format!("{PREFIX}{owner}.")).tempdir().unwrap();
        let (of_the_dead, of_the_living) = (make(&dead), make(&us));
        let torn = make(&dead);
        std::fs::write(torn.path().join(OWNER_FILE), "").unwrap();
        let finished = Base::new(&us).unwrap();
        let found = leftovers::abandoned(PREFIX, &us, maker);
        assert!(found.contains(&of_the_dead.path().to_owned()));
        assert!(found.contains(&torn.path().to_owned()));
        assert!(!found.contains(&of_the_living.path().to_owned()));
        assert!(!found.contains(&finished.0));
    }

    #[test]
    fn the_path_of_a_machines_socket_is_short() {
        let base = Base::new(&Owner::this_process()).unwrap();
        let name = base.0.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.len() < 24, "{name}");
        assert!(base.0.join(OWNER_FILE).is_file());
    }
}
