//! Stands between us and an engine and behaves like one that is sick.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How the engine behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    /// It takes connections and requests and never answers; what is open stays open in silence.
    Frozen,
    /// The attached streams that are open say nothing any more; everything else works.
    Mute,
    /// What is open is closed, and so is at once what is opened.
    Closing,
    /// As when its daemon is killed: what is open is closed, and nobody listens any more.
    Dead,
}

/// A request at which the engine falls ill.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) method: &'static str,
    /// In its path.
    pub(crate) word: &'static str,
    /// The first is 1.
    pub(crate) number: u32,
    /// Whether the engine still gets the request.
    pub(crate) gets_it: bool,
    pub(crate) then: Health,
}

/// Passes on what comes to a socket of its own, as long as it is well.
#[derive(Debug, Clone)]
pub(crate) struct Proxy(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    health: Health,
    moment: Option<Moment>,
    streams: Vec<UnixStream>,
    /// Connections that carry an attached stream.
    attached: Vec<u64>,
    /// Those of them that say nothing any more.
    mute: Vec<u64>,
}

impl Proxy {
    pub(crate) fn start(socket: &Path, engine: String, moment: Option<Moment>) -> std::io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let state = State {
            health: Health::Well,
            moment,
            streams: Vec::new(),
            attached: Vec::new(),
            mute: Vec::new(),
        };
        let proxy = Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }));
        let this = proxy.clone();
        thread::spawn(move || {
            for (connection, client) in (0..).zip(listener.incoming().flatten()) {
                match this.state().health {
                    Health::Dead => return, // Nobody listens from here on.
                    Health::Closing => continue,
                    Health::Well | Health::Frozen | Health::Mute => {}
                }
                let Ok(server) = UnixStream::connect(&engine) else { continue };
                this.connect(connection, &client, &server);
                this.state().streams.extend([client, server]);
            }
        });
        Ok(proxy)
    }

    fn connect(&self, connection: u64, client: &UnixStream, server: &UnixStream) {
        for (from, to, asks) in [(client, server, true), (server, client, false)] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
            let this = self.clone();
            thread::spawn(move || this.pump(connection, from, to, asks));
        }
    }

    fn pump(&self, connection: u64, mut from: UnixStream, mut to: UnixStream, asks: bool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let reached = if asks { self.note(connection, &buffer[..count]) } else { None };
            if let Some(Moment { gets_it: false, then, .. }) = reached {
                self.become_(then);
            }
            self.wait_until_it_passes(connection);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
            if let Some(Moment { gets_it: true, then, .. }) = reached {
                self.become_(then);
            }
        }
        self.wait_until_it_passes(connection);
        let _ = to.shutdown(Shutdown::Write);
    }

    /// Looks at what a client says; the moment that was waited for, when this is it.
    fn note(&self, connection: u64, said: &[u8]) -> Option<Moment> {
        let line = said.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut state = self.state();
        if line.starts_with("POST ") && line.contains("/attach?") {
            state.attached.push(connection);
        }
        let awaited = state.moment.as_mut()?;
        if !line.starts_with(awaited.method) || !line.contains(awaited.word) {
            return None;
        }
        awaited.number -= 1;
        if awaited.number == 0 { state.moment.take() } else { None }
    }

    fn wait_until_it_passes(&self, connection: u64) {
        let mut state = self.state();
        while state.health == Health::Frozen || state.mute.contains(&connection) {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.state().health
    }

    pub(crate) fn become_(&self, health: Health) {
        let mut state = self.state();
        state.health = health;
        match health {
            Health::Closing | Health::Dead => {
                for stream in state.streams.drain(..) {
                    let _ = stream.shutdown(Shutdown::Both);
                }
            }
            Health::Mute => state.mute = state.attached.clone(),
            Health::Well | Health::Frozen => {}
        }
        self.0.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
