//! The tasks, without what must stay hidden.

use axum::Json;
use axum::extract::State;

use crate::api::{ExampleCase, TaskDetail, TaskList, TaskSummary};
use crate::model::Slug;
use crate::server::error::{ApiError, refusals};
use crate::server::extract::Named;
use crate::server::state::App;
use crate::task::{Case, Task};

refusals!(List:);
refusals!(Show: Malformed, NotFound);

/// All tasks
#[utoipa::path(get, path = "/tasks", tag = "public", operation_id = "list_tasks",
    responses((status = OK, body = TaskList), List))]
pub(in crate::server) async fn list(State(app): State<App>) -> Json<TaskList> {
    Json(TaskList { tasks: app.tasks.iter().map(summary).collect() })
}

/// One task, with its public cases
#[utoipa::path(get, path = "/tasks/{id}", tag = "public", operation_id = "show_task",
    params(("id" = String, Path, description = "The task's id")),
    responses((status = OK, body = TaskDetail), Show))]
pub(in crate::server) async fn show(
    State(app): State<App>,
    Named(id): Named<Slug>,
) -> Result<Json<TaskDetail>, ApiError> {
    let task = app.task(&id).ok_or_else(|| ApiError::not_found(format!("there is no task `{id}`")))?;
    Ok(Json(detail(task)))
}

fn summary(task: &Task) -> TaskSummary {
    TaskSummary {
        id: task.id.clone(),
        title: task.title.clone(),
        difficulty: task.difficulty,
        cases: task.cases.len() as u64,
        digest: task.digest,
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
