//! Names of entries: what is safe as a path on every system, and one name under all of them.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

const LONGEST: usize = 200;
const DEEPEST: usize = 8;

/// What is wrong with a name, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    NotUtf8,
    /// Without the flag that says UTF-8, other readers take it for code page 437.
    UnmarkedEncoding,
    Empty,
    TooLong,
    TooDeep,
    Absolute,
    Drive,
    Backslash,
    Traversal,
    EmptyPart,
    /// A control character, or one that nobody sees.
    Invisible,
    /// Windows drops a dot or a blank at the end of a part.
    TrailingDotOrBlank,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("has a name that is not UTF-8"),
            Self::UnmarkedEncoding => f.write_str("has a name beyond ASCII that is not marked as UTF-8"),
            Self::Empty => f.write_str("has no name"),
            Self::TooLong => write!(f, "has a name of more than {LONGEST} bytes"),
            Self::TooDeep => write!(f, "lies more than {DEEPEST} folders deep"),
            Self::Absolute => f.write_str("has an absolute path"),
            Self::Drive => f.write_str("has a colon in its name, which names a drive or a stream elsewhere"),
            Self::Backslash => f.write_str("has a backslash in its name, which divides folders elsewhere"),
            Self::Traversal => f.write_str("has `.` or `..` in its path"),
            Self::EmptyPart => f.write_str("has an empty part in its path"),
            Self::Invisible => f.write_str("has a control or invisible character in its name"),
            Self::TrailingDotOrBlank => f.write_str("has a part that ends with a dot or a blank"),
        }
    }
}

/// A name that may be used, without the slash at the end that makes a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) text: String,
    pub(super) is_folder: bool,
}

pub(super) fn check(raw: &[u8], marked_utf8: bool) -> Result<Path, Unfit> {
    let text = std::str::from_utf8(raw).map_err(|_| Unfit::NotUtf8)?;
    if !marked_utf8 && !text.is_ascii() {
        return Err(Unfit::UnmarkedEncoding);
    }
    if text.is_empty() {
        return Err(Unfit::Empty);
    }
    if text.len() > LONGEST {
        return Err(Unfit::TooLong);
    }
    if text.chars().any(invisible) {
        return Err(Unfit::Invisible);
    }
    if text.contains('\\') {
        return Err(Unfit::Backslash);
    }
    if text.contains(':') {
        return Err(Unfit::Drive);
    }
    if text.starts_with('/') {
        return Err(Unfit::Absolute);
    }
    let (text, is_folder) = match text.strip_suffix('/') {
        Some(folder) => (folder, true),
        None => (text, false),
    };
    let mut depth = 0;
    for part in text.split('/') {
        depth += 1;
        match part {
            "" => return Err(Unfit::EmptyPart),
            "." | ".." => return Err(Unfit::Traversal),
            _ if part.ends_with(['.', ' ']) => return Err(Unfit::TrailingDotOrBlank),
            _ => {}
        }
    }
    if depth > DEEPEST {
        return Err(Unfit::TooDeep);
    }
    Ok(Path { text: text.to_owned(), is_folder })
}

/// Control characters, and those of the category `Cf` and its kin that change how text reads.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Equal for names that some file system takes for the same: composed, and without regard to case.
/// Upper case first, because `ß` and `SS` meet only there.
pub(super) fn key(path: &str) -> String {
    let folded: String = path.nfc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    folded.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(name: &str, why: Unfit) {
        assert_eq!(check(name.as_bytes(), true), Err(why), "{name:?}");
    }

    #[test]
    fn a_name_stays_inside_on_every_system() {
        refused("", Unfit::Empty);
        refused("/etc/passwd", Unfit::Absolute);
        refused("C:/x.json", Unfit::Drive);
        refused("x.json:stream", Unfit::Drive);
        refused("..\\x.json", Unfit::Backslash);
        refused("a/../x.json", Unfit::Traversal);
        refused("..", Unfit::Traversal);
        refused("a/./x.json", Unfit::Traversal);
        refused("a//x.json", Unfit::EmptyPart);
        refused("a/b//", Unfit::EmptyPart);
        refused("x.json.", Unfit::TrailingDotOrBlank);
        refused("x.json ", Unfit::TrailingDotOrBlank);
        refused("a\0.json", Unfit::Invisible);
        refused("a\u{202e}nosj.py", Unfit::Invisible);
        refused("a\u{200b}.json", Unfit::Invisible);
        refused(&format!("{}x.json", "a/".repeat(8)), Unfit::TooDeep);
        refused(&"x".repeat(201), Unfit::TooLong);
        assert_eq!(check(b"\xff.json", true), Err(Unfit::NotUtf8));
        assert_eq!(check("é.json".as_bytes(), false), Err(Unfit::UnmarkedEncoding));
    }

    #[test]
    fn names_that_a_file_system_confuses_share_a_key() {
        for (one, other) in [
            ("A.json", "a.json"),
            ("e\u{301}.json", "\u{e9}.json"),
            ("E\u{301}.json", "\u{e9}.json"),
            ("straße.json", "STRASSE.json"),
        ] {
            assert_eq!(key(one), key(other));
        }
        assert_ne!(key("a.json"), key("b.json"));
    }
}
