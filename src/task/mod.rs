//! Task packages: a folder with `task.toml`, a statement, cases, a reference solution and wrong
//! solutions. Loading checks everything once; what is loaded is right.
//!
//! ```text
//! tasks/reverse_string/
//!   task.toml        title, difficulty, prompt, checker, limits, small cases
//!   statement.md     for people; examples are a block `input` followed by a block `output`
//!   cases/NAME.in    standard input of a public case, NAME.out its answer (NAME.2.out another one)
//!   hidden/NAME.in   the same for cases of which only the verdict is told
//!   hidden.salt      hexadecimal digits, so that the published digest of hidden cases tells nothing
//!   cases.json       instead of them, for a function: calls and what they return or raise
//!   hidden.json
//!   task.json        instead of them, for an artifact: the invariants of the submitted documents
//!   checker.py       where `checker = { program = "checker.py" }`: judges answers, in the sandbox
//!   generate.py      where `[generator] program = "generate.py"`: makes cases from a seed
//!   solution.py      passes the gate and every case; a folder `solution` where a bundle is submitted
//!   wrong/VERDICT/*.py   solutions that get exactly this verdict; folders likewise
//! ```

mod cases;
mod checker;
mod commitment;
mod digest;
mod error;
mod examples;
mod folder;
mod generator;
mod import;
mod kind;
mod load;
mod manifest;
mod proof;
mod scaffold;
mod solutions;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::judge::{self, Checker, Form, Rules, TieBreaker, Tolerance, Weighted};
use crate::model::{CaseResult, CaseVerdict, Digest, Limits, Score, Slug, Split};

pub use checker::{CheckerProgram, Protocol};
pub use error::TaskError;
pub use generator::{Generator, digest_of_generated};
pub use import::{Admits, Imported, import};
pub use kind::{
    Artifact, Author, Function, Holds, InvalidInvariants, Invocation, Kind, Measured, Metric, Microbits,
};
pub use proof::Came;
pub use scaffold::{Template, scaffold};

/// A task that was loaded and checked.
#[derive(Debug, Clone)]
pub struct Task {
    /// The name of its folder.
    pub id: Slug,
    pub title: String,
    pub difficulty: Difficulty,
    /// What the agent gets as `--task`: the id, a colon, a blank, and the task in words. So an
    /// agent that knows several tasks can tell them apart by what stands before the first colon.
    pub prompt: String,
    /// Markdown for people.
    pub statement: String,
    pub kind: Kind,
    pub limits: Limits,
    pub checker: Checker,
    /// Zero for checkers that take none.
    pub tolerance: Tolerance,
    /// Present where `checker` is [`Checker::Program`], and only there.
    pub checker_program: Option<CheckerProgram>,
    /// Makes further cases for each round; their blanks stand among `cases`.
    pub generator: Option<Generator>,
    /// At least one; public ones first.
    pub cases: Vec<Case>,
    /// The examples of the statement; they are proved, they do not count.
    pub examples: Vec<Case>,
    /// Groups of cases that count all or nothing; no case is in two of them.
    pub subtasks: Vec<Subtask>,
    /// What decides between agents whose scores are equal, before the earlier submission does.
    pub tie_breakers: Vec<TieBreaker>,
    /// Programs whose verdict is known; they prove the task.
    pub solutions: Vec<Solution>,
    /// What makes the digest of hidden cases unguessable, in hexadecimal; empty where there is none.
    pub salt: String,
    /// Of what [`Task::reveal`] shows, to be published before anybody competes.
    pub hidden_digest: Option<Digest>,
    /// Of everything that decides a score: prompt, limits, checker, cases.
    pub digest: Digest,
}

/// How hard the author takes the task to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    Easy,
    Medium,
    Hard,
    Expert,
}

/// One case of a task. The expected output never enters the sandbox.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: Slug,
    /// After `--task PROMPT`.
    pub arguments: Vec<String>,
    /// Of a function's case the call, as JSON for the harness.
    pub stdin: Arc<[u8]>,
    /// Every right answer, at least one; none in a blank, see [`Case::is_blank`].
    pub accepted: Vec<Arc<str>>,
    /// What it counts in the task's score, at least 1. A case of a subtask counts through that.
    pub weight: u32,
    /// Of a hidden case authors of agents are told the verdict, nothing more.
    pub hidden: bool,
}

/// Cases that count only together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtask {
    pub name: Slug,
    /// What it counts in the task's score, at least 1.
    pub weight: u32,
    /// Indices into the task's cases, at least one, ascending.
    pub cases: Vec<usize>,
}

/// A program that comes with the task.
#[derive(Debug, Clone)]
pub struct Solution {
    /// Inside the task's folder.
    pub path: String,
    pub source: Arc<[u8]>,
    pub fate: Fate,
}

/// What a solution must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Passes the gate and every case.
    Accepted,
    /// Passes the gate; at least one case gets this verdict, every other one is accepted.
    Fails(CaseVerdict),
    /// Is refused by the gate.
    Rejected,
}

impl Case {
    /// A public case of weight 1.
    pub fn new(name: Slug, stdin: &[u8], answer: &str) -> Self {
        let (stdin, accepted) = (Arc::from(stdin), vec![Arc::from(answer)]);
        Self { name, arguments: Vec::new(), stdin, accepted, weight: 1, hidden: false }
    }
}

impl Task {
    /// A program task that comes from no folder, with default limits; `words` is the task in words.
    pub fn new(id: Slug, words: &str, checker: Checker, cases: Vec<Case>) -> Self {
        let mut task = Self {
            title: id.to_string(),
            difficulty: Difficulty::Easy,
            prompt: format!("{id}: {words}"),
            id,
            statement: String::new(),
            kind: Kind::Program,
            limits: Limits::default(),
            checker,
            tolerance: Tolerance::default(),
            checker_program: None,
            generator: None,
            salt: String::new(),
            hidden_digest: None,
            cases,
            examples: Vec::new(),
            subtasks: Vec::new(),
            tie_breakers: Vec::new(),
            solutions: Vec::new(),
            digest: Digest::of(b""),
        };
        task.digest = digest::digest(&task);
        task.hidden_digest = task.reveal().map(|text| Digest::of(text.as_bytes()));
        task
    }

    /// What `case` is judged by.
    pub fn rules<'a>(&'a self, case: &'a Case) -> Rules<'a> {
        Rules {
            name: &case.name,
            form: match &self.kind {
                Kind::Program | Kind::Artifact(_) | Kind::Metric(_) => Form::Output,
                Kind::Function(_) | Kind::Solution(_) => Form::Reply,
            },
            checker: self.checker,
            tolerance: self.tolerance,
            accepted: &case.accepted,
            limits: &self.limits,
            hidden: case.hidden,
        }
    }

    /// The score of an agent whose cases came to `results`, which are in the order of `self.cases`.
    /// `None` when a case was not judged.
    pub fn score(&self, results: &[CaseResult]) -> Option<Score> {
        self.score_of(&verdicts(results), &|_| true)
    }

    /// As [`score`](Self::score), of verdicts alone.
    pub fn score_verdicts(&self, verdicts: &[CaseVerdict]) -> Option<Score> {
        self.score_of(verdicts, &|_| true)
    }

    /// The scores of the public and of the hidden cases by themselves, where there are both.
    pub fn split(&self, results: &[CaseResult]) -> Option<Split> {
        let hidden = |case: &Case| case.hidden;
        if self.cases.iter().all(hidden) || !self.cases.iter().any(hidden) {
            return None;
        }
        let verdicts = verdicts(results);
        Some(Split {
            public: self.score_of(&verdicts, &|case| !case.hidden)?,
            hidden: self.score_of(&verdicts, &|case| case.hidden)?,
        })
    }

    /// The score as if the task had only the cases that `counts` says.
    fn score_of(&self, verdicts: &[CaseVerdict], counts: &dyn Fn(&Case) -> bool) -> Option<Score> {
        if verdicts.len() != self.cases.len() {
            return None;
        }
        let grouped = self.subtasks.iter().filter_map(|subtask| {
            let mut cases = subtask.cases.iter().filter(|index| counts(&self.cases[**index])).peekable();
            cases.peek()?;
            let verdict = judge::group(cases.map(|index| verdicts[*index]));
            Some(Weighted { verdict, weight: subtask.weight })
        });
        let in_a_group = |index: usize| self.subtasks.iter().any(|subtask| subtask.cases.contains(&index));
        let single = self.cases.iter().zip(verdicts).enumerate();
        let single = single.filter(|(index, (case, _))| !in_a_group(*index) && counts(case));
        let single = single.map(|(_, (case, verdict))| Weighted { verdict: *verdict, weight: case.weight });
        let weighted: Vec<Weighted> = grouped.chain(single).collect();
        judge::score_task(&weighted)
    }
}

fn verdicts(results: &[CaseResult]) -> Vec<CaseVerdict> {
    results.iter().map(|result| result.verdict).collect()
}

/// The largest seed of a round: larger ones are not the same number to every reader of JSON.
pub const MOST_SEED: u64 = (1 << 53) - 1;

/// A seed that nobody chose.
pub fn random_seed() -> u64 {
    rand::random::<u64>() & MOST_SEED
}

/// The seed that belongs to a secret text.
pub fn seed_of(secret: &str) -> u64 {
    let digest = Digest::of(format!("portcullis seed {secret}").as_bytes()).to_string();
    // The digest is 64 hexadecimal digits; 12 of them are 48 bits.
    u64::from_str_radix(&digest[..12], 16).unwrap_or_default()
}

/// Loads the task in `folder`.
///
/// # Errors
/// The first thing that is wrong with it, with the file and, where there is one, the line.
pub fn load(folder: &Path) -> Result<Task, TaskError> {
    load::load(&folder::Folder::on_disk(folder))
}

/// The task packages in `folder`: itself when it has a `task.toml`, otherwise its sub-folders that
/// have one, sorted.
///
/// # Errors
/// That there is none.
pub fn packages(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    load::packages(folder)
}

/// Loads every sub-folder of `folder` that has a `task.toml`, sorted by id.
///
/// # Errors
/// The first thing that is wrong, or that there is no task at all.
pub fn load_dir(folder: &Path) -> Result<Vec<Task>, TaskError> {
    load::load_all(&folder::Folder::on_disk(folder))
}

/// The tasks that come with the program and are answered by one Python file, sorted by id.
///
/// # Errors
/// As [`load_dir`]; a test holds that there is none.
pub fn builtin() -> Result<Vec<Task>, TaskError> {
    let mut tasks = load::load_all(&folder::Folder::builtin())?;
    tasks.retain(|task| task.kind.bundle().is_none());
    Ok(tasks)
}

/// The tasks that come with the program and are answered by a bundle, sorted by id.
///
/// # Errors
/// As [`load_dir`]; a test holds that there is none.
pub fn builtin_bundles() -> Result<Vec<Task>, TaskError> {
    let mut tasks = load::load_all(&folder::Folder::builtin())?;
    tasks.retain(|task| task.kind.bundle().is_some());
    Ok(tasks)
}
