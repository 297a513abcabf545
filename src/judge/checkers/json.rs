//! One JSON document. The order of keys, white space and the form of numbers (`1`, `1.0`, `1e0`) do
//! not count. Whole numbers from -2^63 to 2^64 - 1 are compared exactly, others as doubles within
//! the tolerance. `NaN` and `Infinity` are not JSON. A document nests at most 127 deep.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Definition, Tolerance};
use crate::judge::{Comparison, difference};

pub(super) const DEFINITION: Definition = Definition { compare, valid_answer, takes_tolerance: true };

fn compare(expected: &[u8], actual: &[u8], tolerance: Tolerance) -> Comparison {
    let (wanted, got) = match (parse(expected), parse(actual)) {
        (Ok(wanted), Ok(got)) => (wanted, got),
        (_, Err(why)) | (Err(why), _) => {
            let message = if actual.trim_ascii().is_empty() {
                "the output is empty".to_owned()
            } else {
                format!("the output is not JSON: {why}")
            };
            let diff = difference::from_lines(expected, 0, actual, 0);
            return Comparison::Differs { message, diff: Some(diff) };
        }
    };
    match first_difference(&wanted, &got, tolerance, &mut String::from("$")) {
        None => Comparison::Same,
        Some(message) => {
            // Both in one form, so that the diff shows differences of content only.
            let pretty = |value: &Value| {
                let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
                text.push(b'\n');
                text
            };
            let diff = match difference::by_lines(&pretty(&wanted), &pretty(&got), |a, b| a == b) {
                Comparison::Differs { diff, .. } => diff,
                Comparison::Same => None,
            };
            Comparison::Differs { message, diff }
        }
    }
}

fn valid_answer(expected: &str) -> Result<(), String> {
    parse(expected.as_bytes()).map(drop).map_err(|why| format!("it is not JSON: {why}"))
}

fn parse(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// The first place where they differ, in the order of the expected document. `path` is where the
/// two values stand.
fn first_difference(wanted: &Value, got: &Value, tolerance: Tolerance, path: &mut String) -> Option<String> {
    match (wanted, got) {
        (Value::Array(wanted), Value::Array(got)) => {
            for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                let length = path.len();
                let _ = write!(path, "[{index}]");
                let found = first_difference(wanted, got, tolerance, path);
                path.truncate(length);
                if found.is_some() {
                    return found;
                }
            }
            (wanted.len() != got.len()).then(|| {
                format!("{}: expected {} elements, got {}", shown_path(path), wanted.len(), got.len())
            })
        }
        (Value::Object(wanted), Value::Object(got)) => {
            for (key, wanted) in wanted {
                let Some(got) = got.get(key) else {
                    let key = difference::quoted(key.as_bytes());
                    return Some(format!("{}: the key {key} is missing", shown_path(path)));
                };
                let length = path.len();
                let _ = write!(path, ".{key}");
                let found = first_difference(wanted, got, tolerance, path);
                path.truncate(length);
                if found.is_some() {
                    return found;
                }
            }
            let extra = got.keys().find(|key| !wanted.contains_key(*key))?;
            let key = difference::quoted(extra.as_bytes());
            Some(format!("{}: the key {key} is not expected", shown_path(path)))
        }
        (Value::Number(wanted_number), Value::Number(got_number)) => {
            let same = match (whole(wanted_number), whole(got_number)) {
                (Some(wanted), Some(got)) if wanted == got => true,
                (Some(_), Some(_)) if tolerance == Tolerance::default() => false,
                _ => match (wanted_number.as_f64(), got_number.as_f64()) {
                    (Some(wanted), Some(got)) => tolerance.admits(wanted, got),
                    (None, _) | (_, None) => false,
                },
            };
            if same { None } else { Some(said(wanted, got, path)) }
        }
        _ if wanted == got => None,
        _ => Some(said(wanted, got, path)),
    }
}

fn whole(number: &serde_json::Number) -> Option<i128> {
    number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from))
}

fn said(wanted: &Value, got: &Value, path: &str) -> String {
    let shown = |value: &Value| difference::quoted(value.to_string().as_bytes());
    format!("{}: expected {}, got {}", shown_path(path), shown(wanted), shown(got))
}

/// Of a long path its end, which is nearest to the difference.
fn shown_path(path: &str) -> String {
    difference::quoted_around(path.as_bytes(), path.len())
}
