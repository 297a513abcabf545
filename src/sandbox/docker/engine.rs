//! One call to the engine, with a bound. A slow answer is waited for as long as the engine lives; an
//! engine that does not even answer a ping meanwhile is gone, and nobody waits for it any longer.

use std::future::Future;
use std::time::Duration;

use bollard::Docker as Client;
use bollard::errors::Error as ApiError;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};

use super::failed;
use crate::sandbox::SandboxError;

/// After so long without an answer the engine is asked whether it lives.
const SLOW: Duration = Duration::from_secs(5);
/// For the answer to a ping. A busy machine needs longer than a moment.
const PING: Duration = Duration::from_secs(10);

/// What `answer` comes to.
///
/// # Errors
/// [`SandboxError::Failed`] with what the engine said; [`SandboxError::Unresponsive`] when it said
/// nothing for `after` and lives; [`SandboxError::Gone`] when it does not answer a ping either.
pub(super) fn call<'a, T: 'a>(
    client: &'a Client,
    doing: &'static str,
    after: Duration,
    answer: impl Future<Output = Result<T, ApiError>> + Send + 'a,
) -> impl Future<Output = Result<T, SandboxError>> + Send + 'a {
    // What the client makes is thousands of bytes, too much to be carried from one future into the next.
    let answer = Box::pin(answer);
    let work = Box::pin(async move { answer.await.map_err(|error| failed(doing, &error)) });
    while_it_lives(client, doing, after, work)
}

/// As [`call`], for something that only ends when the engine works.
pub(super) async fn while_it_lives<T>(
    client: &Client,
    doing: &'static str,
    after: Duration,
    mut work: BoxFuture<'_, Result<T, SandboxError>>,
) -> Result<T, SandboxError> {
    let end = Instant::now() + after;
    loop {
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Err(SandboxError::Unresponsive { doing, after });
        }
        if let Ok(done) = timeout(SLOW.min(rest), &mut work).await {
            return done;
        }
        let cause = tokio::select! {
            biased;
            done = &mut work => return done,
            ping = timeout(PING, Box::pin(client.ping())) => match ping {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => failed("answer a ping", &error).to_string(),
                Err(_) => format!("it does not answer a ping within {} s", PING.as_secs()),
            },
        };
        return Err(SandboxError::Gone(format!(
            "the Docker engine has stopped answering ({cause}, while it was asked to {doing}): see whether \
             its daemon still works, and run this again"
        )));
    }
}
