//! The checker program of a task's author: what is run for it, and what it is given.
//!
//! Our harness stands around its text, as it does for a function. It reads three lengths and the
//! three texts from standard input, writes them down as the files `input`, `expected` and `actual`,
//! and runs the program with their names as arguments. The program is alone in its sandbox: the
//! agent's session never sees it nor the expected answer.

use std::sync::Arc;

use serde_json::Value;

use super::Case;
use crate::model::Limits;

const HARNESS: &str = include_str!("checker.py");

/// How the program is told what to judge, and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// `checker.py input expected actual ARGUMENTS…`; status 0 accepts, 1 refuses with a reason on
    /// standard output.
    #[default]
    Files,
    /// The output validator of an ICPC or Kattis package: `validator input answer feedback/
    /// ARGUMENTS…` with the output on standard input; status 42 accepts, 43 refuses.
    Icpc,
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Icpc => "icpc",
        }
    }
}

/// A program that judges answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckerProgram {
    /// Inside the task's folder.
    pub path: String,
    pub source: Arc<str>,
    pub protocol: Protocol,
    /// What follows the names of the files.
    pub arguments: Vec<String>,
}

impl CheckerProgram {
    /// The text that is run: our harness with the program inside.
    pub fn program(&self) -> Arc<str> {
        // JSON of strings and lists of strings is Python too.
        let arguments = Value::from(self.arguments.clone()).to_string();
        let literal = |text: &str| Value::from(text).to_string();
        let fill = |mark: &str, rest: &'static str| rest.split_once(mark).unwrap_or((rest, ""));
        let (head, rest) = fill("\"<name>\"", HARNESS);
        let (after_name, rest) = fill("\"<source>\"", rest);
        let (after_source, rest) = fill("\"<protocol>\"", rest);
        let (after_protocol, tail) = fill("\"<arguments>\"", rest);
        let parts = [
            head,
            &literal(&self.path),
            after_name,
            &literal(&self.source),
            after_source,
            &literal(self.protocol.as_str()),
            after_protocol,
            &arguments,
            tail,
        ];
        Arc::from(parts.concat())
    }

    /// What the harness reads: the lengths as JSON on a line, then the texts one after the other.
    pub fn stdin(&self, case: &Case, actual: &[u8]) -> Arc<[u8]> {
        let expected = case.accepted.first().map_or(&b""[..], |answer| answer.as_bytes());
        let lengths = serde_json::json!({
            "input": case.stdin.len(),
            "expected": expected.len(),
            "actual": actual.len(),
        });
        let head = format!("{lengths}\n");
        Arc::from([head.as_bytes(), &case.stdin, expected, actual].concat())
    }

    /// What a checker program may use for one answer. Its files take up memory too, so there is more
    /// of that than a task's program gets by default.
    pub fn limits() -> Limits {
        Limits {
            wall_ms: 30_000,
            cpu_ms: 20_000,
            memory_kib: 768 * 1024,
            scratch_kib: 128 * 1024,
            output_bytes: 256 * 1024,
            ..Limits::default()
        }
    }
}
