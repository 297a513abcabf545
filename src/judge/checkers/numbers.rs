//! Word by word, as `tokens`. Where the expected word is a number, the printed one must be a number
//! within the tolerance. `inf`, `infinity` and `nan` in any case are numbers, as Python prints them.

use super::{Definition, Tolerance, any_answer, tokens};
use crate::judge::Comparison;

pub(super) const DEFINITION: Definition =
    Definition { compare, valid_answer: any_answer, takes_tolerance: true };

/// What ICPC problem packages compare with when they name a tolerance.
pub(super) const IGNORING_CASE: Definition =
    Definition { compare: ignoring_case, valid_answer: any_answer, takes_tolerance: true };

fn compare(expected: &[u8], actual: &[u8], tolerance: Tolerance) -> Comparison {
    words(expected, actual, tolerance, |wanted, got| wanted == got)
}

fn ignoring_case(expected: &[u8], actual: &[u8], tolerance: Tolerance) -> Comparison {
    words(expected, actual, tolerance, <[u8]>::eq_ignore_ascii_case)
}

fn words(expected: &[u8], actual: &[u8], tolerance: Tolerance, same: fn(&[u8], &[u8]) -> bool) -> Comparison {
    tokens::words_with(expected, actual, |wanted, got| {
        // Equal texts need no arithmetic, so that whole numbers of any length can be expected.
        same(wanted, got)
            || match (number(wanted), number(got)) {
                (Some(wanted), Some(got)) => tolerance.admits(wanted, got),
                (Some(_) | None, _) => false,
            }
    })
}

fn number(word: &[u8]) -> Option<f64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}
