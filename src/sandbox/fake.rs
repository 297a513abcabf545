//! A backend that runs nothing: it answers what a test has scripted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Backend, Capabilities, CaseSpec, SandboxError, Session, SessionSpec, SweepReport};
use crate::model::{Capture, Ending, IsolationLevel, RunFacts, Usage};

/// What one run comes to. It sees the session and the case, so that a test can tell agents apart by
/// their source.
pub type Scripted = dyn Fn(&SessionSpec, &CaseSpec) -> Result<RunFacts, SandboxError> + Send + Sync;

/// See the module. Clones share the record of what happened.
#[derive(Clone)]
pub struct Fake {
    script: Arc<Scripted>,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    opened: Vec<String>,
    closed: Vec<String>,
    runs: HashMap<String, usize>,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fake").field("log", &self.log).finish_non_exhaustive()
    }
}

impl Fake {
    pub fn new(
        script: impl Fn(&SessionSpec, &CaseSpec) -> Result<RunFacts, SandboxError> + Send + Sync + 'static,
    ) -> Self {
        Self { script: Arc::new(script), log: Arc::default() }
    }

    /// Facts of a program that ended well and wrote `stdout`.
    pub fn wrote(stdout: impl Into<Vec<u8>>) -> RunFacts {
        Self::ended(Ending::Exited { code: 0 }, stdout)
    }

    /// Facts of a program that came to `ending` after it wrote `stdout`.
    pub fn ended(ending: Ending, stdout: impl Into<Vec<u8>>) -> RunFacts {
        RunFacts {
            ending,
            stdout: Capture { bytes: stdout.into(), truncated: false },
            stderr: Capture::default(),
            oom_kills: 0,
            process_limit_hits: 0,
            usage: Usage { wall_ms: 10, cpu_ms: 8, memory_kib: 9000 },
            isolation: IsolationLevel::Full,
        }
    }

    /// Labels of the sessions that were opened, in order.
    pub fn opened(&self) -> Vec<String> {
        self.log().opened.clone()
    }

    /// Labels of the sessions that were closed, in order.
    pub fn closed(&self) -> Vec<String> {
        self.log().closed.clone()
    }

    /// How many cases ran in sessions with this label.
    pub fn runs(&self, label: &str) -> usize {
        self.log().runs.get(label).copied().unwrap_or_default()
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for Fake {
    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        Ok(Capabilities {
            backend: "fake".to_owned(),
            isolation: IsolationLevel::Full,
            weaknesses: Vec::new(),
            details: Vec::new(),
        })
    }

    async fn open(&self, spec: &SessionSpec) -> Result<Box<dyn Session>, SandboxError> {
        self.log().opened.push(spec.label.clone());
        Ok(Box::new(FakeSession { fake: self.clone(), spec: spec.clone() }))
    }

    async fn sweep(&self) -> Result<SweepReport, SandboxError> {
        Ok(SweepReport::default())
    }
}

#[derive(Debug)]
struct FakeSession {
    fake: Fake,
    spec: SessionSpec,
}

#[async_trait]
impl Session for FakeSession {
    async fn run(&mut self, case: &CaseSpec) -> Result<RunFacts, SandboxError> {
        *self.fake.log().runs.entry(self.spec.label.clone()).or_default() += 1;
        (self.fake.script)(&self.spec, case)
    }

    async fn close(self: Box<Self>) -> Result<SweepReport, SandboxError> {
        self.fake.log().closed.push(self.spec.label);
        Ok(SweepReport::default())
    }
}
