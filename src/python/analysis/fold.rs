//! Computes with constants as CPython would: text, bytes, small numbers, and the library functions
//! with which names are put together. Everything is bounded in size; what it does not know stays
//! unknown.

use std::rc::Rc;

use base64::Engine as _;
use ruff_python_ast::Operator;

use super::value::{MAX_ELEMENTS, MAX_TEXT};
use super::{Fuel, Value, Values};

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
    let mut union = Values {
        known: Vec::new(),
        complete: left.complete && right.complete && !left.known.is_empty() && !right.known.is_empty(),
    };
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

fn short_text(text: &str) -> Option<Value> {
    (text.len() <= MAX_TEXT).then(|| Value::Str(text.into()))
}

pub(super) fn to_text(values: &Values) -> Values {
    let mut union = Values { known: Vec::new(), complete: values.complete && !values.known.is_empty() };
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

/// `template % values` for `%s`, `%d`, `%c`, `%%`.
fn percent(template: &str, right: &Values, fuel: &Fuel) -> Option<Values> {
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

fn character(code: i128) -> Option<Values> {
    u32::try_from(code).ok().and_then(char::from_u32).map(|c| Values::text(c.to_string()))
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

/// An element of a sequence or a value of a dictionary.
pub(super) fn item(value: &Value, key: &Values) -> Values {
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

pub(super) fn slice(base: &Values, lower: Option<i128>, upper: Option<i128>, step: Option<i128>) -> Values {
    let mut union = Values { known: Vec::new(), complete: base.complete && !base.known.is_empty() };
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

/// Whether `method` knows methods of such a value.
pub(super) const fn has_methods(value: &Value) -> bool {
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
pub(super) fn method(value: &Value, name: &str, arguments: &Arguments<'_>) -> Option<Values> {
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

fn text_method(text: &str, name: &str, arguments: &Arguments<'_>) -> Option<Values> {
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

fn decode(bytes: &[u8], codec: &str) -> Option<Values> {
    match codec.to_ascii_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" | "u8" | "ascii" | "us-ascii" => std::str::from_utf8(bytes).ok().map(Values::text),
        "latin-1" | "latin1" | "iso-8859-1" => {
            Some(Values::text(bytes.iter().map(|byte| char::from(*byte)).collect::<String>()))
        }
        "hex" | "hex-codec" => hex::decode(bytes).ok().map(Values::bytes),
        "base64" | "base64-codec" => base64(bytes),
        "rot13" | "rot-13" => std::str::from_utf8(bytes).ok().map(|text| Values::text(rot13(text))),
        "utf-16-le" | "utf-16-be" => {
            let units = bytes.chunks_exact(2).map(|pair| match pair {
                [a, b] if codec.ends_with("le") => u16::from_le_bytes([*a, *b]),
                [a, b] => u16::from_be_bytes([*a, *b]),
                _ => 0,
            });
            String::from_utf16(&units.collect::<Vec<_>>()).ok().map(Values::text)
        }
        _ => None,
    }
}

fn rot13(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='m' | 'A'..='M' => char::from_u32(u32::from(c) + 13).unwrap_or(c),
            'n'..='z' | 'N'..='Z' => char::from_u32(u32::from(c) - 13).unwrap_or(c),
            _ => c,
        })
        .collect()
}

fn base64(bytes: &[u8]) -> Option<Values> {
    let clean: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(clean).ok().map(Values::bytes)
}

/// Whether `function` may know a function of this name.
pub(super) fn is_known(name: &str) -> bool {
    let module = name.split_once('.').map_or(name, |(module, _)| module);
    matches!(
        module,
        "builtins"
            | "collections"
            | "binascii"
            | "base64"
            | "codecs"
            | "operator"
            | "os"
            | "posixpath"
            | "tempfile"
            | "pathlib"
            | "json"
            | "textwrap"
            | "urllib"
    )
}

/// `%2F` is `/`.
fn unquote(text: &str) -> Option<Values> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().map(Values::text)
}

/// A function of the library or a builtin, on constants. `None` when it is not known here.
pub(super) fn function(name: &str, arguments: &Arguments<'_>) -> Option<Values> {
    let first = arguments.positional.first();
    match name {
        "builtins.chr" => character(arguments.integer(0)?),
        "json.loads" if arguments.named.is_empty() => {
            serde_json::from_str::<String>(arguments.text(0)?).ok().map(Values::text)
        }
        "textwrap.dedent" => {
            arguments.text(0).filter(|text| !text.contains('\n')).map(|text| Values::text(text.trim_start()))
        }
        "urllib.parse.unquote" if arguments.positional.len() == 1 => unquote(arguments.text(0)?),
        "builtins.ord" => {
            let text = arguments.text(0)?;
            let mut letters = text.chars();
            let letter = letters.next().filter(|_| letters.next().is_none())?;
            Some(Values::one(Value::Int(i128::from(u32::from(letter)))))
        }
        "builtins.str" => match (arguments.positional.len(), first?.exactly()?) {
            (1, Value::Bytes(_)) => None,
            (1, _) => Some(to_text(first?)),
            (2, Value::Bytes(bytes)) => decode(bytes, arguments.text(1)?),
            _ => None,
        },
        "builtins.int" => match (arguments.text(0)?, arguments.integer(1)) {
            (text, None) => text.trim().parse().ok().map(|int| Values::one(Value::Int(int))),
            (text, Some(base)) => {
                let digits = text.trim().trim_start_matches("0x").trim_start_matches("0b");
                let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
                i128::from_str_radix(digits, base).ok().map(|int| Values::one(Value::Int(int)))
            }
        },
        "builtins.len" => {
            let length = match first?.exactly()? {
                Value::Str(text) => text.chars().count(),
                Value::Bytes(bytes) => bytes.len(),
                Value::Sequence(elements) => elements.len(),
                Value::Dict(items) => items.len(),
                _ => return None,
            };
            Some(Values::one(Value::Int(i128::try_from(length).ok()?)))
        }
        "builtins.range" => range(arguments),
        "builtins.bytes" | "builtins.bytearray" => match first?.exactly()? {
            Value::Bytes(bytes) => Some(Values::bytes(Rc::clone(bytes))),
            Value::Str(text) => Some(Values::bytes(text.as_bytes())),
            Value::Sequence(elements) => {
                let bytes: Option<Vec<u8>> = elements
                    .iter()
                    .map(|element| match element.exactly() {
                        Some(Value::Int(int)) => u8::try_from(*int).ok(),
                        _ => None,
                    })
                    .collect();
                bytes.map(Values::bytes)
            }
            _ => None,
        },
        "builtins.list" | "builtins.tuple" | "builtins.set" | "builtins.frozenset" | "builtins.iter"
        | "builtins.sorted" | "collections.deque" => match first {
            None => Some(Values::sequence(Vec::new())),
            Some(values) => match values.elements() {
                Some(mut elements) => {
                    if name == "builtins.sorted" {
                        if !arguments.named.is_empty() || elements.iter().any(|e| e.as_text().is_none()) {
                            return any_of(values);
                        }
                        elements.sort_by(|a, b| a.as_text().cmp(&b.as_text()));
                    }
                    Some(Values::sequence(elements))
                }
                None => any_of(values),
            },
        },
        "builtins.reversed" => {
            let mut elements = first?.elements()?;
            elements.reverse();
            Some(Values::sequence(elements))
        }
        "builtins.enumerate" => {
            let elements = first?.elements()?;
            let pairs = elements.into_iter().enumerate().map(|(index, element)| {
                let index = i128::try_from(index).unwrap_or(0);
                let index = if arguments.positional.len() > 1 || !arguments.named.is_empty() {
                    Values::unknown()
                } else {
                    Values::one(Value::Int(index))
                };
                Values::sequence(vec![index, element])
            });
            Some(Values::sequence(pairs.collect()))
        }
        "builtins.zip" => {
            let columns: Option<Vec<Vec<Values>>> =
                arguments.positional.iter().map(Values::elements).collect();
            match columns {
                Some(columns) => {
                    let length = columns.iter().map(Vec::len).min().unwrap_or(0);
                    let rows = (0..length).map(|row| {
                        Values::sequence(columns.iter().filter_map(|c| c.get(row).cloned()).collect())
                    });
                    Some(Values::sequence(rows.collect()))
                }
                None => {
                    let row = arguments.positional.iter().map(Values::any_element).collect();
                    Some(Values::one(Value::Elements(Rc::new(Values::sequence(row)))))
                }
            }
        }
        "builtins.map" => {
            let elements = arguments.positional.get(1)?.elements()?;
            let callee = match first?.exactly()? {
                Value::Member(callee) => Rc::clone(callee),
                _ => return None,
            };
            let results: Option<Vec<Values>> =
                elements.into_iter().map(|element| function(&callee, &arguments.of(vec![element]))).collect();
            results.map(Values::sequence)
        }
        "builtins.dict" => match (first.map(Values::exactly), arguments.named.as_slice()) {
            (None, named) => Some(Values::one(Value::Dict(
                named.iter().map(|(key, value)| (Values::text(Rc::clone(key)), value.clone())).collect(),
            ))),
            (Some(Some(Value::Dict(items))), []) => Some(Values::one(Value::Dict(Rc::clone(items)))),
            _ => None,
        },
        "builtins.str.join"
        | "builtins.str.format"
        | "builtins.str.replace"
        | "builtins.str.lower"
        | "builtins.str.upper"
        | "builtins.str.strip" => {
            let text = arguments.text(0)?.to_owned();
            let rest = Arguments {
                positional: arguments.positional.get(1..)?.to_vec(),
                named: arguments.named.clone(),
                fuel: arguments.fuel,
            };
            text_method(&text, name.rsplit('.').next()?, &rest)
        }
        "builtins.str.maketrans" => match arguments.positional.as_slice() {
            [table] => Some(table.clone()),
            [from, to, rest @ ..] => {
                let mut items: Vec<(Values, Values)> = from
                    .as_text()?
                    .chars()
                    .zip(to.as_text()?.chars())
                    .map(|(from, to)| (Values::text(from.to_string()), Values::text(to.to_string())))
                    .collect();
                if let [removed] = rest {
                    let removed = removed.as_text()?.chars();
                    items.extend(removed.map(|c| (Values::text(c.to_string()), Values::one(Value::None))));
                }
                Some(Values::one(Value::Dict(items.into())))
            }
            [] => None,
        },
        "builtins.bytes.fromhex"
        | "builtins.bytearray.fromhex"
        | "binascii.unhexlify"
        | "binascii.a2b_hex" => {
            let digits: Vec<u8> =
                arguments.bytes(0)?.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            hex::decode(digits).ok().map(Values::bytes)
        }
        "base64.b64decode" | "base64.standard_b64decode" | "base64.decodebytes" | "binascii.a2b_base64" => {
            base64(&arguments.bytes(0)?)
        }
        "base64.urlsafe_b64decode" => {
            base64::engine::general_purpose::URL_SAFE.decode(&*arguments.bytes(0)?).ok().map(Values::bytes)
        }
        "base64.b16decode" => hex::decode(&*arguments.bytes(0)?).ok().map(Values::bytes),
        "codecs.decode" | "codecs.encode" => {
            let codec = arguments.text(1).unwrap_or("utf-8");
            if matches!(codec, "rot13" | "rot_13" | "rot-13") {
                return Some(Values::text(rot13(arguments.text(0)?)));
            }
            if name == "codecs.decode" { decode(&arguments.bytes(0)?, codec) } else { None }
        }
        "operator.add" | "operator.concat" => {
            Some(binary(first?, Operator::Add, arguments.positional.get(1)?, arguments.fuel))
        }
        "os.fspath" | "os.path.normpath" | "os.path.abspath" | "os.path.realpath" | "builtins.ascii" => {
            first?.as_text().map(Values::text)
        }
        "os.path.join" | "posixpath.join" => Some(join_path(&arguments.positional, arguments.fuel)),
        "os.path.expanduser" => {
            let path = arguments.text(0)?;
            Some(Values::text(match path.strip_prefix('~') {
                None => path.to_owned(),
                Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/root{rest}"),
                Some(somebody) => format!("/home/{somebody}"),
            }))
        }
        "tempfile.gettempdir" => Some(Values::text("/tmp")),
        "tempfile.mkdtemp" => Some(Values::text(TEMPORARY_FOLDER)),
        "pathlib.Path.cwd" | "pathlib.Path.home" => None,
        _ => None,
    }
}

fn any_of(values: &Values) -> Option<Values> {
    let any = values.any_element();
    (!any.known.is_empty()).then(|| Values::one(Value::Elements(Rc::new(any))))
}

fn range(arguments: &Arguments<'_>) -> Option<Values> {
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

/// `os.path.join` of what is known; an unknown tail leaves the known head, marked as incomplete.
fn join_path(parts: &[Values], fuel: &Fuel) -> Values {
    let mut path = Values::text("");
    for part in parts {
        path = combine(&path, part, fuel, |head, tail| match (head, tail) {
            (Value::Str(head), Value::Str(tail)) => {
                Some(Value::Str(if tail.starts_with('/') || head.is_empty() {
                    Rc::clone(tail)
                } else if head.ends_with('/') {
                    format!("{head}{tail}").into()
                } else {
                    format!("{head}/{tail}").into()
                }))
            }
            _ => None,
        });
        if path.known.is_empty() {
            return Values::unknown();
        }
    }
    path
}
