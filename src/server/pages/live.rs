//! Tells open pages that something changed. What changed they fetch like everybody else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::server::error::{ApiError, Kind};
use crate::server::state::App;

const MOST_LISTENERS: usize = 2048;
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Grows with every change. A listener that is slow misses changes, not the newest state.
#[derive(Debug)]
pub(in crate::server) struct Changes {
    version: watch::Sender<u64>,
    places: Arc<Semaphore>,
}

impl Changes {
    pub(in crate::server) fn new() -> Self {
        Self { version: watch::Sender::new(0), places: Arc::new(Semaphore::new(MOST_LISTENERS)) }
    }

    pub(in crate::server) fn tell(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

struct Listener {
    app: App,
    version: watch::Receiver<u64>,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn events(
    State(app): State<App>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let Ok(place) = Arc::clone(&app.changes.places).try_acquire_owned() else {
        return Err(ApiError::new(Kind::Busy, "too many pages listen for changes"));
    };
    let listener = Listener { version: app.changes.version.subscribe(), app, _place: place };
    let changes = stream::unfold(listener, |mut listener| async {
        listener.version.changed().await.ok()?;
        // The end of the platform is a change too; whoever listens would keep it from ending.
        if listener.app.is_stopping() {
            return None;
        }
        let version = *listener.version.borrow_and_update();
        Some((Ok(Event::default().event("change").data(version.to_string())), listener))
    });
    Ok(Sse::new(changes).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
