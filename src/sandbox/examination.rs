//! Looks whether a sandbox keeps its promises here, by running programs in it that try to break
//! them. What a backend says of itself is not believed.

use std::sync::Arc;

use super::{Backend, CaseSpec, RunId, SandboxError, SessionSpec};
use crate::model::{Egress, Ending, Limits, RunFacts, Slug};

/// One promise, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A short name that does not change.
    pub name: &'static str,
    pub promise: &'static str,
    pub held: bool,
    /// What the program saw or came to, in one line.
    pub seen: String,
}

struct Probe {
    name: &'static str,
    promise: &'static str,
    /// Runs after [`PRELUDE`]; calls `tell` with what it saw and exits with 0 when the promise held.
    program: &'static str,
    held: fn(&RunFacts) -> bool,
}

/// Enough for a limit to be reached on a machine that is busy with something else.
const PATIENCE_MS: u64 = 20_000;

/// `tell(breaches, otherwise)`: prints the breaches and fails, or prints what holds.
const PRELUDE: &str = "\
import os, sys

def tell(breaches, otherwise):
    print('; '.join(breaches) if breaches else otherwise, flush=True)
    os._exit(1 if breaches else 0)

def succeeds(action, *arguments):
    try:
        action(*arguments)
    except OSError:
        return False
    return True

def status():
    return dict(line.split(':', 1) for line in open('/proc/self/status'))

";

const SLEEPER: &str = "import time\ntime.sleep(60)\n";

/// Read top to bottom: walls first, then limits.
const PROBES: &[Probe] = &[
    Probe {
        name: "network",
        promise: "no way to any network",
        program: "\
import socket
ways = {'inet': (socket.AF_INET, '192.0.2.1'), 'inet6': (socket.AF_INET6, '2001:db8::1')}
found = []
for name, (family, address) in ways.items():
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        def reach():
            with socket.socket(family, kind) as sock:
                sock.settimeout(2)
                sock.connect((address, 53))
                sock.send(b'x')
        if succeeds(reach):
            found.append(f'{name} is open')
for name, number in (('unix', 1), ('netlink', 16), ('packet', 17), ('vsock', 40)):
    if succeeds(lambda: socket.socket(number, socket.SOCK_DGRAM).close()):
        found.append(f'{name} sockets can be made')
tell(found, 'every family is refused')
",
        held: ended_well,
    },
    Probe {
        name: "read-only",
        promise: "nothing can be written but the scratch folder",
        program: "\
found = []
for folder in ('/', '/etc', '/usr', '/usr/lib', '/dev', '/run', '/var', '/root', '/portcullis', '/sys', '/proc',
               '/var/tmp', '/run/lock', '/dev/shm', '/dev/mqueue'):
    if succeeds(open, os.path.join(folder, 'x'), 'w'):
        found.append(f'{folder} is writable')
tell(found, 'the root is read-only')
",
        held: ended_well,
    },
    Probe {
        name: "source",
        promise: "the program cannot change its own source",
        program: "\
me = sys.argv[0]
changes = {'write': (open, me, 'a'), 'chmod': (os.chmod, me, 0o777), 'remove': (os.unlink, me)}
tell([f'{name} works' for name, change in changes.items() if succeeds(*change)], f'{me} stays as it is')
",
        held: ended_well,
    },
    Probe {
        name: "user",
        promise: "an ordinary user that cannot become another",
        program: "\
ids = os.getresuid() + os.getresgid()
found = [f'ids {ids}'] if 0 in ids else []
found += [f'set{name}id works' for name, change in (('u', os.setuid), ('g', os.setgid)) if succeeds(change, 0)]
tell(found, f'uid {ids[0]}, gid {ids[3]}')
",
        held: ended_well,
    },
    Probe {
        name: "capabilities",
        promise: "no capability",
        program: "\
found = [name + status()[name].rstrip() for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb') if int(status()[name], 16)]
tell(found, 'all four sets are empty')
",
        held: ended_well,
    },
    Probe {
        name: "no-new-privileges",
        promise: "no program can raise its rights",
        program: "tell([] if status()['NoNewPrivs'].strip() == '1' else ['the bit is not set'], 'the bit is set')\n",
        held: ended_well,
    },
    Probe {
        name: "system-calls",
        promise: "dangerous system calls are refused",
        program: "\
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
column = {'x86_64': 0, 'aarch64': 1}[os.uname().machine]
calls = {'ptrace': (101, 117), 'unshare': (272, 97), 'keyctl': (250, 219), 'bpf': (321, 280),
         'io_uring_setup': (425, 425), 'userfaultfd': (323, 282), 'memfd_create': (319, 279)}
found = [] if status()['Seccomp'].strip() == '2' else ['no filter is on']
for name, numbers in calls.items():
    ctypes.set_errno(0)
    if libc.syscall(ctypes.c_long(numbers[column]), 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
        found.append(f'{name} is let through')
tell(found, 'a filter is on, ' + ', '.join(calls) + ' are refused')
",
        held: ended_well,
    },
    Probe {
        name: "processes",
        promise: "no other process can be seen or touched",
        program: "\
others = [name for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid())]
found = [f'{len(others)} others are seen'] if others else []
for name in ('environ', 'mem', 'maps'):
    if succeeds(lambda: open(f'/proc/1/{name}', 'rb').read(1)):
        found.append(f'/proc/1/{name} can be read')
if succeeds(os.listdir, '/proc/1/fd'):
    found.append('/proc/1/fd can be listed')
tell(found, 'alone with a runner that is closed')
",
        held: ended_well,
    },
    Probe {
        name: "descriptors",
        promise: "nothing is open but the three standard streams",
        program: "\
numbers = sorted(int(name) for name in os.listdir('/proc/self/fd'))[:-1]
tell([] if numbers == [0, 1, 2] else [f'{numbers}'], '0, 1 and 2')
",
        held: ended_well,
    },
    Probe {
        name: "wall-time",
        promise: "ended when its wall time is up",
        program: SLEEPER,
        held: |facts| facts.ending == Ending::WallLimit,
    },
    Probe {
        name: "cpu-time",
        promise: "ended when its CPU time is up, its children's included",
        program: "\
for _ in range(2):
    if os.fork() == 0:
        while True:
            pass
os.wait()
",
        held: |facts| facts.ending == Ending::CpuLimit,
    },
    Probe {
        name: "memory",
        promise: "ended by the kernel at its memory limit",
        program: "hoard = []\nwhile True:\n    hoard.append(b'x' * (1 << 20))\n",
        held: |facts| facts.oom_kills > 0,
    },
    Probe {
        name: "process-limit",
        promise: "refused more processes than it may have",
        program: "\
import time
count = 0
while True:
    try:
        child = os.fork()
    except OSError:
        tell([], f'refused after {count}')
    if child == 0:
        time.sleep(60)
        os._exit(0)
    count += 1
    if count > 64:
        tell([f'{count} processes are let live'], '')
",
        held: ended_well,
    },
    Probe {
        name: "output",
        promise: "ended when it writes more than it may",
        program: "while True:\n    os.write(1, b'x' * 65536)\n",
        held: |facts| facts.ending == Ending::OutputLimit && facts.stdout.truncated,
    },
    Probe {
        name: "scratch",
        promise: "no more bytes and files in the scratch folder than allowed",
        program: "\
size = files = 0
try:
    with open('/tmp/size', 'wb', buffering=0) as file:
        while size < 64 << 20:
            size += file.write(bytes(65536))
except OSError:
    os.unlink('/tmp/size')
try:
    while files < 4096:
        os.close(os.open(f'/tmp/{files}', os.O_CREAT))
        files += 1
except OSError:
    pass
found = [f'{size >> 20} MiB can be written'] if size > 4 << 20 else []
found += [f'{files} files can be made'] if files > 64 else []
tell(found, f'full after {size >> 20} MiB, and after {files} files')
",
        held: ended_well,
    },
    Probe {
        name: "fresh-cases",
        promise: "nothing of an earlier case is left",
        program: "\
import time
left = os.listdir('/tmp')
open('/tmp/mine', 'w').close()
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
tell([f'found {left}'] if left else [], 'the scratch folder was empty')
",
        held: ended_well,
    },
];

fn ended_well(facts: &RunFacts) -> bool {
    facts.ending == (Ending::Exited { code: 0 })
}

/// Small enough that each limit is reached within a moment.
fn limits() -> Limits {
    Limits {
        wall_ms: PATIENCE_MS,
        cpu_ms: 1_000,
        memory_kib: 64 * 1024,
        processes: 16,
        output_bytes: 64 * 1024,
        scratch_kib: 4 * 1024,
        scratch_files: 64,
        open_files: 64,
    }
}

/// Tries every promise. Takes some seconds.
///
/// # Errors
/// When no sandbox can be opened, which says nothing about a promise.
pub async fn examine(backend: &dyn Backend) -> Result<Vec<Check>, SandboxError> {
    let mut checks = Vec::with_capacity(PROBES.len());
    for probe in PROBES {
        checks.push(try_out(backend, probe).await?);
    }
    Ok(checks)
}

async fn try_out(backend: &dyn Backend, probe: &Probe) -> Result<Check, SandboxError> {
    // A program that keeps a promise is to end before its CPU time does, however slow it is.
    let limits = limits();
    let limits = Limits { cpu_ms: limits.cpu_ms * u64::from(backend.slowness()), ..limits };
    let spec = SessionSpec {
        run: RunId::generate(),
        source: Arc::from(format!("{PRELUDE}{}", probe.program)),
        limits: match probe.program {
            SLEEPER => Limits { wall_ms: 1_000, ..limits },
            _ => limits,
        },
        egress: Egress::default(),
        label: format!("doctor/{}", probe.name),
    };
    let name = Slug::parse(probe.name)
        .map_err(|error| SandboxError::Failed { doing: "name a probe", cause: error.to_string() })?;
    let case = CaseSpec { name, arguments: Vec::new(), stdin: Arc::from([]) };
    let mut session = backend.open(&spec).await?;
    // Twice, because what a program left behind is seen by its successor.
    let first = session.run(&case).await;
    let second = session.run(&case).await;
    session.close().await?;
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        // A program that takes its sandbox down has got further than it should.
        (Err(error), _) | (_, Err(error)) => {
            let seen = error.to_string();
            return Ok(Check { name: probe.name, promise: probe.promise, held: false, seen });
        }
    };
    let held = (probe.held)(&first) && (probe.held)(&second);
    let telling = if (probe.held)(&first) { &second } else { &first };
    Ok(Check { name: probe.name, promise: probe.promise, held, seen: seen(telling) })
}

fn seen(facts: &RunFacts) -> String {
    let how = match facts.ending {
        _ if facts.oom_kills > 0 => "killed for its memory".to_owned(),
        Ending::Exited { code: 0 } => String::new(),
        Ending::Exited { code } => format!("exited with {code}"),
        Ending::Signalled { signal } => format!("killed by signal {signal}"),
        Ending::WallLimit => format!("stopped after {} ms", facts.usage.wall_ms),
        Ending::CpuLimit => format!("stopped after {} ms of CPU time", facts.usage.cpu_ms),
        Ending::OutputLimit => format!("stopped after {} bytes", facts.stdout.bytes.len()),
        Ending::Cancelled => "cancelled".to_owned(),
    };
    let is_talk = facts.ending != Ending::OutputLimit;
    let said = String::from_utf8_lossy(&facts.stdout.bytes);
    let said = said.lines().next().filter(|_| is_talk).unwrap_or_default();
    let complained = String::from_utf8_lossy(&facts.stderr.bytes);
    let complained =
        complained.lines().last().filter(|_| is_talk && facts.oom_kills == 0).unwrap_or_default();
    let parts = [said, &how, complained];
    let text: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    text.join(", ").chars().filter(|character| !character.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::model::{Capture, Usage};
    use crate::sandbox::{Capabilities, Session, SweepReport};

    /// A sandbox in which every program comes to the same end.
    #[derive(Debug, Clone)]
    struct Always(RunFacts);

    impl Always {
        fn ended(code: u8, stdout: &str) -> Self {
            Self(RunFacts {
                ending: Ending::Exited { code },
                stdout: Capture { bytes: stdout.into(), truncated: false },
                stderr: Capture::default(),
                oom_kills: 0,
                process_limit_hits: 0,
                usage: Usage::default(),
                isolation: crate::model::IsolationLevel::Full,
            })
        }
    }

    #[async_trait]
    impl Backend for Always {
        async fn probe(&self) -> Result<Capabilities, SandboxError> {
            Err(SandboxError::Unavailable("nobody asks".to_owned()))
        }

        async fn open(&self, _: &SessionSpec) -> Result<Box<dyn Session>, SandboxError> {
            Ok(Box::new(self.clone()))
        }

        async fn sweep(&self) -> Result<SweepReport, SandboxError> {
            Ok(SweepReport::default())
        }
    }

    #[async_trait]
    impl Session for Always {
        async fn run(&mut self, _: &CaseSpec) -> Result<RunFacts, SandboxError> {
            Ok(self.0.clone())
        }

        async fn close(self: Box<Self>) -> Result<SweepReport, SandboxError> {
            Ok(SweepReport::default())
        }
    }

    #[tokio::test]
    async fn a_sandbox_that_stops_nothing_keeps_no_promise() {
        let checks = examine(&Always::ended(1, "found a way\n")).await.unwrap();
        assert_eq!(checks.len(), PROBES.len());
        assert!(checks.iter().all(|check| !check.held));
        assert_eq!(checks[0].seen, "found a way, exited with 1");
    }

    #[tokio::test]
    async fn a_program_that_ends_well_does_not_prove_a_limit() {
        let checks = examine(&Always::ended(0, "ok\n")).await.unwrap();
        let broken: Vec<_> = checks.iter().filter(|check| !check.held).map(|check| check.name).collect();
        assert_eq!(broken, ["wall-time", "cpu-time", "memory", "output"]);
    }

    #[test]
    fn names_are_unique_and_can_be_case_names() {
        let mut names: Vec<_> = PROBES.iter().map(|probe| probe.name).collect();
        assert!(names.iter().all(|name| Slug::parse(*name).is_ok()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROBES.len());
    }
}
