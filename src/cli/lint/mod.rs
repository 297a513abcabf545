//! `portcullis lint`: the gate, locally. It asks the same question as the platform at upload and
//! the validator before a run, so its answer is theirs.

mod crew;
mod files;
mod output;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;

use self::crew::Clock;
use self::files::{Input, Unchecked};
use self::watch::Watch;
use super::{Exit, Terminal, policy};
use crate::bundle::{self, Rules};
use crate::diagnostic::json::{Document, FileError, FileReport};
use crate::diagnostic::text;
use crate::lint::{self, Policy};
use crate::model::GateVerdict;
use crate::python::PythonVersion;

const EXAMPLES: &str = "\
Examples:
  portcullis lint agent.py                    is this agent let in?
  portcullis lint agents/ --statistics        which rules find how much
  portcullis lint bundle.zip                  an archive, and every Python file in it
  portcullis lint - < agent.py                from the standard input
  portcullis lint agent.py --watch            again after every save
  portcullis lint agent.py --format json      for programs; also sarif and github

`portcullis rules NAME` explains a rule.
Exit status: 0 nothing was refused, 1 something was, 2 something could not be checked.";

/// Check Python files as the platform does before it lets them in.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LintArguments {
    /// Files, bundles (ZIP) and folders to check, or `-` for the standard input. Of a folder, its `.py` files
    /// are checked, without those that `.gitignore` names.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// How to show the findings.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// An operator's policy, in TOML; what it does not say is as in `rules --print-policy`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The Python that will run the files, 3.8 to 3.14, instead of the policy's.
    #[arg(long, value_name = "VERSION")]
    target_version: Option<PythonVersion>,

    /// Count the findings of each rule instead of showing each (`text`, and in addition in `json`).
    #[arg(long)]
    statistics: bool,

    /// Check again whenever a file changes, until interrupted.
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people: each finding with its line, why, and what to write instead.
    #[default]
    Text,
    /// One document with a version number, for programs.
    Json,
    /// SARIF 2.1.0, for code scanning services and editors.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// What came of one run over all inputs.
#[derive(Debug)]
struct Outcome {
    document: Document,
    /// The findings of each file in `document`, as text. Empty for other formats.
    texts: Vec<String>,
    unchecked: Vec<Unchecked>,
}

impl LintArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        if self.statistics && matches!(self.format, Format::Sarif | Format::Github) {
            bail!("`--statistics` goes with `--format text` and `--format json`");
        }
        let policy = policy::load(self.policy.as_deref(), self.target_version)?;
        // Each source has a heap of its own, which is given back behind it: of 2 MiB pages the kernel would zero
        // far more than is used, and keep it. Where it does not know the wish, it costs that.
        let _ = nix::sys::prctl::set_thp_disable(true);
        if self.watch {
            return self.watch(&policy, terminal);
        }
        self.once(&policy, terminal)
    }

    fn once(&self, policy: &Arc<Policy>, terminal: &Terminal) -> anyhow::Result<Exit> {
        let outcome = self.check(policy, terminal)?;
        self.show(&outcome, terminal)?;
        outcome.exit(terminal)
    }

    /// Once now, and once after every change. What cannot be read is said, and may come back.
    fn watch(&self, policy: &Arc<Policy>, terminal: &Terminal) -> anyhow::Result<Exit> {
        if self.paths.iter().any(|path| path == Path::new("-")) {
            bail!("`--watch` needs files or folders, not the standard input");
        }
        let watch = Watch::new(&self.paths)?;
        loop {
            terminal.clear();
            if let Err(error) = self.once(policy, terminal) {
                terminal.error(&error);
            }
            terminal.say("watching for changes, Ctrl-C ends");
            watch.wait()?;
        }
    }

    /// Checks everything that `paths` mean, in parallel; the order of the results is that of the
    /// sorted paths.
    fn check(&self, policy: &Policy, terminal: &Terminal) -> anyhow::Result<Outcome> {
        let (inputs, mut unchecked) = files::collect(&self.paths);
        let color = terminal.colors_data();
        let wants_text = self.format == Format::Text && !self.statistics;
        let render = |(report, source): Checked| {
            let source = source.as_deref();
            let shown = if wants_text {
                text::render(&report.path, source, &report.findings, color)
            } else {
                String::new()
            };
            (report, shown)
        };
        let results = crew::each(&inputs, lint::patience(policy), |input, clock| {
            let checked = check(input, policy, clock)?;
            Ok(checked.into_iter().map(render).collect::<Vec<_>>())
        });
        let results: Vec<anyhow::Result<_>> = results.context("cannot start a thread")?;
        let mut reports = Vec::with_capacity(results.len());
        let mut texts = Vec::with_capacity(results.len());
        for (input, result) in inputs.iter().zip(results) {
            match result {
                Ok(checked) => {
                    for (report, shown) in checked {
                        reports.push(report);
                        texts.push(shown);
                    }
                }
                Err(error) => unchecked.push(Unchecked { path: input.shown(), error }),
            }
        }
        let errors = unchecked
            .iter()
            .map(|Unchecked { path, error }| FileError { path: path.clone(), message: format!("{error:#}") })
            .collect();
        let document = Document::new(policy.target().to_string(), policy.digest(), reports, errors);
        Ok(Outcome { document, texts, unchecked })
    }

    fn show(&self, outcome: &Outcome, terminal: &Terminal) -> anyhow::Result<()> {
        let document = &outcome.document;
        match self.format {
            Format::Text if document.files.is_empty() => Ok(()),
            Format::Text if self.statistics => terminal.data(output::statistics(document)),
            Format::Text => terminal.data(output::text(document, &outcome.texts)),
            Format::Json => terminal.data(output::json(document, self.statistics)?),
            Format::Sarif => terminal.data(output::sarif(document)?),
            Format::Github if document.files.iter().all(|file| file.findings.is_empty()) => Ok(()),
            Format::Github => terminal.data(crate::diagnostic::github::render(&document.files)),
        }
    }
}

impl Outcome {
    /// Whatever could not be checked weighs more than what was refused.
    fn exit(mut self, terminal: &Terminal) -> anyhow::Result<Exit> {
        match self.unchecked.len() {
            0 if self.document.summary.rejected > 0 => Ok(Exit::SubjectFailed),
            0 => Ok(Exit::Good),
            1 => Err(self.unchecked.remove(0).error),
            count => {
                for unchecked in &self.unchecked {
                    terminal.error(&unchecked.error);
                }
                bail!("{count} paths could not be checked")
            }
        }
    }
}

/// A report and the text that was analysed, to quote from.
type Checked = (FileReport, Option<Arc<str>>);

/// The report on one input; on a bundle also one for each Python file in it, behind its path.
fn check(input: &Input, policy: &Policy, clock: &Clock) -> anyhow::Result<Vec<Checked>> {
    let limit = policy.limits().source_bytes;
    // The widest rules, because no task is known here.
    let rules = Rules::ARTIFACT;
    let mut content = input.read(limit.max(usize::try_from(rules.most_archive_bytes)?))?;
    let path = input.shown();
    if bundle::looks_like_one(&content.bytes) {
        let report = lint::check_bundle(&content.bytes, &rules, policy);
        let members = report.members.into_iter();
        let members = members.map(|(member, report)| file_report(format!("{path}/{member}"), true, report));
        return Ok([file_report(path.clone(), content.whole, report.archive)]
            .into_iter()
            .chain(members)
            .collect());
    }
    content.whole &= content.bytes.len() <= limit;
    content.bytes.truncate(limit + 1);
    let report = lint::check_here(&content.bytes, policy, clock.start());
    Ok(vec![file_report(path, content.whole, report)])
}

fn file_report(path: String, is_whole: bool, report: lint::Report) -> Checked {
    let file = FileReport {
        path,
        sha256: is_whole.then_some(report.sha256),
        verdict: report.verdict,
        findings: report.findings,
    };
    (file, report.source)
}

/// The word for a verdict in a sentence.
fn word(verdict: GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Accepted => "accepted",
        GateVerdict::NeedsReview => "needs review",
        GateVerdict::Rejected => "rejected",
    }
}
