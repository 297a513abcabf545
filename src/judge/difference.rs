//! Shows the first difference of two texts to people: a sentence and a unified diff, cut to a
//! readable size, with control characters escaped. The work is linear in the size of the outputs:
//! only a window around the first difference is given to the diff algorithm, whatever was printed.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::Comparison;

/// Lines shown before the first difference.
const BEFORE: usize = 3;
/// Lines shown from the first difference on.
const AFTER: usize = 9;
/// Characters of a line that are shown.
const WIDTH: usize = 120;
/// Characters of a value that are shown in a sentence.
const VALUE_WIDTH: usize = 60;
/// Characters of a program's last words that are shown.
const WORDS_WIDTH: usize = 240;

/// `text` on one line, quoted, cut to a readable length.
pub(super) fn quoted(text: &[u8]) -> String {
    quoted_around(text, 0)
}

/// The first line of `text` that is not blank, cut to a readable length.
pub(super) fn first_line(text: &[u8]) -> Option<String> {
    let line = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
    Some(cut(line, 0, WORDS_WIDTH))
}

/// The last line of `text` that is not blank, cut to a readable length.
pub(super) fn last_line(text: &[u8]) -> Option<String> {
    let line = text.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().map(<[u8]>::trim_ascii)?;
    (!line.is_empty()).then(|| cut(line, 0, WORDS_WIDTH))
}

/// As [`quoted`], longer.
pub(super) fn quoted_words(text: &[u8]) -> String {
    format!("`{}`", cut(text, 0, WORDS_WIDTH))
}

/// As [`quoted`], with what stands around the byte `at` kept.
pub(super) fn quoted_around(text: &[u8], at: usize) -> String {
    format!("`{}`", cut(text, at, VALUE_WIDTH))
}

/// Which of the lines are taken to be equal.
pub(super) type SameLine = fn(&[u8], &[u8]) -> bool;

/// Describes how `actual` differs from `expected` line by line. They differ in at least one line as
/// `same` sees it, or in how many there are.
pub(super) fn by_lines(expected: &[u8], actual: &[u8], same: SameLine) -> Comparison {
    let (wanted, got) = (lines(expected), lines(actual));
    let first = wanted.iter().zip(&got).take_while(|(wanted, got)| same(wanted, got)).count();
    let number = first + 1;
    let message = match (wanted.get(first), got.get(first)) {
        (Some(wanted), Some(got)) => match line_end(wanted, got) {
            Some(what) => format!("line {number}: {what}"),
            None => {
                let at = common(wanted, got);
                let (wanted, got) = (quoted_around(body(wanted), at), quoted_around(body(got), at));
                format!("line {number}: expected {wanted}, got {got}")
            }
        },
        (Some(_), None) if got.is_empty() => "the output is empty".to_owned(),
        (Some(wanted), None) => {
            format!(
                "the output ends after {}, expected line {number}: {}",
                count(first),
                quoted(body(wanted))
            )
        }
        (None, Some(got)) if wanted.is_empty() => format!("expected no output, got {}", quoted(body(got))),
        (None, Some(got)) => {
            format!("expected {}, got a line {number}: {}", count(first), quoted(body(got)))
        }
        (None, None) => "the outputs differ".to_owned(),
    };
    // Lines before the first difference are equal to the checker: both sides show the agent's.
    let start = first.saturating_sub(BEFORE);
    let context = &got[start..first];
    let diff = unified(context, (&wanted, first), (&got, first));
    Comparison::Differs { message, diff: Some(diff) }
}

/// The unified diff of the lines from line `wanted` of `expected` and line `got` of `actual` on,
/// counted from 0.
pub(super) fn from_lines(expected: &[u8], wanted: usize, actual: &[u8], got: usize) -> String {
    unified(&[], (&lines(expected), wanted), (&lines(actual), got))
}

fn count(lines: usize) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}

/// A difference that two quoted lines would not make visible.
fn line_end(wanted: &[u8], got: &[u8]) -> Option<&'static str> {
    if wanted.trim_ascii_end() != got.trim_ascii_end() {
        return None;
    }
    Some(match (wanted.ends_with(b"\n"), got.ends_with(b"\n")) {
        (true, false) => "the newline at the end is missing",
        (false, true) => "there is a newline at the end that is not expected",
        _ if got.ends_with(b"\r\n") => "the line ends with a carriage return that is not expected",
        _ => "the blanks at the end of the line differ",
    })
}

/// Lines with their newline, as POSIX sees them.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

fn body(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// A unified diff of `context` and the lines that follow on both sides.
fn unified(context: &[&[u8]], wanted: (&[&[u8]], usize), got: (&[&[u8]], usize)) -> String {
    let at = match (wanted.0.get(wanted.1), got.0.get(got.1)) {
        (Some(wanted), Some(got)) => common(wanted, got),
        (None, _) | (_, None) => 0,
    };
    let window = |(lines, first): (&[&[u8]], usize)| -> Vec<String> {
        context.iter().chain(lines.iter().skip(first).take(AFTER)).map(|line| shown(line, at)).collect()
    };
    let (wanted_window, got_window) = (window(wanted), window(got));
    let range = |len: usize, (_, first): (_, usize)| {
        let line = first - context.len() + usize::from(len > 0);
        if len == 1 { line.to_string() } else { format!("{line},{len}") }
    };
    let mut out = String::from("--- expected\n+++ actual\n");
    let (old, new) = (range(wanted_window.len(), wanted), range(got_window.len(), got));
    let _ = writeln!(out, "@@ -{old} +{new} @@");
    let old: Vec<&str> = wanted_window.iter().map(String::as_str).collect();
    let new: Vec<&str> = got_window.iter().map(String::as_str).collect();
    for change in TextDiff::from_slices(&old, &new).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        let _ = writeln!(out, "{sign}{}", change.value());
    }
    let hidden = |(lines, first): (&[&[u8]], usize)| lines.len().saturating_sub(first + AFTER);
    let more = hidden(wanted).max(hidden(got));
    if more > 0 {
        let _ = writeln!(out, "… {more} more {}", if more == 1 { "line" } else { "lines" });
    }
    out
}

/// One line of the diff, without its newline; that there is none is said.
fn shown(line: &[u8], at: usize) -> String {
    let mut text = cut(body(line), at, WIDTH);
    if !line.ends_with(b"\n") {
        text.push_str("\n\\ No newline at end of file");
    }
    text
}

/// At most `width` characters of `text` around the byte `at`, `…` where something was left out.
fn cut(text: &[u8], at: usize, width: usize) -> String {
    let continues = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    // Only what may be shown is decoded. A character has at most four bytes.
    let at = (at.saturating_sub(3)..=at.min(text.len())).rev().find(|at| !continues(*at)).unwrap_or(0);
    let from = (at.saturating_sub(4 * width)..=at).find(|from| !continues(*from)).unwrap_or(at);
    let to = text.len().min(at + 4 * width);
    let before: Vec<char> = String::from_utf8_lossy(&text[from..at]).chars().collect();
    let after: Vec<char> = String::from_utf8_lossy(&text[at..to]).chars().collect();

    let ahead = after.len().min(width - before.len().min(width / 2));
    let behind = before.len().min(width - ahead);
    let mut out = String::new();
    if from > 0 || behind < before.len() {
        out.push('…');
    }
    for c in before[before.len() - behind..].iter().chain(&after[..ahead]) {
        push_visible(&mut out, *c);
    }
    if to < text.len() || ahead < after.len() {
        out.push('…');
    }
    out
}

/// Text that goes to terminals must not steer them: control and format characters are escaped.
fn push_visible(out: &mut String, c: char) {
    let formats =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if formats || (c.is_control() && c != '\t') {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}
