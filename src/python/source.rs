//! The text that is analysed and alone may be run, with places for people.

use std::sync::{Arc, OnceLock};

use ruff_text_size::{TextRange, TextSize};

use crate::diagnostic::Span;

/// Decoded source: UTF-8, every line break a line feed, no byte-order mark.
#[derive(Debug, Clone)]
pub struct Source {
    text: Arc<str>,
    /// Byte offset of the first character of each line.
    /// Found when the first place is asked for: an honest source has nothing to point at.
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    /// The caller has bounded the length; a text of more than 4 GiB would wrap.
    pub(crate) fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self { text, line_starts: OnceLock::new() }
    }

    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Line and column, both from 1, of a byte offset. Columns count Unicode scalar values.
    pub(crate) fn position(&self, offset: TextSize) -> (u32, u32) {
        let offset = offset.to_u32();
        let line_starts = self.line_starts.get_or_init(|| line_starts(&self.text));
        let line = line_starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = line_starts.get(line).copied().unwrap_or(0) as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self.text.get(start..end).map_or(end.saturating_sub(start), |head| head.chars().count());
        (u32::try_from(line + 1).unwrap_or(u32::MAX), u32::try_from(column + 1).unwrap_or(u32::MAX))
    }

    pub(crate) fn span(&self, range: TextRange) -> Span {
        let (line, column) = self.position(range.start());
        let (end_line, end_column) = self.position(range.end());
        Span { line, column, end_line, end_column }
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    let behind = |(offset, _)| u32::try_from(offset + 1).unwrap_or(u32::MAX);
    std::iter::once(0).chain(text.match_indices('\n').map(behind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_not_bytes() {
        let source = Source::new("é = 1\nπ = eval");
        assert_eq!(source.position(TextSize::new(3)), (1, 3));
        assert_eq!(source.position(TextSize::new(7)), (2, 1));
        assert_eq!(source.position(TextSize::new(12)), (2, 5));
    }

    #[test]
    fn an_offset_behind_the_end_is_the_end() {
        assert_eq!(Source::new("ab").position(TextSize::new(9)), (1, 3));
        assert_eq!(Source::new("").position(TextSize::new(0)), (1, 1));
    }
}
