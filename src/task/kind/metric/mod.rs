//! The submission is a bundle of two scripts, a model and its training, and is measured by how well
//! it predicts bytes.
//!
//! Whatever the scripts say of themselves is ignored. They run in a process of their own
//! (`scripts.py`) and commit themselves to a distribution for the next byte before they are told it;
//! another process (`measure.py`), which holds the stream and which they cannot look into, computes
//! the length of the code. The held-out stream is not in the sandbox while the model learns: what was
//! learned comes out as bytes, and a second sandbox gets them together with the held-out stream.

mod manifest;
mod report;

use std::sync::Arc;

use serde_json::{Value, json};

pub use report::Measured;

use crate::bundle::Bundle;
use crate::model::Slug;
use crate::task::Case;

const MEASURE: &str = include_str!("measure.py");
const SCRIPTS: &str = include_str!("scripts.py");
/// Stand in [`MEASURE`] where these things go.
const MARKS: [&str; 3] = ["\"<scripts>\"", "\"<files>\"", "\"<entries>\""];

/// Bits per byte, in millionths.
pub type Microbits = u64;
const MILLION: u64 = 1_000_000;

/// What a task of this kind is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    pub(in crate::task) train: Arc<[u8]>,
    pub(in crate::task) held_out: Arc<[u8]>,
    /// A stream is accepted when it costs at most this.
    pub(in crate::task) baseline: Microbits,
    /// The first bytes of the training stream, of which nobody can know anything, cost at least this.
    pub(in crate::task) anomaly: Microbits,
    pub(in crate::task) seed: u32,
    /// Of what was learned.
    pub(in crate::task) state_bytes: u64,
    /// What the scripts may import beyond the policy.
    pub(in crate::task) modules: Vec<String>,
    pub(in crate::task) gpus: u32,
}

/// The two runs of a task, in the order of its cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::task) enum Phase {
    Train,
    Evaluate,
}

impl Metric {
    /// Modules that the scripts may import beyond the policy.
    pub fn modules(&self) -> &[String] {
        &self.modules
    }

    /// Why no sandbox of ours can run this task, if none can.
    pub fn unmet(&self) -> Option<String> {
        (self.gpus > 0).then(|| {
            format!("the task asks for {} GPU(s), and no sandbox of this program hands out any", self.gpus)
        })
    }

    /// The text that is run in the sandbox for a bundle, or why the bundle is none of this kind.
    pub(super) fn program(&self, bundle: &Bundle) -> Result<Arc<str>, String> {
        let entries = manifest::read(bundle)?;
        let mut files = serde_json::Map::new();
        for (path, content) in bundle.files().filter(|(path, _)| path.ends_with(".py")) {
            let text = std::str::from_utf8(content).map_err(|_| format!("`{path}` is not UTF-8"))?;
            files.insert(path.to_owned(), Value::from(text));
        }
        for (path, _) in &entries {
            if !files.contains_key(path) {
                return Err(format!("the bundle has no `{path}`"));
            }
        }
        // A JSON string is a Python string: the escapes of the one are escapes of the other.
        let literal = |text: &str| Value::from(text).to_string();
        let parts = [
            literal(SCRIPTS),
            literal(&Value::Object(files).to_string()),
            literal(&json!(entries).to_string()),
        ];
        let mut program = String::new();
        let mut rest = MEASURE;
        for (mark, part) in MARKS.iter().zip(&parts) {
            let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
            program.push_str(before);
            program.push_str(part);
            rest = after;
        }
        program.push_str(rest);
        Ok(program.into())
    }

    /// The two cases of a task.
    pub(in crate::task) fn cases(&self) -> Result<[Case; 2], String> {
        let case = |name: &str, phase, hidden| -> Result<Case, String> {
            let name = Slug::parse(name).map_err(|error| error.to_string())?;
            let case = Case::new(name, &self.stdin(phase, None), &self.baseline.to_string());
            Ok(Case { hidden, ..case })
        };
        Ok([case("train", Phase::Train, false)?, case("held_out", Phase::Evaluate, true)?])
    }

    /// The second case, for a model that learned `state`, which is base64.
    pub fn evaluation(&self, case: &Case, state: &str) -> Case {
        Case { stdin: self.stdin(Phase::Evaluate, Some(state)).into(), ..case.clone() }
    }

    /// A line of JSON and the stream.
    fn stdin(&self, phase: Phase, state: Option<&str>) -> Vec<u8> {
        let (name, stream) = match phase {
            Phase::Train => ("train", &self.train),
            Phase::Evaluate => ("evaluate", &self.held_out),
        };
        let head = json!({
            "phase": name,
            "seed": self.seed,
            "bytes": stream.len(),
            "state_bytes": self.state_bytes,
            "state": state,
            "first": report::FIRST,
        });
        [head.to_string().as_bytes(), b"\n", stream].concat()
    }
}
