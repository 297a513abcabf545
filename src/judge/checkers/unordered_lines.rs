//! The same lines, each as often, in any order. Blanks at line ends and blank lines at the end do
//! not count.

use std::cmp::Ordering;

use super::{Definition, Tolerance, any_answer};
use crate::judge::{Comparison, difference};

pub(super) const DEFINITION: Definition =
    Definition { compare, valid_answer: any_answer, takes_tolerance: false };

fn compare(expected: &[u8], actual: &[u8], _: Tolerance) -> Comparison {
    let (wanted, got) = (sorted(expected), sorted(actual));
    // In sorted lists the first place where they differ holds a line that one side lacks.
    let first = wanted.iter().zip(&got).take_while(|(wanted, got)| wanted == got).count();
    let missing = |line: &[u8]| format!("the line {} is missing", difference::quoted(line));
    let unexpected = |line: &[u8]| {
        let often = wanted.iter().filter(|wanted| **wanted == line).count();
        let line = difference::quoted(line);
        match often {
            0 => format!("the line {line} is not expected"),
            1 => format!("the line {line} is expected once only"),
            often => format!("the line {line} is expected {often} times only"),
        }
    };
    let message = match (wanted.get(first), got.get(first)) {
        (None, None) => return Comparison::Same,
        (Some(_), None) if got.is_empty() => "the output is empty".to_owned(),
        (Some(wanted), None) => missing(wanted),
        (None, Some(got)) => unexpected(got),
        (Some(wanted), Some(got)) => match wanted.cmp(got) {
            Ordering::Less | Ordering::Equal => missing(wanted),
            Ordering::Greater => unexpected(got),
        },
    };
    let diff = difference::from_lines(&joined(&wanted), first, &joined(&got), first);
    Comparison::Differs { message: format!("{message} (sorted lines are shown)"), diff: Some(diff) }
}

fn sorted(text: &[u8]) -> Vec<&[u8]> {
    let text = text.trim_ascii_end();
    if text.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    lines.sort_unstable();
    lines
}

fn joined(lines: &[&[u8]]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
}
