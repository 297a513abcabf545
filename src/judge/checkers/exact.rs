//! Byte for byte.

use super::{Definition, Tolerance, any_answer};
use crate::judge::{Comparison, difference};

pub(super) const DEFINITION: Definition =
    Definition { compare, valid_answer: any_answer, takes_tolerance: false };

fn compare(expected: &[u8], actual: &[u8], _: Tolerance) -> Comparison {
    if expected == actual {
        return Comparison::Same;
    }
    difference::by_lines(expected, actual, |wanted, got| wanted == got)
}
