//! The system calls that a sandbox has: the one list from which both the filter of the namespaces
//! backend and the profile that is sent to a container engine are made.
//!
//! It is an allow-list, so that what a later kernel brings is closed until somebody opens it here.
//! Closed on purpose: every socket (a pair of connected ones is all that `asyncio` needs), System V
//! and POSIX queues and shared memory (they would outlive a case), io_uring, keys, ptrace and its
//! relatives, bpf, perf, userfaultfd, mounts, new namespaces, anonymous executable files, inotify
//! and everything that changes the machine.

use seccompiler::{BpfProgram, TargetArch};
use serde_json::{Value, json};

/// Allowed with any arguments, on every architecture.
const ALLOWED: &[&str] = &[
    // Files and folders.
    "chdir",
    "close",
    "close_range",
    "copy_file_range",
    "dup",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fcntl",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "getxattr",
    "ioctl",
    "lgetxattr",
    "linkat",
    "listxattr",
    "llistxattr",
    "lseek",
    "mkdirat",
    "newfstatat",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readlinkat",
    "readv",
    "renameat",
    "renameat2",
    "sendfile",
    "statfs",
    "statx",
    "symlinkat",
    "truncate",
    "umask",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
    // Pipes, waiting, and the connected pair.
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "getpeername",
    "getsockname",
    "getsockopt",
    "pipe2",
    "ppoll",
    "pselect6",
    "recvfrom",
    "recvmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    // Memory.
    "brk",
    "madvise",
    "membarrier",
    "mincore",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munmap",
    // Processes and threads.
    "execve",
    "exit",
    "exit_group",
    "futex",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgid",
    "getpid",
    "getppid",
    "getpriority",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "getuid",
    "capget",
    "prctl",
    "rseq",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setgroups",
    "setpgid",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setrlimit",
    "setsid",
    "setuid",
    "sysinfo",
    "times",
    "uname",
    "wait4",
    "waitid",
    // Signals and time.
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "getitimer",
    "gettimeofday",
    "nanosleep",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "setitimer",
    "sigaltstack",
    "signalfd4",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_settime",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    // Randomness.
    "getrandom",
];

/// Allowed with any arguments where they exist: x86-64 has kept what newer architectures never had.
const ALLOWED_ON_X86_64: &[&str] = &[
    "access",
    "alarm",
    "arch_prctl",
    "chmod",
    "creat",
    "dup2",
    "epoll_create",
    "epoll_wait",
    "eventfd",
    "fork",
    "futimesat",
    "getdents",
    "getpgrp",
    "link",
    "lstat",
    "mkdir",
    "open",
    "pause",
    "pipe",
    "poll",
    "readlink",
    "rename",
    "rmdir",
    "select",
    "signalfd",
    "stat",
    "symlink",
    "time",
    "unlink",
    "utime",
    "utimes",
    "vfork",
];

/// Allowed when one argument is right.
const CONDITIONAL: &[Conditional] = &[
    // No new namespace of any kind.
    Conditional { call: "clone", argument: 0, test: Test::NoneOf(NAMESPACE_FLAGS) },
    // Process 1 is the runner; where agent and runner share a user, nothing else protects it.
    Conditional { call: "kill", argument: 0, test: Test::Not(1) },
    Conditional { call: "tgkill", argument: 0, test: Test::Not(1) },
    Conditional { call: "tkill", argument: 0, test: Test::Not(1) },
    // A process sets its own limits, not the runner's.
    Conditional { call: "prlimit64", argument: 0, test: Test::Is(0) },
    Conditional { call: "socketpair", argument: 0, test: Test::Is(libc::AF_UNIX as u64) },
];

/// Its flags lie in memory, where no filter can look. `ENOSYS` makes the C library use `clone`.
const PRETENDED_ABSENT: &str = "clone3";

/// `CLONE_NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID`, `NEWNET`, `NEWNS`; `NEWTIME` is no flag of `clone`.
const NAMESPACE_FLAGS: u64 = 0x7e02_0000;

#[derive(Debug, Clone, Copy)]
struct Conditional {
    call: &'static str,
    argument: u8,
    test: Test,
}

#[derive(Debug, Clone, Copy)]
enum Test {
    Is(u64),
    Not(u64),
    NoneOf(u64),
}

/// The programs for the kernel of this machine, to be applied in this order: the last one forbids
/// adding more. Of what several say of a call, the strictest counts.
pub(super) fn programs() -> Result<Vec<BpfProgram>, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    compile(arch).map_err(|error| error.to_string())
}

fn compile(arch: TargetArch) -> Result<Vec<BpfProgram>, seccompiler::Error> {
    let rules: Vec<Value> = allowed(arch)
        .chain([PRETENDED_ABSENT])
        .map(|name| json!({ "syscall": name }))
        .chain(CONDITIONAL.iter().map(Conditional::as_seccompiler))
        .collect();
    let allow_list = json!({ "main": {
        "mismatch_action": { "errno": libc::EPERM }, "match_action": "allow", "filter": rules,
    }});
    let absent = json!({ "main": {
        "mismatch_action": "allow", "match_action": { "errno": libc::ENOSYS },
        "filter": [{ "syscall": PRETENDED_ABSENT }],
    }});
    [absent, allow_list]
        .into_iter()
        .map(|filter| {
            let mut programs = seccompiler::compile_from_json(filter.to_string().as_bytes(), arch)?;
            Ok(programs.remove("main").unwrap_or_default())
        })
        .collect()
}

fn allowed(arch: TargetArch) -> impl Iterator<Item = &'static str> {
    let more = if arch == TargetArch::x86_64 { ALLOWED_ON_X86_64 } else { &[] };
    ALLOWED.iter().chain(more).copied()
}

/// The same as a profile for a container engine on `architecture` (`x86_64`, `aarch64`). An engine skips
/// names that its architecture or its library does not know.
pub(super) fn engine_profile(architecture: Option<&str>) -> Value {
    // What is made for another architecture is of no use, and is made again for each container.
    let architectures: &[&str] = match architecture {
        Some("x86_64") => &["SCMP_ARCH_X86_64"],
        Some("aarch64") => &["SCMP_ARCH_AARCH64"],
        Some(_) | None => &["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
    };
    let always: Vec<_> = ALLOWED.iter().chain(ALLOWED_ON_X86_64).collect();
    let mut rules = vec![
        json!({ "names": always, "action": "SCMP_ACT_ALLOW" }),
        json!({ "names": [PRETENDED_ABSENT], "action": "SCMP_ACT_ERRNO", "errnoRet": libc::ENOSYS }),
    ];
    rules.extend(CONDITIONAL.iter().map(Conditional::as_engine));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        // Calls by the numbers of these architectures only; those of 32 bits are refused whole.
        "architectures": architectures,
        "syscalls": rules,
    })
}

impl Conditional {
    fn as_seccompiler(&self) -> Value {
        // Process ids are 32 bits wide: a filter that looked at more could be fooled by the rest.
        let (width, op, value) = match self.test {
            Test::Is(value) => ("dword", json!("eq"), value),
            Test::Not(value) => ("dword", json!("ne"), value),
            Test::NoneOf(mask) => ("qword", json!({ "masked_eq": mask }), 0),
        };
        json!({
            "syscall": self.call,
            "args": [{ "index": self.argument, "type": width, "op": op, "val": value }],
        })
    }

    fn as_engine(&self) -> Value {
        let (op, value, value_two) = match self.test {
            Test::Is(value) => ("SCMP_CMP_EQ", value, 0),
            Test::Not(value) => ("SCMP_CMP_NE", value, 0),
            Test::NoneOf(mask) => ("SCMP_CMP_MASKED_EQ", mask, 0),
        };
        json!({
            "names": [self.call],
            "action": "SCMP_ACT_ALLOW",
            "args": [{ "index": self.argument, "op": op, "value": value, "valueTwo": value_two }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_compiles_for_both_architectures() {
        for arch in [TargetArch::x86_64, TargetArch::aarch64] {
            let programs = compile(arch).unwrap();
            assert!(programs.iter().all(|program| !program.is_empty()), "{arch:?}");
        }
    }

    #[test]
    fn no_call_is_listed_twice() {
        let mut names: Vec<_> = ALLOWED.iter().chain(ALLOWED_ON_X86_64).copied().collect();
        names.extend(CONDITIONAL.iter().map(|rule| rule.call));
        names.push(PRETENDED_ABSENT);
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn what_opens_the_machine_or_outlives_a_case_is_not_listed() {
        let profile = engine_profile(None).to_string();
        for name in [
            "socket",
            "connect",
            "bind",
            "ptrace",
            "process_vm_readv",
            "mount",
            "unshare",
            "setns",
            "keyctl",
            "add_key",
            "bpf",
            "io_uring_setup",
            "userfaultfd",
            "perf_event_open",
            "shmget",
            "msgget",
            "semget",
            "mq_open",
            "memfd_create",
            "execveat",
            "pidfd_getfd",
            "personality",
            "chroot",
            "mknod",
            "mknodat",
        ] {
            assert!(!profile.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}
