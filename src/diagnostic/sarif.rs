//! Findings as SARIF 2.1.0, which code-scanning services and editors read.
//! Format: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::FileReport;
use super::{Finding, Severity, Span};

/// What a service shows about a rule beside its findings.
#[derive(Debug, Clone)]
pub struct RuleInfo {
    pub code: String,
    pub name: String,
    pub severity: Severity,
    /// What the rule finds, in one sentence.
    pub summary: String,
    /// Why it matters and how to fix it, as Markdown.
    pub page: String,
}

/// One run over `files`. `rules` is the catalogue; a finding of a rule that is not in it names its
/// code and no index.
pub fn render(files: &[FileReport], rules: &[RuleInfo]) -> Value {
    let index: BTreeMap<&str, usize> =
        rules.iter().enumerate().map(|(index, rule)| (&*rule.code, index)).collect();
    let results: Vec<Value> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(|finding| result(&file.path, finding, &index)))
        .collect();
    let artifacts: Vec<Value> = files
        .iter()
        .map(|file| {
            let mut artifact = json!({"location": {"uri": uri(&file.path)}, "sourceLanguage": "python"});
            if let Some(digest) = file.sha256 {
                artifact["hashes"] = json!({"sha-256": digest.to_string()});
            }
            artifact
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "portcullis",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "artifacts": artifacts,
            "results": results,
        }],
    })
}

fn rule(rule: &RuleInfo) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": rule.severity.as_str()},
    })
}

fn result(path: &str, finding: &Finding, index: &BTreeMap<&str, usize>) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}. Help: {help}", finding.message),
        None => finding.message.clone(),
    };
    let mut result = json!({
        "ruleId": finding.code,
        "level": finding.severity.as_str(),
        "message": {"text": text},
        "locations": [location(path, finding.span)],
        "partialFingerprints": {"portcullis/v1": fingerprint(finding)},
    });
    if let Some(index) = index.get(&*finding.code) {
        result["ruleIndex"] = json!(index);
    }
    if !finding.notes.is_empty() {
        let notes = finding.notes.iter().enumerate().map(|(id, note)| {
            let mut place = location(path, note.span);
            place["id"] = json!(id);
            place["message"] = json!({"text": note.message});
            place
        });
        result["relatedLocations"] = notes.collect();
    }
    result
}

fn location(path: &str, span: Span) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(path)},
        "region": {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        },
    }})
}

/// The same finding keeps its fingerprint when lines are added above it.
fn fingerprint(finding: &Finding) -> String {
    let name = finding.name.as_deref().unwrap_or_default();
    format!("{}:{name}:{}", finding.code, crate::model::Digest::of(finding.message.as_bytes()))
}

/// The path as a URI reference of RFC 3986: relative, or with the scheme `file` where it is absolute.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.trim_start_matches("./").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
