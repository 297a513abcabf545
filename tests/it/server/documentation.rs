//! `/openapi.json` is true: every path is there, answers are described, schemas fit what is sent.

use std::borrow::Cow;
use std::collections::BTreeSet;

use portcullis::diagnostic::{Finding, Note, Severity, Span};
use portcullis::model::{CaseVerdict, GateVerdict, Limits, Scheme, SubmissionState};
use portcullis::task::Difficulty;
use serde::Serialize;
use serde_json::Value;

use super::{Platform, assignments};

async fn document() -> Value {
    let platform = Platform::start().await;
    let answer = reqwest::get(format!("{}/openapi.json", platform.url)).await.expect("an answer");
    serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
}

#[tokio::test]
async fn every_answer_of_every_route_is_described() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let tags = document["tags"].as_array().expect("tags").iter().map(|tag| tag["name"].to_string());
    let tags: Vec<String> = tags.collect();
    assert_eq!(tags.iter().collect::<BTreeSet<_>>().len(), tags.len(), "each tag once: {tags:?}");
    let mut lines = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let statuses: Vec<&str> =
                operation["responses"].as_object().expect("responses").keys().map(String::as_str).collect();
            lines.push(format!("{} {path}: {}", method.to_uppercase(), statuses.join(" ")));
        }
    }
    crate::support::snapshots().bind(|| insta::assert_snapshot!("openapi-routes", lines.join("\n")));
}

#[tokio::test]
async fn every_reference_points_to_a_schema() {
    let document = document().await;
    let text = document.to_string();
    let mut seen = 0;
    for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(document["components"]["schemas"][name].is_object(), "`{name}` is not there");
        seen += 1;
    }
    assert!(seen > 10);
}

/// The keys of an object are those of the schema, and all that must be there are there.
#[track_caller]
fn fits(document: &Value, schema: &str, value: &impl Serialize) {
    let value = serde_json::to_value(value).expect("JSON");
    let schema = &document["components"]["schemas"][schema];
    let known: BTreeSet<&String> = schema["properties"].as_object().expect("properties").keys().collect();
    let has: BTreeSet<&String> = value.as_object().expect("an object").keys().collect();
    assert!(has.is_subset(&known), "{has:?} has more than {known:?}");
    for required in schema["required"].as_array().expect("required") {
        assert!(value.get(required.as_str().expect("a name")).is_some(), "{required} is missing");
    }
}

#[track_caller]
fn spells(document: &Value, schema: &str, values: &[impl Serialize]) {
    let spelled: Vec<Value> = values.iter().map(|value| serde_json::to_value(value).expect("JSON")).collect();
    assert_eq!(document["components"]["schemas"][schema]["enum"], Value::Array(spelled), "{schema}");
}

#[tokio::test]
async fn the_schemas_of_pure_types_fit_the_types() {
    let document = document().await;
    let span = Span { line: 1, column: 2, end_line: 3, end_column: 4 };
    let note = Note { message: "m".to_owned(), span };
    let mut finding = Finding {
        span,
        code: Cow::Borrowed("PC000"),
        rule: Cow::Borrowed("rule"),
        severity: Severity::Error,
        message: "m".to_owned(),
        help: None,
        name: None,
        notes: Vec::new(),
        file: None,
    };
    fits(&document, "Finding", &finding);
    finding.notes.push(note.clone());
    finding.help = Some("h".to_owned());
    fits(&document, "Finding", &finding);
    fits(&document, "Note", &note);
    fits(&document, "Limits", &Limits::default());
    let result = assignments::result("v1", 1);
    fits(&document, "ResultRequest", &result);
    fits(&document, "TaskResult", &result.tasks[0]);
    fits(&document, "CaseResult", &result.tasks[0].cases[0]);
    fits(&document, "Usage", &result.tasks[0].cases[0].usage);
    spells(&document, "CaseVerdict", &CaseVerdict::ALL);
    spells(
        &document,
        "GateVerdict",
        &[GateVerdict::Accepted, GateVerdict::NeedsReview, GateVerdict::Rejected],
    );
    spells(&document, "SubmissionState", &SubmissionState::ALL);
    spells(&document, "SignatureScheme", &[Scheme::Ed25519, Scheme::Sr25519]);
    spells(&document, "Severity", &[Severity::Error, Severity::Warning]);
    let difficulties = [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard, Difficulty::Expert];
    spells(&document, "Difficulty", &difficulties);
}
