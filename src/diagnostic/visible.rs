//! Text that an adversary wrote, made safe to look at: no character of it can move the cursor,
//! change a colour, reverse the reading order or hide.

use std::borrow::Cow;

/// `text` with each character that does not show as itself written `<U+202E>`. A tab stays.
///
/// That covers control characters (also the newline), format characters (bidirectional overrides,
/// zero-width characters, tags), line separators and the blank letters of Hangul. Variation
/// selectors stay, because honest emoji need them.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push_visible(&mut shown, c);
    }
    Cow::Owned(shown)
}

/// As [`visible`], at most `limit` characters of `text` and then `…`.
pub fn visible_start(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => visible(text),
        Some((end, _)) => Cow::Owned(format!("{}…", visible(&text[..end]))),
    }
}

pub(super) fn push_visible(shown: &mut String, c: char) {
    if is_hidden(c) {
        shown.push_str(&format!("<U+{:04X}>", u32::from(c)));
    } else {
        shown.push(c);
    }
}

/// Unicode 16's categories Cc, Cf, Zl and Zp, and the letters that have no ink.
fn is_hidden(c: char) -> bool {
    match c {
        '\t' => false,
        ' '..='~' => false,
        _ => {
            c.is_control()
                || matches!(c,
                    '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
                    | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
                    | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                    | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}'
                    | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
                    | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(visible("\tdéjà vu, 日本, 👍"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_terminal_cannot_be_driven() {
        assert_eq!(visible("\u{1b}[2J\r\u{9b}31m\u{7}"), "<U+001B>[2J<U+000D><U+009B>31m<U+0007>");
    }

    #[test]
    fn the_reading_order_cannot_be_changed_and_nothing_hides() {
        assert_eq!(visible("a\u{202e}b\u{200b}c\u{e0041}"), "a<U+202E>b<U+200B>c<U+E0041>");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(visible_start("ééé", 2), "éé…");
        assert_eq!(visible_start("éé", 2), "éé");
    }
}
