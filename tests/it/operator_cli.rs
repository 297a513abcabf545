//! What operators do at a terminal: back a platform up while it works, restore it, judge again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use portcullis::client::Client;
use portcullis::config::Secret;
use portcullis::model::{Digest, SubmissionId, SubmissionState};

use crate::platform_cli::{Served, ask, upload_until_it_dies};
use crate::support::run;

#[test]
fn every_201_before_a_backup_under_load_is_whole_after_the_restore() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(folder.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let taken: Mutex<BTreeMap<SubmissionId, (String, Digest)>> = Mutex::default();
    let one_more = tokio::sync::Notify::new();
    let known = runtime.block_on(async {
        let uploads = (0..4).map(|worker| upload_until_it_dies(&served.url, 0, worker, &taken, &one_more));
        let mut load = std::pin::pin!(futures_util::future::join_all(uploads));
        let mut wait_for = async |number: usize| {
            while taken.lock().expect("whole").len() < number {
                tokio::select! {
                    _ = &mut load => panic!("no upload is taken"),
                    () = one_more.notified() => {}
                }
            }
        };
        wait_for(20).await;
        let known = taken.lock().expect("whole").clone();
        let place = folder.path().to_owned();
        let backup =
            tokio::task::spawn_blocking(move || run(&place, &["backup", "whole.zip", "--data", "data"], b""));
        // The load goes on while the backup is made.
        wait_for(40).await;
        tokio::select! {
            _ = &mut load => panic!("the platform works"),
            ran = backup => {
                let ran = ran.expect("no panic");
                assert_eq!(ran.code, Some(0), "{ran}");
                assert!(ran.stderr.contains("backed up"), "{ran}");
            }
        }
        known
    });
    drop(served);
    let twice = run(folder.path(), &["backup", "whole.zip", "--data", "data"], b"");
    assert_eq!((twice.code, twice.stderr.contains("there already")), (Some(2), true), "{twice}");
    let full = run(folder.path(), &["restore", "whole.zip", "--data", "data"], b"");
    assert_eq!((full.code, full.stderr.contains("not empty")), (Some(2), true), "{full}");
    let done = run(folder.path(), &["restore", "whole.zip", "--data", "again/data"], b"");
    assert_eq!(done.code, Some(0), "{done}");

    let served = Served::start(&folder.path().join("again"));
    let client = Client::new(&served.url).expect("a URL");
    runtime.block_on(async {
        for (id, (source, digest)) in &known {
            let detail = client.submission(*id).await.expect("it is there");
            assert_eq!((detail.source_sha256, detail.status), (*digest, SubmissionState::Pending));
            let name = digest.to_string();
            let blob = folder.path().join("again/data/sources").join(&name[..2]).join(&name[2..]);
            assert_eq!(&std::fs::read_to_string(blob).expect("its source is there"), source);
        }
        for agent in client.agents().await.expect("agents") {
            let source = folder.path().join("again/data/agents").join(format!("{}.py", agent.miner_id));
            assert!(source.is_file(), "the current agent of `{}` is mended", agent.miner_id);
        }
    });
}

fn token(folder: &Path) -> Secret {
    Secret::read(&folder.join("data/validator.token")).expect("the token")
}

#[test]
fn an_operator_judges_again_and_asks_the_gate_again_at_a_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("agent.py"), "import json\n\nprint(json.dumps(1))\n").expect("written");
    std::fs::write(folder.path().join("next.toml"), "[modules]\ndeny = [\"json\"]\n").expect("written");
    let served = Served::start(folder.path());
    let operator = ["--token-file", "data/validator.token"];
    let here = |arguments: &[&str]| ask(folder.path(), &served.url, &[arguments, &operator].concat());
    let none = here(&["rejudge", "create", "--reason", "why", "--operator", "olga"]);
    assert_eq!((none.code, none.stderr.contains("no completed submission")), (Some(2), true), "{none}");

    let uploaded = ask(folder.path(), &served.url, &["upload", "agent.py", "--miner", "alice"]);
    assert_eq!(uploaded.code, Some(0), "{uploaded}");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = Client::new(&served.url).expect("a URL").with_token(&token(folder.path()));
    let judge = |wrong: usize| {
        runtime.block_on(async {
            let work = client.claim(&crate::server::miner("v1")).await.expect("asked").expect("work");
            let mut result = crate::server::result("v1", wrong);
            result.tasks.retain(|task| work.tasks.iter().any(|wanted| wanted.id == task.task));
            client.submit_result(work.assignment_id, &result).await.expect("taken");
        });
    };
    judge(1);
    let made = here(&[
        "rejudge",
        "create",
        "--task",
        "reverse_string",
        "--since",
        "2020-01-01",
        "--reason",
        "why",
        "--operator",
        "olga",
    ]);
    assert_eq!(made.code, Some(0), "{made}");
    let set = made.stdout.trim().to_owned();
    judge(0);
    let shown = here(&["rejudge", "show", &set]);
    assert!(shown.stdout.contains("wrong_answer -> accepted"), "{shown}");
    let applied = here(&["rejudge", "apply", &set, "--reason", "right", "--operator", "olga"]);
    assert!(applied.code == Some(0) && applied.stdout.contains("applied by operator olga"), "{applied}");
    let listed = here(&["rejudge", "list"]);
    assert!(listed.stdout.contains(&set) && listed.stdout.contains("applied"), "{listed}");

    let asked = here(&["recheck", "--policy", "next.toml"]);
    assert_eq!(asked.code, Some(1), "{asked}");
    assert!(asked.stdout.contains("alice (completed) would be rejected"), "{asked}");
    let applied = here(&[
        "recheck",
        "--policy",
        "next.toml",
        "--apply",
        "--reason",
        "closed",
        "--operator",
        "olga",
        "--format",
        "json",
    ]);
    assert_eq!(applied.code, Some(0), "{applied}");
    let answer: serde_json::Value = serde_json::from_str(&applied.stdout).expect("JSON");
    assert_eq!((&answer["applied"]["rejected"], &answer["checked"]), (&1.into(), &1.into()), "{applied}");
    let status = ask(folder.path(), &served.url, &["status", uploaded.stdout.trim()]);
    assert!(status.stdout.contains("state       rejected"), "{status}");
}
