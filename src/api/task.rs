//! Tasks, as everybody may see them. Expected outputs of hidden cases have no field here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;
use crate::model::{Digest, Limits, Slug};
use crate::task::Difficulty;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskList {
    pub tasks: Vec<TaskSummary>,
    /// Give it as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskSummary {
    #[schema(value_type = String)]
    pub id: Slug,
    pub title: String,
    #[schema(value_type = schema::Difficulty)]
    pub difficulty: Difficulty,
    /// How many cases there are, hidden ones included.
    pub cases: u64,
    /// Of everything that decides a score.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// SHA-256 of what `portcullis task reveal` shows of the hidden cases after the round.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub hidden_digest: Option<Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskDetail {
    #[schema(value_type = String)]
    pub id: Slug,
    pub title: String,
    #[schema(value_type = schema::Difficulty)]
    pub difficulty: Difficulty,
    /// What the agent gets as `--task`.
    pub prompt: String,
    /// Markdown.
    pub statement: String,
    #[schema(value_type = schema::Limits)]
    pub limits: Limits,
    /// How many cases there are, hidden ones included.
    pub cases: u64,
    /// The cases that are public, whole.
    pub examples: Vec<ExampleCase>,
    #[schema(value_type = String)]
    pub digest: Digest,
    /// SHA-256 of what `portcullis task reveal` shows of the hidden cases after the round.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub hidden_digest: Option<Digest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExampleCase {
    #[schema(value_type = String)]
    pub name: Slug,
    /// After `--task PROMPT`.
    pub arguments: Vec<String>,
    /// Bytes that are not UTF-8 are shown as U+FFFD.
    pub stdin: String,
    /// Every right answer, at least one.
    pub accepted: Vec<String>,
}
