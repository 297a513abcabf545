//! Functions of the library and builtins, on constants.

use std::rc::Rc;

use base64::Engine as _;
use ruff_python_ast::Operator;

use super::codecs::{base64, decode, rot13, unquote};
use super::containers::{any_of, range};
use super::text::text_method;
use super::{Arguments, TEMPORARY_FOLDER, binary, character, combine, to_text};
use crate::python::analysis::{Fuel, Value, Values};

/// Whether `function` may know a function of this name.
pub(in crate::python::analysis) fn is_known(name: &str) -> bool {
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

/// A function of the library or a builtin, on constants. `None` when it is not known here.
pub(in crate::python::analysis) fn function(name: &str, arguments: &Arguments<'_>) -> Option<Values> {
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

/// `os.path.join` of what is known; an unknown tail leaves the known head, marked as incomplete.
pub(super) fn join_path(parts: &[Values], fuel: &Fuel) -> Values {
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
