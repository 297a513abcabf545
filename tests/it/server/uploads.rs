//! Uploads: what is stored, what is refused, and that nothing is stored of what is refused.

use portcullis::client::ClientError;
use portcullis::lint::{self, Policy};
use portcullis::model::{Digest, SubmissionState};
use portcullis::store::AgentRecord;

use super::{Platform, miner, name, problem};

const GOOD: &str = "print(input()[::-1])\n";

#[tokio::test]
async fn an_upload_is_stored_whole() {
    let platform = Platform::start().await;
    let uploaded = platform.upload("alice", GOOD).await.expect("taken");
    assert_eq!(uploaded.status, SubmissionState::Pending);
    assert_eq!(uploaded.sha256, Digest::of(GOOD.as_bytes()));
    assert_eq!(platform.file("agents/alice.py"), GOOD);
    let record: AgentRecord = serde_json::from_str(&platform.file("agents/alice.json")).expect("a record");
    assert_eq!(record.submission_id, uploaded.submission_id);
    assert_eq!(record.miner_id, uploaded.miner_id);

    let agents = platform.client.agents().await.expect("agents");
    assert_eq!(agents.len(), 1);
    assert_eq!(agents[0].submission_id, uploaded.submission_id);
    let detail = platform.client.submission(uploaded.submission_id).await.expect("known");
    assert_eq!(detail.events.len(), 1);
    assert_eq!(detail.score, None);
    let source = platform.inside.agent_source(&miner("alice")).await.expect("a source");
    assert_eq!(source.source, GOOD);
}

#[tokio::test]
async fn what_is_stored_is_the_text_that_was_checked() {
    let platform = Platform::start().await;
    let bytes = b"\xef\xbb\xbfprint(1)\r\nprint(2)\r\n".to_vec();
    let uploaded = platform.client.upload("alice", bytes.clone()).await.expect("taken");
    assert_eq!(uploaded.sha256, Digest::of(&bytes));
    assert_eq!(platform.file("agents/alice.py"), "print(1)\nprint(2)\n");
    let detail = platform.client.submission(uploaded.submission_id).await.expect("known");
    assert_eq!(detail.sha256, Digest::of(&bytes));
    assert_eq!(detail.source_sha256, Digest::of(b"print(1)\nprint(2)\n"));
}

#[tokio::test]
async fn a_refusal_says_what_lint_says_and_stores_nothing() {
    let platform = Platform::start().await;
    let hostile = "def f(:\n";
    let problem = problem(platform.upload("evil", hostile).await);
    assert_eq!((problem.status, name(&problem)), (422, "refused"));
    let report = lint::check(hostile.as_bytes(), &Policy::standard());
    assert!(!report.findings.is_empty());
    assert_eq!(problem.findings, Some(report.findings));
    assert_eq!(problem.sha256, Some(report.sha256));
    assert_eq!(problem.policy, Some(report.policy));
    assert_eq!(platform.kept(), Vec::<String>::new());
    assert_eq!(name(&super::problem(platform.client.agent(&miner("evil")).await)), "not-found");
}

#[tokio::test]
async fn the_same_source_again_names_the_earlier_submission() {
    let platform = Platform::start().await;
    let first = platform.upload("alice", GOOD).await.expect("taken");
    for (who, text) in [("alice", GOOD), ("bob", GOOD), ("bob", "print(input()[::-1])\r\n")] {
        let problem = problem(platform.upload(who, text).await);
        assert_eq!((problem.status, name(&problem)), (409, "duplicate"), "{who}");
        assert_eq!(problem.earlier, Some(first.submission_id));
    }
    assert_eq!(platform.client.agents().await.expect("agents").len(), 1);
}

#[tokio::test]
async fn ids_that_differ_in_case_only_are_refused() {
    let platform = Platform::start().await;
    platform.upload("Alice", GOOD).await.expect("taken");
    let problem = problem(platform.upload("alice", "print(1)\n").await);
    assert_eq!((problem.status, name(&problem)), (409, "name-taken"));
    assert!(problem.detail.contains("`Alice`"), "{}", problem.detail);
}

#[tokio::test]
async fn a_new_version_becomes_the_current_agent_and_the_old_one_stays_in_the_history() {
    let platform = Platform::start().await;
    let first = platform.upload("alice", "print(1)\n").await.expect("taken");
    let second = platform.upload("alice", "print(2)\n").await.expect("taken");
    let agent = platform.client.agent(&miner("alice")).await.expect("known");
    assert_eq!(agent.current.expect("current").submission_id, second.submission_id);
    let history: Vec<_> = agent.submissions.iter().map(|one| one.submission_id).collect();
    assert_eq!(history, [second.submission_id, first.submission_id]);
    assert_eq!(platform.file("agents/alice.py"), "print(2)\n");
}

#[tokio::test]
async fn parallel_uploads_of_one_miner_leave_one_consistent_agent() {
    let platform = Platform::start().await;
    let mut uploads = tokio::task::JoinSet::new();
    for number in 0..24 {
        let client = platform.client.clone();
        uploads.spawn(async move { client.upload("alice", format!("print({number})\n").into_bytes()).await });
    }
    let taken = uploads.join_all().await;
    assert!(taken.iter().all(Result::is_ok), "{taken:?}");
    let agent = platform.client.agent(&miner("alice")).await.expect("known");
    assert_eq!(agent.submissions.len(), 24);
    let current = agent.current.expect("current");
    assert_eq!(current.submission_id, agent.submissions[0].submission_id);
    // While many upload the files follow behind the answers; the end waits for them.
    let folder = platform.stop().await;
    let file = |name: &str| std::fs::read_to_string(folder.path().join("agents").join(name)).expect("a file");
    let record: AgentRecord = serde_json::from_str(&file("alice.json")).expect("a record");
    assert_eq!(record.submission_id, current.submission_id);
    assert_eq!(Digest::of(file("alice.py").as_bytes()), record.source_sha256);
}

#[tokio::test]
async fn one_of_many_parallel_uploads_of_the_same_source_wins() {
    let platform = Platform::start().await;
    let mut uploads = tokio::task::JoinSet::new();
    for number in 0..16 {
        let client = platform.client.clone();
        uploads.spawn(async move { client.upload(&format!("m{number}"), GOOD.as_bytes().to_vec()).await });
    }
    let answers = uploads.join_all().await;
    let taken: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(taken.len(), 1);
    for answer in answers.iter().filter(|answer| answer.is_err()) {
        let ClientError::Refused { problem } = answer.as_ref().expect_err("refused") else {
            panic!("{answer:?}");
        };
        assert_eq!(problem.earlier, Some(taken[0].submission_id));
    }
}

#[tokio::test]
async fn a_full_gate_says_that_it_is_busy_and_when_to_come_back() {
    let platform = Platform::with(|settings| settings.gate_queue = 0).await;
    let mut uploads = tokio::task::JoinSet::new();
    // Long enough that some of them overlap, whatever the machine.
    let work = "x = [1, 2, 3]\n".repeat(10_000);
    for number in 0..32 {
        let client = platform.client.clone();
        let source = format!("print({number})\n{work}").into_bytes();
        uploads.spawn(async move { client.upload(&format!("m{number}"), source).await });
    }
    let (mut taken, mut busy) = (0, 0);
    for answer in uploads.join_all().await {
        match answer {
            Ok(_) => taken += 1,
            Err(ClientError::Refused { problem }) if problem.status == 503 => {
                assert_eq!(name(&problem), "busy");
                busy += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(taken > 0 && busy > 0, "{taken} taken, {busy} busy");
    assert_eq!(platform.client.agents().await.expect("agents").len(), taken);
}

#[tokio::test]
async fn what_was_taken_is_there_after_a_restart_and_lost_files_are_mended() {
    let platform = Platform::start().await;
    let uploaded = platform.upload("alice", GOOD).await.expect("taken");
    let folder = platform.stop().await;
    std::fs::write(folder.path().join("agents/alice.py"), "half a li").expect("written");
    std::fs::remove_file(folder.path().join("agents/alice.json")).expect("removed");

    let platform = Platform::in_folder(folder, |_| {}).await;
    assert_eq!(platform.file("agents/alice.py"), GOOD);
    let record: AgentRecord = serde_json::from_str(&platform.file("agents/alice.json")).expect("a record");
    assert_eq!(record.submission_id, uploaded.submission_id);
}

#[tokio::test]
async fn a_second_platform_on_the_same_folder_is_refused() {
    let platform = Platform::start().await;
    let error = portcullis::server::bind(super::settings(platform.folder.path())).await.expect_err("refused");
    assert!(error.to_string().contains("another platform uses"), "{error}");
}

#[tokio::test]
async fn an_upload_in_flight_is_finished_at_shutdown() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let platform = Platform::start().await;
    let body = super::hostile::form(&[("miner_id", b"alice"), ("agent", GOOD.as_bytes())]);
    let (head, tail) = body.split_at(body.len() - 10);
    let address = platform.url.trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    let request = format!(
        "POST /upload/agent HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
         content-type: multipart/form-data; boundary={}\r\ncontent-length: {}\r\n\r\n",
        super::hostile::BOUNDARY,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    // The platform asks for the body: now the request is in flight.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.expect("an answer");
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
    stream.write_all(head).await.expect("sent");
    let stopping = tokio::spawn(platform.stop());
    stream.write_all(tail).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let folder = stopping.await.expect("stopped");
    assert_eq!(std::fs::read_to_string(folder.path().join("agents/alice.py")).expect("there"), GOOD);
}
