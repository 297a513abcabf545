//! A sandbox for each case (`--isolation case`): nothing of a case is in the next one's, and nothing of
//! what makes that cheap is left behind.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use portcullis::model::{Egress, Ending};
use portcullis::sandbox::{Backend, Choice, Reuse, RunId, Session, SessionSpec, Settings, choose};

use crate::support::{
    BackendUnderTest, World, case, close, expect, is_unprivileged, limits, project, settings, trial,
};

pub(crate) fn trials(world: &Arc<World>, backend: BackendUnderTest) -> Vec<Trial> {
    let mut trials = vec![
        trial(world, backend, "a_sandbox_for_each_case_is_another_one_each_time", async move |_| {
            one_each(backend).await
        }),
        trial(
            world,
            backend,
            "with_a_sandbox_for_each_case_nothing_of_a_case_is_found_by_a_later_one",
            async move |_| nothing_is_found(backend).await,
        ),
    ];
    if backend == BackendUnderTest::Docker && !is_unprivileged() {
        trials.extend([
            trial(world, backend, "a_container_is_started_anew_and_replaced_when_it_is_lost", async |_| {
                started_anew().await
            }),
            trial(world, backend, "every_wall_stands_in_a_container_that_was_started_anew", async |_| {
                walls().await
            }),
            trial(
                world,
                backend,
                "a_dropped_session_with_a_sandbox_for_each_case_is_cleared_away",
                async |_| dropped().await,
            ),
        ]);
    }
    trials
}

/// A backend with a sandbox for each case.
async fn backend_for_each_case(backend: BackendUnderTest) -> Result<Arc<dyn Backend>, Failed> {
    let choice = match backend {
        BackendUnderTest::Docker => Choice::Docker,
        BackendUnderTest::MicroVm => Choice::MicroVm,
        BackendUnderTest::Namespaces => Choice::Namespaces,
    };
    let settings = Settings { reuse: Reuse::Case, ..settings() };
    Ok(choose(choice, &settings, &|_| ()).await?.backend)
}

async fn open(backend: &dyn Backend, source: &str, label: &str) -> Result<Box<dyn Session>, Failed> {
    let spec = SessionSpec {
        run: RunId::generate(),
        source: Arc::from(source),
        limits: limits(),
        egress: Egress::default(),
        label: label.to_owned(),
    };
    Ok(backend.open(&spec).await?)
}

/// What the program printed in each of `cases` cases.
async fn printed(session: &mut Box<dyn Session>, cases: usize) -> Result<Vec<String>, Failed> {
    let mut all = Vec::with_capacity(cases);
    for number in 0..cases {
        let facts = session.run(&case(&[&number.to_string()], b"")).await?;
        let errors = String::from_utf8_lossy(&facts.stderr.bytes).into_owned();
        expect(&format!("the ending, {errors}"), &facts.ending, &Ending::Exited { code: 0 })?;
        all.push(String::from_utf8_lossy(&facts.stdout.bytes).into_owned());
    }
    Ok(all)
}

/// Each case in a namespace of processes of its own.
async fn one_each(backend: BackendUnderTest) -> Result<(), Failed> {
    // Numbers of namespaces are used again at once; with the start of process 1 they are not.
    let source = "import os\nwith open('/proc/1/stat') as file:\n    \
                  print(os.readlink('/proc/self/ns/pid'), file.read().rpartition(')')[2].split()[19])";
    let each = backend_for_each_case(backend).await?;
    let mut session = open(&*each, source, "test").await?;
    let seen: BTreeSet<_> = printed(&mut session, 6).await?.into_iter().collect();
    close(session).await?;
    expect("sandboxes", &seen.len(), &6)
}

/// Leaves what a program can leave, and tells first what it finds.
const LEAVER: &str = r#"
import os, socket, sys, time

def lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []

def tried(action):
    try:
        return action()
    except (OSError, AttributeError):
        return None

found = []
for folder in ("/tmp", "/dev/shm", "/dev/mqueue", "/dev/pts", "/var/tmp", "/run/lock"):
    found += [f"{folder}/{name}" for name in tried(lambda: os.listdir(folder)) or []]
found += [f"process {name}" for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
for table in ("tcp", "tcp6", "udp", "udp6", "unix", "raw", "packet"):
    found += [f"{table} {line}" for line in lines(f"/proc/net/{table}")[1:]]
for table in ("shm", "sem", "msg"):
    found += [f"{table} {line}" for line in lines(f"/proc/sysvipc/{table}")[1:]]
found += [name for name in (socket.gethostname(), *lines("/etc/hostname"), *lines("/etc/hosts")) if "left" in name]
if tried(lambda: socket.create_connection(("127.0.0.1", 7), timeout=1)):
    found.append("a listener")
if tried(lambda: socket.socket(socket.AF_UNIX).connect("\0left") or True):
    found.append("an abstract socket")
print(found, flush=True)

os.mkdir("/tmp/left")
with open("/tmp/left/file", "w") as file:
    file.write("x" * 100_000)
for path in ("/dev/shm/left", "/dev/mqueue/left", "/dev/pts/left", "/portcullis/left", "/left", "/var/tmp/left",
             "/etc/hosts", "/etc/hostname", "/proc/sys/kernel/domainname", "/proc/sys/net/ipv4/ip_forward"):
    tried(lambda: open(path, "a").write("left"))
tried(lambda: socket.sethostname("left.example"))
tried(lambda: socket.create_server(("127.0.0.1", 7)))
tried(lambda: socket.socket(socket.AF_UNIX).bind("\0left"))
tried(lambda: socket.socket(socket.AF_UNIX).bind("/tmp/left/socket"))
tried(lambda: os.memfd_create("left"))
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
"#;

async fn nothing_is_found(backend: BackendUnderTest) -> Result<(), Failed> {
    let each = backend_for_each_case(backend).await?;
    let mut session = open(&*each, LEAVER, "test").await?;
    let found = printed(&mut session, 6).await?;
    close(session).await?;
    expect("found", &found, &vec!["[]\n".to_owned(); 6])
}

/// The containers with this label that fit `more` of `docker ps`.
fn containers(label: &str, more: &[&str]) -> Result<Vec<String>, Failed> {
    let mut list = Command::new("docker");
    list.args(["ps", "--all", "-q", "--no-trunc", "--filter"]).arg(format!("label=portcullis.label={label}"));
    Ok(String::from_utf8(list.args(more).output()?.stdout)?.lines().map(ToOwned::to_owned).collect())
}

async fn started_anew() -> Result<(), Failed> {
    const CASES: usize = 12;
    let label = format!("anew-{}", std::process::id());
    let each = backend_for_each_case(BackendUnderTest::Docker).await?;
    let mut session = open(&*each, "print('ok')", &label).await?;
    let mut seen = BTreeSet::new();
    for _ in 0..CASES {
        expect("answer", &printed(&mut session, 1).await?, &vec!["ok\n".to_owned()])?;
        seen.extend(containers(&label, &[])?);
    }
    // One more is made ahead of a case that does not come.
    if seen.len() > CASES {
        return Err(format!("{} containers for {CASES} cases: none was started anew", seen.len()).into());
    }
    // Somebody removes what has ended; without force, so that one that runs again by now stays.
    for id in containers(&label, &["--filter", "status=exited"])? {
        Command::new("docker").args(["rm", &id]).output()?;
    }
    expect("answers", &printed(&mut session, 4).await?, &vec!["ok\n".to_owned(); 4])?;
    close(session).await?;
    expect("containers that are left", &containers(&label, &[])?, &Vec::new())
}

/// The probes of the battery, each in four cases: the later ones are in containers that have served before.
async fn walls() -> Result<(), Failed> {
    let each = backend_for_each_case(BackendUnderTest::Docker).await?;
    for probe in
        ["devices", "files", "host", "library", "network", "privileges", "runner_signals", "system_calls"]
    {
        let file = project(format!("fixtures/agents/accepted/probe-{probe}.py"));
        let mut session = open(&*each, &std::fs::read_to_string(file)?, "test").await?;
        let answers = printed(&mut session, 4).await?;
        close(session).await?;
        expect(probe, &answers, &vec!["ok\n".to_owned(); 4])?;
    }
    Ok(())
}

async fn dropped() -> Result<(), Failed> {
    let label = format!("dropped-{}", std::process::id());
    let each = backend_for_each_case(BackendUnderTest::Docker).await?;
    for cases in 0..4 {
        let mut session = open(&*each, "print('ok')", &label).await?;
        printed(&mut session, cases).await?;
        drop(session);
        each.settle().await;
        expect("containers that are left", &containers(&label, &[])?, &Vec::new())?;
    }
    Ok(())
}
