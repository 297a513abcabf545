//! Whether a task is what it claims to be: its reference solution solves it, each wrong solution
//! fails in the declared way, and the limits leave room. Values in, sentences out; running the
//! solutions is the caller's part.

use std::collections::BTreeSet;

use super::{Case, Fate, Kind, Solution, Task};
use crate::model::{CaseResult, CaseVerdict, Slug, TaskResult, Usage};

/// Fewer cases say little about a program.
const FEW_CASES: usize = 8;
/// A limit is at least so many times what a right solution needs: other machines are slower.
const ROOM: u64 = 2;

/// What a solution came to.
#[derive(Debug, Clone)]
pub enum Came {
    /// The gate refused it, for these reasons.
    Rejected(Vec<String>),
    Ran(TaskResult),
}

impl Task {
    /// The task as its author may see it: nothing is hidden, the examples of the statement are
    /// further cases, and so are those that the generator made of some seeds.
    #[must_use]
    pub fn for_its_author(&self, rounds: &[(u64, Vec<Case>)]) -> Self {
        let mut task = self.clone();
        task.generator = None;
        task.cases.retain(|case| !case.is_blank());
        for (seed, cases) in rounds {
            for case in cases {
                // Both parts are short, so that this is a name.
                if let Ok(name) = Slug::parse(format!("seed-{seed}-{}", case.name)) {
                    task.cases.push(Case { name, ..case.clone() });
                }
            }
        }
        let taken: BTreeSet<_> = self.cases.iter().map(|case| &case.name).collect();
        task.cases.extend(self.examples.iter().filter(|example| !taken.contains(&example.name)).cloned());
        for case in &mut task.cases {
            case.hidden = false;
        }
        task
    }

    /// What is wrong with the task as a whole, in sentences.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let has = |wanted: fn(&Fate) -> bool| self.solutions.iter().any(|solution| wanted(&solution.fate));
        if !has(|fate| *fate == Fate::Accepted) {
            let name = if self.kind.bundle().is_some() { "solution/" } else { "solution.py" };
            problems.push(format!("there is no `{name}`"));
        }
        if !has(|fate| *fate != Fate::Accepted) {
            problems.push("there is no wrong solution in `wrong/VERDICT/`".to_owned());
        }
        problems
    }

    /// What could be better, in sentences.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.cases.len() < FEW_CASES && !matches!(self.kind, Kind::Metric(_)) {
            remarks
                .push(format!("it has {} cases; {FEW_CASES} or more tell programs apart", self.cases.len()));
        }
        if self.examples.is_empty() && self.kind.bundle().is_none() {
            remarks.push(
                "its statement has no example (a block `input` followed by a block `output`)".to_owned(),
            );
        }
        if self.cases.iter().all(|case| !case.hidden) {
            remarks.push("it has no hidden case, so that its answers can be learned by heart".to_owned());
        } else if self.salt.is_empty() {
            let hint = "write 32 random hexadecimal digits to `hidden.salt`";
            remarks.push(format!("the digest of its hidden cases can be guessed at: {hint}"));
        }
        let mut seen = BTreeSet::new();
        // Two resources can have to be alike.
        let asks = |case: &&Case| self.kind.bundle().is_none() && !case.is_blank();
        for case in self.cases.iter().filter(asks) {
            if !seen.insert((&case.arguments, &case.stdin)) {
                remarks.push(format!("case `{}` repeats the input of an earlier one", case.name));
            }
        }
        remarks
    }

    /// Where `solution` did not come to what it must, in sentences without its name. `came` is of
    /// [`Task::for_its_author`].
    pub fn broken_promises(&self, solution: &Solution, came: &Came) -> Vec<String> {
        match (solution.fate, came) {
            (Fate::Rejected, Came::Rejected(_)) => Vec::new(),
            (Fate::Rejected, Came::Ran(_)) => vec!["the gate lets it in".to_owned()],
            (Fate::Accepted | Fate::Fails(_), Came::Rejected(reasons)) => {
                vec![format!("the gate refuses it: {}", reasons.join("; "))]
            }
            (Fate::Accepted, Came::Ran(result)) => {
                let mut broken: Vec<String> = result
                    .cases
                    .iter()
                    .filter(|case| case.verdict != CaseVerdict::Accepted)
                    .map(told)
                    .collect();
                if broken.is_empty() {
                    broken.extend(self.tight_limits(result));
                }
                broken
            }
            (Fate::Fails(declared), Came::Ran(result)) => {
                let other = |verdict| verdict != CaseVerdict::Accepted && verdict != declared;
                let mut broken: Vec<String> =
                    result.cases.iter().filter(|case| other(case.verdict)).map(told).collect();
                if !result.cases.iter().any(|case| case.verdict == declared) {
                    broken.push(format!("no case came to `{declared}`"));
                }
                broken
            }
        }
    }

    fn tight_limits(&self, result: &TaskResult) -> Vec<String> {
        let most = |of: fn(&Usage) -> u64| result.cases.iter().map(|case| of(&case.usage)).max().unwrap_or(0);
        let limits = &self.limits;
        let rows = [
            ("wall_ms", "ms of wall time", most(|usage| usage.wall_ms), limits.wall_ms),
            ("cpu_ms", "ms of CPU time", most(|usage| usage.cpu_ms), limits.cpu_ms),
            ("memory_kib", "KiB of memory", most(|usage| usage.memory_kib), limits.memory_kib),
        ];
        rows.into_iter()
            .filter(|(_, _, used, limit)| used.saturating_mul(ROOM) > *limit)
            .map(|(key, unit, used, limit)| {
                format!("it needs {used} {unit}, and `{key}` is {limit}; it must be {ROOM} times as much")
            })
            .collect()
    }
}

/// A case of a solution that did not come to what it should have.
fn told(case: &CaseResult) -> String {
    let mut text = format!("case `{}` came to `{}`", case.name, case.verdict);
    if let Some(message) = &case.message {
        text.push_str(": ");
        text.push_str(message);
    }
    text
}
