//! Starts a task: a folder with a small task that `task check` proves, to be rewritten.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::TaskError;
use super::commitment::{SALT_FILE, new_salt};
use crate::model::Slug;

static PROGRAM: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/task/templates/program");
static FUNCTION: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/task/templates/function");

static SOLUTION: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/task/templates/solution");
static ARTIFACT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/task/templates/artifact");

/// What the new task is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    Program,
    Function,
    Solution,
    Artifact,
}

/// Writes a new task called `name` into `folder`, which is made where it is missing. The new folder
/// is returned.
///
/// # Errors
/// That there is something of that name already, or that a file cannot be written.
pub fn scaffold(folder: &Path, name: &Slug, template: Template) -> Result<PathBuf, TaskError> {
    let target = folder.join(name.as_str());
    let failed = |error: io::Error| {
        let why = match error.kind() {
            io::ErrorKind::AlreadyExists => "there is something of that name already".to_owned(),
            _ => format!("cannot write the new task: {error}"),
        };
        TaskError::new(target.display().to_string(), why)
    };
    fs::create_dir_all(folder).map_err(failed)?;
    // Fails where there is something, so that nothing is ever written over.
    fs::create_dir(&target).map_err(failed)?;
    let files = match template {
        Template::Program => &PROGRAM,
        Template::Function => &FUNCTION,
        Template::Solution => &SOLUTION,
        Template::Artifact => &ARTIFACT,
    };
    files.extract(&target).map_err(failed)?;
    fs::write(target.join(SALT_FILE), new_salt()).map_err(failed)?;
    Ok(target)
}
