//! Our own faults: they are errors and never facts about the program, and leave nothing behind.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use portcullis::model::{Destination, Egress, Ending};
use portcullis::sandbox::{Choice, RunId, SandboxError, SessionSpec, Settings, choose};

use crate::leftovers;
use crate::support::{BackendUnderTest, Under, World, case, close, expect, settings, trial};

/// Set for a copy of this program that holds a session open until it is killed.
pub(crate) const HOLD: &str = "PORTCULLIS_TEST_HOLD";

const SLEEPER: &str = "import time\nprint('up', flush=True)\ntime.sleep(600)";

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    let mut trials = vec![
        trial(world, backend, "a_sandbox_that_is_killed_is_our_fault", async move |under| {
            killed(&under, backend).await
        }),
        trial(world, backend, "a_cancelled_run_leaves_a_session_that_can_be_closed", async move |under| {
            cancelled(&under).await
        }),
        trial(world, backend, "an_argument_with_a_nul_is_our_fault", async move |under| nul(&under).await),
        trial(world, backend, "a_list_of_destinations_is_refused_and_not_ignored", async move |under| {
            egress(&under).await
        }),
        trial(world, backend, "a_sweep_leaves_what_is_in_use", async move |under| in_use(&under).await),
    ];
    if !crate::support::is_unprivileged() {
        trials.push(trial(world, backend, "what_a_killed_validator_left_is_swept", async move |under| {
            swept(&under, backend).await
        }));
    }
    if backend == BackendUnderTest::Docker {
        trials.extend(engine_trials());
    }
    trials
}

async fn killed(under: &Under, backend: BackendUnderTest) -> Result<(), Failed> {
    // The number makes it the only one of its kind.
    let label = format!("killed-{}", std::process::id());
    let source = format!("{SLEEPER}  # {label}");
    let spec = SessionSpec {
        run: RunId::generate(),
        source: Arc::from(source.as_str()),
        limits: under.limits.clone(),
        egress: Egress::default(),
        label: label.clone(),
    };
    let mut session = under.backend.open(&spec).await?;
    let victim = match backend {
        BackendUnderTest::Docker => container_of(&label)?,
        BackendUnderTest::Namespaces | BackendUnderTest::MicroVm => helper_of(&source)?,
    };
    let run = case(&[], b"");
    let (result, ()) = tokio::join!(session.run(&run), async {
        let mut kill = Command::new(if backend == BackendUnderTest::Docker { "docker" } else { "kill" });
        kill.arg(if backend == BackendUnderTest::Docker { "kill" } else { "-9" }).arg(victim);
        let _ = kill.stdout(Stdio::null()).status();
    });
    close(session).await?;
    match result {
        Err(SandboxError::Failed { .. }) => Ok(()),
        other => Err(format!("{other:?}, expected a failure of ours").into()),
    }
}

/// The helper whose plan lies beside this source.
fn helper_of(source: &str) -> Result<String, Failed> {
    for (pid, arguments) in leftovers::processes() {
        let Some(plan) = arguments.get(2).filter(|_| arguments.iter().any(|word| word == "--sandbox-helper"))
        else {
            continue;
        };
        let agent = PathBuf::from(plan).with_file_name("agent.py");
        // The helper and its child carry the same words; the older one is the helper.
        if fs::read_to_string(agent).is_ok_and(|text| text == source) {
            return Ok(pid.to_string());
        }
    }
    Err("the helper is not to be found".into())
}

fn container_of(label: &str) -> Result<String, Failed> {
    let filter = format!("label=portcullis.label={label}");
    let output = Command::new("docker").args(["ps", "-q", "--no-trunc", "--filter", &filter]).output()?;
    match String::from_utf8(output.stdout)?.lines().collect::<Vec<_>>()[..] {
        [one] => Ok(one.to_owned()),
        ref several => Err(format!("{several:?}, expected one container").into()),
    }
}

async fn cancelled(under: &Under) -> Result<(), Failed> {
    let mut session = under.open(SLEEPER).await?;
    let run = case(&[], b"");
    // Long enough for the program to run, far shorter than its limit.
    let cut = tokio::time::timeout(Duration::from_millis(300), session.run(&run)).await;
    if cut.is_ok() {
        return Err(format!("{cut:?}, expected a run that goes on").into());
    }
    close(session).await
}

async fn nul(under: &Under) -> Result<(), Failed> {
    let mut session = under.open("print('ok')").await?;
    let refused = session.run(&case(&["a\0b"], b"")).await;
    let fine = session.run(&case(&["ab"], b"")).await?;
    close(session).await?;
    expect("ending", &fine.ending, &Ending::Exited { code: 0 })?;
    match refused {
        Err(SandboxError::Failed { .. }) => Ok(()),
        other => Err(format!("{other:?}, expected a refusal").into()),
    }
}

pub(crate) async fn egress(under: &Under) -> Result<(), Failed> {
    let egress = Egress::new(["api.example.org:443".parse::<Destination>()?])?;
    let spec = SessionSpec {
        run: RunId::generate(),
        source: Arc::from("print('ok')"),
        limits: under.limits.clone(),
        egress,
        label: "test".to_owned(),
    };
    match under.backend.open(&spec).await.map(|_| ()) {
        Err(SandboxError::Unavailable(text))
            if [under.capabilities.backend.as_str(), "api.example.org:443"]
                .iter()
                .all(|word| text.contains(*word)) =>
        {
            Ok(())
        }
        other => Err(format!("{other:?}, expected that it is refused").into()),
    }
}

async fn in_use(under: &Under) -> Result<(), Failed> {
    let mut session = under.open("print('ok')").await?;
    session.run(&case(&[], b"")).await?;
    under.backend.sweep().await?;
    let facts = session.run(&case(&[], b"")).await?;
    close(session).await?;
    expect("ending", &facts.ending, &Ending::Exited { code: 0 })
}

/// Holds a session open and says so; does not return. For a copy of this program.
pub(crate) fn hold(which: &str) -> ! {
    let world = World::new();
    let choice = match which {
        "docker" => Choice::Docker,
        "microvm" => Choice::MicroVm,
        _ => Choice::Namespaces,
    };
    world.runtime.block_on(async {
        let chosen = choose(choice, &settings(), &|_| ()).await.expect("the backend can be had");
        let under = Under {
            backend: chosen.backend,
            capabilities: chosen.capabilities,
            limits: portcullis::model::Limits {
                wall_ms: 600_000,
                cpu_ms: 600_000,
                ..crate::support::limits()
            },
        };
        let mut session = under.open(SLEEPER).await.expect("a session can be opened");
        println!("holding");
        std::io::stdout().flush().expect("somebody listens");
        let ended = session.run(&case(&[], b"")).await;
        panic!("nobody killed us: {ended:?}");
    })
}

async fn swept(under: &Under, backend: BackendUnderTest) -> Result<(), Failed> {
    let mut holder = Command::new(std::env::current_exe()?)
        .env(HOLD, backend.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(holder.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
    expect("the holder says", &line.as_str(), &"holding\n")?;
    let pid = holder.id();
    holder.kill()?;
    holder.wait()?;
    let report = under.backend.sweep().await?;
    expect("left", &report.left, &Vec::new())?;
    if report.removed.is_empty() {
        return Err("nothing was removed".into());
    }
    leftovers::of_process(pid).map_err(|left| format!("left behind: {left}").into())
}

/// What has to do with the engine alone.
fn engine_trials() -> Vec<Trial> {
    let refused = |settings: Settings, words: &'static [&'static str]| {
        move || -> Result<(), Failed> {
            let runtime = tokio::runtime::Runtime::new()?;
            match runtime.block_on(choose(Choice::Docker, &settings, &|_| ())) {
                Err(SandboxError::Unavailable(text)) if words.iter().all(|word| text.contains(word)) => {
                    Ok(())
                }
                other => Err(format!("{other:?}, expected a sentence with {words:?}").into()),
            }
        }
    };
    let nowhere = Settings { engine: Some("unix:///nowhere/docker.sock".to_owned()), ..settings() };
    let no_image = Settings { image: "127.0.0.1:9/no/such:image".to_owned(), ..settings() };
    let no_runtime = Settings { runtime: Some("no-such-runtime".to_owned()), ..settings() };
    let no_python = Settings { image: "scratch-without-python".to_owned(), ..settings() };
    let auto = Settings { ..nowhere.clone() };
    vec![
        Trial::test(
            "docker::an_engine_that_is_down_is_named_with_what_to_do",
            refused(nowhere, &["unix:///nowhere/docker.sock", "docker.io", "namespaces"]),
        ),
        Trial::test(
            "docker::an_image_that_cannot_be_had_is_named",
            refused(no_image, &["127.0.0.1:9/no/such:image", "cannot be pulled"]),
        ),
        Trial::test("docker::an_unknown_runtime_is_named", refused(no_runtime, &["no-such-runtime"])),
        Trial::test("docker::an_unknown_image_is_named", refused(no_python, &["scratch-without-python"])),
        Trial::test("docker::an_engine_that_is_wedged_is_given_up", wedged),
        Trial::test("auto::takes_namespaces_where_no_engine_answers_and_says_why", move || {
            let runtime = tokio::runtime::Runtime::new()?;
            let chosen = runtime.block_on(choose(Choice::Auto, &auto, &|_| ()))?;
            expect("backend", &chosen.capabilities.backend.as_str(), &"namespaces")?;
            let says = chosen.reason.contains("unix:///nowhere/docker.sock");
            if says { Ok(()) } else { Err(chosen.reason.into()) }
        }),
    ]
}

/// An engine that takes connections and never answers.
fn wedged() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("docker.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path)?;
    let settings = Settings { engine: Some(format!("unix://{}", path.display())), ..settings() };
    let runtime = tokio::runtime::Runtime::new()?;
    match runtime.block_on(choose(Choice::Docker, &settings, &|_| ())) {
        Err(SandboxError::Unavailable(text)) if text.contains("no answer within") => Ok(()),
        other => Err(format!("{other:?}, expected that it is given up").into()),
    }
}
