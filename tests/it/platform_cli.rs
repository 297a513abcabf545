//! The platform as its users meet it: the binary serves, the binary asks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;

use portcullis::client::Client;
use portcullis::config::Secret;
use portcullis::model::{Digest, SubmissionId};
use portcullis::store::AgentRecord;
use tempfile::TempDir;

use crate::server::miner;
use crate::support::{Ran, portcullis, run};

/// `portcullis serve` on a free port. Killed when it is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    /// Reads what it says on stderr after its address: a full pipe would stop it.
    talk: Option<std::thread::JoinHandle<String>>,
}

impl Served {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with(folder, &[])
    }

    pub(crate) fn with(folder: &Path, more: &[&str]) -> Self {
        Self::logging(folder, more, None)
    }

    /// As [`Served::with`], with a log of that level.
    pub(crate) fn logging(folder: &Path, more: &[&str], level: Option<&str>) -> Self {
        let mut command = portcullis(folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
        command.args(["--miner-uploads", "0", "--address-uploads", "0"]).args(more);
        if let Some(level) = level {
            command.env("RUST_LOG", level);
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let mut talk = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            talk.read_line(&mut line).expect("a line");
            assert!(!line.is_empty(), "it says {said}");
            if let Some(url) = line.trim().strip_prefix("listening on ") {
                break url.to_owned();
            }
            said.push_str(&line);
        };
        let talk = std::thread::spawn(move || {
            talk.read_to_string(&mut said).expect("UTF-8");
            said
        });
        Self { child, url, talk: Some(talk) }
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, signal).expect("it is ours");
    }

    /// Ends it with SIGTERM; its exit status and everything it said.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let said = self.talk.take().expect("read once").join().expect("it ends");
        (self.child.wait().expect("it ends").code(), said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder_with(name: &str, source: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(name), source).expect("written");
    folder
}

pub(crate) fn ask(folder: &Path, url: &str, arguments: &[&str]) -> Ran {
    run(folder, &[arguments, &["--platform", url]].concat(), b"")
}

#[test]
fn an_agent_is_uploaded_and_its_state_is_shown() {
    let folder = folder_with("agent.py", "print(input()[::-1])\n");
    let served = Served::start(folder.path());
    let done = ask(folder.path(), &served.url, &["upload", "agent.py", "--miner", "alice"]);
    assert_eq!(done.code, Some(0), "{done}");
    let id = done.stdout.trim();
    SubmissionId::parse(id).expect("the id, and nothing else, is data");

    let status = ask(folder.path(), &served.url, &["status", id]);
    assert!(status.stdout.contains("state       pending"), "{status}");
    let status = ask(folder.path(), &served.url, &["status", "--miner", "alice"]);
    assert!(status.stdout.contains(id) && status.stdout.contains("current"), "{status}");
    let status = ask(folder.path(), &served.url, &["status"]);
    assert!(status.stdout.contains("1 more to be scored"), "{status}");
    let unknown = ask(folder.path(), &served.url, &["status", "--miner", "nobody"]);
    assert_eq!(unknown.code, Some(1), "{unknown}");

    let (code, said) = served.stop();
    assert_eq!(code, Some(0));
    assert!(said.contains("stopped"), "{said}");
    let token = std::fs::read_to_string(folder.path().join("data/validator.token")).expect("made");
    assert!(!said.contains(token.trim()), "the token is nowhere in the log");
}

#[test]
fn a_refusal_shows_the_findings_as_lint_shows_them() {
    let folder = folder_with("agent.py", "def f(:\n    pass\n");
    let served = Served::start(folder.path());
    let refused = ask(folder.path(), &served.url, &["upload", "agent.py", "--miner", "alice"]);
    let lint = run(folder.path(), &["lint", "agent.py"], b"");
    assert_eq!((refused.code, lint.code), (Some(1), Some(1)), "{refused}\n{lint}");
    assert!(!refused.stdout.trim().is_empty());
    assert!(lint.stdout.starts_with(refused.stdout.trim_end()), "{refused}\n{lint}");
    assert!(refused.stderr.contains("the gate refused"), "{refused}");
    let json =
        ask(folder.path(), &served.url, &["upload", "agent.py", "--miner", "alice", "--format", "json"]);
    let problem: portcullis::api::Problem = serde_json::from_str(&json.stdout).expect("a problem");
    assert_eq!(problem.status, 422);
}

#[test]
fn what_goes_wrong_is_one_sentence_that_names_the_thing() {
    let folder = folder_with("agent.py", "print(1)\n");
    std::fs::create_dir(folder.path().join("dir")).expect("made");
    let nobody = "http://127.0.0.1:9";
    for (arguments, code, says) in [
        (
            &["upload", "agent.py", "--miner", "alice"][..],
            2,
            "cannot reach the platform at `http://127.0.0.1:9`",
        ),
        (&["upload", "none.py", "--miner", "alice"], 2, "cannot read `none.py`"),
        (&["upload", "dir", "--miner", "alice"], 2, "`dir` is a directory"),
        (&["upload", "agent.py", "--miner", "../x"], 2, "`../x` is not a valid miner id"),
        (&["status"], 2, "cannot reach the platform"),
        (&["status", "x"], 2, "`x` is not a valid submission id"),
        (&["holds", "list"], 2, "cannot read the token file"),
    ] {
        let ran = ask(folder.path(), nobody, arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran}");
        assert!(ran.stderr.contains(says), "{arguments:?}: {ran}");
        assert!(ran.stdout.is_empty(), "{arguments:?}: {ran}");
    }
    let ran = run(folder.path(), &["status", "--platform", "ftp://x"], b"");
    assert!(ran.stderr.contains("`ftp://x` is not the address of a platform"), "{ran}");
    for (arguments, says) in [
        (&["serve", "--data", "agent.py"][..], "cannot use the data folder `agent.py`"),
        (&["serve", "--tasks", "none"], "none"),
        (&["serve", "--listen", "1.2.3.4:1"], "cannot listen on `1.2.3.4:1`"),
        (&["serve", "--database", "mysql://x"], "`mysql:` is not a database"),
        (&["serve", "--database", "sqlite:agent.py"], "agent.py"),
    ] {
        let ran = run(folder.path(), arguments, b"");
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran}");
        assert!(ran.stderr.contains(says), "{arguments:?}: {ran}");
    }
}

#[test]
fn a_key_is_made_once_and_signs_uploads() {
    let folder = folder_with("agent.py", "print(1)\n");
    let made = run(folder.path(), &["keygen", "alice.key"], b"");
    assert_eq!(made.code, Some(0), "{made}");
    let again = run(folder.path(), &["keygen", "alice.key"], b"");
    assert_eq!(again.code, Some(2), "a key is never overwritten: {again}");
    let substrate = run(folder.path(), &["keygen", "bob.key", "--scheme", "sr25519"], b"");
    assert!(substrate.stdout.starts_with('5'), "an SS58 address: {substrate}");
    let served = Served::with(folder.path(), &["--identity", "signed"]);
    let unsigned = ask(folder.path(), &served.url, &["upload", "agent.py", "--miner", "alice"]);
    assert_eq!(unsigned.code, Some(1), "{unsigned}");
    assert!(unsigned.stderr.contains("signed requests only"), "{unsigned}");
    let signed = ask(folder.path(), &served.url, &["upload", "agent.py", "--key", "alice.key"]);
    assert_eq!(signed.code, Some(0), "{signed}");
    let status = ask(folder.path(), &served.url, &["status", "--miner", made.stdout.trim()]);
    assert!(status.stdout.contains(signed.stdout.trim()), "{status}");
    std::fs::write(folder.path().join("agent.py"), "print(2)\n").expect("written");
    let signed = ask(folder.path(), &served.url, &["upload", "agent.py", "--key", "bob.key"]);
    assert_eq!(signed.code, Some(0), "{signed}");
    let status = ask(folder.path(), &served.url, &["status", "--miner", substrate.stdout.trim()]);
    assert!(status.stdout.contains(signed.stdout.trim()), "{status}");
}

#[test]
fn an_operator_gives_out_tokens_and_bans_from_the_command_line() {
    let folder = folder_with("agent.py", "print(1)\n");
    let made = run(folder.path(), &["keygen", "--validator", "v1", "v1.token"], b"");
    assert_eq!(made.code, Some(0), "{made}");
    let token = std::fs::read_to_string(folder.path().join("v1.token")).expect("a token");
    assert!(!made.stdout.contains(token.trim()) && made.stdout.starts_with("v1:sha256:"), "{made}");
    std::fs::write(folder.path().join("validators"), &made.stdout).expect("written");
    let served = Served::with(folder.path(), &["--validators", "validators"]);
    let operator = |arguments: &[&str]| {
        let token = ["--token-file", "data/validator.token"];
        ask(folder.path(), &served.url, &[arguments, &token].concat())
    };
    let banned = operator(&["bans", "add", "alice", "--reason", "sells answers", "--operator", "carol"]);
    assert_eq!(banned.code, Some(0), "{banned}");
    let refused = ask(folder.path(), &served.url, &["upload", "agent.py", "--miner", "alice"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.stderr.contains("may not take part: sells answers"), "{refused}");
    let list = operator(&["bans", "list"]);
    assert!(list.stdout.contains("alice  sells answers (operator carol)"), "{list}");
    let lifted = operator(&["bans", "remove", "alice", "--reason", "a mistake", "--operator", "carol"]);
    assert_eq!(lifted.code, Some(0), "{lifted}");
    assert!(operator(&["bans", "list", "--all"]).stdout.contains("a mistake"));
    let taken = ask(folder.path(), &served.url, &["upload", "agent.py", "--miner", "alice"]);
    assert_eq!(taken.code, Some(0), "{taken}");
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_platform() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = portcullis(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data", "data"]).stderr(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    talk.read_line(&mut line).expect("a line");
    let url = line.trim().strip_prefix("listening on ").expect("its address").to_owned();
    // Dropped last: whatever happens here, it is killed.
    let served = Served { child, url, talk: None };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = Client::new(&served.url).expect("a URL");
        // Many times what a pipe holds.
        for _ in 0..3000 {
            client.version().await.expect("an answer");
        }
        let metrics = reqwest::get(format!("{}/metrics", served.url)).await.expect("an answer");
        assert!(metrics.text().await.expect("text").contains("portcullis_log_lines_dropped_total"));
    });
    drop(talk);
}

/// How often the platform is killed. `PORTCULLIS_TEST_KILLS` asks for more.
const KILLS: usize = 5;

#[test]
fn what_was_answered_with_201_survives_a_kill_under_load() {
    let kills =
        std::env::var("PORTCULLIS_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let taken: Mutex<BTreeMap<SubmissionId, (String, Digest)>> = Mutex::default();
    for round in 0..kills {
        let mut served = Served::start(folder.path());
        // Different rounds are killed at different depths of the work.
        let enough = taken.lock().expect("whole").len() + 5 + round * 7 % 23;
        let one_more = tokio::sync::Notify::new();
        runtime.block_on(async {
            let uploads =
                (0..8).map(|worker| upload_until_it_dies(&served.url, round, worker, &taken, &one_more));
            let mut load = std::pin::pin!(futures_util::future::join_all(uploads));
            while taken.lock().expect("whole").len() < enough {
                tokio::select! {
                    _ = &mut load => panic!("no upload is taken"),
                    () = one_more.notified() => {}
                }
            }
            served.signal(nix::sys::signal::Signal::SIGKILL);
            load.await;
        });
        served.child.wait().expect("it ends");
    }
    let served = Served::start(folder.path());
    let data = folder.path().join("data");
    let token = Secret::read(&data.join("validator.token")).expect("the token");
    let client = Client::new(&served.url).expect("a URL").with_token(&token);
    let taken = taken.into_inner().expect("whole");
    runtime.block_on(async {
        for (id, (source, digest)) in &taken {
            let detail = client.submission(*id).await.expect("it is there");
            assert_eq!(detail.source_sha256, *digest);
            let name = digest.to_string();
            let blob = std::fs::read_to_string(data.join("sources").join(&name[..2]).join(&name[2..]));
            assert_eq!(&blob.expect("its source is there"), source);
        }
        for agent in client.agents().await.expect("agents") {
            let path = |suffix: &str| data.join("agents").join(format!("{}.{suffix}", agent.miner_id));
            let record = std::fs::read_to_string(path("json")).expect("a record");
            let record: AgentRecord = serde_json::from_str(&record).expect("a whole record");
            assert_eq!(record.submission_id, agent.submission_id);
            let source = std::fs::read(path("py")).expect("a source");
            assert_eq!(Digest::of(&source), record.source_sha256, "{}", agent.miner_id);
        }
    });
    for entry in walk(&data) {
        let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(!name.contains('#') && !name.starts_with(".new-"), "`{name}` is half a file");
    }
    assert!(taken.len() >= kills * 5);
}

pub(crate) async fn upload_until_it_dies(
    url: &str,
    round: usize,
    worker: usize,
    taken: &Mutex<BTreeMap<SubmissionId, (String, Digest)>>,
    one_more: &tokio::sync::Notify,
) {
    let client = Client::new(url).expect("a URL");
    for number in 0.. {
        let source = format!("print({round}, {worker}, {number})\n");
        let who = miner(&format!("m{}", number % 3));
        let Ok(uploaded) = client.upload(who.as_str(), source.clone().into_bytes()).await else { return };
        let digest = Digest::of(source.as_bytes());
        taken.lock().expect("whole").insert(uploaded.submission_id, (source, digest));
        one_more.notify_one();
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
