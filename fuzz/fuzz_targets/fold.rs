//! However a forbidden name is put together from constants, it is refused where it is used.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portcullis::lint::{Policy, check};
use portcullis::model::GateVerdict;

/// A way to write a string that keeps its value.
#[derive(Debug, Arbitrary)]
enum Disguise {
    Plain,
    Concatenated { at: u8, left: Box<Disguise>, right: Box<Disguise> },
    Reversed(Box<Disguise>),
    Joined(Vec<u8>),
    Characters,
    FString { at: u8, inner: Box<Disguise> },
    Percent(Box<Disguise>),
    Format(Box<Disguise>),
    Replaced { with: char, inner: Box<Disguise> },
    Bytes,
    Hexadecimal,
    FromDict(Box<Disguise>),
    FromTuple(Box<Disguise>),
    Sliced { before: String, after: String, inner: Box<Disguise> },
    Conditional(Box<Disguise>),
    Lowered,
    Escaped,
}

#[derive(Debug, Arbitrary)]
struct Input {
    name: u8,
    place: u8,
    disguise: Disguise,
}

const NAMES: [&str; 6] =
    ["__globals__", "__subclasses__", "__code__", "gi_frame", "f_builtins", "__builtins__"];

fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out + "'"
}

/// Whether `c` means itself in every kind of literal and in every case.
fn keeps_its_case(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '\u{4e00}'..='\u{9fff}')
}

/// An expression whose value is `value`.
fn write(disguise: &Disguise, value: &str, depth: u32) -> String {
    let deeper = |inner: &Disguise, value: &str| {
        if depth > 6 { quoted(value) } else { write(inner, value, depth + 1) }
    };
    let cut = |at: u8| value.floor_char_boundary(usize::from(at) % (value.len() + 1));
    match disguise {
        Disguise::Plain => quoted(value),
        Disguise::Concatenated { at, left, right } => {
            let (a, b) = value.split_at(cut(*at));
            format!("({} + {})", deeper(left, a), deeper(right, b))
        }
        Disguise::Reversed(inner) => {
            format!("{}[::-1]", deeper(inner, &value.chars().rev().collect::<String>()))
        }
        Disguise::Joined(separator) => {
            let separator: String = separator.iter().take(3).map(|b| char::from(b'a' + b % 26)).collect();
            let pieces: Vec<String> = value.split(&*separator).map(quoted).collect();
            if separator.is_empty() {
                let letters: Vec<String> = value.chars().map(|c| quoted(&c.to_string())).collect();
                return format!("''.join([{}])", letters.join(", "));
            }
            format!("{}.join(({},))", quoted(&separator), pieces.join(", "))
        }
        Disguise::Characters => {
            let letters: Vec<String> = value.chars().map(|c| format!("chr({})", u32::from(c))).collect();
            if letters.is_empty() { "''".to_owned() } else { format!("({})", letters.join(" + ")) }
        }
        Disguise::FString { at, inner } => {
            let (a, b) = value.split_at(cut(*at));
            format!("f\"{a}{{{}}}\"", deeper(inner, b).replace('"', "'"))
        }
        Disguise::Percent(inner) => format!("('%s' % ({},))", deeper(inner, value)),
        Disguise::Format(inner) => format!("'{{}}'.format({})", deeper(inner, value)),
        Disguise::Replaced { with, inner } if !value.contains(*with) && keeps_its_case(*with) => {
            let swapped = value.replace('_', &with.to_string());
            format!("{}.replace({}, '_')", deeper(inner, &swapped), quoted(&with.to_string()))
        }
        Disguise::Replaced { .. } => quoted(value),
        Disguise::Bytes => {
            let numbers: Vec<String> = value.bytes().map(|b| b.to_string()).collect();
            format!("bytes([{}]).decode()", numbers.join(", "))
        }
        Disguise::Hexadecimal => {
            let digits: String = value.bytes().map(|b| format!("{b:02x}")).collect();
            format!("bytes.fromhex('{digits}').decode()")
        }
        Disguise::FromDict(inner) => format!("{{'k': {}}}['k']", deeper(inner, value)),
        Disguise::FromTuple(inner) => format!("('a', {})[1]", deeper(inner, value)),
        Disguise::Sliced { before, after, inner } => {
            let before: String = before.chars().filter(char::is_ascii_alphanumeric).take(9).collect();
            let after: String = after.chars().filter(char::is_ascii_alphanumeric).take(9).collect();
            let whole = format!("{before}{value}{after}");
            let (from, to) = (before.len(), before.len() + value.chars().count());
            format!("{}[{from}:{to}]", deeper(inner, &whole))
        }
        Disguise::Conditional(inner) => format!("({} if len('x') else 'name')", deeper(inner, value)),
        Disguise::Lowered => format!("{}.lower()", quoted(&value.to_uppercase())),
        Disguise::Escaped => {
            let escapes: String = value.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
            format!("'{escapes}'")
        }
    }
}

fuzz_target!(|input: Input| {
    let name = NAMES[usize::from(input.name) % NAMES.len()];
    let expression = write(&input.disguise, name, 0);
    let source = match input.place % 3 {
        0 => format!("def f():\n    yield 1\nprint(getattr(f, {expression}))\n"),
        1 => format!("n = {expression}\ndef f():\n    yield 1\nprint(getattr(f(), n))\n"),
        _ => format!("def name():\n    return {expression}\ndef f():\n    pass\nfor n in [name()]:\n    getattr(f, n)\n"),
    };
    let report = check(source.as_bytes(), &Policy::standard());
    if report.findings.iter().any(|finding| finding.code.starts_with("PC0")) {
        // An f-string with a quote inside is not 3.11: refused, but not what this is about.
        return;
    }
    assert_eq!(report.verdict, GateVerdict::Rejected, "{source}");
});
