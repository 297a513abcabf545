//! The examples of a statement: a fenced block called `input` followed by one called `output`. They
//! are read so that they can be proved; a statement whose examples are wrong misleads everybody.

use super::Case;
use super::error::TaskError;
use super::kind::{Call, Kind};
use crate::model::Slug;

/// A block with the line it begins on, counted from 1.
struct Block {
    line: usize,
    text: String,
}

/// The examples of `statement`, called `example-1` and so on.
pub(super) fn examples(
    statement: &str,
    kind: &Kind,
    error: &dyn Fn(String) -> TaskError,
) -> Result<Vec<Case>, TaskError> {
    let mut examples = Vec::new();
    let mut input: Option<Block> = None;
    let mut lines = statement.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(name) = line.strip_prefix("```") else { continue };
        let mut block = Block { line: number, text: String::new() };
        let closed = lines.by_ref().any(|(line, _)| {
            let ends = line.trim_end() == "```";
            if !ends {
                block.text.push_str(line);
                block.text.push('\n');
            }
            ends
        });
        if !closed {
            return Err(error("the block that begins here is not closed".to_owned()).on_line(number));
        }
        match (name.trim(), input.take()) {
            ("input", None) => input = Some(block),
            ("output", Some(input)) => {
                let name = Slug::parse(format!("example-{}", examples.len() + 1))
                    .map_err(|invalid| error(invalid.to_string()))?;
                let example =
                    example(name, kind, &input, &block).map_err(|(what, line)| error(what).on_line(line));
                examples.push(example?);
            }
            ("output", None) => {
                return Err(error("there is no `input` before this `output`".to_owned()).on_line(number));
            }
            (_, Some(input)) => {
                return Err(
                    error("this `input` is not followed by an `output`".to_owned()).on_line(input.line)
                );
            }
            (_, None) => {}
        }
    }
    match input {
        Some(input) => {
            Err(error("this `input` is not followed by an `output`".to_owned()).on_line(input.line))
        }
        None => Ok(examples),
    }
}

fn example(name: Slug, kind: &Kind, input: &Block, output: &Block) -> Result<Case, (String, usize)> {
    match kind {
        Kind::Artifact(_) | Kind::Metric(_) => {
            Err(("a task about bundles has no examples of input and output".to_owned(), input.line))
        }
        Kind::Program => Ok(Case::new(name, input.text.as_bytes(), &output.text)),
        Kind::Function(_) | Kind::Solution(_) => {
            let call = Call::of_example(name.as_str(), &input.text, &output.text);
            let call =
                call.map_err(|(what, in_output)| (what, if in_output { output.line } else { input.line }))?;
            let reply = call.reply().map_err(|why| (format!("the example {why}"), output.line))?;
            Ok(Case::new(name, &call.request(), &reply))
        }
    }
}
