//! Who is connected. When there are as many connections as there may be, the one that has kept us
//! waiting the longest makes room: clients that send nothing, or a byte now and then, cannot keep
//! those out that send.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

/// A client that sends a body must send something of it every so often.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Those that wait for their clients, the longest wait first, and some that do not any more.
#[derive(Debug, Default)]
struct Waiting {
    turns: VecDeque<Turn>,
    /// When there are so many, those that do not wait any more are removed.
    most: usize,
}

/// One wait of one connection.
#[derive(Debug)]
struct Turn {
    connection: Weak<Connection>,
    number: u64,
}

/// One that was accepted. Its place is free when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    connections: Connections,
    /// Counts the waits and the services: odd while it waits for its client.
    turn: AtomicU64,
    gone: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), waiting: Arc::default() }
    }

    /// A place for a new connection, if need be that of another.
    pub(super) async fn admit(&self) -> Option<(Arc<Connection>, bool)> {
        let mut made_room = false;
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                made_room = self.end_the_slowest();
                Arc::clone(&self.places).acquire_owned().await.ok()?
            }
        };
        let connection = Arc::new(Connection {
            connections: self.clone(),
            turn: AtomicU64::new(0),
            gone: CancellationToken::new(),
            _place: place,
        });
        connection.wait();
        Some((connection, made_room))
    }

    /// `false` when all that are connected are being served.
    fn end_the_slowest(&self) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(turn) = waiting.turns.pop_front() {
            let Some(connection) = turn.connection.upgrade() else { continue };
            if connection.turn.load(Ordering::Acquire) == turn.number {
                connection.gone.cancel();
                return true;
            }
        }
        false
    }
}

impl Connection {
    /// From now on it is the client that we wait for.
    pub(super) fn wait(self: &Arc<Self>) {
        // Only the task of the connection counts. Where it waited already, the wait begins anew.
        let number = (self.turn.load(Ordering::Acquire) + 1) | 1;
        self.turn.store(number, Ordering::Release);
        let mut waiting = self.connections.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.turns.len() >= waiting.most {
            waiting.turns.retain(|turn| !turn.is_over());
            waiting.most = (2 * waiting.turns.len()).max(1024);
        }
        waiting.turns.push_back(Turn { connection: Arc::downgrade(self), number });
    }

    /// From now on it is us who have something to do.
    fn serve(&self) {
        if !self.turn.load(Ordering::Acquire).is_multiple_of(2) {
            self.turn.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Done when it has to make room.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// The body of a request, which must keep coming.
    pub(super) fn body(self: &Arc<Self>, body: Incoming) -> ClientBody {
        if body.is_end_stream() {
            self.serve();
        }
        ClientBody { inner: body, silence: None, connection: Arc::clone(self) }
    }
}

impl Turn {
    fn is_over(&self) -> bool {
        self.connection
            .upgrade()
            .is_none_or(|connection| connection.turn.load(Ordering::Acquire) != self.number)
    }
}

/// A body that fails when nothing comes for a while, and tells its connection when it is whole.
pub(super) struct ClientBody {
    inner: Incoming,
    /// Since the client was waited for. What came with the head waits for nobody.
    silence: Option<Pin<Box<Sleep>>>,
    connection: Arc<Connection>,
}

#[derive(Debug, thiserror::Error)]
#[error("the client stopped sending")]
struct Silent;

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(BODY_TIMEOUT)));
            return silence.as_mut().poll(context).map(|()| Some(Err(Silent.into())));
        };
        self.silence = None;
        if frame.is_none() || self.inner.is_end_stream() {
            self.connection.serve();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
