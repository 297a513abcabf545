//! The page of a rule, for a terminal and as Markdown, and the book of all pages.

use anstyle::{AnsiColor, Style};

use crate::diagnostic::{Severity, visible};
use crate::lint::{Family, Rule};

/// Columns of running text, and of the list, which is read by scanning.
const WIDTH: usize = 96;
const LIST_WIDTH: usize = 120;
const TITLE: Style = Style::new().bold();

/// One line per rule, under the title of its family.
pub(super) fn list(rules: &[&Rule]) -> String {
    let widest = rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for family in Family::ALL {
        let of_family: Vec<&&Rule> = rules.iter().filter(|rule| rule.family == family).collect();
        if of_family.is_empty() {
            continue;
        }
        out.push_str(&format!("{TITLE}{}{TITLE:#}\n", family.title()));
        for rule in of_family {
            let style = style(rule.severity);
            let Rule { code, name, what, .. } = rule;
            let first = format!("  {style}{code}{style:#} {name:widest$}  ");
            let rest = " ".repeat(code.len() + widest + 5);
            let width = LIST_WIDTH.saturating_sub(rest.len()).max(40);
            for (number, line) in textwrap::wrap(what, width).iter().enumerate() {
                out.push_str(if number == 0 { &first } else { &rest });
                out.push_str(line);
                out.push('\n');
            }
        }
        out.push('\n');
    }
    out.push_str("`portcullis rules NAME` explains one.\n");
    out
}

/// The page of one rule for a terminal.
pub(super) fn text(rule: &Rule) -> String {
    let style = style(rule.severity);
    let mut out = format!(
        "{TITLE}{} {}{TITLE:#} ({}, {style}{}{style:#})\n\n",
        rule.code,
        rule.name,
        rule.family.title(),
        rule.severity.as_str()
    );
    out.push_str(&paragraph(rule.what));
    out.push_str(&paragraph(rule.why));
    for (title, source) in examples(rule) {
        out.push_str(&format!("{TITLE}{title}{TITLE:#}\n\n{}\n", textwrap::indent(&source, "    ")));
    }
    out.push_str(&format!("{TITLE}Fix{TITLE:#}\n\n{}", paragraph(rule.fix)));
    out
}

/// The page of one rule as Markdown, under a heading of the third level.
pub(crate) fn markdown(rule: &Rule) -> String {
    let Rule { code, name, what, why, fix, .. } = rule;
    let severity = match rule.severity {
        Severity::Error => "Refused",
        Severity::Warning => "Warning",
    };
    let mut out = format!("### {code} {name}\n\n{severity}. {what}\n\n{why}\n\n");
    for (title, source) in examples(rule) {
        out.push_str(&format!("{title}:\n\n```python\n{source}```\n\n"));
    }
    out.push_str(&format!("**Fix.** {fix}\n"));
    out
}

/// `docs/rules.md`.
pub(super) fn book(rules: &[&Rule]) -> String {
    let mut out = format!(
        "# Rules of the gate\n\n\
         <!-- Made by `portcullis rules --format markdown`; a test fails when it is out of date. -->\n\n\
         The gate knows {} rules. A rule that refuses can be made a warning by an operator's policy\n\
         (`portcullis rules --print-policy`), and the other way round; no comment in a source switches\n\
         a rule off, because its author is whom the rule is about. Characters that do not show are\n\
         written `<U+202E>` here.\n",
        rules.len()
    );
    for family in Family::ALL {
        let of_family: Vec<&&Rule> = rules.iter().filter(|rule| rule.family == family).collect();
        if of_family.is_empty() {
            continue;
        }
        out.push_str(&format!("\n## {}\n", family.title()));
        for rule in of_family {
            out.push('\n');
            out.push_str(&markdown(rule));
        }
    }
    out
}

/// The examples with their titles. Some rules are about what no page can show, such as size.
fn examples(rule: &Rule) -> impl Iterator<Item = (&'static str, String)> {
    let found = match rule.severity {
        Severity::Error => "Refused",
        Severity::Warning => "Warned about",
    };
    [(found, shown(rule.refused)), ("Passes", shown(rule.passes))]
        .into_iter()
        .filter(|(_, source)| !source.is_empty())
}

fn paragraph(text: &str) -> String {
    format!("{}\n\n", textwrap::fill(text, WIDTH))
}

/// An example, with what does not show made visible, ending in a newline.
fn shown(source: &str) -> String {
    source.lines().map(|line| format!("{}\n", visible(line))).collect()
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
    }
}
