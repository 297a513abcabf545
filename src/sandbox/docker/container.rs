//! What a container of ours may do: everything that the engine is asked to enforce, in one place.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, ResourcesUlimits};

use crate::model::Limits;
use crate::sandbox::wire::Runner;

/// Beside the agent's: the runner.
const OUR_PROCESSES: u64 = 1;
/// gVisor's own threads count against the limit.
const THREADS_OF_RUNSC: u64 = 64;
/// The runner needs them to start a program as another user and to end it.
const RUNNER_RIGHTS: [&str; 3] = ["SETUID", "SETGID", "KILL"];
/// Room for the largest source that the gate accepts, with what a file system adds.
const SOURCE_KIB: u64 = 16 * 1024;

/// What a container is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) image: &'a str,
    /// `None` is the engine's default.
    pub(super) runtime: Option<&'a str>,
    pub(super) runner: &'a Runner,
    /// The system calls that it may make.
    pub(super) filter: &'a str,
    pub(super) limits: &'a Limits,
}

pub(super) fn body(plan: Plan<'_>, labels: HashMap<String, String>) -> ContainerCreateBody {
    let Plan { image, runtime, runner, filter, limits } = plan;
    let mut command = vec!["python3".to_owned()];
    command.extend(runner.arguments());
    ContainerCreateBody {
        image: Some(image.to_owned()),
        // An image's own entry point would run before us.
        entrypoint: Some(command),
        cmd: Some(Vec::new()),
        user: Some("0:0".to_owned()),
        working_dir: Some("/".to_owned()),
        hostname: Some("sandbox".to_owned()),
        labels: Some(labels),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // When we are gone, the runner reads an end and exits.
        stdin_once: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        host_config: Some(host_config(runtime, filter, limits)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(runtime: Option<&str>, filter: &str, limits: &Limits) -> HostConfig {
    let memory = signed(limits.memory_kib.saturating_mul(1024));
    let more = if runtime.is_some_and(|name| name.contains("runsc")) { THREADS_OF_RUNSC } else { 0 };
    // The root of a tmpfs is an inode too.
    let (scratch, files) = (limits.scratch_kib, limits.scratch_files.saturating_add(1));
    HostConfig {
        runtime: runtime.map(str::to_owned),
        network_mode: Some("none".to_owned()),
        readonly_rootfs: Some(true),
        tmpfs: Some(HashMap::from([
            tmpfs("/tmp", &format!("size={scratch}k,nr_inodes={files},mode=1777")),
            // An engine mounts the queues of the namespace here, where everybody may leave some.
            tmpfs("/dev/mqueue", "size=4k,nr_inodes=1,mode=0555"),
            // And here the maker of terminals, through which a program reaches the kernel's terminal layer.
            tmpfs("/dev/pts", "size=4k,nr_inodes=1,mode=0555"),
            tmpfs("/portcullis", &format!("size={SOURCE_KIB}k,nr_inodes=4,mode=0755")),
        ])),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(RUNNER_RIGHTS.map(str::to_owned).into()),
        security_opt: Some(vec!["no-new-privileges".to_owned(), format!("seccomp={filter}")]),
        memory: Some(memory),
        // Memory and swap together: no swap.
        memory_swap: Some(memory),
        pids_limit: Some(signed(limits.processes.saturating_add(OUR_PROCESSES + more))),
        nano_cpus: Some(1_000_000_000),
        ulimits: Some(vec![ulimit("core", 0), ulimit("nofile", limits.open_files.max(64))]),
        // Nothing that outlives a process: no shared memory folder, no queues.
        ipc_mode: Some("none".to_owned()),
        // The engine's default keeps every byte of a flood on its disk.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    }
}

fn tmpfs(path: &str, options: &str) -> (String, String) {
    (path.to_owned(), format!("rw,nosuid,nodev,noexec,{options}"))
}

fn ulimit(name: &str, value: u64) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name.to_owned()), soft: Some(signed(value)), hard: Some(signed(value)) }
}

/// The API counts in signed numbers.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wall_is_asked_for() {
        let limits = Limits { memory_kib: 1024, processes: 7, ..Limits::default() };
        let runner = Runner::text();
        let plan =
            Plan { image: "sha256:0", runtime: None, runner: &runner, filter: "{\"a\":1}", limits: &limits };
        let body = body(plan, HashMap::new());
        let host = body.host_config.unwrap();
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.readonly_rootfs, Some(true));
        assert_eq!(host.privileged, None);
        assert_eq!(host.binds, None);
        assert_eq!((host.memory, host.memory_swap), (Some(1 << 20), Some(1 << 20)));
        assert_eq!(host.pids_limit, Some(8));
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert!(host.security_opt.unwrap()[1].starts_with("seccomp={\"a\":1}"));
        // With a network of the engine's making, even an empty one, a start costs twice as much.
        assert_eq!(body.network_disabled, Some(true));
        assert_eq!(host.log_config.unwrap().typ.as_deref(), Some("none"));
    }
}
