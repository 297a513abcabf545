//! `portcullis rules`: the catalogue, and one rule explained.

mod page;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

use super::{Exit, Terminal};
use crate::diagnostic::visible;
use crate::lint::{Policy, Rule, Suggestion, rules};

pub(crate) use page::markdown as rule_page;

const EXAMPLES: &str = "\
Examples:
  portcullis rules                       every rule with one line each
  portcullis rules PC201                 one rule: what, why, and what to write instead
  portcullis rules dangerous-builtin     the same by name
  portcullis rules --print-policy        the standard policy, to start one of your own from";

/// Show the rules of the gate, or explain one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RulesArguments {
    /// The code or the name of a rule.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// How to show them.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Print the standard policy as the commented TOML file that `lint --policy` reads.
    #[arg(long, conflicts_with_all = ["name", "format"])]
    print_policy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people in a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// The pages of `docs/rules.md`.
    Markdown,
}

impl RulesArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        if self.print_policy {
            terminal.data(Policy::standard_toml())?;
            return Ok(Exit::Good);
        }
        let text = match (self.format, self.name.as_deref()) {
            (Format::Text, None) => page::list(rules()),
            (Format::Text, Some(name)) => page::text(find(name)?),
            (Format::Json, None) => as_json(rules())?,
            (Format::Json, Some(name)) => as_json(&[find(name)?])?,
            (Format::Markdown, None) => page::book(rules()),
            (Format::Markdown, Some(name)) => page::markdown(find(name)?),
        };
        terminal.data(text)?;
        Ok(Exit::Good)
    }
}

/// The rule of that code or name, in any case.
fn find(name: &str) -> anyhow::Result<&'static Rule> {
    let wanted = name.to_ascii_lowercase();
    let is_it = |rule: &&&Rule| rule.name == wanted || rule.code.to_ascii_lowercase() == wanted;
    if let Some(rule) = rules().iter().find(is_it) {
        return Ok(rule);
    }
    let known = rules().iter().flat_map(|rule| [rule.name, rule.code]);
    let suggestion = Suggestion::for_name(&wanted, known);
    bail!("there is no rule `{}`{suggestion}", visible(name))
}

fn as_json(rules: &[&Rule]) -> anyhow::Result<String> {
    let rules: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "code": rule.code,
                "name": rule.name,
                "family": rule.family.title(),
                "severity": rule.severity,
                "what": rule.what,
                "why": rule.why,
                "refused": rule.refused,
                "passes": rule.passes,
                "fix": rule.fix,
            })
        })
        .collect();
    serde_json::to_string_pretty(&json!({"version": 1, "rules": rules}))
        .context("cannot write the rules as JSON")
}
