//! Lists in pages, tags of answers, and clients that keep the platform waiting.

use std::collections::BTreeSet;

use portcullis::api::{AuditPage, BanRequest, RejudgeRequest, SubmissionPage};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Platform, assignments, miner};

async fn get(platform: &Platform, path: &str) -> reqwest::Response {
    ask(platform, path, None).await
}

/// With the operator's token, which the lists below `/internal` want.
async fn ask(platform: &Platform, path: &str, tag: Option<&str>) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("{}{path}", platform.url));
    let request = request.bearer_auth(platform.file("validator.token").trim());
    let request = tag.iter().fold(request, |request, tag| request.header("if-none-match", *tag));
    request.send().await.expect("an answer")
}

async fn json(answer: reqwest::Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
}

/// Follows the `Link`s from `path` and collects what `entries` finds in each page.
async fn follow(platform: &Platform, path: &str, list: &str, id: &str) -> Vec<String> {
    let (mut path, mut seen) = (path.to_owned(), Vec::new());
    loop {
        let answer = get(platform, &path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let link = answer.headers().get("link").map(|link| link.to_str().expect("ASCII").to_owned());
        let page = json(answer).await;
        let entries = page[list].as_array().expect("a list");
        assert!(!entries.is_empty() && entries.len() <= 2, "{page}");
        seen.extend(entries.iter().map(|entry| entry[id].to_string()));
        assert_eq!(page["next"].is_null(), link.is_none());
        let Some(link) = link else { return seen };
        path = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
            .expect("a link")
            .to_owned();
    }
}

#[tokio::test]
async fn every_list_comes_in_pages_that_link_to_the_next() {
    let platform = Platform::start().await;
    for number in 0..5 {
        let who = format!("m{}", number % 3);
        platform.upload(&who, &format!("print({number})\n")).await.expect("taken");
        let work = platform.inside.claim(&miner("v1")).await.expect("asked").expect("work");
        let result = assignments::result("v1", number);
        platform.inside.submit_result(work.assignment_id, &result).await.expect("taken");
    }
    let operator = || miner("carol");
    for who in ["b0", "b1", "b2", "b3", "b4"] {
        let ban =
            BanRequest { miner_id: miner(who), scheme: None, reason: "why".into(), operator: operator() };
        platform.inside.ban(&ban).await.expect("banned");
        // Sets that are made in one moment have an order too.
        let all = RejudgeRequest {
            task: None,
            policy: None,
            since: None,
            until: None,
            reason: "why".into(),
            operator: operator(),
        };
        platform.inside.create_rejudge(&all).await.expect("made");
    }
    let tasks = portcullis::task::builtin().expect("tasks").len();
    for (path, list, id, all) in [
        ("/submissions?limit=2", "submissions", "submission_id", 5),
        ("/submissions?limit=2&miner_id=m1&status=completed", "submissions", "submission_id", 2),
        ("/agents?limit=2", "agents", "miner_id", 3),
        ("/agents/m0?limit=1", "submissions", "submission_id", 2),
        ("/leaderboard?limit=2", "rankings", "rank", 3),
        ("/tasks?limit=2", "tasks", "id", tasks),
        ("/internal/v1/bans?limit=2", "bans", "miner_id", 5),
        ("/internal/v1/rejudges?limit=2", "rejudges", "rejudge_id", 5),
        // Let in, taken by a validator, scored.
        ("/internal/v1/audit?limit=2", "events", "sequence", 15),
    ] {
        let seen = follow(&platform, path, list, id).await;
        let different: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), different.len()), (all, all), "{path}: {seen:?}");
    }
    // The client sees all of each list.
    assert_eq!(platform.client.tasks().await.expect("tasks").tasks.len(), tasks);
    assert_eq!(platform.client.agent(&miner("m0")).await.expect("known").submissions.len(), 2);
    assert_eq!(platform.client.leaderboard().await.expect("a ranking").rankings.len(), 3);
    let sets = platform.inside.rejudges().await.expect("sets");
    assert_eq!((sets.rejudges.len(), sets.next), (5, None));
    assert!(sets.rejudges.is_sorted_by(|a, b| a.rejudge_id > b.rejudge_id), "newest first");
}

#[tokio::test]
async fn the_newest_submission_is_first_and_the_last_page_may_be_full() {
    let platform = Platform::start().await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(platform.upload("alice", &format!("print({number})\n")).await.expect("taken").submission_id);
    }
    ids.reverse();
    let page: SubmissionPage =
        serde_json::from_value(json(get(&platform, "/submissions?limit=4").await).await).expect("a page");
    let seen: Vec<_> = page.submissions.iter().map(|submission| submission.submission_id).collect();
    assert_eq!((seen, page.next), (ids, None));
}

#[tokio::test]
async fn the_audit_tells_every_step_to_the_operator_alone() {
    let platform = Platform::start().await;
    let first = platform.upload("alice", "print(1)\n").await.expect("taken").submission_id;
    let second = platform.upload("bob", "print(2)\n").await.expect("taken").submission_id;
    let nobody = reqwest::get(format!("{}/internal/v1/audit", platform.url)).await.expect("an answer");
    assert_eq!(nobody.status(), 401);
    let page: AuditPage =
        serde_json::from_value(json(get(&platform, "/internal/v1/audit").await).await).expect("a page");
    let told: Vec<_> =
        page.events.iter().map(|entry| (entry.submission_id, entry.event.actor.as_str())).collect();
    assert_eq!((told, page.next), (vec![(second, "bob"), (first, "alice")], None), "newest first");
    for (entry, id) in page.events.into_iter().zip([second, first]) {
        assert_eq!(platform.client.submission(id).await.expect("known").events, [entry.event]);
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_malformed() {
    let platform = Platform::start().await;
    for path in [
        "/submissions?limit=0",
        "/submissions?limit=1001",
        "/submissions?after=x",
        "/submissions?status=lost",
        "/submissions?miner_id=..",
        "/submissions?page=2",
        "/agents?limit=-1",
        "/agents/alice?limit=0",
        "/tasks?after=No",
        "/leaderboard?after=first",
        "/leaderboard?limit=1001",
        "/internal/v1/bans?after=x",
        "/internal/v1/bans?limit=0",
        "/internal/v1/holds?after=x",
        "/internal/v1/holds?limit=1001",
        "/internal/v1/rejudges?after=x",
        "/internal/v1/rejudges?limit=0",
        "/internal/v1/rejudges?page=2",
        "/internal/v1/audit?after=x",
        "/internal/v1/audit?limit=1001",
    ] {
        let answer = get(&platform, path).await;
        assert_eq!(answer.status(), 400, "{path}");
        let kind = answer.headers()["content-type"].to_str().expect("ASCII").to_owned();
        assert_eq!(kind, "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn who_has_the_newest_answer_gets_a_304_until_it_changes() {
    let platform = Platform::start().await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    for path in [
        "/submissions",
        "/agents",
        "/agents/alice",
        "/leaderboard",
        "/tasks",
        "/version",
        "/openapi.json",
        "/internal/v1/bans",
        "/internal/v1/holds",
        "/internal/v1/rejudges",
        "/internal/v1/audit",
    ] {
        let first = get(&platform, path).await;
        let tag = first.headers()["etag"].to_str().expect("ASCII").to_owned();
        assert!(tag.starts_with('"') && tag.len() == 66, "{tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = ask(&platform, path, Some(&known)).await;
            assert_eq!((again.status().as_u16(), &again.headers()["etag"]), (304, &first.headers()["etag"]));
            assert!(again.bytes().await.expect("nothing").is_empty());
        }
        assert_eq!(ask(&platform, path, Some("\"other\"")).await.status(), 200, "{path}");
    }
    let tag = get(&platform, "/submissions").await.headers()["etag"].clone();
    platform.upload("bob", "print(2)\n").await.expect("taken");
    assert_ne!(get(&platform, "/submissions").await.headers()["etag"], tag);
    assert!(get(&platform, "/health").await.headers().get("etag").is_none());
}

/// A client that says it will send more than it does.
async fn slow(platform: &Platform, request: &str) -> TcpStream {
    let address = platform.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

#[tokio::test]
async fn clients_that_keep_us_waiting_make_room_for_those_that_send() {
    let platform = Platform::with(|settings| settings.connections = Some(8)).await;
    let half_a_body = "POST /upload/agent HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\
                       content-type: multipart/form-data; boundary=portcullis\r\n\r\n--portcullis\r\n";
    let mut held = Vec::new();
    for request in ["", "GET /health HT", half_a_body].repeat(20) {
        held.push(slow(&platform, request).await);
    }
    for number in 0..20 {
        // A new connection each, as of a new miner.
        let client = portcullis::client::Client::new(&platform.url).expect("a URL");
        client.upload(&format!("m{number}"), format!("print({number})\n").into_bytes()).await.expect("taken");
    }
    let metrics = get(&platform, "/metrics").await.text().await.expect("text");
    let made_room =
        metrics.lines().find_map(|line| line.strip_prefix("portcullis_connections_made_room_total "));
    assert!(made_room.is_some_and(|count| count != "0"), "{metrics}");
    // The first one that came was the first to go.
    let mut first = held.remove(0);
    assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0);
}
