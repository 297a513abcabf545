//! Byte for byte.

use crate::judge::{Comparison, difference};

pub(super) fn compare(expected: &[u8], actual: &[u8]) -> Comparison {
    if expected == actual {
        return Comparison::Same;
    }
    difference::by_lines(expected, actual, |wanted, got| wanted == got)
}
