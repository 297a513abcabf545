//! A CPython that says what it accepts and which tree it sees, for the differential tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use portcullis::python::{PythonVersion, canonical_tree};

/// A running `scripts/cpython_tree.py`.
#[derive(Debug)]
pub(crate) struct CPython {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// Such as `3.11.7`.
    pub(crate) version: String,
}

/// What CPython says of one source: the tree, or why it refuses.
pub(crate) type Answer = Result<String, String>;

impl CPython {
    /// Starts `python3`, or says why that cannot be compared with: it is not there, or another minor
    /// version than `wanted`.
    pub(crate) fn start(project: &Path, wanted: PythonVersion) -> Result<Self, String> {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut child = Command::new(&python)
            .arg("-I")
            .arg(project.join("scripts/cpython_tree.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`{python}` cannot be started: {error}"))?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut version = String::new();
        stdout.read_line(&mut version).map_err(|error| format!("`{python}` says nothing: {error}"))?;
        let version = version.trim().to_owned();
        let cpython = Self { child, stdin, stdout, version };
        if cpython.version.rsplit_once('.').is_none_or(|(minor, _)| minor != wanted.to_string()) {
            return Err(format!("`{python}` is CPython {}, not {wanted}", cpython.version));
        }
        Ok(cpython)
    }

    pub(crate) fn ask(&mut self, source: &[u8]) -> Answer {
        let stdin = self.stdin.as_mut().expect("open until dropped");
        let length = u32::try_from(source.len()).expect("a short source");
        stdin.write_all(&length.to_le_bytes()).expect("CPython listens");
        stdin.write_all(source).expect("CPython listens");
        stdin.flush().expect("CPython listens");
        let mut head = [0; 5];
        self.stdout.read_exact(&mut head).expect("CPython answers");
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        let mut text = vec![0; length as usize];
        self.stdout.read_exact(&mut text).expect("CPython answers in full");
        let text = String::from_utf8(text).expect("CPython answers in UTF-8");
        if head[0] == b'A' { Ok(text) } else { Err(text) }
    }
}

impl Drop for CPython {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// How the two compare on one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Both accept it and see the same tree.
    SameTree,
    /// Both refuse it.
    BothRefuse,
    /// Both accept it and see different trees: the gate would judge another program than runs.
    DifferentTree { line: usize, cpython: String, ours: String },
    /// CPython runs it and the gate refuses it: the safe direction.
    OnlyCPythonAccepts { reason: String },
    /// The gate reads it and CPython refuses it, so nothing would run: the safe direction too.
    OnlyWeAccept { reason: String },
}

pub(crate) fn compare(source: &[u8], version: PythonVersion, cpython: &Answer) -> Comparison {
    match (canonical_tree(source, version), cpython) {
        (Ok(ours), Ok(theirs)) if ours == *theirs => Comparison::SameTree,
        (Ok(ours), Ok(theirs)) => {
            let differs = ours.lines().zip(theirs.lines()).position(|(ours, theirs)| ours != theirs);
            let line = differs.unwrap_or_else(|| ours.lines().count().min(theirs.lines().count()));
            let around =
                |text: &str| text.lines().skip(line.saturating_sub(3)).take(6).collect::<Vec<_>>().join(" ");
            Comparison::DifferentTree { line, cpython: around(theirs), ours: around(&ours) }
        }
        (Err(_), Err(_)) => Comparison::BothRefuse,
        (Err(reason), Ok(_)) => Comparison::OnlyCPythonAccepts { reason: reason.to_string() },
        (Ok(_), Err(reason)) => Comparison::OnlyWeAccept { reason: reason.clone() },
    }
}
