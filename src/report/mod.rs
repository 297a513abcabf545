//! Readers of a run: its progress, its table, its JSON.

mod json;
mod progress;
mod summary;
mod table;

pub use json::{json, json_line};
pub use progress::{Display, follow};
pub use summary::{Refused, Summary, Terms, summarise};
pub use table::table;
