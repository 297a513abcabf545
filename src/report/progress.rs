//! Shows a run while it happens: a bar on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::model::{CaseVerdict, MinerId, Score};
use crate::validator::Event;

/// Where progress goes.
pub enum Display<'a> {
    /// A bar on stderr, which must be a terminal.
    Bar,
    /// One line for each finished task and each retry.
    Lines(&'a (dyn Fn(&str) + Sync)),
    /// Every event as one JSON object on a line of its own.
    JsonLines(&'a (dyn Fn(&str) + Sync)),
}

impl std::fmt::Debug for Display<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bar => "Bar",
            Self::Lines(_) => "Lines",
            Self::JsonLines(_) => "JsonLines",
        })
    }
}

const TEMPLATE: &str =
    "{spinner} {bar:20} {prefix} agents  {pos}/{len} cases  {rate}/s  {eta} left  {wide_msg}";

/// Cases per second.
fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // A reader of the bar loses nothing when it cannot be written.
    let _ = write!(out, "{:.1}", state.per_sec());
}

/// How many agents came to the end of their cases.
#[derive(Debug, Default)]
struct Agents {
    all: usize,
    done: usize,
    cases_of_each: usize,
    finished_cases: BTreeMap<MinerId, usize>,
}

impl Agents {
    fn count(&mut self, miner_id: MinerId) {
        let finished = self.finished_cases.entry(miner_id).or_default();
        *finished += 1;
        self.done += usize::from(*finished == self.cases_of_each);
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.done, self.all)
    }
}

/// Reads events until the run is finished.
pub async fn follow(mut events: UnboundedReceiver<Event>, display: Display<'_>) {
    let bar = match display {
        Display::Bar => ProgressBar::new(0),
        Display::Lines(_) | Display::JsonLines(_) => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.with_key("rate", rate));
    }
    let say = |line: String| match display {
        Display::Bar => bar.println(line),
        Display::Lines(say) => say(&line),
        Display::JsonLines(_) => {}
    };
    let mut agents = Agents::default();
    while let Some(event) = events.recv().await {
        if let (Display::JsonLines(say), Ok(line)) = (&display, serde_json::to_string(&event)) {
            say(&line);
        }
        match event {
            Event::Started { agents: all, cases } => {
                agents = Agents { all, cases_of_each: cases / all.max(1), ..Agents::default() };
                bar.set_prefix(agents.shown());
                bar.set_length(cases as u64);
                bar.enable_steady_tick(std::time::Duration::from_millis(120));
            }
            Event::CaseFinished { miner_id, task, result } => {
                bar.inc(1);
                if result.verdict != CaseVerdict::Skipped {
                    bar.set_message(format!("{miner_id}/{task}/{}: {}", result.name, result.verdict));
                }
                agents.count(miner_id);
                bar.set_prefix(agents.shown());
            }
            Event::TaskFinished { miner_id, task, score } => {
                if let Display::Lines(say) = display {
                    say(&format!("{miner_id}/{task}: {}", Shown(score)));
                }
            }
            Event::Retrying { miner_id, task, attempt, cause } => {
                say(format!("{miner_id}/{task}: trying again ({attempt}): {cause}"));
            }
            Event::Finished => break,
        }
    }
    bar.finish_and_clear();
}

/// A score, or that there is none.
pub(super) struct Shown(pub(super) Option<Score>);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(score) => score.fmt(f),
            None => f.pad("not scored"),
        }
    }
}
