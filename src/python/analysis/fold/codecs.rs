//! Encodings of text and bytes: what the codecs of the library make of constants.

use base64::Engine as _;

use crate::python::analysis::Values;

pub(super) fn decode(bytes: &[u8], codec: &str) -> Option<Values> {
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

pub(super) fn rot13(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='m' | 'A'..='M' => char::from_u32(u32::from(c) + 13).unwrap_or(c),
            'n'..='z' | 'N'..='Z' => char::from_u32(u32::from(c) - 13).unwrap_or(c),
            _ => c,
        })
        .collect()
}

pub(super) fn base64(bytes: &[u8]) -> Option<Values> {
    let clean: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(clean).ok().map(Values::bytes)
}

/// `%2F` is `/`.
pub(super) fn unquote(text: &str) -> Option<Values> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().map(Values::text)
}
