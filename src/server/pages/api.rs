//! The page on the HTTP interface, made from its documentation.

use askama::Template;
use axum::response::Html;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem, RefOr};

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    operations: Vec<OperationView>,
}

struct OperationView {
    id: String,
    method: &'static str,
    path: String,
    summary: String,
    /// Whose token it wants.
    token: Option<&'static str>,
    answers: Vec<AnswerView>,
}

struct AnswerView {
    status: String,
    text: String,
}

/// Rendered once, when the platform starts. Cannot fail: there is nothing in it but text.
pub(super) fn page(document: &OpenApi) -> Html<String> {
    let operations = document
        .paths
        .paths
        .iter()
        .flat_map(|(path, item)| methods(item).map(move |found| view(path, found)));
    Html(ApiPage { operations: operations.collect() }.render().unwrap_or_default())
}

fn methods(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

fn view(path: &str, (method, operation): (&'static str, &Operation)) -> OperationView {
    let answers = operation.responses.responses.iter().map(|(status, answer)| AnswerView {
        status: status.clone(),
        text: match answer {
            RefOr::T(answer) if answer.description.is_empty() => "As asked".to_owned(),
            RefOr::T(answer) => answer.description.clone(),
            RefOr::Ref(_) => String::new(),
        },
    });
    OperationView {
        id: operation.operation_id.clone().unwrap_or_default(),
        method,
        path: path.to_owned(),
        summary: operation.summary.clone().unwrap_or_default(),
        token: operation.security.as_ref().map(|_| token(operation)),
        answers: answers.collect(),
    }
}

/// Whose token a route wants, by its tag.
fn token(operation: &Operation) -> &'static str {
    match operation.tags.iter().flatten().next().map(String::as_str) {
        Some("validators") => "a validator's token",
        Some("upstreams") => "an upstream's token",
        _ => "the platform's token",
    }
}
