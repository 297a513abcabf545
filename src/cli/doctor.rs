//! `portcullis doctor`: tries whether the sandbox keeps its promises on this machine.

use anyhow::bail;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::running::{SandboxOptions, stop_on_signal};
use super::{Exit, Terminal, block_on};
use crate::model::IsolationLevel;
use crate::sandbox::{Check, Chosen, examine};

/// Try whether the sandbox keeps its promises here, with programs that try to break them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  portcullis doctor
  portcullis doctor --sandbox namespaces --format json

Exit status: 0 when every promise held, 1 when one did not, 2 when the sandbox cannot be used.")]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    sandbox: SandboxOptions,

    /// What to print.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Of the table, in columns: the narrowest window that people use.
const WIDTH: u16 = 80;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// A table for people.
    #[default]
    Table,
    /// One JSON object.
    Json,
}

impl DoctorArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        block_on(async {
            let cancel = stop_on_signal(terminal)?;
            let chosen = self.sandbox.choose(terminal, &cancel).await?;
            let Some(checks) = cancel.run_until_cancelled(examine(&*chosen.backend)).await else {
                chosen.backend.settle().await;
                bail!("stopped before the end");
            };
            let checks = checks?;
            terminal.data(match self.format {
                Format::Table => table(&chosen, &checks),
                Format::Json => json(&chosen, &checks),
            })?;
            let is_well = checks.iter().all(|check| check.held)
                && chosen.capabilities.isolation == IsolationLevel::Full;
            Ok(if is_well { Exit::Good } else { Exit::SubjectFailed })
        })
    }
}

fn table(chosen: &Chosen, checks: &[Check]) -> String {
    let mut about = Table::new();
    about.load_style(presets::NOTHING);
    for (name, value) in &chosen.capabilities.details {
        about.add_row([name, value]);
    }
    let mut promises = Table::new();
    promises
        .load_style(presets::NOTHING)
        .set_header(["", "Promise", "Seen"])
        // What was seen may be a sentence, and is to stay in its column in a narrow window too.
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    for check in checks {
        promises.add_row([if check.held { "held" } else { "BROKEN" }, check.promise, &check.seen]);
    }
    let mut text = format!("{}\n\n{}\n", about.trim_fmt(), promises.trim_fmt());
    for weakness in &chosen.capabilities.weaknesses {
        text.push_str(&format!("\nweaker than promised: {weakness}"));
    }
    let held = checks.iter().filter(|check| check.held).count();
    text.push_str(&format!(
        "\n{}: {held} of {} promises held{}",
        chosen.capabilities.backend,
        checks.len(),
        match chosen.capabilities.isolation {
            IsolationLevel::Full => "",
            IsolationLevel::Reduced => ", isolation is reduced",
        }
    ));
    text
}

fn json(chosen: &Chosen, checks: &[Check]) -> String {
    let checks: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({ "name": check.name, "promise": check.promise, "held": check.held, "seen": check.seen })
        })
        .collect();
    json!({ "version": 1, "sandbox": chosen.capabilities, "checks": checks }).to_string()
}
