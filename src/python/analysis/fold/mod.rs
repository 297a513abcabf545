//! Computes with constants as CPython would: text, bytes, small numbers, and the library functions
//! with which names are put together. Everything is bounded in size; what it does not know stays
//! unknown.

mod codecs;
mod containers;
mod functions;
mod methods;
mod text;

use std::rc::Rc;

use ruff_python_ast::Operator;

use super::value::{MAX_ELEMENTS, MAX_TEXT};
use super::{Fuel, Value, Values};

pub(super) use containers::{item, slice};
pub(super) use functions::{function, is_known};
pub(super) use methods::{has_methods, method};
use text::percent;

/// Stands for a folder that `tempfile` makes: some constant path under the temporary folder.
pub(super) const TEMPORARY_FOLDER: &str = "/tmp/<temporary>";

#[derive(Debug)]
pub(super) struct Arguments<'f> {
    pub(super) positional: Vec<Values>,
    pub(super) named: Vec<(Rc<str>, Values)>,
    pub(super) fuel: &'f Fuel,
}

impl<'f> Arguments<'f> {
    /// About how much it costs to look at all of them once, in steps.
    pub(super) fn weight(&self) -> usize {
        self.positional.iter().chain(self.named.iter().map(|(_, values)| values)).map(Values::weight).sum()
    }

    /// Only these, in the same budget.
    fn of(&self, positional: Vec<Values>) -> Self {
        Self { positional, named: Vec::new(), fuel: self.fuel }
    }

    fn text(&self, index: usize) -> Option<&str> {
        self.positional.get(index)?.as_text()
    }

    fn integer(&self, index: usize) -> Option<i128> {
        match self.positional.get(index)?.exactly()? {
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }

    fn bytes(&self, index: usize) -> Option<Rc<[u8]>> {
        match self.positional.get(index)?.exactly()? {
            Value::Bytes(bytes) => Some(Rc::clone(bytes)),
            // Decoders of text take ASCII text as well.
            Value::Str(text) => Some(text.as_bytes().into()),
            _ => None,
        }
    }
}

/// Twice as many as a value can have alternatives.
const MAX_COMBINATIONS: usize = 64;

/// Every combination of two sets of alternatives, while there are few.
fn combine(
    left: &Values,
    right: &Values,
    fuel: &Fuel,
    with: impl Fn(&Value, &Value) -> Option<Value>,
) -> Values {
    let mut union = Values::none_yet(
        left.complete && right.complete && !left.known.is_empty() && !right.known.is_empty(),
    );
    // More than that could not be told apart anyway: only the first of them are tried.
    let many = left.known.len() * right.known.len() > MAX_COMBINATIONS;
    let few = if many { MAX_COMBINATIONS.isqrt() } else { usize::MAX };
    union.complete &= !many;
    for a in left.known.iter().take(few) {
        let tried = right.known.len().min(few);
        fuel.spend_for(right.weight().saturating_add(tried.saturating_mul(left.weight())));
        for b in right.known.iter().take(few) {
            if union.is_full() || fuel.is_spent() {
                return union.incomplete();
            }
            match with(a, b) {
                Some(value) => union.add(Values::one(value)),
                None => union.complete = false,
            }
        }
    }
    union
}

pub(super) fn binary(left: &Values, operator: Operator, right: &Values, fuel: &Fuel) -> Values {
    if operator == Operator::Mod
        && let Some(template) = left.as_text()
    {
        return percent(template, right, fuel).unwrap_or_else(Values::unknown);
    }
    combine(left, right, fuel, |a, b| match (a, operator, b) {
        (Value::Str(a), Operator::Add, Value::Str(b)) => short_text(&format!("{a}{b}")),
        (Value::Bytes(a), Operator::Add, Value::Bytes(b)) if a.len() + b.len() <= MAX_TEXT => {
            Some(Value::Bytes([&**a, &**b].concat().into()))
        }
        (Value::Str(text), Operator::Mult, Value::Int(times))
        | (Value::Int(times), Operator::Mult, Value::Str(text)) => {
            let times = usize::try_from(*times).unwrap_or(0);
            (text.len().checked_mul(times)? <= MAX_TEXT).then(|| Value::Str(text.repeat(times).into()))
        }
        (Value::Sequence(a), Operator::Add, Value::Sequence(b)) if a.len() + b.len() <= MAX_ELEMENTS => {
            Some(Value::Sequence([&**a, &**b].concat().into()))
        }
        (Value::Int(a), operator, Value::Int(b)) => integers(*a, operator, *b).map(Value::Int),
        (Value::Bool(a), operator, Value::Bool(b)) => {
            integers(i128::from(*a), operator, i128::from(*b)).map(Value::Int)
        }
        (Value::Bool(a), operator, Value::Int(b)) => integers(i128::from(*a), operator, *b).map(Value::Int),
        (Value::Int(a), operator, Value::Bool(b)) => integers(*a, operator, i128::from(*b)).map(Value::Int),
        // `Path("/dev") / "shm"` stays a path whose text is known.
        (Value::Instance(path), Operator::Div, Value::Str(_)) => Some(Value::Instance(Rc::clone(path))),
        _ => None,
    })
}

fn integers(a: i128, operator: Operator, b: i128) -> Option<i128> {
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Sub => a.checked_sub(b),
        Operator::Mult => a.checked_mul(b),
        Operator::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        Operator::FloorDiv => (b != 0).then(|| a.div_euclid(b)),
        Operator::Mod => (b != 0).then(|| a.rem_euclid(b)),
        Operator::BitXor => Some(a ^ b),
        Operator::BitAnd => Some(a & b),
        Operator::BitOr => Some(a | b),
        Operator::LShift => u32::try_from(b).ok().filter(|b| *b < 64).and_then(|b| a.checked_shl(b)),
        Operator::RShift => u32::try_from(b).ok().and_then(|b| a.checked_shr(b)),
        Operator::Div | Operator::MatMult => None,
    }
}

pub(super) fn short_text(text: &str) -> Option<Value> {
    (text.len() <= MAX_TEXT).then(|| Value::Str(text.into()))
}

pub(super) fn to_text(values: &Values) -> Values {
    let mut union = Values::none_yet(values.complete && !values.known.is_empty());
    for value in &values.known {
        match value {
            Value::Str(_) => union.add(Values::one(value.clone())),
            Value::Int(int) => union.add(Values::text(int.to_string())),
            Value::Bool(true) => union.add(Values::text("True")),
            Value::Bool(false) => union.add(Values::text("False")),
            Value::None => union.add(Values::text("None")),
            _ => union.complete = false,
        }
    }
    union
}

pub(super) fn concatenate(parts: &[Values], fuel: &Fuel) -> Values {
    let length: Option<usize> = parts.iter().map(|part| part.as_text().map(str::len)).sum();
    match length {
        Some(length) if length > MAX_TEXT => return Values::unknown(),
        Some(_) => return Values::text(parts.iter().filter_map(Values::as_text).collect::<String>()),
        None => {}
    }
    let mut whole = Values::text("");
    for part in parts {
        whole = binary(&whole, Operator::Add, part, fuel);
        if whole.known.is_empty() {
            return Values::unknown();
        }
    }
    whole
}

pub(super) fn character(code: i128) -> Option<Values> {
    u32::try_from(code).ok().and_then(char::from_u32).map(|c| Values::text(c.to_string()))
}
