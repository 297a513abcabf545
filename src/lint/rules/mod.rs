//! The catalogue. A rule is a constant with its page and a function that finds it, in a file of
//! its own or with its closest kin; this table names each once.

pub(super) mod source;

use super::Rule;

/// Every rule, in the order of the codes.
pub fn rules() -> &'static [&'static Rule] {
    RULES
}

const RULES: &[&Rule] = &[
    &source::SYNTAX_ERROR,
    &source::NEWER_SYNTAX,
    &source::COMPILE_ERROR,
    &source::FOREIGN_ENCODING,
    &source::NOT_TEXT,
    &source::TOO_LARGE,
    &source::TOO_COMPLEX,
    &source::INVISIBLE_TEXT,
];
