//! A bucket that is missing, goes away and comes back under a running platform.

use std::net::SocketAddr;

use http::Method;
use portcullis::client::{Client, ClientError};
use portcullis::server::{self, Settings};
use portcullis::task;
use tokio_util::sync::CancellationToken;

use crate::bucket::Place;

fn settings(folder: &tempfile::TempDir, place: &Place) -> Settings {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut settings =
        Settings::new(listen, folder.path().to_owned(), task::builtin().expect("built-in tasks"));
    settings.bucket = Some(place.bucket.clone());
    settings
}

#[tokio::test]
async fn a_platform_does_not_start_without_its_bucket() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::missing();
    let error = server::bind(settings(&folder, &place)).await.expect_err("refused");
    let mut chain = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        chain.push_str(&format!("{error}: "));
        cause = error.source();
    }
    assert!(chain.contains("NoSuchBucket") && !chain.contains("test-secret"), "{chain}");
}

#[tokio::test]
async fn while_the_bucket_is_gone_uploads_are_refused_whole_and_taken_when_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::fresh().await;
    let running = server::bind(settings(&folder, &place)).await.expect("it starts");
    let client = Client::new(&running.url()).expect("a URL");
    let inside = client.clone().with_token(running.token());
    let stop = CancellationToken::new();
    let served = tokio::spawn(running.serve_until(stop.clone().cancelled_owned()));
    let upload = || client.upload("alice", b"print(1)\n".to_vec());

    place.ask(Method::DELETE, "", &[]).await;
    let health = reqwest::get(format!("{}/health", client.url())).await.expect("an answer");
    assert_eq!(health.status(), 503);
    let error = upload().await.expect_err("refused");
    let ClientError::Refused { problem } = &error else { panic!("{error}") };
    assert_eq!((problem.status, error.is_temporary()), (503, true), "{problem:?}");
    assert!(client.agents().await.expect("agents").is_empty(), "nothing is half there");

    place.ask(Method::PUT, "", &[]).await;
    let taken = upload().await.expect("taken");
    let keys = place.ask(Method::GET, "?list-type=2", &[]).await;
    let source = portcullis::model::Digest::of(b"print(1)\n").to_string();
    for key in ["agents/alice.py", "agents/alice.json", &format!("sources/{}/{}", &source[..2], &source[2..])]
    {
        assert!(keys.contains(&format!("<Key>season-1/a/{key}</Key>")), "`{key}` in {keys}");
    }
    let miner = crate::support::miner("alice");
    assert_eq!(inside.agent_source(&miner).await.expect("there").source, "print(1)\n");
    assert!(!folder.path().join("sources").exists(), "nothing lies in the data folder");
    assert_eq!(client.submission(taken.submission_id).await.expect("known").miner_id, miner);
    stop.cancel();
    served.await.expect("no panic").expect("a clean end");
}
