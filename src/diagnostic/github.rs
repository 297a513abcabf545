//! Findings as workflow commands of GitHub Actions, which shows them beside the changed lines.
//! Format: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use super::json::FileReport;
use super::visible::visible_start;
use super::{Finding, Severity};

const MAX_MESSAGE: usize = 600;

/// One line per finding.
pub fn render(files: &[FileReport]) -> String {
    let mut out = String::new();
    for file in files {
        for finding in &file.findings {
            out.push_str(&line(&file.path, finding));
            out.push('\n');
        }
    }
    out
}

fn line(path: &str, finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let span = finding.span;
    let message = visible_start(&finding.message, MAX_MESSAGE);
    let mut text = data(&message);
    if let Some(help) = &finding.help {
        text.push_str("%0Ahelp: ");
        text.push_str(&data(&visible_start(help, MAX_MESSAGE)));
    }
    format!(
        "::{command} file={},line={},endLine={},col={},endColumn={},title={}::{text}",
        property(path),
        span.line,
        span.end_line,
        span.column,
        span.end_column,
        property(&format!("{} {}", finding.code, finding.rule)),
    )
}

/// A newline would end the command and let the source give commands of its own.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
