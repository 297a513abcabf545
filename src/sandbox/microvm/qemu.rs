//! QEMU's `microvm` machine: no PCI, no firmware to speak of, a handful of virtio devices.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::net::UnixListener;
use tokio::process::Command;
use tokio::time::timeout;

use super::monitor::{Machine, Monitor, Process, Running, in_path};
use crate::sandbox::image::Image;
use crate::sandbox::session::Link;
use crate::sandbox::{SandboxError, failed};

const PROGRAM: &str = "qemu-system-x86_64";
/// QEMU connects before it starts the machine.
const CONNECT: Duration = Duration::from_secs(30);

/// Who executes the machine's instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Accelerator {
    Kvm,
    /// QEMU itself.
    Emulation {
        /// Why not KVM.
        because: String,
        /// What the time stamp counter counts in a millisecond. The machine has no second clock by
        /// which its kernel could find out, and on a busy host that kernel waits for ever.
        tsc_khz: u64,
    },
}

#[derive(Debug)]
pub(super) struct Qemu {
    program: PathBuf,
    version: Version,
    image: Image,
    accelerator: Accelerator,
    is_root: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Qemu {
    pub(super) async fn new(image: Image, accelerator: Accelerator) -> Result<Self, SandboxError> {
        let Some(program) = in_path(PROGRAM) else {
            return Err(SandboxError::Unavailable(format!(
                "`{PROGRAM}` is not in the path: install `qemu-system-x86`, or name another sandbox"
            )));
        };
        let version = version(&program).await?;
        let is_root = nix::unistd::geteuid().is_root();
        Ok(Self { program, version, image, accelerator, is_root })
    }

    /// The whole command line but for the program.
    fn arguments(&self, machine: &Machine<'_>, channel: &Path, uid: u32) -> Vec<String> {
        let (accelerator, cpu) = match self.accelerator {
            Accelerator::Kvm => ("kvm", "host"),
            Accelerator::Emulation { .. } => ("tcg", "max"),
        };
        let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut arguments = words(&format!(
            "-M microvm,acpi=on -accel {accelerator} -cpu {cpu} -smp {} -m {}M -nodefaults -no-user-config \
             -display none -no-reboot -serial stdio",
            machine.cpus, machine.memory_mib
        ));
        let root = quoted(&self.image.root);
        arguments.extend([
            "-kernel".to_owned(),
            self.image.kernel.display().to_string(),
            "-initrd".to_owned(),
            self.image.initrd.display().to_string(),
            "-append".to_owned(),
            self.command_line(),
            "-blockdev".to_owned(),
            format!("driver=file,node-name=root,filename={root},read-only=on"),
            "-device".to_owned(),
            "virtio-blk-device,drive=root".to_owned(),
            "-chardev".to_owned(),
            format!("socket,id=channel,path={}", quoted(channel)),
            "-device".to_owned(),
            "virtio-serial-device".to_owned(),
            "-device".to_owned(),
            "virtserialport,chardev=channel,name=portcullis".to_owned(),
        ]);
        // What it needs is open by then. Whoever breaks out of the machine is nobody, and may neither
        // start a program nor become somebody. As root QEMU itself becomes nobody, after its filter is
        // on, so that the filter cannot forbid it.
        let elevate = if self.is_root { "" } else { ",elevateprivileges=deny" };
        arguments.extend([
            "-sandbox".to_owned(),
            format!("on,obsolete=deny,spawn=deny,resourcecontrol=deny{elevate}"),
        ]);
        if self.is_root {
            arguments.extend(if self.version >= Version(9, 1) {
                ["-run-with".to_owned(), format!("user={uid}:{uid}")]
            } else {
                ["-runas".to_owned(), format!("{uid}:{uid}")]
            });
        }
        arguments
    }

    fn command_line(&self) -> String {
        // A panic ends the machine, which ends QEMU, which ends the channel.
        let always = "console=ttyS0 quiet panic=-1 reboot=t";
        match self.accelerator {
            Accelerator::Kvm => always.to_owned(),
            Accelerator::Emulation { tsc_khz, .. } => {
                format!("{always} no_timer_check tsc=reliable tsc_early_khz={tsc_khz}")
            }
        }
    }
}

#[async_trait]
impl Monitor for Qemu {
    async fn boot(&self, machine: &Machine<'_>) -> Result<Running, SandboxError> {
        let channel = machine.folder.join("channel");
        let listener =
            UnixListener::bind(&channel).map_err(|error| failed("open a machine's channel", &error))?;
        let child = Command::new(&self.program)
            .args(self.arguments(machine, &channel, next_uid()))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal is for us; we end the machines in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("start QEMU", &error))?;
        let mut process = Process::new(child, machine.folder)?;
        let connected = async {
            let began = Instant::now();
            loop {
                // A QEMU that ends does not connect any more.
                match timeout(Duration::from_millis(200), listener.accept()).await {
                    Ok(Ok((stream, _))) => return Ok(stream),
                    Ok(Err(error)) => return Err(failed("open a machine's channel", &error)),
                    Err(_) if process.has_ended() => {
                        return Err(failed("start QEMU", &process.last_words().await));
                    }
                    Err(_) if began.elapsed() > CONNECT => {
                        return Err(SandboxError::Unresponsive { doing: "start QEMU", after: CONNECT });
                    }
                    Err(_) => {}
                }
            }
        };
        let (from, to) = connected.await?.into_split();
        Ok(Running::new(Link::new(to, from).patient(self.slowness()), process))
    }

    fn slowness(&self) -> u32 {
        match self.accelerator {
            Accelerator::Kvm => 1,
            Accelerator::Emulation { .. } => 5,
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        let detail = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let Version(major, minor) = self.version;
        let accelerator = match &self.accelerator {
            Accelerator::Kvm => "KVM".to_owned(),
            Accelerator::Emulation { because, .. } => format!(
                "software emulation ({because}): a boot takes 3 to 20 s, programs run many times slower \
                 against the same limits, and QEMU's authors promise isolation only with KVM"
            ),
        };
        vec![
            detail("monitor", &format!("QEMU {major}.{minor}, microvm")),
            detail("accelerator", &accelerator),
            detail("image", &self.image.folder.display().to_string()),
            detail("image digest", &self.image.digest),
        ]
    }
}

/// A value in one of QEMU's lists, where a comma is written twice.
fn quoted(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

async fn version(program: &Path) -> Result<Version, SandboxError> {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match timeout(CONNECT, asked).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(failed("ask QEMU for its version", &error)),
        Err(_) => {
            return Err(SandboxError::Unresponsive { doing: "ask QEMU for its version", after: CONNECT });
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    read_version(&text).ok_or_else(|| failed("ask QEMU for its version", &text.trim()))
}

/// From `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)`.
fn read_version(text: &str) -> Option<Version> {
    let (_, rest) = text.split_once("version ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    Some(Version(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What the host's time stamp counter counts in a millisecond, which is what an emulated machine
/// reads. The test boot finds out whether it is right.
pub(super) fn host_tsc_khz() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("cpu MHz"))?;
    let mhz: f64 = line.split_once(':')?.1.trim().parse().ok()?;
    // Between what any such processor has: a wrong number would stop the machine's clock.
    let khz = (mhz * 1000.0) as u64;
    (100_000..=20_000_000).contains(&khz).then_some(khz)
}

/// A user of its own for each machine's monitor.
fn next_uid() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 60_001;
    const COUNT: u32 = 4_000;
    FIRST + (std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))) % COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qemu(accelerator: Accelerator, version: Version) -> Qemu {
        let folder = PathBuf::from("/images/a,b");
        Qemu {
            program: PROGRAM.into(),
            version,
            image: Image {
                kernel: folder.join("vmlinuz"),
                initrd: folder.join("initrd.cpio"),
                root: folder.join("root.squashfs"),
                folder,
                digest: "sha256:0".to_owned(),
            },
            accelerator,
            is_root: true,
        }
    }

    fn line(qemu: &Qemu) -> String {
        let machine = Machine { folder: Path::new("/run/1"), memory_mib: 256, cpus: 1 };
        qemu.arguments(&machine, Path::new("/run/1/channel"), 60_001).join(" ")
    }

    #[test]
    fn a_machine_has_a_read_only_disk_a_channel_and_no_network() {
        let line = line(&qemu(Accelerator::Kvm, Version(7, 2)));
        assert!(line.contains("filename=/images/a,,b/root.squashfs,read-only=on"), "{line}");
        assert!(line.contains("socket,id=channel,path=/run/1/channel"), "{line}");
        assert!(line.contains("-nodefaults"), "{line}");
        assert!(!line.contains("net"), "{line}");
        assert!(line.contains("-sandbox on"), "{line}");
    }

    #[test]
    fn a_monitor_gives_up_root_in_the_way_its_version_knows() {
        assert!(line(&qemu(Accelerator::Kvm, Version(7, 2))).contains("-runas 60001:60001"));
        assert!(line(&qemu(Accelerator::Kvm, Version(10, 0))).contains("-run-with user=60001:60001"));
    }

    #[test]
    fn an_emulated_machine_is_told_how_fast_its_counter_is() {
        let accelerator = Accelerator::Emulation { because: "no KVM".to_owned(), tsc_khz: 2_600_000 };
        let line = line(&qemu(accelerator, Version(7, 2)));
        assert!(line.contains("-accel tcg -cpu max"), "{line}");
        assert!(line.contains("tsc_early_khz=2600000"), "{line}");
    }

    #[test]
    fn a_version_is_read_from_what_qemu_says() {
        let text = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright";
        assert_eq!(read_version(text), Some(Version(7, 2)));
        assert_eq!(read_version("something else"), None);
    }
}
