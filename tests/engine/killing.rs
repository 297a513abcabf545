//! `kill -9` of `score` at moments that nobody chose: the next start removes what was left, what belongs to a
//! validator that lives stays, and the journal has every finished case once.
//!
//! `PORTCULLIS_TEST_KILLS` is how often (8), `PORTCULLIS_TEST_SEED` repeats the moments of an earlier run.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use nix::sys::signal::Signal;
use portcullis::task;
use serde_json::Value;

use crate::faults::HOLD;
use crate::leftovers;
use crate::score::{SLOW, Score, write};
use crate::support::{BackendUnderTest, Under, World, expect, is_unprivileged, trial};

/// The latest moment. A run on its own needs about as long.
const LATEST_MS: u64 = 4_000;

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    if is_unprivileged() {
        return Vec::new();
    }
    vec![trial(
        world,
        backend,
        "kill_9_at_any_moment_leaves_nothing_and_loses_no_finished_case",
        async move |under| {
            let seed = match std::env::var("PORTCULLIS_TEST_SEED") {
                Ok(seed) => seed.parse()?,
                Err(_) => task::random_seed(),
            };
            let killed = kill_often(&under, backend, seed).await;
            killed.map_err(|why| format!("{why:?}; PORTCULLIS_TEST_SEED={seed} repeats it").into())
        },
    )]
}

async fn kill_often(under: &Under, backend: BackendUnderTest, seed: u64) -> Result<(), Failed> {
    let mut neighbour = Command::new(std::env::current_exe()?)
        .env(HOLD, backend.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(neighbour.stdout.take().ok_or("no pipe")?).lines();
    let is_up = lines.any(|line| line.is_ok_and(|line| line == "holding"));
    let killed = if is_up { kill_beside(under, backend, seed).await } else { Err("no neighbour".into()) };
    let pid = neighbour.id();
    let has_its_sandbox = leftovers::of_process(pid).is_err();
    let lives = neighbour.try_wait()?.is_none();
    neighbour.kill()?;
    neighbour.wait()?;
    killed?;
    expect("the neighbour's sandbox is there, and it lives", &(has_its_sandbox, lives), &(true, true))?;
    cleared_away(under, pid).await
}

async fn kill_beside(under: &Under, backend: BackendUnderTest, seed: u64) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let agents = [write(folder.path(), "one.py", SLOW)?, write(folder.path(), "two.py", SLOW)?];
    let agents = [agents[0].as_path(), agents[1].as_path()];
    let journal = folder.path().join("journal");
    let options = ["--jobs", "2", "--journal", journal.to_str().ok_or("an odd folder")?];
    let kills = std::env::var("PORTCULLIS_TEST_KILLS").map_or(Ok(8), |kills| kills.parse())?;
    let mut random = seed;
    for _ in 0..kills {
        // A linear congruence; its upper bits are good enough for moments.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut score = Score::start(&backend.to_string(), &options, &agents)?;
        score.until_after(Duration::from_millis((random >> 33) % latest(backend)))?;
        score.signal(Signal::SIGKILL)?;
        score.end()?;
        cleared_away(under, score.pid()).await?;
        let told = judged(&score.data());
        let written = written(&journal)?;
        if written.len() < told.len() {
            return Err(format!("{} cases were told and {} are written", told.len(), written.len()).into());
        }
    }
    let mut score = Score::start(&backend.to_string(), &options, &agents)?;
    expect("exit status", &score.end()?, &Some(0))?;
    let data = score.data();
    let cases = judged(&data).len();
    expect("cases that are written", &written(&journal)?.len(), &cases)?;
    let rankings = data.last().map(|summary| &summary["rankings"]).and_then(Value::as_array);
    let scores: Vec<_> = rankings.into_iter().flatten().filter_map(|it| it["score"].as_f64()).collect();
    expect("scores", &scores, &vec![100.0, 100.0])
}

/// A machine has only been booted by then.
fn latest(backend: BackendUnderTest) -> u64 {
    match backend {
        BackendUnderTest::MicroVm => 20 * LATEST_MS,
        BackendUnderTest::Docker | BackendUnderTest::Namespaces => LATEST_MS,
    }
}

/// What a validator does that starts now. An engine may still be making what a dead one has asked for, which
/// is then for the start after that.
async fn cleared_away(under: &Under, pid: u32) -> Result<(), Failed> {
    let mut left = Ok(());
    for _ in 0..20 {
        let report = under.backend.sweep().await?;
        expect("what resists", &report.left, &Vec::new())?;
        left = leftovers::of_process(pid);
        if left.is_ok() {
            break;
        }
    }
    left.map_err(|left| format!("left behind: {left}").into())
}

/// The cases that were told as accepted, each once.
fn judged(data: &[Value]) -> BTreeSet<String> {
    let finished = data.iter().filter(|event| event["event"] == "case_finished");
    let accepted = finished.filter(|event| event["result"]["verdict"] == "accepted");
    accepted.map(|event| format!("{} {}", event["miner_id"], event["result"]["name"])).collect()
}

/// The runs in the journal; an error where one is written twice.
fn written(journal: &Path) -> Result<BTreeSet<String>, Failed> {
    let text = fs::read_to_string(journal).unwrap_or_default();
    let mut runs = BTreeSet::new();
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let line: Value = serde_json::from_str(line)?;
        let run = line["run"].as_str().ok_or("no run")?.to_owned();
        if !runs.insert(run) {
            return Err("a run is written twice".into());
        }
    }
    Ok(runs)
}
