//! Accepts connections and serves them, with bounds on slow and idle ones, and lets those in flight
//! finish at the end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};

use super::connections::{Connection, Connections};
use super::front::Front;
use super::state::App;

/// A client must have sent the head of a request after so long; also how long a connection may
/// stay idle between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// What is in flight at the end may take so long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Descriptors that connections leave for files and the database.
const SPARE_FILES: u64 = 256;
const MOST_CONNECTIONS: u64 = 32_768;
/// Of a request's line and headers together.
const MOST_HEAD_BYTES: usize = 32 * 1024;

/// Serves until `shutdown` is done, at most `most` connections at a time, or as many as there are
/// descriptors for.
pub(super) async fn serve(
    listener: TcpListener,
    front: Front,
    app: App,
    most: Option<usize>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let possible = possible_connections();
    let connections = Connections::new(most.map_or(possible, |most| most.clamp(1, possible)));
    let (graceful, front) = (GracefulShutdown::new(), Arc::new(front));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &connections, &app) => accepted,
        };
        let Some((stream, address, client)) = accepted else { continue };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let (front, served) = (Arc::clone(&front), Arc::clone(&client));
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (front, client) = (Arc::clone(&front), Arc::clone(&served));
            async move {
                let mut request = request.map(|body| Body::new(client.body(body)));
                request.extensions_mut().insert(ConnectInfo(address));
                let response = front.answer(request).await;
                // To read the answer, and for the next request.
                client.wait();
                Ok::<_, Infallible>(response)
            }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MOST_HEAD_BYTES);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                done = connection => if let Err(error) = done {
                    tracing::debug!(error = %error, "a connection broke off");
                },
                () = client.gone() => tracing::debug!(%address, "a slow connection made room for another"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish before the shutdown");
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Connections,
    app: &App,
) -> Option<(TcpStream, SocketAddr, Arc<Connection>)> {
    match listener.accept().await {
        Ok((stream, address)) => {
            let (client, made_room) = connections.admit().await?;
            if made_room {
                app.metrics.made_room();
            }
            Some((stream, address, client))
        }
        Err(error) => {
            // The client left before we came to it, or we are out of descriptors: wait for some.
            if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
                tracing::error!(error = %error, "cannot accept connections");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            None
        }
    }
}

/// As many connections as there are descriptors for, after taking all that we may have.
fn possible_connections() -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    let wanted = hard.min(MOST_CONNECTIONS + SPARE_FILES).max(soft);
    let have = match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => wanted,
        Err(_) => soft,
    };
    let places = have.saturating_sub(SPARE_FILES).clamp(16, MOST_CONNECTIONS);
    usize::try_from(places).unwrap_or(1024)
}
