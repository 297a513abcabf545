//! Sequences and dictionaries: their elements, their slices, and the ranges of numbers.

use std::rc::Rc;

use super::Arguments;
use crate::python::analysis::value::MAX_ELEMENTS;
use crate::python::analysis::{Value, Values};

/// An element of a sequence or a value of a dictionary.
pub(in crate::python::analysis) fn item(value: &Value, key: &Values) -> Values {
    let index = match key.exactly() {
        Some(Value::Int(index)) => Some(*index),
        Some(Value::Bool(index)) => Some(i128::from(*index)),
        _ => None,
    };
    match value {
        Value::Sequence(elements) => {
            let length = i128::try_from(elements.len()).unwrap_or(i128::MAX);
            let at = index.map(|index| if index < 0 { index + length } else { index });
            match at.and_then(|at| usize::try_from(at).ok()) {
                Some(at) => elements.get(at).cloned().unwrap_or_else(Values::unknown),
                None => Values::one(value.clone()).any_element(),
            }
        }
        Value::Str(text) => match index.and_then(|index| at(text.chars().count(), index)) {
            Some(at) => text.chars().nth(at).map_or_else(Values::unknown, |c| Values::text(c.to_string())),
            None => Values::unknown(),
        },
        Value::Bytes(bytes) => match index.and_then(|index| at(bytes.len(), index)) {
            Some(at) => {
                bytes.get(at).map_or_else(Values::unknown, |b| Values::one(Value::Int(i128::from(*b))))
            }
            None => Values::unknown(),
        },
        Value::Elements(elements) => (**elements).clone(),
        Value::Dict(items) => {
            let mut union = Values::nothing();
            let exact = key.exactly().filter(|_| items.iter().all(|(key, _)| key.exactly().is_some()));
            for (name, element) in items.iter() {
                if exact.is_none() || name.exactly() == exact {
                    union.add(element.clone());
                }
            }
            if union.known.is_empty() { Values::unknown() } else { union }
        }
        _ => Values::unknown(),
    }
}

fn at(length: usize, index: i128) -> Option<usize> {
    let length = i128::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    (0..length).contains(&index).then(|| usize::try_from(index).ok()).flatten()
}

/// Indices of a slice, as `range(*slice.indices(length))`.
fn indices(
    length: usize,
    lower: Option<i128>,
    upper: Option<i128>,
    step: Option<i128>,
) -> Option<Vec<usize>> {
    let length = i128::try_from(length).ok()?;
    let step = step.unwrap_or(1);
    if step == 0 {
        return None;
    }
    let clamp = |value: i128, low: i128, high: i128| {
        (if value < 0 { value + length } else { value }).clamp(low, high)
    };
    let (start, stop) = if step > 0 {
        (lower.map_or(0, |v| clamp(v, 0, length)), upper.map_or(length, |v| clamp(v, 0, length)))
    } else {
        (
            lower.map_or(length - 1, |v| clamp(v, -1, length - 1)),
            upper.map_or(-1, |v| clamp(v, -1, length - 1)),
        )
    };
    let mut found = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        found.push(usize::try_from(at).ok()?);
        at = at.checked_add(step)?;
    }
    Some(found)
}

pub(in crate::python::analysis) fn slice(
    base: &Values,
    lower: Option<i128>,
    upper: Option<i128>,
    step: Option<i128>,
) -> Values {
    let mut union = Values::none_yet(base.complete && !base.known.is_empty());
    for value in &base.known {
        let part = match value {
            Value::Str(text) => {
                let letters: Vec<char> = text.chars().collect();
                indices(letters.len(), lower, upper, step).map(|indices| {
                    Values::text(indices.into_iter().filter_map(|at| letters.get(at)).collect::<String>())
                })
            }
            Value::Bytes(bytes) => indices(bytes.len(), lower, upper, step).map(|indices| {
                Values::bytes(
                    indices.into_iter().filter_map(|at| bytes.get(at).copied()).collect::<Vec<u8>>(),
                )
            }),
            Value::Sequence(elements) => indices(elements.len(), lower, upper, step).map(|indices| {
                Values::sequence(indices.into_iter().filter_map(|at| elements.get(at).cloned()).collect())
            }),
            Value::Elements(_) => Some(Values::one(value.clone())),
            _ => None,
        };
        match part {
            Some(part) => union.add(part),
            None => union.complete = false,
        }
    }
    union
}

pub(super) fn any_of(values: &Values) -> Option<Values> {
    let any = values.any_element();
    (!any.known.is_empty()).then(|| Values::one(Value::Elements(Rc::new(any))))
}

pub(super) fn range(arguments: &Arguments<'_>) -> Option<Values> {
    let (start, stop, step) = match arguments.positional.len() {
        1 => (0, arguments.integer(0)?, 1),
        2 => (arguments.integer(0)?, arguments.integer(1)?, 1),
        3 => (arguments.integer(0)?, arguments.integer(1)?, arguments.integer(2)?),
        _ => return None,
    };
    let mut found = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        if found.len() >= MAX_ELEMENTS {
            return None;
        }
        found.push(Values::one(Value::Int(at)));
        at = at.checked_add(step)?;
    }
    Some(Values::sequence(found))
}
