//! Cases per second of each way to run a trivial program, all in one process and one go, as shares
//! of bare `python3 -I -S` processes and as multiples of one `docker run` per case.
//!
//! Not a micro-benchmark: `scripts/throughput` builds and starts it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use portcullis::judge::{self, Checker};
use portcullis::lint::Policy;
use portcullis::model::{Egress, Ending, Limits, MinerId, Score, Slug};
use portcullis::sandbox::{Backend, CaseSpec, Choice, Reuse, RunId, Session, SessionSpec, Settings, choose};
use portcullis::task::{Case, Task};
use portcullis::validator::{self, Agent, Events, Judged, Plan};
use tokio_util::sync::CancellationToken;

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

/// A way to run cases, by the name that the table has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Bare,
    DockerRun,
    Docker,
    DockerCase,
    DockerInside,
    Namespaces,
    NamespacesCase,
    NamespacesInside,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare `python3 -I -S`",
            Self::DockerRun => "`docker run --rm` per case",
            Self::Docker => "docker",
            Self::DockerCase => "docker `--isolation case`",
            Self::DockerInside => "docker, inside open sessions",
            Self::Namespaces => "namespaces",
            Self::NamespacesCase => "namespaces `--isolation case`",
            Self::NamespacesInside => "namespaces, inside open sessions",
        }
    }

    /// At least so many times bare processes, and so many times `docker run`.
    const fn target(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::Bare | Self::DockerRun | Self::NamespacesCase => (None, None),
            Self::Docker => (Some(0.5), Some(15.0)),
            Self::DockerCase => (None, Some(2.0)),
            Self::DockerInside | Self::NamespacesInside => (Some(0.9), None),
            Self::Namespaces => (Some(0.85), Some(28.0)),
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Figure {
    /// Cases per second.
    rate: f64,
    /// Milliseconds of processor time that the whole machine spent on each case, the engine's
    /// included. Says something only while nothing else runs.
    cpu_ms: f64,
}

async fn measure(shape: Shape) -> anyhow::Result<()> {
    let Shape { agents, cases, jobs, rounds } = shape;
    println!("{agents} agents × {cases} cases, {jobs} at a time, median of {rounds}.\n");
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("agent.py");
    std::fs::write(&file, PROGRAM)?;
    let (interpreter, helper) = (bare_interpreter()?, program()?);
    let bare = || {
        let mut command = Command::new(&interpreter);
        command.args(["-I", "-S", "-B"]).arg(&file);
        command
    };
    let docker_run = || docker_run_command(&Limits::default());
    // Fewer of what takes a quarter of a second each.
    let few = (agents * cases / 10).max(jobs);
    let mut chosen = Vec::new();
    for (whole, inside, choice, reuse) in [
        (Way::Docker, Some(Way::DockerInside), Choice::Docker, Reuse::Agent),
        (Way::DockerCase, None, Choice::Docker, Reuse::Case),
        (Way::Namespaces, Some(Way::NamespacesInside), Choice::Namespaces, Reuse::Agent),
        (Way::NamespacesCase, None, Choice::Namespaces, Reuse::Case),
    ] {
        let settings = Settings { reuse, helper: Some(helper.clone()), ..Settings::default() };
        match choose(choice, &settings, &|_| ()).await {
            Ok(backend) => chosen.push((whole, inside, backend.backend)),
            Err(error) => println!("{}: left out, {error}\n", whole.name()),
        }
    }
    let has_docker = chosen.iter().any(|(way, ..)| *way == Way::Docker);
    let mut figures: BTreeMap<Way, Vec<Figure>> = BTreeMap::new();
    let mut add = |way, figure| figures.entry(way).or_default().push(figure);
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        add(Way::Bare, processes(bare, agents * cases, jobs)?);
        if has_docker {
            add(Way::DockerRun, processes(docker_run, few, jobs)?);
        }
        for (whole, inside, backend) in &chosen {
            add(*whole, validator_run(backend, shape).await?);
            if let Some(inside) = inside {
                add(*inside, open_sessions(backend, shape).await?);
            }
        }
    }
    print(figures);
    Ok(())
}

/// A Markdown table.
fn print(figures: BTreeMap<Way, Vec<Figure>>) {
    let medians: BTreeMap<Way, Figure> =
        figures.into_iter().map(|(way, figures)| (way, median(figures))).collect();
    let rate_of = |way| medians.get(&way).map(|figure: &Figure| figure.rate);
    let (floor, run) = (rate_of(Way::Bare), rate_of(Way::DockerRun));
    println!("| way | cases per s | of bare | of `docker run` | target | CPU ms per case |");
    println!("|---|--:|--:|--:|---|--:|");
    for (way, Figure { rate, cpu_ms }) in &medians {
        let (of_bare, of_run) = (floor.map(|base| rate / base), run.map(|base| rate / base));
        let shown = |ratio: Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let (least_of_bare, least_of_run) = way.target();
        let mut targets = Vec::new();
        for (ratio, least, of) in [(of_bare, least_of_bare, "bare"), (of_run, least_of_run, "`docker run`")] {
            if let (Some(ratio), Some(least)) = (ratio, least) {
                let word = if ratio >= least { "met" } else { "**missed**" };
                targets.push(format!("{least} of {of}: {word}"));
            }
        }
        println!(
            "| {} | {rate:.1} | {} | {} | {} | {cpu_ms:.1} |",
            way.name(),
            shown(of_bare),
            shown(of_run),
            targets.join("; ")
        );
    }
}

fn median(mut figures: Vec<Figure>) -> Figure {
    figures.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    figures[figures.len() / 2]
}

/// Wall and processor time from here on.
struct Clock {
    began: Instant,
    busy: f64,
}

impl Clock {
    fn start() -> Self {
        Self { began: Instant::now(), busy: busy_ms() }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
    fn figure(&self, cases: usize) -> Figure {
        let cases = cases as f64;
        Figure { rate: cases / self.began.elapsed().as_secs_f64(), cpu_ms: (busy_ms() - self.busy) / cases }
    }
}

/// What all processors together worked since the machine started (`/proc/stat`: user, nice, system,
/// interrupts; in hundredths of a second).
fn busy_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    [0, 1, 2, 5, 6].iter().filter_map(|index| fields.get(*index)).sum::<f64>() * 10.0
}

/// The program itself, which is built to the same place before. Namespaces are made by it.
fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("portcullis");
    anyhow::ensure!(program.is_file(), "`{}` is missing: `cargo build` with this profile", program.display());
    Ok(program)
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
fn processes(command: impl Fn() -> Command + Sync, count: usize, jobs: usize) -> anyhow::Result<Figure> {
    let clock = Clock::start();
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
    Ok(clock.figure(count / jobs * jobs))
}

/// What `portcullis score` does: the validator with the gate in front of it, the next sessions opened
/// and the last ones closed while others work.
async fn validator_run(backend: &Arc<dyn Backend>, shape: Shape) -> anyhow::Result<Figure> {
    let case = |number| anyhow::Ok(Case::new(Slug::parse(format!("case-{number}"))?, b"", "hi"));
    let cases = (0..shape.cases).map(case).collect::<anyhow::Result<_>>()?;
    let task = Arc::new(Task::new(Slug::parse("say_hi")?, "Print hi.", Checker::Lines, cases));
    let policy = Policy::standard();
    let agent = |number| -> anyhow::Result<_> {
        let id = MinerId::parse(format!("agent-{number}"))?;
        let admitted = Agent::admit(id, PROGRAM.as_bytes(), &policy);
        admitted.map(Arc::new).map_err(|_| anyhow::anyhow!("the gate refuses the program"))
    };
    let agents = (0..shape.agents).map(agent).collect::<anyhow::Result<Vec<_>>>()?;
    let plan = Plan {
        run: RunId::generate(),
        agents,
        tasks: vec![task],
        backend: Arc::clone(backend),
        jobs: shape.jobs,
        repeat: 1,
        seed: 0,
        at_least: None,
        cancel: CancellationToken::new(),
    };
    let clock = Clock::start();
    let (events, _) = Events::channel();
    let outcome = validator::run(plan, events).await;
    let figure = clock.figure(shape.agents * shape.cases);
    let flawless = |judged: &Judged| judge::score_agent(&judged.tasks) == Some(Score::FULL);
    if !outcome.judged.iter().all(flawless) || !outcome.left_behind.is_empty() {
        bail!("unexpected: {:?} {:?}", outcome.faults, outcome.left_behind);
    }
    Ok(figure)
}

/// The same number of cases in sessions that are open before the clock starts.
async fn open_sessions(backend: &Arc<dyn Backend>, shape: Shape) -> anyhow::Result<Figure> {
    let mut ready = Vec::new();
    for _ in 0..shape.jobs {
        ready.push(open(backend).await?);
    }
    let count = shape.agents * shape.cases / shape.jobs;
    // One sandbox serves 256 cases; stay below, so that none is replaced inside the measurement.
    let count = count.min(200);
    let clock = Clock::start();
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
    let figure = clock.figure(count * shape.jobs);
    for session in sessions {
        session.close().await?;
    }
    Ok(figure)
}

async fn open(backend: &Arc<dyn Backend>) -> anyhow::Result<Box<dyn Session>> {
    let spec = SessionSpec {
        run: RunId::generate(),
        source: Arc::from(PROGRAM),
        limits: Limits::default(),
        egress: Egress::default(),
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
