//! Tells open pages that something changed. What changed they fetch like everybody else.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};

use crate::server::error::{ApiError, Kind};
use crate::server::state::App;

const KEEP_ALIVE: Duration = Duration::from_secs(20);

pub(super) async fn events(
    State(app): State<App>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let listener = app.changes.listen();
    let listener = listener.ok_or_else(|| ApiError::new(Kind::Busy, "too many pages listen for changes"))?;
    let changes = stream::unfold((app, listener), |(app, mut listener)| async {
        let version = listener.next().await?;
        // The end of the platform is a change too; whoever listens would keep it from ending.
        if app.is_stopping() {
            return None;
        }
        Some((Ok(Event::default().event("change").data(version.to_string())), (app, listener)))
    });
    Ok(Sse::new(changes).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
