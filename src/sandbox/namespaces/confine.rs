//! The last step before the interpreter: the system call filter.
//!
//! The only unsafe call of the crate. Running code of ours between fork and exec is what makes it
//! so: after a fork of a process with several threads, locks may be held by threads that do not
//! exist any more. The helper has one thread, and the filter must be put on just there: earlier it
//! would forbid the mounts, later is the interpreter.

use std::ffi::CString;
use std::io::{self, Write as _};

use hakoniwa::{Command, Container};

use crate::sandbox::seccomp;

/// What a shell says when a program cannot be started.
const CANNOT_EXECUTE: i32 = 126;

/// `program` in `container` behind our filter, with an empty environment.
#[expect(unsafe_code, reason = "see the module: the helper has one thread")]
pub(super) fn command(
    container: &Container,
    program: CString,
    arguments: Vec<CString>,
) -> anyhow::Result<Command> {
    let filters = seccomp::programs().map_err(|error| anyhow::anyhow!("cannot make the filter: {error}"))?;
    let start = move || -> i32 {
        let failure = match filters.iter().try_for_each(|filter| seccompiler::apply_filter(filter)) {
            Err(error) => format!("cannot apply the filter: {error}\n"),
            // Returns only when it fails.
            Ok(()) => match nix::unistd::execve(&program, &arguments, &[] as &[CString]) {
                Err(error) => format!("cannot start {program:?}: {error}\n"),
            },
        };
        // Nobody is left to be told that stderr is gone.
        let _ = io::stderr().write_all(failure.as_bytes());
        CANNOT_EXECUTE
    };
    // SAFETY: the helper never starts a thread, so the child is a whole copy of it.
    Ok(unsafe { container.command_from_closure(start) })
}
