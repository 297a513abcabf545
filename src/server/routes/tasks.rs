//! The tasks, without what must stay hidden.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use crate::api::{TaskDetail, TaskList};
use crate::model::Slug;
use crate::server::error::{ApiError, refusals};
use crate::server::extract::{Asked, Named};
use crate::server::paging::{self, PageQuery, Paged};
use crate::server::state::App;
use crate::server::views::tasks::{detail, summary};

refusals!(List: Malformed);
refusals!(Show: Malformed, NotFound);

/// The tasks, by id
#[utoipa::path(get, path = "/tasks", tag = "public", operation_id = "list_tasks", params(PageQuery),
    responses((status = OK, body = TaskList), List))]
pub(in crate::server) async fn list(
    State(app): State<App>,
    uri: Uri,
    Asked(query): Asked<PageQuery>,
) -> Result<Paged<TaskList>, ApiError> {
    let (limit, after) = (query.limit()?, query.after::<Slug>()?);
    let rest = app.tasks.iter().filter(|task| after.as_ref().is_none_or(|after| task.id > *after));
    let mut tasks: Vec<_> = rest.take(limit as usize + 1).map(summary).collect();
    let more = paging::cut(&mut tasks, limit);
    let next = tasks.last().filter(|_| more).map(|task| task.id.to_string());
    Ok(Paged { uri, next: next.clone(), body: TaskList { tasks, next } })
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
