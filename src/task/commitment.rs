//! What is published of hidden cases before a round and shown after it: a digest, and the bytes that
//! have it. So everybody can see afterwards that the cases were not changed in between.
//!
//! The bytes hold the task's salt, a secret of at least 128 bits. Without it the digest of a case
//! with few possible answers could be guessed by trying them.

use serde::Serialize;

use super::folder::Folder;
use super::{Task, TaskError};
use crate::model::{Digest, Slug};

pub(super) const SALT_FILE: &str = "hidden.salt";
const SALT_LENGTH: std::ops::RangeInclusive<usize> = 32..=128;

/// The secret of a task, empty where its author made none.
///
/// # Errors
/// When the file holds anything but 32 to 128 hexadecimal digits.
pub(super) fn salt(folder: &Folder) -> Result<String, TaskError> {
    let Some(text) = folder.read_text(SALT_FILE, 1024)? else { return Ok(String::new()) };
    let salt = text.trim();
    if SALT_LENGTH.contains(&salt.len()) && salt.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(salt.to_owned());
    }
    Err(folder.join(SALT_FILE).error("the salt is 32 to 128 hexadecimal digits").on_line(1))
}

/// A new salt, with the line end that a file has.
pub(super) fn new_salt() -> String {
    format!("{}\n", hex::encode(rand::random::<[u8; 16]>()))
}

#[derive(Debug, Serialize)]
struct Revealed<'a> {
    version: u32,
    task: &'a Slug,
    salt: &'a str,
    cases: Vec<RevealedCase<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generator: Option<RevealedGenerator<'a>>,
}

#[derive(Debug, Serialize)]
struct RevealedCase<'a> {
    name: &'a Slug,
    arguments: &'a [String],
    /// Absent where the input is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdin_hex: Option<String>,
    accepted: Vec<&'a str>,
    weight: u32,
}

#[derive(Debug, Serialize)]
struct RevealedGenerator<'a> {
    program: &'a str,
    count: usize,
    /// The digest of the reference solution, which answers the generated cases.
    reference: Digest,
}

impl Task {
    /// Everything hidden of the task, as JSON with a line end. `None` when nothing is.
    pub fn reveal(&self) -> Option<String> {
        let hidden = self.cases.iter().filter(|case| case.hidden && !case.is_blank());
        let cases: Vec<_> = hidden
            .map(|case| {
                let stdin = std::str::from_utf8(&case.stdin).ok();
                RevealedCase {
                    name: &case.name,
                    arguments: &case.arguments,
                    stdin,
                    stdin_hex: stdin.is_none().then(|| hex::encode(&case.stdin)),
                    accepted: case.accepted.iter().map(AsRef::as_ref).collect(),
                    weight: case.weight,
                }
            })
            .collect();
        let generator = self.generator.as_ref().map(|generator| RevealedGenerator {
            program: &generator.source,
            count: generator.count,
            reference: Digest::of(&generator.reference),
        });
        if cases.is_empty() && generator.is_none() {
            return None;
        }
        let revealed = Revealed { version: 1, task: &self.id, salt: &self.salt, cases, generator };
        // Strings, integers and lists: there is nothing in it that JSON cannot say.
        let mut text = serde_json::to_string_pretty(&revealed).unwrap_or_default();
        text.push('\n');
        Some(text)
    }
}
