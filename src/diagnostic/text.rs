//! Findings as people read them in a terminal: the line, a caret under the span, the chain that
//! made a name dangerous, and what to write instead.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::visible::{push_visible, visible, visible_start};
use super::{Finding, Severity, Span};

/// More findings of one file than a person reads; the rest is counted. The other formats hold all.
const MAX_SHOWN: usize = 250;
/// Characters of a message, a help or a note. They quote the source, which may be hostile.
const MAX_MESSAGE: usize = 600;
/// Characters of a line around its annotations.
const MAX_LINE: usize = 200;
/// Characters kept before the first annotation of a line that is too long.
const BEFORE: usize = 60;
/// A span over more lines than this is marked on its first line only.
const MAX_MARKED_LINES: u32 = 4;
/// Places further apart than this are shown as excerpts of their own.
const MAX_GAP: u32 = 40;

/// All findings of one file, or the empty text where there are none. `source` is the text that
/// was analysed; without it the places are named but not shown. With `color` the text carries ANSI
/// styles; it never carries a control character of the source.
pub fn render(path: &str, source: Option<&str>, findings: &[Finding], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let path = visible(path);
    let lines: Option<Vec<&str>> = source.map(|text| text.split('\n').collect());
    let mut out = String::new();
    for finding in findings.iter().take(MAX_SHOWN) {
        let shown = Shown::new(finding);
        let excerpts = lines.as_deref().map(|lines| excerpts(lines, finding)).unwrap_or_default();
        let rendered = renderer.render(&[shown.group(&path, finding, &excerpts)]);
        out.push_str(&with_true_column(rendered, &path, finding.span, &excerpts));
        out.push_str("\n\n");
    }
    if findings.len() > MAX_SHOWN {
        let rest = findings.len() - MAX_SHOWN;
        out.push_str(&format!("… and {rest} more in {path}; `--format json` holds all of them\n\n"));
    }
    out
}

/// The texts of a finding, escaped and bounded.
struct Shown<'a> {
    message: std::borrow::Cow<'a, str>,
    help: Option<std::borrow::Cow<'a, str>>,
}

impl<'a> Shown<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            message: visible_start(&finding.message, MAX_MESSAGE),
            help: finding.help.as_deref().map(|help| visible_start(help, MAX_MESSAGE)),
        }
    }

    fn group<'s>(&'s self, path: &'s str, finding: &'s Finding, excerpts: &'s [Excerpt]) -> Group<'s> {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut elements: Vec<Element<'s>> = Vec::new();
        if excerpts.is_empty() {
            let Span { line, column, .. } = finding.span;
            elements.push(Origin::path(path).line(line as usize).char_column(column as usize).into());
        }
        elements.extend(excerpts.iter().map(|excerpt| excerpt.snippet().path(path).into()));
        if let Some(help) = &self.help {
            elements.push(Level::HELP.message(&**help).into());
        }
        level.primary_title(&*self.message).id(&*finding.code).elements(elements)
    }
}

/// The renderer counts columns in the excerpt, where an escaped character is wide and a long line
/// is cut. The header under the title has to name the place in the source.
fn with_true_column(rendered: String, path: &str, span: Span, excerpts: &[Excerpt]) -> String {
    let Some(shown) = excerpts.first().and_then(Excerpt::shown_column) else { return rendered };
    let Some((title, rest)) = rendered.split_once('\n') else { return rendered };
    if shown == span.column as usize {
        return rendered;
    }
    let Span { line, column, .. } = span;
    let rest = rest.replacen(&format!("{path}:{line}:{shown}"), &format!("{path}:{line}:{column}"), 1);
    format!("{title}\n{rest}")
}

/// Some lines of the source that lie near each other, escaped, with what is marked on them.
struct Excerpt {
    first_line: u32,
    text: String,
    marks: Vec<(AnnotationKind, Range<usize>, String)>,
}

impl Excerpt {
    /// Where the finding's first character came to lie, counted from 1 in its line.
    fn shown_column(&self) -> Option<usize> {
        let (_, range, _) = self.marks.iter().find(|(kind, ..)| *kind == AnnotationKind::Primary)?;
        let before = self.text.get(..range.start)?;
        Some(before.rsplit('\n').next()?.chars().count() + 1)
    }

    fn snippet(&self) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        Snippet::source(&*self.text).line_start(self.first_line as usize).annotations(self.marks.iter().map(
            |(kind, range, label)| kind.span(range.clone()).label((!label.is_empty()).then_some(&**label)),
        ))
    }
}

struct Mark {
    kind: AnnotationKind,
    span: Span,
    label: String,
}

/// The excerpt with the finding itself first, then those with its notes in the order of the file.
fn excerpts(lines: &[&str], finding: &Finding) -> Vec<Excerpt> {
    let primary = Mark {
        kind: AnnotationKind::Primary,
        span: finding.span,
        label: visible_start(&finding.rule, MAX_MESSAGE).into_owned(),
    };
    let notes = finding.notes.iter().map(|note| Mark {
        kind: AnnotationKind::Context,
        span: note.span,
        label: visible_start(&note.message, MAX_MESSAGE).into_owned(),
    });
    let last = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let mut marks: Vec<Mark> = std::iter::once(primary)
        .chain(notes)
        .filter(|mark| (1..=last).contains(&mark.span.line))
        .map(|mark| Mark { span: bounded(mark.span, last), ..mark })
        .collect();
    marks.sort_by_key(|mark| mark.span.line);

    let mut clusters: Vec<Vec<Mark>> = Vec::new();
    for mark in marks {
        match clusters.last_mut() {
            Some(cluster)
                if cluster.last().is_some_and(|near| mark.span.line - near.span.line <= MAX_GAP) =>
            {
                cluster.push(mark);
            }
            _ => clusters.push(vec![mark]),
        }
    }
    clusters.sort_by_key(|cluster| !cluster.iter().any(|mark| mark.kind == AnnotationKind::Primary));
    clusters.iter().map(|cluster| excerpt(lines, cluster)).collect()
}

/// A span that lies in the file, does not run backwards and is not too tall to mark.
fn bounded(span: Span, last: u32) -> Span {
    let end_line = span.end_line.clamp(span.line, last);
    // The newline itself is found: that is the end of its line, not the next line.
    if span.end_column <= 1 && end_line > span.line {
        return bounded(Span { end_line: end_line - 1, end_column: u32::MAX, ..span }, last);
    }
    if end_line - span.line >= MAX_MARKED_LINES {
        return Span { end_line: span.line, end_column: u32::MAX, ..span };
    }
    Span { end_line, ..span }
}

fn excerpt(lines: &[&str], marks: &[Mark]) -> Excerpt {
    let first_line = marks.iter().map(|mark| mark.span.line).min().unwrap_or(1);
    let last_line = marks.iter().map(|mark| mark.span.end_line).max().unwrap_or(first_line);
    let mut text = String::new();
    let mut shown: BTreeMap<u32, ShownLine> = BTreeMap::new();
    for number in first_line..=last_line {
        let columns = marks.iter().flat_map(|mark| {
            let start = (mark.span.line == number).then_some(mark.span.column);
            let end = (mark.span.end_line == number && mark.span.end_line != mark.span.line)
                .then_some(mark.span.end_column);
            start.into_iter().chain(end)
        });
        let first_column = columns.min().unwrap_or(1);
        let line = lines.get(number as usize - 1).copied().unwrap_or_default();
        shown.insert(number, ShownLine::push(&mut text, line, first_column));
        text.push('\n');
    }
    let offset = |line: u32, column: u32| shown.get(&line).map_or(0, |line| line.offset(column));
    let marks = marks
        .iter()
        .map(|mark| {
            let start = offset(mark.span.line, mark.span.column);
            let end = offset(mark.span.end_line, mark.span.end_column).max(start);
            (mark.kind, start..end, mark.label.clone())
        })
        .collect();
    Excerpt { first_line, text, marks }
}

/// Where the characters of one source line came to lie in an excerpt.
struct ShownLine {
    /// Column (from 1) of the first character that is shown.
    from: usize,
    /// Offset of each shown character, and at last that of the end.
    offsets: Vec<usize>,
}

impl ShownLine {
    /// Writes `line` to `text`, only the part around `column` where it is too long.
    fn push(text: &mut String, line: &str, column: u32) -> Self {
        let too_long = line.char_indices().nth(MAX_LINE).is_some();
        let from = if too_long { (column as usize).saturating_sub(BEFORE).max(1) } else { 1 };
        if from > 1 {
            text.push('…');
        }
        let mut chars = line.chars().skip(from - 1);
        let mut offsets = Vec::new();
        for c in chars.by_ref().take(MAX_LINE) {
            offsets.push(text.len());
            push_visible(text, c);
        }
        offsets.push(text.len());
        if chars.next().is_some() {
            text.push('…');
        }
        Self { from, offsets }
    }

    fn offset(&self, column: u32) -> usize {
        let index = (column as usize).saturating_sub(self.from).min(self.offsets.len() - 1);
        self.offsets[index]
    }
}
