//! Values as people read them.

use std::fmt::Write as _;

use jiff::Timestamp;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use crate::judge;
use crate::model::Score;
use crate::task::Difficulty;

pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// As [`time`], where there is little room.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

pub(super) fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { (ms / 1000).to_string() } else { format!("{}.{:03}", ms / 1000, ms % 1000) }
}

pub(super) const fn difficulty(difficulty: Difficulty) -> &'static str {
    match difficulty {
        Difficulty::Easy => "easy",
        Difficulty::Medium => "medium",
        Difficulty::Hard => "hard",
        Difficulty::Expert => "expert",
    }
}

/// Markdown as HTML. HTML inside of it stays text, and links lead to the web or nowhere.
pub(super) fn markdown(text: &str) -> String {
    let mut inside_dropped = 0_usize;
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { ref dest_url, .. }) if !is_web(dest_url) => {
            inside_dropped += 1;
            None
        }
        Event::End(TagEnd::Link) if inside_dropped > 0 => {
            inside_dropped -= 1;
            None
        }
        // The page's policy would not load it.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        event => Some(event),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    page
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// How the pool is shared, as the rest of a sentence about it.
pub(super) fn shared(scheme: judge::Scheme) -> String {
    match scheme {
        judge::Scheme::Proportional => "are shared in proportion to the score".to_owned(),
        judge::Scheme::WinnerTakesAll => "go to the first".to_owned(),
        judge::Scheme::Top(1) => "go to the first".to_owned(),
        judge::Scheme::Top(count) => {
            format!("are shared among the first {count}, in proportion to the score")
        }
        judge::Scheme::LinearRank => "are shared by place: of all who scored, the last gets one share, \
             and each place before it one more"
            .to_owned(),
    }
}

/// A line over the last scores in a box of 100 by 24, from 0 at the bottom to 100 at the top.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spark {
    pub(super) points: String,
    pub(super) last: (String, String),
    /// The same for who cannot see it.
    pub(super) words: String,
}

/// Newer scores than these are not told apart at that size.
const MOST_POINTS: usize = 30;

pub(super) fn spark(scores: &[Score]) -> Spark {
    let scores = &scores[scores.len().saturating_sub(MOST_POINTS)..];
    if scores.len() < 2 {
        return Spark::default();
    }
    let steps = u32::try_from(scores.len() - 1).unwrap_or(1);
    let mut spark = Spark::default();
    for (index, score) in (0_u32..).zip(scores) {
        // Whole tenths keep the text short and the same on every machine.
        let x = 20 + 960 * index / steps;
        let y = 220 - 200 * score.hundredths() / 10_000;
        let point = (tenths(x), tenths(y));
        let blank = if spark.points.is_empty() { "" } else { " " };
        // Writing to a `String` cannot fail.
        let _ = write!(spark.points, "{blank}{},{}", point.0, point.1);
        spark.last = point;
    }
    let words: Vec<String> = scores.iter().map(Score::to_string).collect();
    spark.words = format!("Scores, oldest first: {}", words.join(", "));
    spark
}

fn tenths(value: u32) -> String {
    format!("{}.{}", value / 10, value % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spark_stays_in_its_box() {
        let scores: Vec<Score> = (0..=100).filter_map(|n| Score::from_hundredths(n * 100)).collect();
        let spark = spark(&scores);
        assert_eq!(spark.points.split(' ').count(), MOST_POINTS);
        assert!(spark.points.starts_with("2.0,"), "{}", spark.points);
        assert_eq!(spark.last, ("98.0".to_owned(), "2.0".to_owned()));
    }

    #[test]
    fn markdown_makes_no_markup_of_its_own() {
        let page = markdown(
            "a <b onclick=x>b</b>\n\n<script>x</script>\n\n[l](javascript:x) ![i](http://x/y.png) [w](https://x/)\n\n`<i>`",
        );
        assert!(!page.contains("<b") && !page.contains("<script") && !page.contains("javascript"), "{page}");
        assert!(!page.contains("<img") && !page.contains("<i>"), "{page}");
        assert!(page.contains("<a href=\"https://x/\">w</a>"), "{page}");
    }

    #[test]
    fn one_score_is_no_history() {
        assert_eq!(spark(&[Score::FULL]), Spark::default());
    }
}
