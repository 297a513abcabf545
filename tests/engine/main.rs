//! The sandbox against hostile programs, on every real backend.
//!
//! Each file in `fixtures/agents/<verdict>/` is a test for each backend: its program must get that
//! verdict, and an honest program that follows it must be unharmed. None of them has passed the
//! gate, because the sandbox must hold on its own. When all is done, nothing may be left.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program without the usual harness, so the linter does not see that it is one"
)]

mod battery;
mod checkers;
mod daemon;
mod doctor;
mod endings;
mod faults;
mod isolation;
mod killing;
mod leftovers;
mod memory;
mod metric;
mod microvm;
mod proxy;
mod score;
mod stopping;
mod support;
mod tasks;
mod unprivileged;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;

use self::support::{BackendUnderTest, World};

fn main() -> ExitCode {
    if let Ok(which) = std::env::var(faults::HOLD) {
        faults::hold(&which);
    }
    let arguments = Arguments::from_args();
    let world = Arc::new(World::new());
    let mut trials = Vec::new();
    for backend in BackendUnderTest::all() {
        trials.extend(battery::trials(&world, backend));
        trials.extend(checkers::trials(&world, backend));
        trials.extend(endings::trials(&world, backend));
        trials.extend(faults::trials(&world, backend));
        trials.extend(isolation::trials(&world, backend));
        trials.extend(doctor::trials(&world, backend));
        trials.extend(memory::trials(&world, backend));
        trials.extend(metric::trials(&world, backend));
        trials.extend(stopping::trials(&world, backend));
        trials.extend(killing::trials(&world, backend));
    }
    if !support::is_unprivileged() {
        trials.extend(microvm::trials(&world));
        trials.extend(daemon::trials());
    }
    trials.extend(tasks::trials());
    trials.extend(unprivileged::trials());
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if listing {
        return conclusion.exit_code();
    }
    // Only now, when no other test runs, can this be seen.
    match leftovers::check(&world) {
        Ok(()) => conclusion.exit_code(),
        Err(left) => {
            eprintln!("left behind: {left}");
            ExitCode::FAILURE
        }
    }
}
