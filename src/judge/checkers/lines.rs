//! Line by line. Blanks at the end of a line, a carriage return before its newline, and blank
//! lines at the end of the output do not count.

use super::{Definition, Tolerance, any_answer};
use crate::judge::{Comparison, difference};

pub(super) const DEFINITION: Definition =
    Definition { compare, valid_answer: any_answer, takes_tolerance: false };

fn compare(expected: &[u8], actual: &[u8], _: Tolerance) -> Comparison {
    let (expected, actual) = (expected.trim_ascii_end(), actual.trim_ascii_end());
    let mut wanted = expected.split(|byte| *byte == b'\n');
    let mut got = actual.split(|byte| *byte == b'\n');
    loop {
        match (wanted.next(), got.next()) {
            (None, None) => return Comparison::Same,
            (Some(wanted), Some(got)) if same(wanted, got) => {}
            _ => return difference::by_lines(&closed(expected), &closed(actual), same),
        }
    }
}

fn same(wanted: &[u8], got: &[u8]) -> bool {
    wanted.trim_ascii_end() == got.trim_ascii_end()
}

/// With the newline that was trimmed, so that its absence is not shown as a difference.
fn closed(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    if !text.is_empty() {
        text.push(b'\n');
    }
    text
}
