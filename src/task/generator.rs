//! Cases that a program of the task's author makes for each round from the round's seed. What the
//! reference solution answers is what is expected of everybody.
//!
//! Loading a task with a generator leaves blanks in the place of its cases, so that everybody who
//! only counts and scores (the platform) needs no sandbox. The validator fills them.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::kind::{Call, Kind};
use super::{Case, Task};
use crate::model::{Digest, Limits, Slug};

/// Cases of one round. More would make every round expensive.
pub(super) const MOST_GENERATED: usize = 200;

/// A program that makes cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// Inside the task's folder.
    pub path: String,
    pub source: Arc<str>,
    /// How many cases it makes, 1 to 200.
    pub count: usize,
    /// `solution.py`, as it lies in the folder.
    pub reference: Arc<[u8]>,
}

impl Generator {
    /// What it is started with: the seed and how many cases are wanted.
    pub fn arguments(&self, seed: u64) -> Vec<String> {
        vec![seed.to_string(), self.count.to_string()]
    }

    /// What it may use for the cases of one round.
    pub fn limits() -> Limits {
        Limits {
            wall_ms: 60_000,
            cpu_ms: 30_000,
            memory_kib: 512 * 1024,
            output_bytes: 16 * 1024 * 1024,
            ..Limits::default()
        }
    }
}

/// The name of the generated case `number`, counted from 1.
pub(super) fn name(number: usize) -> String {
    format!("generated-{number:02}")
}

/// A blank in the place of a case that a round will make.
pub(super) fn blank(name: Slug, weight: u32) -> Case {
    let (arguments, stdin, accepted) = (Vec::new(), Arc::from(&b""[..]), Vec::new());
    Case { name, arguments, stdin, accepted, weight, hidden: true }
}

/// A line of the generator's for a program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `stdin`")]
struct ProgramLine {
    stdin: String,
    #[serde(default)]
    arguments: Vec<String>,
}

/// A line of the generator's for a function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `arguments`")]
struct CallLine {
    arguments: Vec<Value>,
    #[serde(default)]
    keywords: serde_json::Map<String, Value>,
}

impl Case {
    /// Whether it stands in the place of a case that the round makes.
    pub fn is_blank(&self) -> bool {
        self.accepted.is_empty()
    }
}

impl Task {
    /// The cases that the generator printed, in the order of the blanks, without their answers.
    ///
    /// # Errors
    /// What is wrong with what it printed, as the end of a sentence about it.
    pub fn read_generated(&self, printed: &[u8]) -> Result<Vec<Case>, String> {
        let text = std::str::from_utf8(printed).map_err(|_| "printed what is not UTF-8".to_owned())?;
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let blanks: Vec<&Case> = self.cases.iter().filter(|case| case.is_blank()).collect();
        if lines.len() != blanks.len() {
            return Err(format!("printed {} lines and not {}", lines.len(), blanks.len()));
        }
        let read = |(number, (line, blank)): (usize, (&&str, &&Case))| {
            let wrong =
                |error: serde_json::Error| format!("printed a line {number} that is no case: {error}");
            let (arguments, stdin) = match &self.kind {
                Kind::Function(_) | Kind::Solution(_) => {
                    let CallLine { arguments, keywords } = serde_json::from_str(line).map_err(wrong)?;
                    (Vec::new(), Call::request_of(&arguments, &keywords))
                }
                Kind::Artifact(_) | Kind::Metric(_) => {
                    return Err("is of no use in a task about bundles".to_owned());
                }
                Kind::Program => {
                    let ProgramLine { stdin, arguments } = serde_json::from_str(line).map_err(wrong)?;
                    if arguments.iter().any(|argument| argument.contains('\0')) {
                        return Err(format!("printed a line {number} with a NUL in an argument"));
                    }
                    (arguments, stdin.into_bytes())
                }
            };
            Ok(Case { arguments, stdin: Arc::from(stdin), ..(*blank).clone() })
        };
        (1..).zip(lines.iter().zip(&blanks)).map(read).collect()
    }

    /// The task with `made` in the place of its blanks.
    #[must_use]
    pub fn with_generated(&self, made: Vec<Case>) -> Self {
        let mut task = self.clone();
        for case in made {
            if let Some(blank) = task.cases.iter_mut().find(|known| known.name == case.name) {
                *blank = case;
            }
        }
        task
    }
}

/// The digest of generated cases: of their inputs and answers, one line for each.
pub fn digest_of_generated(cases: &[Case]) -> Digest {
    let mut text = String::from("portcullis generated cases 1\n");
    for case in cases {
        let _ = write!(text, "case {} arguments {}", case.name, Value::from(case.arguments.clone()));
        let _ = write!(text, " stdin {}", Digest::of(&case.stdin));
        for answer in &case.accepted {
            let _ = write!(text, " accepts {}", Digest::of(answer.as_bytes()));
        }
        text.push('\n');
    }
    Digest::of(text.as_bytes())
}
