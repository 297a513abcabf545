//! An engine that goes away in the middle of a run. What stands between us and the engine is cut, as
//! when its daemon is killed: every stream ends, and nobody answers any more.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use libtest_mimic::{Failed, Trial};
use portcullis::sandbox::{Choice, choose};
use serde_json::Value;

use crate::leftovers;
use crate::support::{expect, helper, settings};

const AGENT: &str = "import sys\nimport time\ntext = sys.stdin.read()\ntime.sleep(2)\n\
    print(text.removesuffix('\\n')[::-1])\n";

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("docker::an_engine_that_dies_in_the_middle_of_a_run_costs_no_agent_a_score", dies)]
}

/// Passes on what comes to a socket of its own, until it is cut.
struct Proxy {
    streams: Arc<Mutex<Vec<UnixStream>>>,
    is_cut: Arc<AtomicBool>,
}

impl Proxy {
    fn start(socket: &Path, engine: String) -> std::io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let proxy = Self { streams: Arc::default(), is_cut: Arc::default() };
        let (streams, is_cut) = (Arc::clone(&proxy.streams), Arc::clone(&proxy.is_cut));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&engine) else { continue };
                let mut held = streams.lock().unwrap_or_else(PoisonError::into_inner);
                if is_cut.load(Ordering::SeqCst) {
                    return; // Nobody listens from here on.
                }
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { continue };
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                held.extend([client, server]);
            }
        });
        Ok(proxy)
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn dies() -> Result<(), Failed> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let engine = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned();
    let folder = tempfile::tempdir()?;
    let (socket, agent) = (folder.path().join("docker.sock"), folder.path().join("sleepy.py"));
    fs::write(&agent, AGENT)?;
    let proxy = Proxy::start(&socket, engine)?;
    let mut validator = Command::new(helper())
        .args([
            "score",
            "--sandbox",
            "docker",
            "--task",
            "reverse_string",
            "--format",
            "jsonl",
            "--jobs",
            "1",
        ])
        .args(["--engine", &format!("unix://{}", socket.display())])
        .arg(&agent)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = validator.id();
    let mut last = String::new();
    for line in BufReader::new(validator.stdout.take().ok_or("no pipe")?).lines() {
        last = line?;
        // The first case was judged, so the second is under way.
        if last.contains("accepted") && !proxy.is_cut.load(Ordering::SeqCst) {
            proxy.cut();
        }
    }
    validator.wait()?;
    check(&serde_json::from_str(&last)?).map_err(|why| format!("{why:?}: {last}"))?;
    // The engine comes back: the next validator clears away what this one could not.
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async { choose(Choice::Docker, &settings(), &|_| ()).await?.backend.sweep().await })?;
    leftovers::of_process(pid).map_err(|left| format!("left behind: {left}").into())
}

/// No rank, no score, the fault named, and what was judged before it still judged.
fn check(report: &Value) -> Result<(), Failed> {
    expect("ranked", &report["rankings"].as_array().map(Vec::len), &Some(0))?;
    if report["errors"].as_array().is_none_or(Vec::is_empty) {
        return Err("no error is told".into());
    }
    let cases = report["unscored"][0]["tasks"][0]["cases"].as_array().cloned().unwrap_or_default();
    let verdicts: Vec<_> = cases.iter().filter_map(|case| case["verdict"].as_str()).collect();
    let is_right = verdicts.contains(&"accepted")
        && verdicts.contains(&"internal_error")
        && verdicts.iter().all(|verdict| ["accepted", "internal_error", "skipped"].contains(verdict));
    if is_right { Ok(()) } else { Err(format!("{verdicts:?}").into()) }
}
