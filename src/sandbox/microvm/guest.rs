//! What a machine is told before its runner is: the program of its process 1, and how high its
//! inner walls are.

use crate::model::Limits;
use crate::sandbox::failed;
use crate::sandbox::wire::RUNNER;
use crate::sandbox::{SandboxError, seccomp};

const GUEST: &str = include_str!("guest.py");

/// Beside the agent's: the runner.
const OUR_PROCESSES: u64 = 1;
/// Room for the largest source that the gate accepts, with what a file system adds.
const SOURCE_KIB: u64 = 16 * 1024;
/// The kernel, process 1, the runner's interpreter and its files, beside what the agent may use.
const OUR_MEMORY_KIB: u64 = 128 * 1024;

/// The user of the program under test. A machine serves one, so it needs no number of its own.
pub(super) const UID: u64 = 65_534;

/// Memory of a machine in MiB, in which the agent's limit is reached before the machine's.
pub(super) fn memory_mib(limits: &Limits) -> u64 {
    limits.memory_kib.saturating_add(OUR_MEMORY_KIB).div_ceil(1024)
}

/// The first bytes on the channel.
pub(super) fn opening(limits: &Limits) -> Result<Vec<u8>, SandboxError> {
    let filters = seccomp::programs().map_err(|error| failed("make a filter", &error))?;
    let filters: Vec<String> = filters
        .iter()
        .map(|program| program.iter().map(|step| hex::encode(instruction(step))).collect())
        .collect();
    let fields = [
        ("memory_bytes", limits.memory_kib.saturating_mul(1024)),
        ("processes", limits.processes.saturating_add(OUR_PROCESSES)),
        ("scratch_kib", limits.scratch_kib),
        // The root of a tmpfs is an inode too.
        ("scratch_files", limits.scratch_files.saturating_add(1)),
        ("source_kib", SOURCE_KIB),
        ("runner", RUNNER.len() as u64),
    ];
    let mut config: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    config.push(format!("filters={}", filters.join(",")));
    let mut bytes = Vec::new();
    for part in [GUEST, &config.join("\0")] {
        let length = u32::try_from(part.len()).map_err(|error| failed("start a machine", &error))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    Ok(bytes)
}

/// As the kernel of the machine reads it. Only machines of our own architecture are booted.
fn instruction(step: &seccompiler::sock_filter) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..2].copy_from_slice(&step.code.to_ne_bytes());
    bytes[2] = step.jt;
    bytes[3] = step.jf;
    bytes[4..].copy_from_slice(&step.k.to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_its_program_and_then_its_limits() {
        let limits = Limits { memory_kib: 1024, processes: 7, ..Limits::default() };
        let bytes = opening(&limits).unwrap();
        let (program, rest) = bytes[4..].split_at(GUEST.len());
        assert_eq!(bytes[..4], u32::try_from(GUEST.len()).unwrap().to_be_bytes());
        assert_eq!(program, GUEST.as_bytes());
        let config = std::str::from_utf8(&rest[4..]).unwrap();
        let fields: Vec<_> = config.split('\0').collect();
        assert!(fields.contains(&"memory_bytes=1048576"));
        assert!(fields.contains(&"processes=8"));
        let filters = fields.iter().find_map(|field| field.strip_prefix("filters=")).unwrap();
        assert_eq!(filters.split(',').count(), 2);
        assert!(filters.split(',').all(|filter| filter.len() >= 16 && filter.len() % 16 == 0));
    }

    #[test]
    fn the_agent_reaches_its_limit_before_the_machine_does() {
        let limits = Limits { memory_kib: 100 * 1024 + 1, ..Limits::default() };
        assert_eq!(memory_mib(&limits), 229);
    }
}
