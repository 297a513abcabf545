//! A sandbox that runs nothing and answers from a script.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use portcullis::model::{Capture, Ending, IsolationLevel, RunFacts, Usage};
use portcullis::sandbox::{Backend, Capabilities, CaseSpec, SandboxError, Session, SessionSpec, SweepReport};

/// What one start of the interpreter comes to.
pub(crate) enum Act {
    /// It prints this and exits with 0.
    Print(&'static str),
    /// It exits with this status.
    Exit(u8),
    /// It prints, complains and exits.
    Say { stdout: &'static str, stderr: &'static str, code: u8 },
    /// The sandbox fails.
    Fail,
    /// It runs until it is stopped from outside.
    Hang,
    /// It asks again what it comes to, after everybody else had a turn.
    Wait,
    /// A defect of ours.
    Panic,
}

type Script = dyn Fn(&str, &CaseSpec, u32) -> Act + Send + Sync;

/// What happened to the sandbox.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    pub(crate) opened: u32,
    pub(crate) closed: u32,
    /// Sessions that are being closed, and the most that ever were at the same time.
    pub(crate) closing: u32,
    pub(crate) most_closing: u32,
    /// Cases that were announced as the last of their session, by `label/case`.
    pub(crate) last: Vec<String>,
    /// Starts of each case, by `label/case`.
    pub(crate) starts: BTreeMap<String, u32>,
}

/// Asks `script` with the session's label, the case, and how often it was started before.
#[derive(Clone)]
pub(crate) struct Scripted {
    script: Arc<Script>,
    opening: Arc<dyn Fn(u32) -> Result<(), SandboxError> + Send + Sync>,
    closes_slowly: bool,
    log: Arc<Mutex<Log>>,
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&str, &CaseSpec, u32) -> Act + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            opening: Arc::new(|_| Ok(())),
            closes_slowly: false,
            log: Arc::default(),
        }
    }

    /// `opening` is asked with how many sessions were opened before.
    pub(crate) fn opening(
        mut self,
        opening: impl Fn(u32) -> Result<(), SandboxError> + Send + Sync + 'static,
    ) -> Self {
        self.opening = Arc::new(opening);
        self
    }

    /// Closing a session takes a minute of the runtime's clock, and something is left behind.
    pub(crate) fn closing_slowly(mut self) -> Self {
        self.closes_slowly = true;
        self
    }

    pub(crate) fn log(&self) -> Log {
        self.log.lock().expect("no panic inside").clone()
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Backend for Scripted {
    async fn probe(&self) -> Result<Capabilities, SandboxError> {
        Ok(Capabilities {
            backend: "scripted".to_owned(),
            isolation: IsolationLevel::Full,
            weaknesses: Vec::new(),
            details: Vec::new(),
        })
    }

    async fn open(&self, spec: &SessionSpec) -> Result<Box<dyn Session>, SandboxError> {
        let before = {
            let mut log = self.log.lock().expect("no panic inside");
            log.opened += 1;
            log.opened - 1
        };
        (self.opening)(before)?;
        Ok(Box::new(Playing { of: self.clone(), label: spec.label.clone(), expects_more: true }))
    }

    async fn sweep(&self) -> Result<SweepReport, SandboxError> {
        Ok(SweepReport::default())
    }
}

struct Playing {
    of: Scripted,
    label: String,
    expects_more: bool,
}

#[async_trait]
impl Session for Playing {
    async fn run(&mut self, case: &CaseSpec) -> Result<RunFacts, SandboxError> {
        let before = {
            let mut log = self.of.log.lock().expect("no panic inside");
            if !self.expects_more {
                log.last.push(format!("{}/{}", self.label, case.name));
            }
            let starts = log.starts.entry(format!("{}/{}", self.label, case.name)).or_default();
            *starts += 1;
            *starts - 1
        };
        let act = loop {
            match (self.of.script)(&self.label, case, before) {
                Act::Wait => tokio::task::yield_now().await,
                act => break act,
            }
        };
        let (stdout, stderr, code) = match act {
            Act::Print(text) => (text, "", 0),
            Act::Exit(code) => ("", "", code),
            Act::Say { stdout, stderr, code } => (stdout, stderr, code),
            Act::Fail => {
                return Err(SandboxError::Failed { doing: "run", cause: "the script says so".to_owned() });
            }
            Act::Wait | Act::Hang => std::future::pending().await,
            Act::Panic => panic!("the script says so"),
        };
        Ok(RunFacts {
            ending: Ending::Exited { code },
            stdout: Capture { bytes: stdout.as_bytes().to_vec(), truncated: false },
            stderr: Capture { bytes: stderr.as_bytes().to_vec(), truncated: false },
            oom_kills: 0,
            process_limit_hits: 0,
            usage: Usage::default(),
            isolation: IsolationLevel::Full,
        })
    }

    fn expect_no_more(&mut self) {
        self.expects_more = false;
    }

    async fn close(self: Box<Self>) -> Result<SweepReport, SandboxError> {
        let note = |change: fn(&mut Log)| change(&mut self.of.log.lock().expect("no panic inside"));
        note(|log| {
            log.closing += 1;
            log.most_closing = log.most_closing.max(log.closing);
        });
        let mut report = SweepReport::default();
        if self.of.closes_slowly {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            report.left.push(format!("the script says so: {}", self.label));
        }
        note(|log| {
            log.closing -= 1;
            log.closed += 1;
        });
        Ok(report)
    }
}
