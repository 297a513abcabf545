//! The policy that a command was asked to apply. Not a command: those that gate something share it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::diagnostic::visible;
use crate::lint::Policy;
use crate::python::PythonVersion;

/// Bytes of a policy file.
const MAX_POLICY: u64 = 1024 * 1024;

/// The policy of `file`, or the standard one, for `target` where that was asked for.
///
/// # Errors
/// One sentence that names the file and what is wrong with it.
pub(crate) fn load(file: Option<&Path>, target: Option<PythonVersion>) -> anyhow::Result<Arc<Policy>> {
    let policy = match file {
        None => Policy::standard(),
        Some(path) => Arc::new(read(path)?),
    };
    Ok(match target {
        Some(target) if target != policy.target() => Arc::new((*policy).clone().with_target(target)),
        _ => policy,
    })
}

fn read(path: &Path) -> anyhow::Result<Policy> {
    let shown = path.display().to_string();
    let shown = visible(&shown);
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_POLICY + 1).read_to_string(&mut text))
        .with_context(|| format!("cannot read the policy `{shown}`"))?;
    if text.len() as u64 > MAX_POLICY {
        bail!("the policy `{shown}` is larger than 1 MiB");
    }
    Policy::from_toml(&text).with_context(|| format!("the policy `{shown}` cannot be used"))
}
