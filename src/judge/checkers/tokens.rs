//! Word by word. Words are what ASCII white space separates; how much of it does not count.

use super::{Definition, Tolerance, any_answer};
use crate::judge::{Comparison, difference};

pub(super) const DEFINITION: Definition =
    Definition { compare, valid_answer: any_answer, takes_tolerance: false };

/// What ICPC problem packages compare with by default.
pub(super) const IGNORING_CASE: Definition =
    Definition { compare: ignoring_case, valid_answer: any_answer, takes_tolerance: false };

fn ignoring_case(expected: &[u8], actual: &[u8], _: Tolerance) -> Comparison {
    words_with(expected, actual, <[u8]>::eq_ignore_ascii_case)
}

fn compare(expected: &[u8], actual: &[u8], _: Tolerance) -> Comparison {
    words_with(expected, actual, |wanted, got| wanted == got)
}

/// Compares word by word as `same` sees it.
pub(super) fn words_with(expected: &[u8], actual: &[u8], same: impl Fn(&[u8], &[u8]) -> bool) -> Comparison {
    let (mut wanted, mut got) = (words(expected), words(actual));
    let mut seen = 0_usize;
    let (mut wanted_line, mut got_line) = (0, 0);
    let message = loop {
        match (wanted.next(), got.next()) {
            (None, None) => return Comparison::Same,
            (Some(wanted), Some(got)) => {
                (wanted_line, got_line) = (wanted.line, got.line);
                if !same(wanted.text, got.text) {
                    let (wanted, got) = (difference::quoted(wanted.text), difference::quoted(got.text));
                    break format!("word {} (line {}): expected {wanted}, got {got}", seen + 1, got_line + 1);
                }
            }
            (Some(_), None) if seen == 0 => break "the output is empty".to_owned(),
            (Some(word), None) => {
                wanted_line = word.line;
                let word = difference::quoted(word.text);
                break format!("the output ends after {}, expected {word}", count(seen));
            }
            (None, Some(word)) => {
                got_line = word.line;
                let place = got_line + 1;
                let word = difference::quoted(word.text);
                break format!("expected {}, got one more (line {place}): {word}", count(seen));
            }
        }
        seen += 1;
    };
    let diff = difference::from_lines(expected, wanted_line, actual, got_line);
    Comparison::Differs { message, diff: Some(diff) }
}

fn count(words: usize) -> String {
    match words {
        0 => "no output".to_owned(),
        1 => "1 word".to_owned(),
        _ => format!("{words} words"),
    }
}

struct Word<'a> {
    text: &'a [u8],
    /// Counted from 0.
    line: usize,
}

fn words(text: &[u8]) -> impl Iterator<Item = Word<'_>> {
    text.split(|byte| *byte == b'\n').enumerate().flat_map(|(line, whole)| {
        whole
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .map(move |text| Word { text, line })
    })
}
