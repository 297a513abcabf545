//! `portcullis score` as another process, of which a test may see every line and that it may not outlive.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::helper;

/// A run that goes on after this hangs.
const HANGS: Duration = Duration::from_secs(240);

/// Answers `reverse_string`, a little later each time.
pub(crate) const SLOW: &str = "import sys\nimport time\ntext = sys.stdin.read()\ntime.sleep(0.2)\n\
    print(text.removesuffix('\\n')[::-1])\n";
/// Answers the case without input and is still there when it is stopped in any other.
pub(crate) const STUCK: &str = "import sys\nimport time\ntext = sys.stdin.read()\n\
    if text.strip() != 'portcullis':\n    time.sleep(600)\nprint(text.removesuffix('\\n')[::-1])\n";

/// Where a line came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Data(String),
    Talk(String),
}

#[derive(Debug)]
pub(crate) struct Score {
    child: Child,
    lines: Receiver<Line>,
    began: Instant,
    pub(crate) seen: Vec<Line>,
}

impl Score {
    /// On `reverse_string`, telling events as lines of JSON.
    pub(crate) fn start(backend: &str, more: &[&str], agents: &[&Path]) -> Result<Self, Failed> {
        // Tests that were started with `nohup` would hand its wish on.
        Self::start_by(&["env", "--default-signal=HUP"], backend, more, agents)
    }

    /// As [`start`](Self::start), by a program that becomes ours.
    pub(crate) fn start_by(
        starter: &[&str],
        backend: &str,
        more: &[&str],
        agents: &[&Path],
    ) -> Result<Self, Failed> {
        let (program, arguments) = starter.split_first().ok_or("no program")?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(helper())
            .args(["score", "--allow-weak", "--task", "reverse_string", "--format", "jsonl"])
            .args(["--sandbox", backend])
            .args(more)
            .args(agents)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let err = BufReader::new(child.stderr.take().ok_or("no pipe")?).lines();
        let data = sender.clone();
        thread::spawn(move || out.map_while(Result::ok).all(|line| data.send(Line::Data(line)).is_ok()));
        thread::spawn(move || err.map_while(Result::ok).all(|line| sender.send(Line::Talk(line)).is_ok()));
        Ok(Self { child, lines, began: Instant::now(), seen: Vec::new() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads on to a line with `words`.
    pub(crate) fn until(&mut self, words: &str) -> Result<(), Failed> {
        while let Some(line) = self.next(HANGS)? {
            let (Line::Data(text) | Line::Talk(text)) = &line;
            let is_it = text.contains(words);
            self.seen.push(line);
            if is_it {
                return Ok(());
            }
        }
        Err(format!("it ended without `{words}`: {:#?}", self.seen).into())
    }

    /// Reads on until so much time has passed since its start, or to its end.
    pub(crate) fn until_after(&mut self, passed: Duration) -> Result<(), Failed> {
        while let Some(rest) = passed.checked_sub(self.began.elapsed()) {
            match self.lines.recv_timeout(rest) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Line>, Failed> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(format!("it hangs: {:#?}", self.seen).into()),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failed> {
        Ok(kill(Pid::from_raw(i32::try_from(self.pid())?), signal)?)
    }

    /// Reads to its end; its exit status.
    pub(crate) fn end(&mut self) -> Result<Option<i32>, Failed> {
        while let Some(line) = self.next(HANGS)? {
            self.seen.push(line);
        }
        Ok(self.child.wait()?.code())
    }

    /// What it printed that is JSON: events, and the summary at last.
    pub(crate) fn data(&self) -> Vec<Value> {
        let lines = self.seen.iter().filter_map(|line| match line {
            Line::Data(line) => serde_json::from_str(line).ok(),
            Line::Talk(_) => None,
        });
        lines.collect()
    }
}

impl Drop for Score {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn write(folder: &Path, name: &str, source: &str) -> Result<std::path::PathBuf, Failed> {
    let path = folder.join(name);
    fs::write(&path, source)?;
    Ok(path)
}
