//! Bytes to text as CPython's tokenizer does it, or a reason why not. Only encodings whose text
//! any reader sees alike are accepted: UTF-8, and ASCII under any name.

use std::borrow::Cow;

use memchr::memchr;

use super::Source;

/// Why bytes are not a source that the gate reads. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// How large it is, is not known: callers read one byte more than the limit.
    #[error("the file has more than the {limit} bytes that are allowed")]
    TooLarge { limit: usize },
    #[error("the file holds a NUL byte on line {line}")]
    NulByte { line: u32 },
    #[error("line {line} is not UTF-8")]
    NotUtf8 { line: u32 },
    #[error("the file begins with more than one byte-order mark")]
    RepeatedByteOrderMark,
    #[error("line {line} declares the encoding `{name}`")]
    ForeignEncoding { line: u32, name: String },
    #[error("line {line} declares the encoding `{name}` behind a byte-order mark, which CPython refuses")]
    MarkedEncoding { line: u32, name: String },
}

impl DecodeError {
    /// The line to point at.
    pub fn line(&self) -> u32 {
        match self {
            Self::TooLarge { .. } | Self::RepeatedByteOrderMark => 1,
            Self::NulByte { line }
            | Self::NotUtf8 { line }
            | Self::ForeignEncoding { line, .. }
            | Self::MarkedEncoding { line, .. } => *line,
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Encodings that agree with ASCII on every ASCII byte, so that a file of nothing but ASCII means
/// the same in them. Codecs that give ASCII bytes another meaning (utf-7, unicode_escape, the
/// ISO 2022 family, gbk …) can hide code and are never accepted.
const ASCII_SUPERSETS: [&str; 14] = [
    "ascii",
    "us-ascii",
    "646",
    "latin-1",
    "latin1",
    "iso-8859-1",
    "iso8859-1",
    "iso-8859-15",
    "iso8859-15",
    "l1",
    "cp1252",
    "windows-1252",
    "cp1251",
    "koi8-r",
];

/// Decodes at most `limit` bytes.
///
/// # Errors
/// [`DecodeError`] for everything that CPython would read differently from a UTF-8 reader, and for
/// what neither can read.
pub fn decode(bytes: &[u8], limit: usize) -> Result<Source, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLarge { limit });
    }
    // A NUL ends the text for some readers, and a ZIP archive behind one would be run as such.
    if let Some(offset) = memchr(0, bytes) {
        return Err(DecodeError::NulByte { line: line_of(bytes, offset) });
    }
    let unmarked = bytes.strip_prefix(BYTE_ORDER_MARK);
    let marked = unmarked.is_some();
    let bytes = unmarked.unwrap_or(bytes);
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(DecodeError::RepeatedByteOrderMark);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| DecodeError::NotUtf8 { line: line_of(bytes, error.valid_up_to()) })?;
    // CPython looks for the cookie after it has translated line ends, so a lone CR counts.
    let text = if memchr(b'\r', text.as_bytes()).is_some() {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if let Some((line, name)) = declared_encoding(&text) {
        let canonical = name.to_ascii_lowercase().replace('_', "-");
        let fits = match canonical.as_str() {
            "utf-8" | "utf8" | "u8" => true,
            // Whatever follows, CPython takes it for UTF-8: Emacs writes `utf-8-unix`.
            other if other.starts_with("utf-8-") => true,
            other => ASCII_SUPERSETS.contains(&other) && text.is_ascii(),
        };
        if !fits {
            return Err(DecodeError::ForeignEncoding { line, name });
        }
        // CPython compares the name with the mark's as text, once it has written it its own way.
        if marked && canonical != "utf-8" && !canonical.starts_with("utf-8-") {
            return Err(DecodeError::MarkedEncoding { line, name });
        }
    }
    Ok(Source::new(text))
}

fn line_of(bytes: &[u8], offset: usize) -> u32 {
    let head = &bytes[..offset];
    let breaks = head
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && head.get(at + 1) != Some(&b'\n')))
        .count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

/// The coding cookie of PEP 263 with its line: on line 1, or on line 2 when line 1 holds nothing
/// but a comment or blanks. The first cookie wins, as in CPython, except that an unreadable or
/// accepted one on line 1 does not stop us from reading line 2: both must be harmless.
fn declared_encoding(text: &str) -> Option<(u32, String)> {
    let mut found = None;
    for (number, line) in (1..).zip(text.split('\n').take(2)) {
        let bare = line.trim_start_matches([' ', '\t', '\x0c']);
        if !bare.starts_with('#') {
            if bare.is_empty() {
                continue;
            }
            break;
        }
        for name in cookies(bare) {
            let harmless = matches!(name.to_ascii_lowercase().replace('_', "-").as_str(), "utf-8" | "utf8");
            if !harmless {
                return Some((number, name));
            }
            found.get_or_insert((number, name));
        }
    }
    found
}

/// Every `coding[:=][ \t]*NAME` of a comment. CPython takes the first; a second one is refused as
/// well, because other readers take the last.
fn cookies(comment: &str) -> impl Iterator<Item = String> + '_ {
    comment.match_indices("coding").filter_map(|(at, word)| {
        let rest = comment[at + word.len()..].strip_prefix([':', '='])?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
            .unwrap_or(rest.len());
        (end > 0).then(|| rest[..end].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        decode(bytes, 1000)
            .map(|source| source.text().to_string())
            .unwrap_or_else(|error| format!("! {error}"))
    }

    #[test]
    fn line_ends_become_line_feeds_and_the_mark_goes() {
        assert_eq!(text(b"\xef\xbb\xbfa\r\nb\rc\n"), "a\nb\nc\n");
    }

    #[test]
    fn a_cookie_is_found_wherever_cpython_finds_it() {
        for cookie in [
            "# coding: utf-7",
            "#xcoding:utf-7",
            "#coding=utf-7",
            "\x0c # vim: set fileencoding=utf-7 :",
            "#!/bin/sh\r# coding: utf-7",
            "\n# coding: utf-7",
            "# coding: utf-8\n# coding: utf-7",
            "# coding:\n# coding: utf-7",
            "# coding: utf-8 coding: utf-7",
        ] {
            assert!(text(cookie.as_bytes()).contains("declares the encoding `utf-7`"), "{cookie:?}");
        }
        let far = format!("#{} coding: utf-7", " ".repeat(900));
        assert!(text(far.as_bytes()).contains("utf-7"));
    }

    #[test]
    fn behind_a_mark_only_one_spelling_of_the_encoding_is_python() {
        assert_eq!(text(b"\xef\xbb\xbf# coding: utf-8\nx"), "# coding: utf-8\nx");
        assert_eq!(text(b"\xef\xbb\xbf# coding: UTF_8\nx"), "# coding: UTF_8\nx");
        assert!(text(b"\xef\xbb\xbf# coding: utf8\nx").contains("behind a byte-order mark"));
        assert!(text(b"\xef\xbb\xbf# coding: ascii\nx").contains("behind a byte-order mark"));
    }

    #[test]
    fn a_cookie_counts_only_in_a_comment_on_the_first_two_lines() {
        for plain in ["x = 1\n# coding: utf-7", "\n\n# coding: utf-7", "x = '# coding: utf-7'"] {
            assert_eq!(text(plain.as_bytes()), plain);
        }
    }

    #[test]
    fn an_old_cookie_over_nothing_but_ascii_is_harmless() {
        assert_eq!(text(b"# -*- coding: latin-1 -*-\nx"), "# -*- coding: latin-1 -*-\nx");
        assert!(text("# coding: latin-1\né".as_bytes()).starts_with('!'));
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(text(b"a\r\nb\0"), "! the file holds a NUL byte on line 2");
        assert_eq!(text(b"a\n\n\xff"), "! line 3 is not UTF-8");
        assert_eq!(text(&[b'x'; 1001]), "! the file has more than the 1000 bytes that are allowed");
    }
}
