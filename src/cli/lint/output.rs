//! The document of a run in each format.

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use comfy_table::{CellAlignment, Table};

use super::word;
use crate::diagnostic::json::Document;
use crate::diagnostic::{Finding, Severity, sarif, statistics as count_findings, visible};
use crate::lint::{Rule, rules};
use crate::model::GateVerdict;

/// All findings, then a line on each file that is not simply accepted, then the sum.
pub(super) fn text(document: &Document, texts: &[String]) -> String {
    let mut out = texts.concat();
    for file in &document.files {
        let is_alone = document.files.len() == 1;
        if is_alone || file.verdict != GateVerdict::Accepted {
            let style = style(file.verdict);
            let verdict = word(file.verdict);
            let path = visible(&file.path);
            out.push_str(&format!("{path}: {style}{verdict}{style:#}{}\n", found(&file.findings)));
        }
    }
    if document.files.len() > 1 {
        out.push_str(&sum(document));
        out.push('\n');
    }
    if let Some(finding) = document.files.iter().flat_map(|file| &file.findings).next() {
        let code = &finding.code;
        out.push_str(&format!("A rule is explained by its code or name: portcullis rules {code}\n"));
    }
    out
}

pub(super) fn statistics(document: &Document) -> String {
    let rows = count_findings::count(document.files.iter().map(|file| &*file.findings));
    if rows.is_empty() {
        return sum(document);
    }
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["findings", "files", "code", "rule", "severity"]);
    for row in rows {
        table.add_row([
            row.findings.to_string(),
            row.files.to_string(),
            row.code,
            row.rule,
            row.severity.as_str().to_owned(),
        ]);
    }
    for column in table.column_iter_mut().take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n\n{}", table.trim_fmt(), sum(document))
}

pub(super) fn json(document: &Document, with_statistics: bool) -> anyhow::Result<String> {
    let mut document = document.clone();
    if with_statistics {
        let findings = document.files.iter().map(|file| &*file.findings);
        document.statistics = Some(count_findings::count(findings));
    }
    serde_json::to_string_pretty(&document).context("cannot write the findings as JSON")
}

pub(super) fn sarif(document: &Document) -> anyhow::Result<String> {
    let rules: Vec<sarif::RuleInfo> = rules().iter().map(|rule| rule_info(rule)).collect();
    let log = sarif::render(&document.files, &rules);
    serde_json::to_string_pretty(&log).context("cannot write the findings as SARIF")
}

fn rule_info(rule: &Rule) -> sarif::RuleInfo {
    sarif::RuleInfo {
        code: rule.code.to_owned(),
        name: rule.name.to_owned(),
        severity: rule.severity,
        summary: rule.what.to_owned(),
        page: format!("{}\n\n{}", rule.why, rule.fix),
    }
}

fn found(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    match (errors, warnings) {
        (0, 0) => String::new(),
        (_, 0) => format!(", {}", plural(errors, "error")),
        (0, _) => format!(", {}", plural(warnings, "warning")),
        _ => format!(", {}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}

fn sum(document: &Document) -> String {
    let summary = document.summary;
    let mut parts = vec![format!("{} accepted", summary.accepted), format!("{} rejected", summary.rejected)];
    if summary.needs_review > 0 {
        parts.push(format!("{} to review", summary.needs_review));
    }
    format!("{}: {}", plural(summary.files, "file"), parts.join(", "))
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn style(verdict: GateVerdict) -> Style {
    match verdict {
        GateVerdict::Accepted => AnsiColor::Green.on_default().bold(),
        GateVerdict::NeedsReview => AnsiColor::Yellow.on_default().bold(),
        GateVerdict::Rejected => AnsiColor::Red.on_default().bold(),
    }
}
