//! Cases per second of each way to run a trivial program, all in one process and one go, as shares
//! of bare `python3 -I -S` processes and as multiples of one `docker run` per case.
//!
//! Not a micro-benchmark: `scripts/throughput` starts it and prints what it prints.

#![expect(clippy::print_stdout, reason = "printing the figures is what it is for")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use portcullis::model::{Ending, Limits};
use portcullis::sandbox::{Backend, CaseSpec, Choice, Reuse, RunId, Session, SessionSpec, Settings, choose};

const PROGRAM: &str = "print('hi')\n";

#[derive(Debug, Clone, Copy)]
struct Shape {
    agents: usize,
    cases: usize,
    jobs: usize,
    rounds: usize,
}

fn main() -> anyhow::Result<()> {
    let number = |name: &str, default: usize| -> anyhow::Result<usize> {
        match std::env::var(name) {
            Ok(text) => text.parse().with_context(|| format!("`{name}` is not a number")),
            Err(_) => Ok(default),
        }
    };
    let shape = Shape {
        agents: number("AGENTS", 20)?,
        cases: number("CASES", 20)?,
        jobs: number("JOBS", 2)?,
        rounds: number("ROUNDS", 5)?,
    };
    tokio::runtime::Runtime::new()?.block_on(measure(shape))
}

async fn measure(shape: Shape) -> anyhow::Result<()> {
    let Shape { agents, cases, jobs, rounds } = shape;
    println!(
        "{agents} agents, {cases} cases each, {jobs} at a time, median of {rounds} rounds; cases per second"
    );
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("agent.py");
    std::fs::write(&file, PROGRAM)?;
    let interpreter = bare_interpreter()?;
    let bare = || {
        let mut command = Command::new(&interpreter);
        command.args(["-I", "-S", "-B"]).arg(&file);
        command
    };
    let docker_run = || docker_run_command(&Limits::default());
    // Fewer of what takes a quarter of a second each.
    let few = (agents * cases / 10).max(jobs);
    let mut rows: Vec<(&str, Vec<f64>)> = Vec::new();
    let backends = [
        ("docker", Choice::Docker, Reuse::Agent),
        ("namespaces", Choice::Namespaces, Reuse::Agent),
        ("docker, a sandbox for each case", Choice::Docker, Reuse::Case),
        ("namespaces, a sandbox for each case", Choice::Namespaces, Reuse::Case),
    ];
    let mut chosen = Vec::new();
    for (name, choice, reuse) in backends {
        let settings =
            Settings { reuse, helper: Some(env!("CARGO_BIN_EXE_portcullis").into()), ..Settings::default() };
        match choose(choice, &settings, &|_| ()).await {
            Ok(backend) => chosen.push((name, reuse, backend.backend)),
            Err(error) => println!("{name}: left out, {error}"),
        }
    }
    let has_docker = chosen.iter().any(|(name, ..)| *name == "docker");
    let mut add = |name, rate| match rows.iter_mut().find(|(known, _)| *known == name) {
        Some((_, rates)) => rates.push(rate),
        None => rows.push((name, vec![rate])),
    };
    for _ in 0..rounds {
        add("bare python3 -I -S", processes(bare, agents * cases, jobs)?);
        if has_docker {
            add("docker run", processes(docker_run, few, jobs)?);
        }
        for (name, reuse, backend) in &chosen {
            // As above: a container for each case is slow.
            let agents = if *reuse == Reuse::Case { (agents / 10).max(jobs) } else { agents };
            add(name, sessions(backend, Shape { agents, ..shape }).await?);
        }
        for (name, reuse, backend) in &chosen {
            if *reuse == Reuse::Agent {
                let inside = if *name == "docker" {
                    "docker, inside open sessions"
                } else {
                    "namespaces, inside open sessions"
                };
                add(inside, open_sessions(backend, shape).await?);
            }
        }
    }
    print(rows);
    Ok(())
}

fn print(rows: Vec<(&str, Vec<f64>)>) {
    let medians: Vec<(&str, f64)> = rows.into_iter().map(|(name, rates)| (name, median(rates))).collect();
    let of = |wanted: &str| medians.iter().find(|(name, _)| *name == wanted).map(|(_, rate)| *rate);
    let (floor, run) = (of("bare python3 -I -S"), of("docker run"));
    let ratio =
        |rate: f64, base: Option<f64>| base.map_or("-".to_owned(), |base| format!("{:.2}", rate / base));
    println!("{:<38} {:>9} {:>14} {:>14}", "", "per s", "of bare", "of docker run");
    for (name, rate) in &medians {
        println!("{name:<38} {rate:>9.1} {:>14} {:>14}", ratio(*rate, floor), ratio(*rate, run));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A launcher script in the path would be measured instead of the interpreter.
fn bare_interpreter() -> anyhow::Result<String> {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// What a container of the backend is limited by, on the command line.
fn docker_run_command(limits: &Limits) -> Command {
    let mut command = Command::new("docker");
    command.args(["run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--ipc=none"]);
    command.args(["--security-opt=no-new-privileges", "--user=65534:65534", "--log-driver=none", "--cpus=1"]);
    command.args(["--ulimit=core=0", "--ulimit=nofile=64", "--tmpfs=/tmp:size=32m,nr_inodes=4096"]);
    command.arg(format!("--memory={}k", limits.memory_kib));
    command.arg(format!("--memory-swap={}k", limits.memory_kib));
    command.arg(format!("--pids-limit={}", limits.processes));
    command.args(["python:3.11-slim", "python3", "-I", "-S", "-B", "-c", PROGRAM]);
    command
}

/// `jobs` threads that start processes one after the other.
fn processes(command: impl Fn() -> Command + Sync, count: usize, jobs: usize) -> anyhow::Result<f64> {
    let began = Instant::now();
    let done: anyhow::Result<Vec<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..count / jobs {
                        let output = command().stdin(Stdio::null()).output()?;
                        if output.stdout != b"hi\n" {
                            bail!("wrong output: {}", String::from_utf8_lossy(&output.stderr));
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| bail!("a worker failed"))).collect()
    });
    done?;
    Ok(rate(count / jobs * jobs, began))
}

/// Agents one after the other in each slot; the next session opens while one works, and is removed
/// while the next one works.
async fn sessions(backend: &Arc<dyn Backend>, shape: Shape) -> anyhow::Result<f64> {
    let began = Instant::now();
    let slots = (0..shape.jobs).map(|_| {
        let backend = Arc::clone(backend);
        tokio::spawn(async move {
            let mut removals = tokio::task::JoinSet::new();
            let mut next = open(&backend).await;
            for number in 0..shape.agents / shape.jobs {
                let mut session = next?;
                let is_last = number + 1 == shape.agents / shape.jobs;
                let (ran, opened) = tokio::join!(run_all(&mut session, shape.cases), async {
                    if is_last { bail!("no more") } else { open(&backend).await }
                });
                ran?;
                next = opened;
                removals.spawn(session.close());
            }
            while let Some(removed) = removals.join_next().await {
                removed??;
            }
            anyhow::Ok(())
        })
    });
    finish(slots).await?;
    Ok(rate(shape.agents / shape.jobs * shape.jobs * shape.cases, began))
}

/// The same number of cases in sessions that are open before the clock starts.
async fn open_sessions(backend: &Arc<dyn Backend>, shape: Shape) -> anyhow::Result<f64> {
    let mut ready = Vec::new();
    for _ in 0..shape.jobs {
        ready.push(open(backend).await?);
    }
    let began = Instant::now();
    let count = shape.agents * shape.cases / shape.jobs;
    // One sandbox serves 256 cases; stay below, so that none is replaced inside the measurement.
    let count = count.min(200);
    let slots = ready.into_iter().map(|mut session| {
        tokio::spawn(async move {
            run_all(&mut session, count).await?;
            anyhow::Ok(session)
        })
    });
    let slots: Vec<_> = slots.collect();
    let mut sessions = Vec::new();
    for slot in slots {
        sessions.push(slot.await??);
    }
    let rate = rate(count * shape.jobs, began);
    for session in sessions {
        session.close().await?;
    }
    Ok(rate)
}

async fn finish(
    slots: impl Iterator<Item = tokio::task::JoinHandle<anyhow::Result<()>>>,
) -> anyhow::Result<()> {
    let slots: Vec<_> = slots.collect();
    let mut slots = futures_util::stream::iter(slots);
    while let Some(slot) = slots.next().await {
        slot.await??;
    }
    Ok(())
}

async fn open(backend: &Arc<dyn Backend>) -> anyhow::Result<Box<dyn Session>> {
    let spec = SessionSpec {
        run: RunId::generate(),
        source: Arc::from(PROGRAM),
        limits: Limits::default(),
        label: "throughput".to_owned(),
    };
    Ok(backend.open(&spec).await?)
}

async fn run_all(session: &mut Box<dyn Session>, count: usize) -> anyhow::Result<()> {
    let case = CaseSpec {
        name: "case".parse()?,
        arguments: vec!["--task".to_owned(), "say hi".to_owned()],
        stdin: Arc::from([]),
    };
    for _ in 0..count {
        let facts = session.run(&case).await?;
        if facts.ending != (Ending::Exited { code: 0 }) || facts.stdout.bytes != b"hi\n" {
            bail!("unexpected: {facts:?}");
        }
    }
    Ok(())
}

fn rate(count: usize, began: Instant) -> f64 {
    // Counts here are far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let count = count as f64;
    count / began.elapsed().as_secs_f64()
}
