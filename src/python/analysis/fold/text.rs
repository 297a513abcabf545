//! Text: what is put together from pieces, and the methods of `str`.

use std::rc::Rc;

use super::{Arguments, character, concatenate, to_text};
use crate::python::analysis::value::MAX_TEXT;
use crate::python::analysis::{Fuel, Value, Values};

/// `template % values` for `%s`, `%d`, `%c`, `%%`.
pub(super) fn percent(template: &str, right: &Values, fuel: &Fuel) -> Option<Values> {
    let arguments: Vec<Values> = match right.exactly() {
        Some(Value::Sequence(elements)) => elements.to_vec(),
        _ => vec![right.clone()],
    };
    let mut arguments = arguments.into_iter();
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        parts.push(Values::text(&rest[..at]));
        let kind = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + kind.len_utf8()..];
        match kind {
            '%' => parts.push(Values::text("%")),
            's' | 'd' | 'i' => parts.push(to_text(&arguments.next()?)),
            'c' => parts.push(match arguments.next()?.exactly() {
                Some(Value::Int(int)) => character(*int)?,
                Some(Value::Str(text)) => Values::text(Rc::clone(text)),
                _ => Values::unknown(),
            }),
            _ => return None,
        }
    }
    parts.push(Values::text(rest));
    Some(concatenate(&parts, fuel))
}

/// `str.format` with plain fields: `{}`, `{0}`, `{name}`.
fn format(template: &str, arguments: &Arguments<'_>) -> Option<Values> {
    let mut parts = Vec::new();
    let mut rest = template;
    let mut next = 0;
    while let Some(at) = rest.find(['{', '}']) {
        parts.push(Values::text(&rest[..at]));
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if rest.starts_with(brace) {
            parts.push(Values::text(brace));
            rest = &rest[1..];
            continue;
        }
        if brace == "}" {
            return None;
        }
        let end = rest.find('}')?;
        let field = &rest[..end];
        rest = &rest[end + 1..];
        let value = if field.is_empty() {
            next += 1;
            arguments.positional.get(next - 1)
        } else if let Ok(index) = field.parse::<usize>() {
            arguments.positional.get(index)
        } else {
            arguments.named.iter().find(|(name, _)| &**name == field).map(|(_, value)| value)
        };
        parts.push(to_text(value?));
    }
    parts.push(Values::text(rest));
    Some(concatenate(&parts, arguments.fuel))
}

pub(super) fn text_method(text: &str, name: &str, arguments: &Arguments<'_>) -> Option<Values> {
    let first = arguments.text(0);
    Some(match name {
        "join" => {
            let elements = arguments.positional.first()?.elements()?;
            arguments.fuel.spend_for(8 * elements.len());
            let separator = Values::text(text);
            let mut parts = Vec::new();
            for (index, element) in elements.into_iter().enumerate() {
                if index > 0 {
                    parts.push(separator.clone());
                }
                parts.push(element);
            }
            concatenate(&parts, arguments.fuel)
        }
        "replace" => {
            let (from, to) = (first?, arguments.text(1)?);
            if text.len().saturating_mul(to.len() + 1) > MAX_TEXT * 4 {
                return None;
            }
            match arguments.integer(2) {
                Some(count) => {
                    Values::text(text.replacen(from, to, usize::try_from(count).unwrap_or(usize::MAX)))
                }
                None => Values::text(text.replace(from, to)),
            }
        }
        "lower" | "casefold" => Values::text(text.to_lowercase()),
        "upper" => Values::text(text.to_uppercase()),
        "capitalize" | "title" => {
            let mut letters = text.chars();
            let head: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
            Values::text(format!("{head}{}", letters.as_str().to_lowercase()))
        }
        "swapcase" => Values::text(
            text.chars()
                .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect::<String>(),
        ),
        "strip" | "lstrip" | "rstrip" => {
            let cut = |c: char| match first {
                Some(set) => set.contains(c),
                None => c.is_whitespace(),
            };
            Values::text(match name {
                "strip" => text.trim_matches(cut),
                "lstrip" => text.trim_start_matches(cut),
                _ => text.trim_end_matches(cut),
            })
        }
        "removeprefix" => Values::text(text.strip_prefix(first?).unwrap_or(text)),
        "removesuffix" => Values::text(text.strip_suffix(first?).unwrap_or(text)),
        "split" | "rsplit" if arguments.positional.len() <= 1 && arguments.named.is_empty() => {
            let parts: Vec<Values> = match first {
                Some("") => return None,
                Some(separator) => text.split(separator).map(Values::text).collect(),
                None if arguments.positional.is_empty() => {
                    text.split_whitespace().map(Values::text).collect()
                }
                None => return None,
            };
            Values::sequence(parts)
        }
        "partition" => {
            let separator = first.filter(|separator| !separator.is_empty())?;
            let (head, middle, tail) = match text.split_once(separator) {
                Some((head, tail)) => (head, separator, tail),
                None => (text, "", ""),
            };
            Values::sequence([head, middle, tail].into_iter().map(Values::text).collect())
        }
        "splitlines" => Values::sequence(text.lines().map(Values::text).collect()),
        "encode" => Values::bytes(text.as_bytes()),
        "format" => format(text, arguments)?,
        "format_map" => match arguments.positional.first()?.exactly()? {
            Value::Dict(items) => {
                let named = items
                    .iter()
                    .filter_map(|(key, value)| key.as_text().map(|key| (key.into(), value.clone())))
                    .collect();
                format(text, &Arguments { positional: Vec::new(), named, fuel: arguments.fuel })?
            }
            _ => return None,
        },
        "translate" => translate(text, arguments.positional.first()?)?,
        "zfill" | "ljust" | "rjust" | "center" | "expandtabs" => return None,
        _ => return None,
    })
}

/// `str.translate` with a table that `str.maketrans` or a dictionary display makes.
fn translate(text: &str, table: &Values) -> Option<Values> {
    let Some(Value::Dict(items)) = table.exactly() else {
        return None;
    };
    let mut result = String::new();
    'letters: for letter in text.chars() {
        for (key, value) in items.iter() {
            let matches = match key.exactly()? {
                Value::Int(code) => i128::from(u32::from(letter)) == *code,
                Value::Str(key) => key.chars().eq([letter]),
                _ => return None,
            };
            if matches {
                match value.exactly()? {
                    Value::Int(code) => result.push(u32::try_from(*code).ok().and_then(char::from_u32)?),
                    Value::Str(text) => result.push_str(text),
                    Value::None => {}
                    _ => return None,
                }
                continue 'letters;
            }
        }
        result.push(letter);
    }
    Some(Values::text(result))
}
