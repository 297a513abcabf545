//! Signed uploads, limits on how often, and what monitoring may count.

use std::num::NonZeroU32;

use portcullis::api::signature::{self, Signed};
use portcullis::config::MinerKey;
use portcullis::model::{Digest, Hotkey, SUBSTRATE, Scheme, ss58_encode};
use portcullis::queue::Clock as _;
use portcullis::server::{Identity, UploadLimits};

use super::hostile::{BOUNDARY, form};
use super::{Platform, name, problem};

const SOURCE: &[u8] = b"print(1)\n";

async fn signed_platform() -> Platform {
    Platform::with(|settings| settings.identity = Identity::Signed).await
}

/// A request as an attacker may build it: each part can be changed after signing.
struct Request {
    hotkey: String,
    scheme: &'static str,
    signature: String,
    nonce: String,
    timestamp: String,
    body: Vec<u8>,
    path: &'static str,
}

type Change = fn(&mut Request);

fn request(platform: &Platform, key: &MinerKey, miner: Hotkey) -> Request {
    let body = form(&[("miner_id", miner.to_string().as_bytes()), ("agent", SOURCE)]);
    let hotkey = key.hotkey().to_string();
    signed_as(platform, key, hotkey, body)
}

/// As the key of `hotkey`, however that is written.
fn signed_as(platform: &Platform, key: &MinerKey, hotkey: String, body: Vec<u8>) -> Request {
    let timestamp = platform.clock.now().as_second();
    let nonce = hex::encode(rand::random::<[u8; 16]>());
    let signed = Signed {
        hotkey: &hotkey,
        method: "POST",
        path: "/upload/agent",
        body: Digest::of(&body),
        timestamp,
        nonce: &nonce,
    };
    let signature = key.sign(signed.message().as_bytes());
    let scheme = key.scheme().as_str();
    Request {
        hotkey,
        scheme,
        signature,
        nonce,
        timestamp: timestamp.to_string(),
        body,
        path: "/upload/agent",
    }
}

async fn send(platform: &Platform, request: &Request) -> u16 {
    let sent = reqwest::Client::new()
        .post(format!("{}{}", platform.url, request.path))
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .header(signature::HOTKEY, &request.hotkey)
        .header(signature::SCHEME, request.scheme)
        .header(signature::SIGNATURE, &request.signature)
        .header(signature::NONCE, &request.nonce)
        .header(signature::TIMESTAMP, &request.timestamp)
        .body(request.body.clone())
        .send()
        .await;
    sent.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_signed_upload_is_taken_in_the_name_of_its_key() {
    for scheme in [Scheme::Ed25519, Scheme::Sr25519] {
        let platform = signed_platform().await;
        let key = MinerKey::generate(scheme);
        assert_eq!(send(&platform, &request(&platform, &key, key.hotkey())).await, 201);
        let agents = platform.client.agents().await.expect("agents");
        assert_eq!(agents[0].miner_id.to_string(), key.hotkey().to_string());
    }
}

#[tokio::test]
async fn a_key_is_one_miner_however_its_address_is_written() {
    let platform = signed_platform().await;
    let key = MinerKey::generate(Scheme::Sr25519);
    for (number, prefix) in [SUBSTRATE, 0, 2, 64, 16_383].into_iter().enumerate() {
        let address = ss58_encode(prefix, &key.hotkey().key);
        let source = format!("print({number})\n");
        let body = form(&[("miner_id", address.as_bytes()), ("agent", source.as_bytes())]);
        assert_eq!(send(&platform, &signed_as(&platform, &key, address, body)).await, 201, "{prefix}");
    }
    let agents = platform.client.agents().await.expect("agents");
    assert_eq!(agents.len(), 1);
    assert_eq!(agents[0].miner_id.to_string(), key.hotkey().to_string());
    let history = platform.client.agent(&agents[0].miner_id).await.expect("known").submissions;
    assert_eq!(history.len(), 5);
}

#[tokio::test]
async fn an_unsigned_upload_is_refused() {
    let platform = signed_platform().await;
    let problem = problem(platform.upload("alice", "print(1)\n").await);
    assert_eq!((problem.status, name(&problem)), (401, "unsigned"));
    assert_eq!(platform.kept(), Vec::<String>::new());
}

#[tokio::test]
async fn a_signature_is_good_for_one_request_only() {
    for scheme in [Scheme::Ed25519, Scheme::Sr25519] {
        good_for_one_request_only(scheme).await;
    }
}

async fn good_for_one_request_only(scheme: Scheme) {
    let platform = signed_platform().await;
    let (alice, mallory) = (MinerKey::generate(scheme), MinerKey::generate(scheme));
    let honest = || request(&platform, &alice, alice.hotkey());
    let first = honest();
    assert_eq!(send(&platform, &first).await, 201);
    assert_eq!(send(&platform, &first).await, 401, "the same request again");

    let changes: [(&str, Change); 10] = [
        ("the other scheme", |it| it.scheme = if it.scheme == "ed25519" { "sr25519" } else { "ed25519" }),
        ("a scheme that is none", |it| it.scheme = "rsa"),
        ("a letter less", |it| it.hotkey.truncate(it.hotkey.len() - 1)),
        ("another body", |it| {
            it.body = form(&[("miner_id", it.hotkey.as_bytes()), ("agent", b"print(2)\n")]);
        }),
        ("another nonce", |it| it.nonce = "0".repeat(32)),
        ("another time", |it| {
            it.timestamp = (it.timestamp.parse::<i64>().expect("a number") + 1).to_string();
        }),
        ("no time", |it| it.timestamp = "soon".to_owned()),
        ("a short nonce", |it| it.nonce = "1".to_owned()),
        ("no signature", |it| it.signature = "0".repeat(128)),
        ("another spelling of the key", |it| it.hotkey = it.hotkey.to_ascii_uppercase()),
    ];
    for (what, change) in changes {
        let mut request = honest();
        change(&mut request);
        assert_eq!(send(&platform, &request).await, 401, "{what}");
    }
    let mut stolen = honest();
    stolen.hotkey = mallory.hotkey().to_string();
    assert_eq!(send(&platform, &stolen).await, 401, "another key");
    let foreign = request(&platform, &mallory, alice.hotkey());
    assert_eq!(send(&platform, &foreign).await, 401, "in the name of somebody else");
    assert_eq!(platform.client.agents().await.expect("agents").len(), 1);
}

#[tokio::test]
async fn an_old_signature_and_one_from_the_future_are_refused() {
    let platform = signed_platform().await;
    let key = MinerKey::generate(Scheme::Sr25519);
    let old = request(&platform, &key, key.hotkey());
    platform.clock.advance(301);
    assert_eq!(send(&platform, &old).await, 401);
    let early = request(&platform, &key, key.hotkey());
    platform.clock.advance(-301);
    assert_eq!(send(&platform, &early).await, 401);
    assert_eq!(platform.kept(), Vec::<String>::new());
}

#[tokio::test]
async fn who_uploads_too_often_is_told_when_to_come_back() {
    let once = NonZeroU32::new(2);
    for limits in [
        UploadLimits { per_miner: once, per_address: None },
        UploadLimits { per_miner: None, per_address: once },
    ] {
        let platform = Platform::with(|settings| settings.limits = limits).await;
        for number in 0..2 {
            platform.upload("alice", &format!("print({number})\n")).await.expect("taken");
        }
        let body = form(&[("miner_id", b"alice"), ("agent", b"print(3)\n")]);
        let sent = reqwest::Client::new()
            .post(format!("{}/upload/agent", platform.url))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body)
            .send();
        let answer = sent.await.expect("an answer");
        assert_eq!(answer.status(), 429);
        let wait: u64 = answer.headers()["retry-after"].to_str().expect("ASCII").parse().expect("seconds");
        assert!((1..=30).contains(&wait), "{wait}");
        let other = platform.upload("bob", "print(4)\n").await;
        assert_eq!(other.is_ok(), limits.per_address.is_none(), "{other:?}");
    }
}

#[tokio::test]
async fn monitoring_counts_what_happened_and_names_nobody() {
    let platform = Platform::start().await;
    platform.upload("alice", "print(1)\n").await.expect("taken");
    assert!(platform.upload("alice", "def f(:\n").await.is_err());
    let answer = reqwest::get(format!("{}/metrics", platform.url)).await.expect("an answer");
    let kind = answer.headers()["content-type"].to_str().expect("ASCII").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = String::from_utf8(answer.bytes().await.expect("a body").to_vec()).expect("UTF-8");
    for line in [
        "portcullis_requests_total{method=\"POST\",route=\"/upload/agent\",status=\"201\"} 1",
        "portcullis_requests_total{method=\"POST\",route=\"/upload/agent\",status=\"422\"} 1",
        "portcullis_submissions{state=\"pending\"} 1",
        "portcullis_submissions{state=\"failed\"} 0",
        "portcullis_gate_duration_seconds_count 2",
        "# EOF",
    ] {
        assert!(text.lines().any(|known| known == line), "`{line}` in\n{text}");
    }
    assert!(!text.contains("alice"), "{text}");
}
