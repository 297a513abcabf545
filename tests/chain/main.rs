//! The whole chain through the binary, in a real sandbox: demo, score, serve, upload, validate.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the offline tests, which use the rest")]
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portcullis::config::Secret;
use serde_json::Value;
use support::{Ran, portcullis, project, run};

const BACKENDS: [&str; 2] = ["namespaces", "docker"];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn demo_agent(name: &str) -> String {
    project(format!("fixtures/agents/demo/{name}.py")).display().to_string()
}

/// What of ours is in the folder for temporary files.
fn temporary_leftovers(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_demo_really_happens_and_leaves_nothing_behind() {
    for backend in BACKENDS {
        let (folder, temporary) = (folder(), folder());
        let mut command = portcullis(folder.path());
        command.args(["demo", "--sandbox", backend]).env("TMPDIR", temporary.path()).stdin(Stdio::null());
        let ran = Ran::of(command.output().expect("it runs"));
        assert_eq!(ran.code, Some(0), "{backend}: {ran}");
        assert!(ran.stdout.contains("1  good: 100 (reward: 50 'TAO')"), "{backend}: {ran}");
        assert!(ran.stdout.contains("2  wrong: 0 (reward: 0 'TAO')"), "{backend}: {ran}");
        assert!(ran.stderr.contains("PC201"), "{backend}: the hostile agent is refused with reasons: {ran}");
        assert_eq!(temporary_leftovers(temporary.path()), [""; 0], "{backend}");
        assert_eq!(temporary_leftovers(folder.path()), [""; 0], "{backend}");
    }
}

#[test]
fn the_json_of_score_has_the_numbers_of_its_table() {
    let folder = folder();
    let agents = [demo_agent("wrong"), demo_agent("good"), demo_agent("hostile")];
    for backend in BACKENDS {
        let mut arguments = vec!["score", "--task", "reverse_string", "--allow-weak", "--sandbox", backend];
        arguments.extend(agents.iter().map(String::as_str));
        let table = run(folder.path(), &arguments, b"");
        arguments.extend(["--format", "json"]);
        let json = run(folder.path(), &arguments, b"");
        // A wrong and a refused agent: the subject failed.
        assert_eq!((table.code, json.code), (Some(1), Some(1)), "{table}{json}");
        let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
        let rankings = report["rankings"].as_array().expect("a list");
        assert_eq!(rankings.len(), 2, "{json}");
        for ranking in rankings {
            let line = format!(
                "{}  {}: {} (reward: {} 'TAO')",
                ranking["rank"],
                ranking["miner_id"].as_str().expect("a name"),
                ranking["score"].as_f64().expect("a number"),
                ranking["reward"].as_f64().expect("a number"),
            );
            assert!(table.stdout.contains(&line), "{line} in {table}");
        }
        assert_eq!(rankings[0]["miner_id"], "good");
        assert_eq!(rankings[0]["score"], 100.0);
        assert_eq!(report["rejected"][0]["miner_id"], "hostile");
        assert_eq!(report["errors"], serde_json::json!([]));
    }
}

#[test]
fn the_events_are_lines_of_json_that_end_with_the_summary() {
    let folder = folder();
    let good = demo_agent("good");
    let ran = run(
        folder.path(),
        &[
            "score",
            "--task",
            "reverse_string",
            "--allow-weak",
            "--sandbox",
            "namespaces",
            "--format",
            "jsonl",
            &good,
        ],
        b"",
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let kinds: Vec<String> = lines.map(|line| line["event"].as_str().expect("a kind").to_owned()).collect();
    assert_eq!(kinds.first().map(String::as_str), Some("started"));
    assert_eq!(kinds.last().map(String::as_str), Some("summary"));
    assert!(kinds.iter().any(|kind| kind == "case_finished"), "{kinds:?}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).expect("copied");
        }
    }
}

/// A platform that is stopped when the test ends, however it ends. Nobody reads its log after the
/// first lines, which must not break a connection.
struct Platform {
    child: Child,
    url: String,
}

impl Platform {
    fn start(folder: &Path) -> Self {
        let mut command = portcullis(folder);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data", "data", "--tasks", "tasks"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut url = None;
        for line in lines.map_while(Result::ok) {
            if let Some(start) = line.find("http://127.0.0.1:") {
                let rest = &line[start..];
                url = Some(rest.split([' ', ',', '`']).next().unwrap_or(rest).to_owned());
                break;
            }
        }
        Self { child, url: url.expect("it says where it listens") }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_upload_is_validated_and_ranked_by_separate_processes() {
    let folder = folder();
    copy(&project("tasks/reverse_string"), &folder.path().join("tasks/reverse_string"));
    let platform = Platform::start(folder.path());
    for name in ["wrong", "good"] {
        let ran = run(
            folder.path(),
            &["upload", &demo_agent(name), "--miner", name, "--platform", &platform.url],
            b"",
        );
        assert_eq!(ran.code, Some(0), "{ran}");
    }
    let lint = run(folder.path(), &["lint", "--format", "json", &demo_agent("hostile")], b"");
    let upload = run(
        folder.path(),
        &[
            "upload",
            &demo_agent("hostile"),
            "--miner",
            "evil",
            "--platform",
            &platform.url,
            "--format",
            "json",
        ],
        b"",
    );
    assert_eq!((lint.code, upload.code), (Some(1), Some(1)), "{lint}{upload}");
    let lint: Value = serde_json::from_str(&lint.stdout).expect("JSON");
    let upload: Value = serde_json::from_str(&upload.stdout).expect("JSON");
    assert_eq!(upload["findings"], lint["files"][0]["findings"], "the same findings here and there");

    let validate = [
        "validate",
        "--platform",
        &platform.url,
        "--token-file",
        "data/validator.token",
        "--sandbox",
        "namespaces",
        "--allow-weak",
        "--once",
        "--format",
        "json",
    ];
    let ran = run(folder.path(), &validate, b"");
    assert_eq!(ran.code, Some(0), "{ran}");
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(report["rankings"][0]["miner_id"], "good", "{ran}");
    assert_eq!(report["rankings"][0]["score"], 100.0, "{ran}");
    // Nothing is left to do, and nothing is done twice.
    let again = run(folder.path(), &validate, b"");
    let report: Value = serde_json::from_str(&again.stdout).expect("JSON");
    assert_eq!(report["rankings"], serde_json::json!([]), "{again}");
}

#[test]
fn a_stopped_run_shows_what_it_has_and_says_that_it_is_partial() {
    let folder = folder();
    // An honest program that answers the first cases and then waits for ever on a longer word.
    fs::write(
        folder.path().join("slow.py"),
        "import sys\nimport time\n\nword = sys.stdin.read().strip()\nif len(word) > 3:\n    time.sleep(3600)\nprint(word[::-1])\n",
    )
    .expect("written");
    for backend in BACKENDS {
        let mut command = portcullis(folder.path());
        command
            .args(["score", "slow.py", "--task", "reverse_string", "--jobs", "1", "--sandbox", backend])
            .args(["--format", "jsonl", "--allow-weak"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = lines.next().expect("an event").expect("UTF-8");
        assert!(first.contains("\"started\""), "{first}");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        kill(pid, Signal::SIGINT).expect("sent");
        let last = lines.map_while(Result::ok).last().expect("a summary");
        let summary: Value = serde_json::from_str(&last).expect("JSON");
        assert_eq!(summary["event"], "summary", "{last}");
        assert_eq!(summary["partial"], true, "{last}");
        assert_eq!(child.wait().expect("it ends").code(), Some(2), "{backend}");
    }
}

/// A platform that lends one submission and takes it away at the first heartbeat.
mod forgetful {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::Body;
    use axum::http::{Method, StatusCode, Uri};
    use axum::response::Response;
    use portcullis::model::{Digest, MinerId, SubmissionId};
    use portcullis::task;

    /// Where it listens, and the last words of the paths that it was asked for.
    pub(super) async fn start(source: &str) -> (String, Arc<Mutex<Vec<String>>>) {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, claim) = (Arc::clone(&asked), assignment(source));
        let answer = move |method: Method, uri: Uri| {
            let word = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
            let mut seen = seen.lock().expect("whole");
            let is_first = !seen.contains(&word);
            seen.push(word.clone());
            let (status, kind, body) = match (method, word.as_str()) {
                (Method::POST, "claim") if is_first => (StatusCode::OK, "application/json", claim.clone()),
                (Method::POST, "claim") => (StatusCode::NO_CONTENT, "application/json", String::new()),
                _ => (StatusCode::CONFLICT, "application/problem+json", problem()),
            };
            let answer = Response::builder().status(status).header("content-type", kind);
            std::future::ready(answer.body(Body::from(body)).expect("an answer"))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        (url, asked)
    }

    fn assignment(source: &str) -> String {
        let digest = Digest::of(source.as_bytes());
        let tasks = task::builtin().expect("our tasks");
        let task = tasks.iter().find(|task| task.id.as_str() == "reverse_string").expect("the task");
        serde_json::json!({
            "assignment_id": uuid::Uuid::now_v7(),
            "submission_id": SubmissionId::generate(),
            "miner_id": MinerId::parse("alice").expect("a name"),
            "sha256": digest,
            "source_sha256": digest,
            "source": source,
            "tasks": [{ "id": task.id, "digest": task.digest }],
            "attempt": 1,
            "expires_at": "2100-01-01T00:00:00Z",
            "heartbeat_ms": 100,
        })
        .to_string()
    }

    fn problem() -> String {
        serde_json::json!({
            "type": "urn:portcullis:problem:lease-ended",
            "title": "The assignment has ended",
            "status": 409,
            "detail": "the lease ended",
        })
        .to_string()
    }
}

#[test]
fn a_lost_lease_is_no_failure_of_the_validator_and_nothing_is_given_back() {
    let folder = folder();
    let token = folder.path().join("token");
    fs::write(&token, format!("{}\n", Secret::generate().reveal())).expect("written");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("ours");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (url, asked) = runtime.block_on(forgetful::start("while True:\n    pass\n"));
    let ran = run(
        folder.path(),
        &[
            "validate",
            "--platform",
            &url,
            "--token-file",
            "token",
            "--sandbox",
            "namespaces",
            "--allow-weak",
            "--once",
        ],
        b"",
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("alice: the lease was lost"), "{ran}");
    assert_eq!(*asked.lock().expect("whole"), ["claim", "heartbeat", "claim"], "no release, no result");
}

#[test]
fn a_validator_that_is_killed_goes_on_where_it_was() {
    let folder = folder();
    let good = demo_agent("good");
    let score = |command: &mut std::process::Command| {
        command
            .args(["score", "--task", "reverse_string", "--sandbox", "namespaces", "--allow-weak"])
            .args(["--jobs", "1", "--repeat", "3", "--journal", "journal", "--format", "jsonl", &good])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    };
    let mut command = portcullis(folder.path());
    score(&mut command);
    let mut child = command.spawn().expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let finished =
        lines.map_while(Result::ok).filter(|line| line.contains("\"case_finished\"")).take(2).count();
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    assert_eq!(finished, 2);
    let journal = || fs::read_to_string(folder.path().join("journal")).expect("a journal");
    let before = journal();
    assert!(before.lines().count() >= 6, "two cases, three runs each: {before}");

    let mut command = portcullis(folder.path());
    score(&mut command);
    let ran = Ran::of(command.output().expect("it runs"));
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("finished runs of cases in `journal`"), "{ran}");
    // What it left behind may be swept by the run of another test here; tests/engine/killing.rs holds that.
    let summary: Value = serde_json::from_str(ran.stdout.lines().last().expect("a summary")).expect("JSON");
    let cases = summary["rankings"][0]["tasks"][0]["cases"].as_array().expect("cases");
    assert_eq!(summary["rankings"][0]["score"], 100.0, "{ran}");
    let whole = journal();
    let kept = before.lines().all(|line| whole.lines().any(|other| other == line) || !before.ends_with('\n'));
    assert!(kept, "what was finished stays");
    let runs: std::collections::BTreeSet<String> = whole
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["run"].to_string())
        .collect();
    assert_eq!((whole.lines().count(), runs.len()), (3 * cases.len(), 3 * cases.len()), "each run once");
}
