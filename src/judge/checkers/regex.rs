//! Line by line, each line of the expected answer being a regular expression that must match the
//! whole of the printed line. Blanks at line ends and blank lines at the end do not count. The
//! expressions are those of the `regex` crate, which match in linear time whatever was printed.

use regex::bytes::{Regex, RegexBuilder};

use super::{Definition, Tolerance};
use crate::judge::{Comparison, difference};

pub(super) const DEFINITION: Definition = Definition { compare, valid_answer, takes_tolerance: false };

/// Compiled size of one expression, in bytes.
const MOST_COMPILED: usize = 1 << 20;
/// Each line is compiled anew for each comparison.
const MOST_LINES: usize = 1000;

fn compare(expected: &[u8], actual: &[u8], _: Tolerance) -> Comparison {
    let (wanted, got) = (lines(expected), lines(actual));
    let mut first = 0;
    let message = loop {
        match (wanted.get(first), got.get(first)) {
            (None, None) => return Comparison::Same,
            (Some(pattern), Some(line)) if matches(pattern, line) => first += 1,
            (Some(pattern), Some(line)) => {
                let (pattern, line) = (difference::quoted(pattern), difference::quoted(line));
                break format!("line {}: {line} does not match {pattern}", first + 1);
            }
            (Some(_), None) if got.is_empty() => break "the output is empty".to_owned(),
            (Some(pattern), None) => {
                let pattern = difference::quoted(pattern);
                break format!("line {} is missing, expected a match of {pattern}", first + 1);
            }
            (None, Some(line)) => {
                break format!("line {} is not expected: {}", first + 1, difference::quoted(line));
            }
        }
    };
    let diff = difference::from_lines(expected, first, actual, first);
    Comparison::Differs { message, diff: Some(diff) }
}

fn valid_answer(expected: &str) -> Result<(), String> {
    let lines = lines(expected.as_bytes());
    if lines.len() > MOST_LINES {
        return Err(format!("it has more than {MOST_LINES} regular expressions"));
    }
    for (line, number) in lines.into_iter().zip(1..) {
        compiled(line).map_err(|why| format!("its line {number} is not a regular expression: {why}"))?;
    }
    Ok(())
}

fn matches(pattern: &[u8], line: &[u8]) -> bool {
    compiled(pattern).is_ok_and(|regex| regex.is_match(line))
}

fn compiled(pattern: &[u8]) -> Result<Regex, String> {
    let pattern = std::str::from_utf8(pattern).map_err(|_| "it is not UTF-8".to_owned())?;
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .size_limit(MOST_COMPILED)
        .build()
        .map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    let text = text.trim_ascii_end();
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect()
}
