//! Virtual machines: the battery's most telling programs, the ends of programs, and our own faults.
//!
//! A machine without KVM boots in seconds, so this is a part of what the other backends go through;
//! `PORTCULLIS_TEST_MICROVM=all` runs the whole battery. Where QEMU or the image is missing, the
//! tests are ignored and say why; `scripts/microvm up` brings both.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use portcullis::model::Ending;

use crate::faults::HOLD;
use crate::leftovers;
use crate::support::{BackendUnderTest, Under, World, case, close, expect, trial};

const BACKEND: BackendUnderTest = BackendUnderTest::MicroVm;

/// Of each kind of attack one, and what only a machine could get wrong.
const TELLING: &[&str] = &[
    "accepted::probe-files",
    "accepted::probe-honest",
    "accepted::probe-host",
    "accepted::probe-network",
    "accepted::probe-orphan",
    "accepted::probe-privileges",
    "accepted::probe-system_calls",
    "memory_limit::probe-bomb",
    "memory_limit::probe-child",
    "output_limit::probe-one_line",
    "output_limit::probe-stdout",
    "process_limit::probe-fork_bomb",
    "runtime_error::probe-descriptors",
    "runtime_error::probe-fakes_memory",
    "runtime_error::probe-fakes_reports",
    "time_limit::probe-loop",
    "time_limit::probe-sleep",
    "wrong_answer::probe-claims",
];

pub(crate) fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = crate::battery::trials(world, BACKEND);
    let wants_all = std::env::var("PORTCULLIS_TEST_MICROVM").as_deref() == Ok("all");
    if !wants_all {
        trials.retain(|trial| TELLING.iter().any(|name| trial.name().ends_with(name)));
    }
    if wants_all {
        trials.extend(crate::killing::trials(world, BACKEND));
    }
    trials.extend(crate::doctor::trials(world, BACKEND));
    trials.push(trial(world, BACKEND, "a_machine_tells_how_programs_ended", async move |under| {
        ends(&under).await
    }));
    trials.push(trial(world, BACKEND, "nothing_of_a_case_is_left_for_the_next", async move |under| {
        crate::endings::fresh(&under).await
    }));
    trials.push(trial(
        world,
        BACKEND,
        "a_list_of_destinations_is_refused_and_not_ignored",
        async move |under| crate::faults::egress(&under).await,
    ));
    trials.push(trial(world, BACKEND, "a_machine_whose_monitor_is_killed_is_our_fault", async move |_| {
        killed()
    }));
    trials.push(trial(world, BACKEND, "what_a_killed_validator_left_is_swept", async move |under| {
        swept(&under).await
    }));
    let why = unavailable();
    if let Some(why) = &why {
        eprintln!("the microvm tests are ignored: {why}");
    }
    trials.into_iter().map(|trial| trial.with_ignored_flag(why.is_some())).collect()
}

/// What is missing here, as far as it can be seen without booting.
fn unavailable() -> Option<String> {
    let image = portcullis::sandbox::image::default_folder();
    let image = std::env::var_os("PORTCULLIS_MICROVM_IMAGE").map_or(image, Into::into);
    if Command::new("qemu-system-x86_64").arg("--version").output().is_err() {
        return Some("qemu-system-x86_64 is not installed".to_owned());
    }
    let is_there = image.join("image.json").is_file();
    (!is_there).then(|| format!("there is no machine image in {}", image.display()))
}

async fn ends(under: &Under) -> Result<(), Failed> {
    let source = "import os, sys\nn = int(sys.argv[1])\n\
                  os._exit(n) if n >= 0 else os.kill(os.getpid(), -n)";
    let mut session = under.open(source).await?;
    for code in [0, 1, 2, 127, 128, 255_u8] {
        let facts = session.run(&case(&[&code.to_string()], b"")).await?;
        expect("ending", &facts.ending, &Ending::Exited { code })?;
    }
    // A machine in which a signal killed is replaced.
    for signal in [9, 11_u8] {
        let facts = session.run(&case(&[&format!("-{signal}")], b"")).await?;
        expect("ending", &facts.ending, &Ending::Signalled { signal })?;
    }
    close(session).await
}

/// A copy of this program that runs a program in a machine.
fn holder() -> Result<Child, Failed> {
    let mut holder = Command::new(std::env::current_exe()?)
        .env(HOLD, BACKEND.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let mut out = BufReader::new(holder.stdout.take().ok_or("no pipe")?);
    while out.read_line(&mut line)? > 0 && !line.ends_with("holding\n") {}
    if line.ends_with("holding\n") { Ok(holder) } else { Err(format!("the holder ended: {line}").into()) }
}

fn killed() -> Result<(), Failed> {
    let mut holder = holder()?;
    let monitors = leftovers::monitors_of(holder.id());
    let [monitor] = monitors[..] else { return Err(format!("{monitors:?}, expected one monitor").into()) };
    Command::new("kill").args(["-9", &monitor.to_string()]).status()?;
    let mut said = String::new();
    holder.stderr.take().ok_or("no pipe")?.read_to_string(&mut said)?;
    holder.wait()?;
    if said.contains("nobody killed us: Err(Failed") { Ok(()) } else { Err(said.into()) }
}

async fn swept(under: &Under) -> Result<(), Failed> {
    let mut holder = holder()?;
    let pid = holder.id();
    let monitors = leftovers::monitors_of(pid);
    holder.kill()?;
    holder.wait()?;
    let report = under.backend.sweep().await?;
    expect("left", &report.left, &Vec::new())?;
    if report.removed.is_empty() {
        return Err("nothing was removed".into());
    }
    leftovers::of_process(pid).map_err(|left| format!("left behind: {left}"))?;
    // Ended by the sweep, or by itself when its channel was closed; a zombie is neither alive nor ours.
    let alive: Vec<_> = monitors.into_iter().filter(|pid| leftovers::is_monitor(*pid)).collect();
    expect("monitors that still run", &alive, &Vec::new())
}
