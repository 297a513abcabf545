//! What follows an upload behind its answer: the files of the current agents, and sources on their way
//! from the database into files of their own. The database is the truth of both, so that nothing is
//! lost when they are late; a start mends what they did not finish, and a stop in good order waits.
//!
//! Under load they are given a part of one core's time only. An agent that is replaced again meanwhile
//! is written once.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::state::App;
use crate::model::MinerId;
use crate::store::StoreError;

/// Of the time that agents take to write, rest this many times as much while more are to be written.
const AGENTS_REST: u32 = 9;
/// Likewise for sources, which all have to be moved at last.
const SOURCES_REST: u32 = 3;
/// So many that are due mean that rest makes them more: then there is none, or less, so that what waits
/// in memory and in the database stays bounded by what one task can write.
const MANY_AGENTS: usize = 4_096;
const MANY_SOURCES: usize = 256;
/// Sources that come within so long are moved together.
const GATHER: Duration = Duration::from_millis(100);
/// After an error.
const PAUSE: Duration = Duration::from_secs(5);
/// What a stop in good order, or a start, waits for sources. What is left is moved later.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes the files of agents until the end, and then those that are still due.
pub(super) async fn agents(app: App) {
    let following = &app.following;
    loop {
        let goes_on = following.wait(&following.more_agents).await;
        loop {
            let (due, watchers) = {
                let mut agents = following.agents();
                agents.busy = !agents.due.is_empty();
                (std::mem::take(&mut agents.due), std::mem::take(&mut agents.watchers))
            };
            if due.is_empty() {
                break;
            }
            let began = Instant::now();
            for miner in &due {
                if let Err(error) = write(&app, miner).await {
                    // The submission is in the database, whole; the files follow at the next start.
                    tracing::error!(%miner, error = %error, "cannot write the files of an agent");
                }
            }
            // Who hears that it is written finds nobody busy, unless more came.
            let more = {
                let mut agents = following.agents();
                agents.busy = !agents.due.is_empty();
                agents.due.len()
            };
            for watcher in watchers {
                let _ = watcher.send(());
            }
            if (1..MANY_AGENTS).contains(&more) && due.len() < MANY_AGENTS {
                following.rest(AGENTS_REST, began.elapsed()).await;
            }
        }
        if !goes_on {
            return;
        }
    }
}

async fn write(app: &App, miner: &MinerId) -> Result<(), StoreError> {
    let _one_at_a_time = app.locks.lock(miner).await;
    app.files.follow(&app.store, &app.blobs, miner).await
}

/// Moves sources from the database into files until the end, and then, for a while, those that are left.
pub(super) async fn sources(app: App) {
    let following = &app.following;
    // The start may have left some.
    following.more_sources.notify_one();
    while following.wait(&following.more_sources).await {
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = following.ending.cancelled() => {}
        }
        while !following.ending.is_cancelled() {
            let began = Instant::now();
            let settled = app.blobs.settle().await;
            look_at_shelf(&app).await;
            match settled {
                Ok(0) => break,
                Ok(moved) => {
                    let times = if moved < MANY_SOURCES { SOURCES_REST } else { 1 };
                    following.rest(times, began.elapsed()).await;
                }
                Err(error) => {
                    tracing::error!(error = %error, "sources stay in the database; they are moved later");
                    following.rest(1, PAUSE).await;
                }
            }
        }
    }
    settle(&app).await;
}

/// No more are taken while there are too many: a disk that is full of sources must not fill the database.
async fn look_at_shelf(app: &App) {
    match app.store.waiting_on_shelf().await {
        Ok(waiting) => app.following.shelf_is_full.store(waiting > app.shelf, Ordering::Relaxed),
        Err(error) => tracing::error!(error = %error, "cannot count the sources that wait in the database"),
    }
}

/// Moves the sources that are waiting, for a while.
pub(super) async fn settle(app: &App) {
    let moved = async {
        while app.blobs.settle().await? > 0 {}
        Ok::<(), StoreError>(())
    };
    match tokio::time::timeout(PATIENCE, moved).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(error = %error, "sources stay in the database; they are moved later");
        }
        Err(_) => tracing::warn!("there are many sources in the database; they are moved later"),
    }
}
