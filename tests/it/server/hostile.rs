//! Uploads that nobody honest sends. Each file of `fixtures/uploads` is the body of a form with the
//! boundary `portcullis`; its answer is a snapshot, and nothing may be stored unless it was taken.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use portcullis::api::Problem;

use super::Platform;
use crate::support::snapshots;

pub(super) const BOUNDARY: &str = "portcullis";

/// A form with these parts.
pub(super) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Sends bytes as they are and reads the whole answer.
fn raw(url: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("connected");
    // A server that answers early may close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(url: &str, content_type: &str, body: &[u8]) -> (u16, String) {
    let head = format!(
        "POST /upload/agent HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {content_type}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let answer = raw(url, &[head.as_bytes(), body].concat());
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

#[test]
fn every_hostile_upload_gets_its_answer() {
    let runtime = runtime();
    snapshots().bind(|| {
        insta::glob!(env!("CARGO_MANIFEST_DIR"), "fixtures/uploads/*.body", |path| {
            let body = std::fs::read(path).expect("a fixture");
            let platform = runtime.block_on(Platform::start());
            let (status, answer) =
                post(&platform.url, &format!("multipart/form-data; boundary={BOUNDARY}"), &body);
            let shown = if status == 201 {
                "taken".to_owned()
            } else {
                assert_eq!(platform.kept(), Vec::<String>::new(), "{}", path.display());
                let mut problem: Problem = serde_json::from_str(&answer).expect("a problem");
                assert_eq!(problem.status, status);
                problem.request_id = None;
                problem.policy = None;
                // What and how much the gate finds is the gate's business; that it is what `lint`
                // finds is tested elsewhere.
                if problem.findings.take().is_some_and(|findings| !findings.is_empty()) {
                    problem.detail = "(findings)".to_owned();
                }
                serde_json::to_string_pretty(&problem).expect("JSON")
            };
            // The end waits for a source that is on its way into its place.
            let kept = super::kept(runtime.block_on(platform.stop()).path());
            insta::assert_snapshot!("upload", format!("{status}\n{}\n{shown}", kept.join("\n")));
        });
    });
}

#[test]
fn what_is_no_form_is_malformed() {
    let runtime = runtime();
    let platform = runtime.block_on(Platform::start());
    let form = "multipart/form-data; boundary=portcullis";
    for (content_type, body) in [
        ("application/json", &b"{}"[..]),
        ("multipart/form-data", b"--x\r\n"),
        ("text/plain", b""),
        (form, b""),
        (form, b"\0\0\0"),
        (form, b"--portcullis--\r\n"),
    ] {
        let (status, answer) = post(&platform.url, content_type, body);
        let problem: Problem = serde_json::from_str(&answer).expect("a problem");
        assert_eq!((status, problem.title.as_str()), (400, "The request is malformed"), "{content_type}");
    }
    assert_eq!(platform.kept(), Vec::<String>::new());
}

#[test]
fn what_is_too_large_is_refused_and_the_client_can_read_why() {
    let runtime = runtime();
    let platform = runtime.block_on(Platform::start());
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    // One that a careful reader refuses by its announced length, one by what it holds.
    for bytes in [300_000, 265_000, 20_000_000] {
        let body = form(&[("miner_id", b"alice"), ("agent", &vec![b'#'; bytes])]);
        let (status, answer) = post(&platform.url, &content_type, &body);
        let problem: Problem = serde_json::from_str(&answer).expect("a problem");
        assert_eq!((status, problem.title.as_str()), (413, "The request is too large"), "{bytes}");
    }
    assert_eq!(platform.kept(), Vec::<String>::new());
}

#[test]
fn a_chunked_body_without_an_announced_length_is_bounded_too() {
    let runtime = runtime();
    let platform = runtime.block_on(Platform::start());
    let mut request = b"POST /upload/agent HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\
        content-type: multipart/form-data; boundary=portcullis\r\n\r\n"
        .to_vec();
    let body = form(&[("miner_id", b"alice"), ("agent", &vec![b'#'; 4_000_000])]);
    for chunk in body.chunks(50_000) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let answer = raw(&platform.url, &request);
    // The server may hang up on a client that keeps sending; what it must not do is take it.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(platform.kept(), Vec::<String>::new());
}

#[test]
fn broken_http_does_not_disturb_the_next_request() {
    let runtime = runtime();
    let platform = runtime.block_on(Platform::start());
    for request in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /upload/agent HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST /upload/agent HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"GET /agents/%ff%fe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /agents?limit=-1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /submissions/../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /tasks/%2e%2e%2f HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ] {
        let answer = raw(&platform.url, request);
        assert!(!answer.starts_with("HTTP/1.1 5") && !answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    let health = runtime.block_on(platform.client.version());
    assert!(health.is_ok(), "{health:?}");
}
