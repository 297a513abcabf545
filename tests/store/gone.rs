//! A database that goes away under a running platform and comes back: here its connections lead
//! through a proxy that the test cuts.

use std::net::SocketAddr;

use portcullis::client::{Client, ClientError};
use portcullis::server::{self, Settings};
use portcullis::task;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::database::Database;

/// Relays to PostgreSQL until it is cut; then nobody listens and what was open is broken.
struct Proxy {
    address: SocketAddr,
    database: String,
    cut: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn open(address: SocketAddr, database: String) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let cut = CancellationToken::new();
        let (until, to) = (cut.clone(), database.clone());
        let ended = tokio::spawn(async move {
            while let Some(Ok((mut client, _))) = until.run_until_cancelled(listener.accept()).await {
                let (until, to) = (until.clone(), to.clone());
                tokio::spawn(until.run_until_cancelled_owned(async move {
                    let mut server = TcpStream::connect(to).await.expect("PostgreSQL answers");
                    // Either end may hang up.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }));
            }
        });
        Self { address, database, cut, ended }
    }

    /// Answers once the port is free.
    async fn cut(self) -> (SocketAddr, String) {
        self.cut.cancel();
        self.ended.await.expect("no panic");
        (self.address, self.database)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_gone_requests_fail_clearly_and_nothing_is_lost() {
    let fresh = Database::fresh().await;
    let rest = fresh.url.split_once('@').expect("a URL with a user").1;
    let (place, path) = rest.split_once('/').expect("a URL with a database");
    let user = fresh.url.split_once('@').expect("a URL with a user").0;
    let proxy = Proxy::open(SocketAddr::from(([127, 0, 0, 1], 0)), place.to_owned()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut settings = Settings::new(listen, folder.path().to_owned(), task::builtin().expect("tasks"));
    settings.database = Some(format!("{user}@{}/{path}", proxy.address));
    let running = server::bind(settings).await.expect("it starts");
    let client = Client::new(&running.url()).expect("a URL");
    let stop = CancellationToken::new();
    let served = tokio::spawn(running.serve_until(stop.clone().cancelled_owned()));
    let upload = |who: &'static str| client.upload(who, format!("print('{who}')\n").into_bytes());

    let first = upload("alice").await.expect("taken");
    let (address, database) = proxy.cut().await;
    let (refused, health) = tokio::join!(upload("bob"), reqwest::get(format!("{}/health", client.url())));
    let error = refused.expect_err("refused");
    let ClientError::Refused { problem } = &error else { panic!("{error}") };
    assert_eq!((problem.status, error.is_temporary()), (503, true), "{problem:?}");
    let health = health.expect("it is alive");
    assert_eq!(health.status(), 503, "and not ready");

    let _back = Proxy::open(address, database).await;
    let bob = loop {
        match upload("bob").await {
            Ok(bob) => break bob,
            // A connection that broke unseen may be found once more.
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
    };
    for uploaded in [first, bob] {
        let detail = client.submission(uploaded.submission_id).await.expect("it is there");
        assert_eq!(detail.miner_id, uploaded.miner_id);
    }
    assert_eq!(client.agents().await.expect("agents").len(), 2);
    stop.cancel();
    served.await.expect("no panic").expect("a clean end");
}
