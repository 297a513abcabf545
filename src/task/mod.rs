//! Task packages: a folder with `task.toml`, a statement, cases, a reference solution and wrong
//! solutions. Loading checks everything once; what is loaded is right.

use std::sync::Arc;

use crate::judge::Checker;
use crate::model::{Digest, Limits, Slug};

/// A task that was loaded and checked.
#[derive(Debug, Clone)]
pub struct Task {
    pub id: Slug,
    pub title: String,
    /// What the agent gets as `--task`.
    pub prompt: String,
    /// Markdown for people.
    pub statement: String,
    pub limits: Limits,
    pub checker: Checker,
    pub cases: Vec<Case>,
    /// Of everything that decides a score: prompt, limits, checker, cases.
    pub digest: Digest,
}

/// One case of a task. The expected output never enters the sandbox.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: Slug,
    /// After `--task PROMPT`.
    pub arguments: Vec<String>,
    pub stdin: Arc<[u8]>,
    pub expected: Arc<str>,
    /// Shown to authors as failed or passed, nothing more.
    pub hidden: bool,
}
