//! What everybody may know of tasks: nothing that is hidden.

use crate::api::{ExampleCase, TaskDetail, TaskSummary};
use crate::task::{Case, Task};

/// A line of the list of tasks.
pub(in crate::server) fn summary(task: &Task) -> TaskSummary {
    TaskSummary {
        id: task.id.clone(),
        title: task.title.clone(),
        difficulty: task.difficulty,
        cases: task.cases.len() as u64,
        digest: task.digest,
        hidden_digest: task.hidden_digest,
    }
}

/// What everybody may know of a task.
pub(in crate::server) fn detail(task: &Task) -> TaskDetail {
    TaskDetail {
        id: task.id.clone(),
        title: task.title.clone(),
        difficulty: task.difficulty,
        prompt: task.prompt.clone(),
        statement: task.statement.clone(),
        limits: task.limits.clone(),
        cases: task.cases.len() as u64,
        examples: task.cases.iter().filter(|case| !case.hidden).map(example).collect(),
        digest: task.digest,
        hidden_digest: task.hidden_digest,
    }
}

fn example(case: &Case) -> ExampleCase {
    ExampleCase {
        name: case.name.clone(),
        arguments: case.arguments.clone(),
        stdin: String::from_utf8_lossy(&case.stdin).into_owned(),
        accepted: case.accepted.iter().map(ToString::to_string).collect(),
    }
}
