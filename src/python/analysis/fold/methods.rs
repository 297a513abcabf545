//! Methods of known values: bytes, numbers, dictionaries, sequences. Those of text have a file.

use super::Arguments;
use super::codecs::decode;
use super::containers::item;
use super::text::text_method;
use crate::python::analysis::{Value, Values};

/// Whether `method` knows methods of such a value.
pub(in crate::python::analysis) const fn has_methods(value: &Value) -> bool {
    matches!(
        value,
        Value::Str(_)
            | Value::Bytes(_)
            | Value::Int(_)
            | Value::Dict(_)
            | Value::Sequence(_)
            | Value::Elements(_)
    )
}

/// A method of a known value. `None` when it is not known here.
pub(in crate::python::analysis) fn method(
    value: &Value,
    name: &str,
    arguments: &Arguments<'_>,
) -> Option<Values> {
    match value {
        Value::Str(text) => text_method(text, name, arguments),
        Value::Bytes(bytes) => match name {
            "decode" => decode(bytes, arguments.text(0).unwrap_or("utf-8")),
            "hex" => Some(Values::text(hex::encode(bytes))),
            "translate" | "replace" | "join" | "strip" | "lower" | "upper" => {
                // The same as on text, as long as it is ASCII.
                let text = std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())?;
                let positional = arguments
                    .positional
                    .iter()
                    .map(|argument| match argument.exactly() {
                        Some(Value::Bytes(bytes)) => {
                            std::str::from_utf8(bytes).map_or_else(|_| Values::unknown(), Values::text)
                        }
                        _ => argument.clone(),
                    })
                    .collect();
                let folded = text_method(text, name, &arguments.of(positional))?;
                folded.as_text().map(|text| Values::bytes(text.as_bytes()))
            }
            _ => None,
        },
        Value::Int(int) => match name {
            "to_bytes" => {
                let length = usize::try_from(arguments.integer(0)?).ok().filter(|length| *length <= 16)?;
                let all = int.to_be_bytes();
                let mut bytes = all[16 - length..].to_vec();
                if arguments.text(1) == Some("little") {
                    bytes.reverse();
                }
                Some(Values::bytes(bytes))
            }
            "bit_length" => {
                Some(Values::one(Value::Int(i128::from(128 - int.unsigned_abs().leading_zeros()))))
            }
            _ => None,
        },
        Value::Dict(items) => match name {
            "get" | "pop" | "setdefault" => {
                let mut found = item(value, arguments.positional.first()?);
                match arguments.positional.get(1) {
                    Some(default) => found.add(default.clone()),
                    None if name == "get" => found.add(Values::one(Value::None)),
                    None => {}
                }
                Some(found)
            }
            "keys" => Some(Values::sequence(items.iter().map(|(key, _)| key.clone()).collect())),
            "values" => Some(Values::sequence(items.iter().map(|(_, value)| value.clone()).collect())),
            "items" => Some(Values::sequence(
                items.iter().map(|(key, value)| Values::sequence(vec![key.clone(), value.clone()])).collect(),
            )),
            _ => None,
        },
        Value::Sequence(_) | Value::Elements(_) => match name {
            "pop" | "popleft" => Some(Values::one(value.clone()).any_element()),
            "copy" => Some(Values::one(value.clone())),
            _ => None,
        },
        _ => None,
    }
}
