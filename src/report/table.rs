//! A run as people read it: what each task came to, the first difference of each failure, and the
//! ranking with its rewards.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};

use super::progress::Shown;
use super::{Summary, Terms};
use crate::model::{CaseVerdict, IsolationLevel, MinerId, RawAmount, Score, Split, TaskResult};
use crate::validator::Fault;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Styled text; the terminal strips the styles where they are not wanted.
pub fn table(summary: &Summary) -> String {
    let mut out = String::new();
    let agents = summary
        .rankings
        .iter()
        .map(|(ranked, _)| (&ranked.miner_id, ranked.tasks.as_slice()))
        .chain(summary.unscored.iter().map(|entry| (&entry.miner_id, entry.tasks.as_slice())));
    let agents: Vec<_> = agents.collect();
    if !agents.is_empty() {
        let _ = writeln!(out, "{}\n", tasks_table(&agents).trim_fmt());
        for (miner_id, tasks) in &agents {
            failures(&mut out, miner_id, tasks);
        }
    }
    refused(&mut out, summary);
    ranking(&mut out, summary);
    faults(&mut out, summary);
    out
}

fn plain_table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    for index in right {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn tasks_table(agents: &[(&MinerId, &[TaskResult])]) -> Table {
    let results = || agents.iter().flat_map(|(_, tasks)| tasks.iter());
    let has_split = results().any(|task| task.split.is_some());
    let mut header = vec!["Agent", "Task", "Score"];
    if has_split {
        header.extend(["Public", "Hidden", "Gap"]);
    }
    // Which cases are flaky is told below: each of them has failed.
    header.extend(["Cases", "Longest", "Memory"]);
    let right: Vec<usize> = (2..header.len()).collect();
    let mut table = plain_table(&header, &right);
    for (miner_id, tasks) in agents {
        for task in *tasks {
            let passed = task.cases.iter().filter(|case| case.verdict == CaseVerdict::Accepted).count();
            let longest = task.cases.iter().map(|case| case.usage.wall_ms).max().unwrap_or(0);
            let memory = task.cases.iter().map(|case| case.usage.memory_kib).max().unwrap_or(0);
            let mut row = vec![miner_id.to_string(), task.task.to_string(), Shown(task.score).to_string()];
            if has_split {
                row.extend(match task.split {
                    Some(split) => [split.public.to_string(), split.hidden.to_string(), gap(split)],
                    None => ["-", "-", "-"].map(ToOwned::to_owned),
                });
            }
            row.push(format!("{passed}/{}", task.cases.len()));
            row.push(format!("{longest} ms"));
            row.push(format!("{:.1} MiB", memory as f64 / 1024.0));
            table.add_row(row);
        }
    }
    table
}

/// How much better an agent is on the cases that it could have seen.
fn gap(split: Split) -> String {
    let (public, hidden) = (split.public, split.hidden);
    let sign = if hidden > public { "-" } else { "" };
    let difference = public.hundredths().abs_diff(hidden.hundredths());
    format!("{sign}{}", Score::from_hundredths(difference).unwrap_or_default())
}

/// For each task that was not passed: how its cases failed, and the first one in full.
fn failures(out: &mut String, miner_id: &MinerId, tasks: &[TaskResult]) {
    for task in tasks {
        let failed = task.cases.iter().filter(|case| case.verdict != CaseVerdict::Accepted);
        let failed: Vec<_> = failed.collect();
        let Some(first) = failed.iter().find(|case| case.verdict != CaseVerdict::Skipped).or(failed.first())
        else {
            continue;
        };
        let mut counts: BTreeMap<CaseVerdict, usize> = BTreeMap::new();
        for case in &failed {
            *counts.entry(case.verdict).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        let flaky = failed.iter().filter(|case| case.is_flaky()).count();
        let flaky = if flaky == 0 { String::new() } else { format!(" ({flaky} flaky)") };
        let _ = writeln!(out, "{BOLD}{miner_id}/{}{BOLD:#}: {}{flaky}", task.task, counts.join(", "));
        let message = first.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
        let _ = writeln!(out, "  {} {BAD}{}{BAD:#}{message}", first.name, first.verdict);
        for line in first.diff.iter().flat_map(|diff| diff.lines()) {
            let style = match line.as_bytes().first() {
                Some(b'+') => GOOD,
                Some(b'-') => BAD,
                _ => DIM,
            };
            let _ = writeln!(out, "    {style}{line}{style:#}");
        }
        out.push('\n');
    }
}

fn refused(out: &mut String, summary: &Summary) {
    for agent in &summary.refused {
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}: {BAD}refused by the gate{BAD:#}", agent.miner_id);
        for finding in &agent.findings {
            let file = finding.file.as_ref().map(|file| format!("{file}:")).unwrap_or_default();
            let _ = writeln!(
                out,
                "  {file}{}:{}: {} {} ({})",
                finding.span.line, finding.span.column, finding.code, finding.message, finding.rule
            );
        }
        out.push('\n');
    }
}

fn ranking(out: &mut String, summary: &Summary) {
    if summary.partial {
        let _ = writeln!(out, "{BAD}Stopped before the end: what follows is partial.{BAD:#}");
    }
    if summary.rankings.is_empty() {
        let _ = writeln!(out, "No agent was ranked.");
        return;
    }
    let Terms { unit, repeat, .. } = &summary.terms;
    let measured = summary.rankings.iter().any(|(ranked, _)| ranked.interval.is_some());
    let header: &[&str] =
        if measured { &["Rank", "Result", "95 % interval", ""] } else { &["Rank", "Result"] };
    let mut table = plain_table(header, &[0]);
    for (ranked, reward) in &summary.rankings {
        let mut row = vec![
            ranked.rank.to_string(),
            format!("{}: {} (reward: {reward} '{unit}')", ranked.miner_id, ranked.score),
        ];
        if let Some(interval) = ranked.interval {
            row.push(format!("{} to {}", interval.low, interval.high));
            row.push(if ranked.tied { "tied with above" } else { "" }.to_owned());
        }
        table.add_row(row);
    }
    let _ = writeln!(out, "{}", table.trim_fmt());
    if measured {
        let _ = writeln!(out, "Each case was run {repeat} times; its worst verdict counts.");
    }
    let burned = summary.burned();
    if burned > RawAmount::default() {
        let _ = writeln!(out, "Nobody scored: {burned} '{unit}' are burned.");
    }
}

fn faults(out: &mut String, summary: &Summary) {
    for entry in &summary.unscored {
        let mut cases = entry.tasks.iter().flat_map(|task| &task.cases);
        let why = if cases.any(|case| case.verdict == CaseVerdict::InternalError) {
            "not all of its cases could be judged"
        } else {
            "its remaining cases were skipped"
        };
        let _ = writeln!(out, "not ranked: {}, because {why}", entry.miner_id);
    }
    // A sandbox that is down says the same of every unit of the plan.
    let mut causes: Vec<(&Fault, usize)> = Vec::new();
    for fault in &summary.faults {
        match causes.iter_mut().find(|(first, _)| first.message == fault.message) {
            Some((_, count)) => *count += 1,
            None => causes.push((fault, 1)),
        }
    }
    for (fault, count) in causes {
        let others = if count == 1 { String::new() } else { format!(" and {} more", count - 1) };
        let Fault { miner_id, task, message } = fault;
        let _ = writeln!(out, "{BAD}our failure{BAD:#}: {miner_id}/{task}{others}: {message}");
    }
    let Terms { sandbox: Some(sandbox), allow_weak, .. } = &summary.terms else { return };
    if sandbox.isolation == IsolationLevel::Reduced && *allow_weak {
        let _ =
            writeln!(out, "{BAD}These results come from a sandbox that cannot keep every promise.{BAD:#}");
    }
    for weakness in &sandbox.weaknesses {
        let _ = writeln!(out, "reduced isolation: {weakness}");
    }
}
