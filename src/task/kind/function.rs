//! The agent is a module: a function of it is called with JSON arguments, and what it returns or
//! raises comes back as JSON.
//!
//! The harness runs in the interpreter of the agent, so it holds nothing that the agent must not
//! know: the arguments, never the answer. The reply leaves through a descriptor of its own, while
//! standard output leads to standard error, so that what the agent prints cannot be taken for it.
//! An agent that found that descriptor could write what it might as well have returned.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

const HARNESS: &str = include_str!("function.py");
/// Stands in [`HARNESS`] where the agent's text goes, and where the function's name goes.
const SOURCE_MARK: &str = "\"<source>\"";
const NAME_MARK: &str = "\"<function>\"";

/// The function that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    name: String,
}

/// A case as `cases.json` and `hidden.json` have it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::task) struct Call {
    pub(in crate::task) name: String,
    #[serde(default)]
    arguments: Vec<Value>,
    #[serde(default)]
    keywords: serde_json::Map<String, Value>,
    /// `Some(Null)` where `null` is written: a function that returns nothing returns `None`.
    #[serde(default, deserialize_with = "present")]
    returns: Option<Value>,
    raises: Option<String>,
    pub(in crate::task) weight: Option<u32>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Function {
    /// # Errors
    /// Why `name` cannot be the name of a function, as a sentence.
    pub(in crate::task) fn new(name: &str) -> Result<Self, String> {
        let mut chars = name.chars();
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let good = chars.next().is_some_and(letter) && chars.all(|c| letter(c) || c.is_ascii_digit());
        if good && name.len() <= 64 {
            Ok(Self { name: name.to_owned() })
        } else {
            Err(format!("`{}` is not the name of a function", name.escape_debug()))
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn program(&self, agent: &str) -> Arc<str> {
        // A JSON string is a Python string: the escapes of the one are escapes of the other.
        let literal = |text: &str| Value::from(text).to_string();
        let (before, rest) = HARNESS.split_once(NAME_MARK).unwrap_or((HARNESS, ""));
        let (between, after) = rest.split_once(SOURCE_MARK).unwrap_or((rest, ""));
        Arc::from([before, &literal(&self.name), between, &literal(agent), after].concat())
    }
}

impl Call {
    /// From the blocks of an example: a JSON list of arguments, and what comes back.
    ///
    /// # Errors
    /// What is wrong, as a sentence, and whether it is wrong with the output.
    pub(in crate::task) fn of_example(name: &str, input: &str, output: &str) -> Result<Self, (String, bool)> {
        let arguments = serde_json::from_str(input)
            .map_err(|error| (format!("the example is no JSON list of arguments: {error}"), false))?;
        let (mut returns, mut raises) = (None, None);
        match output.trim().strip_prefix("raises ") {
            Some(exception) => raises = Some(exception.to_owned()),
            None => {
                let value = serde_json::from_str(output).map_err(|error| {
                    (format!("the example is neither JSON nor `raises EXCEPTION`: {error}"), true)
                })?;
                returns = Some(value);
            }
        }
        let keywords = serde_json::Map::new();
        Ok(Self { name: name.to_owned(), arguments, keywords, returns, raises, weight: None })
    }

    /// What the harness reads from standard input.
    pub(in crate::task) fn request(&self) -> Vec<u8> {
        Self::request_of(&self.arguments, &self.keywords)
    }

    /// The same for a call of which nobody knows the result yet.
    pub(in crate::task) fn request_of(
        arguments: &[Value],
        keywords: &serde_json::Map<String, Value>,
    ) -> Vec<u8> {
        serde_json::json!({ "arguments": arguments, "keywords": keywords }).to_string().into_bytes()
    }

    /// What it must reply.
    ///
    /// # Errors
    /// Why the case says no such thing, as the end of a sentence.
    pub(in crate::task) fn reply(&self) -> Result<String, &'static str> {
        match (&self.returns, &self.raises) {
            (Some(value), None) => Ok(serde_json::json!({ "returns": value }).to_string()),
            (None, Some(exception)) => Ok(serde_json::json!({ "raises": exception }).to_string()),
            (Some(_), Some(_)) => Err("has both `returns` and `raises`"),
            (None, None) => Err("has neither `returns` nor `raises`"),
        }
    }
}
