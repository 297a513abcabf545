//! Ctrl-C and SIGTERM: what was finished is kept and shown, and nothing is left behind.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use nix::sys::signal::Signal;
use portcullis::sandbox::Backend;

use crate::leftovers;
use crate::proxy::{Health, Proxy};
use crate::score::{SLOW, STUCK, Score, write};
use crate::support::{BackendUnderTest, World, expect, is_unprivileged, trial};

/// The line that says which sandbox was taken, after it was tried out and before any session is open.
const CHOSEN: &str = "sandbox: ";
/// The line of the first case that was judged, after which the second is under way.
const JUDGED: &str = "\"accepted\"";

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    if is_unprivileged() {
        return Vec::new();
    }
    let mut trials = Vec::new();
    let signals =
        [("ctrl_c", Signal::SIGINT), ("sigterm", Signal::SIGTERM), ("a_closed_terminal", Signal::SIGHUP)];
    for (name, signal) in signals {
        trials.push(trial(
            world,
            backend,
            format!("{name}_in_the_middle_of_a_case_keeps_what_was_finished"),
            async move |_| in_mid_case(backend, signal),
        ));
    }
    trials.push(trial(
        world,
        backend,
        "a_closed_terminal_does_not_stop_what_was_started_with_nohup",
        async move |_| with_nohup(backend),
    ));
    trials.push(trial(
        world,
        backend,
        "ctrl_c_while_a_session_is_opened_leaves_nothing_behind",
        async move |_| while_opening(backend),
    ));
    if backend == BackendUnderTest::Docker {
        trials.push(trial(
            world,
            backend,
            "a_second_ctrl_c_does_not_wait_for_an_engine_that_is_frozen",
            async move |under| twice(&*under.backend).await,
        ));
    }
    trials
}

fn in_mid_case(backend: BackendUnderTest, signal: Signal) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let agents = [write(folder.path(), "one.py", STUCK)?, write(folder.path(), "two.py", STUCK)?];
    let agents = [agents[0].as_path(), agents[1].as_path()];
    let mut score = Score::start(&backend.to_string(), &["--jobs", "1"], &agents)?;
    score.until(JUDGED)?;
    score.signal(signal)?;
    expect("exit status", &score.end()?, &Some(2))?;
    leftovers::of_process(score.pid()).map_err(|left| format!("left behind: {left}"))?;
    let data = score.data();
    let summary = data.last().ok_or("no summary")?;
    expect("partial", &summary["partial"].as_bool(), &Some(true))?;
    let verdicts = |agent: usize| -> Vec<&str> {
        let cases = summary["unscored"][agent]["tasks"][0]["cases"].as_array();
        cases.into_iter().flatten().filter_map(|case| case["verdict"].as_str()).collect()
    };
    let (first, second) = (verdicts(0), verdicts(1));
    let is_right = first.first() == Some(&"accepted")
        && first.len() > 1
        && first[1..].iter().chain(&second).all(|it| *it == "skipped");
    if is_right { Ok(()) } else { Err(format!("{first:?} {second:?}").into()) }
}

/// It goes on to its end.
fn with_nohup(backend: BackendUnderTest) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let agent = write(folder.path(), "agent.py", SLOW)?;
    let mut score = Score::start_by(&["nohup"], &backend.to_string(), &["--jobs", "1"], &[&agent])?;
    score.until(JUDGED)?;
    score.signal(Signal::SIGHUP)?;
    expect("exit status", &score.end()?, &Some(0))?;
    leftovers::of_process(score.pid()).map_err(|left| format!("left behind: {left}"))?;
    let data = score.data();
    let summary = data.last().ok_or("no summary")?;
    expect("partial", &summary["partial"].as_bool().unwrap_or_default(), &false)?;
    expect("score", &summary["rankings"][0]["score"].as_f64(), &Some(100.0))
}

fn while_opening(backend: BackendUnderTest) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let agent = write(folder.path(), "agent.py", STUCK)?;
    for _ in 0..5 {
        let mut score = Score::start(&backend.to_string(), &[], &[&agent])?;
        score.until(CHOSEN)?;
        score.signal(Signal::SIGINT)?;
        expect("exit status", &score.end()?, &Some(2))?;
        leftovers::of_process(score.pid()).map_err(|left| format!("left behind: {left}"))?;
    }
    Ok(())
}

/// The first one waits for the engine, which does not come back.
async fn twice(backend: &dyn Backend) -> Result<(), Failed> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let engine = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned();
    let folder = tempfile::tempdir()?;
    let agent = write(folder.path(), "agent.py", STUCK)?;
    let socket = folder.path().join("docker.sock");
    let proxy = Proxy::start(&socket, engine, None)?;
    let address = format!("unix://{}", socket.display());
    let mut score = Score::start("docker", &["--engine", &address], &[&agent])?;
    score.until(JUDGED)?;
    proxy.become_(Health::Frozen);
    score.signal(Signal::SIGINT)?;
    score.until("once more to stop at once")?;
    score.signal(Signal::SIGINT)?;
    expect("exit status", &score.end()?, &Some(130))?;
    backend.sweep().await?;
    leftovers::of_process(score.pid()).map_err(|left| format!("left behind: {left}").into())
}
