//! Who made a thing that needs clearing away: this process, named so that another process, later,
//! can tell whether it is still alive.

use std::fmt;
use std::fs;
use std::str::FromStr;

/// One process of one machine since one start of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    host: String,
    /// Start of the machine (`/proc/sys/kernel/random/boot_id`).
    boot: String,
    /// The namespace in which `pid` counts.
    pid_namespace: u64,
    pid: u32,
    /// Start of the process in clock ticks since the boot, so that a reused pid is not mistaken.
    started: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Liveness {
    Alive,
    Dead,
    /// Of another machine or another container: none of our business.
    Elsewhere,
}

impl Owner {
    pub(super) fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            host: first_line("/proc/sys/kernel/hostname"),
            boot: first_line("/proc/sys/kernel/random/boot_id").replace('-', ""),
            pid_namespace: pid_namespace(),
            pid,
            started: start_of(pid).unwrap_or_default(),
        }
    }

    /// Whether that process still runs, as far as `self`, a living process, can see.
    pub(super) fn sees(&self, other: &Self) -> Liveness {
        if self.boot != other.boot {
            // The same machine under another boot has forgotten all its processes.
            return if self.host == other.host { Liveness::Dead } else { Liveness::Elsewhere };
        }
        if self.pid_namespace != other.pid_namespace {
            return Liveness::Elsewhere;
        }
        if start_of(other.pid) == Some(other.started) { Liveness::Alive } else { Liveness::Dead }
    }
}

/// `boot.namespace.pid.start.host`: safe in a file name and in a label; the host comes last
/// because it may hold dots.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, boot, pid_namespace, pid, started } = self;
        write!(f, "{boot}.{pid_namespace}.{pid}.{started}.{host}")
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(5, '.');
        let mut next = || parts.next().ok_or(());
        Ok(Self {
            boot: next()?.to_owned(),
            pid_namespace: next()?.parse().map_err(drop)?,
            pid: next()?.parse().map_err(drop)?,
            started: next()?.parse().map_err(drop)?,
            host: next()?.to_owned(),
        })
    }
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .next()
        .unwrap_or_default()
        .replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.', "_")
}

fn pid_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
}

/// The 22nd field of `/proc/PID/stat`; the second, the name, may hold blanks and parentheses.
pub(super) fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_survives_its_own_spelling() {
        let owner = Owner::this_process();
        assert_eq!(owner.to_string().parse(), Ok(owner.clone()));
        assert_eq!(owner.sees(&owner), Liveness::Alive);
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let owner = Owner::this_process();
        let earlier = Owner { started: owner.started.wrapping_sub(1), ..owner.clone() };
        assert_eq!(owner.sees(&earlier), Liveness::Dead);
    }

    #[test]
    fn a_reboot_kills_everything_of_this_host_and_nothing_of_another() {
        let owner = Owner::this_process();
        let rebooted = Owner { boot: "0".to_owned(), ..owner.clone() };
        assert_eq!(owner.sees(&rebooted), Liveness::Dead);
        assert_eq!(owner.sees(&Owner { host: "elsewhere".to_owned(), ..rebooted }), Liveness::Elsewhere);
    }

    #[test]
    fn another_container_on_the_machine_is_left_alone() {
        let owner = Owner::this_process();
        let other = Owner { pid_namespace: 1, ..owner.clone() };
        assert_eq!(owner.sees(&other), Liveness::Elsewhere);
    }
}
