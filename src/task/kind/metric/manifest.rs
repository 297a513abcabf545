//! Which function of which script builds the model, and which trains it. The names and the manifest
//! (`prism.yaml`, optional) are those of PRISM's bundles.

use serde::Deserialize;

use crate::bundle::Bundle;

const MANIFEST: &str = "prism.yaml";
const MOST_BYTES: usize = 16 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    architecture: Script,
    #[serde(default)]
    training: Script,
    #[serde(default)]
    tokenizer: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// `FILE` or `FILE:FUNCTION`.
    #[serde(default)]
    entrypoint: Option<String>,
    /// PRISM names the files that belong to it; here every file of the bundle does.
    #[serde(default, rename = "files")]
    _files: Vec<String>,
}

/// The architecture and the training, each a path and a function.
pub(super) fn read(bundle: &Bundle) -> Result<[(String, String); 2], String> {
    let written = match bundle.get(MANIFEST) {
        None => Written::default(),
        Some(bytes) if bytes.len() > MOST_BYTES => {
            return Err(format!("`{MANIFEST}` is larger than {MOST_BYTES} bytes"));
        }
        Some(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| format!("`{MANIFEST}` is not UTF-8"))?;
            serde_saphyr::from_str(text).map_err(|error| {
                let first = error.to_string().lines().next().unwrap_or_default().to_owned();
                format!("`{MANIFEST}` cannot be read: {first}")
            })?
        }
    };
    if let Some(kind) = written.kind.filter(|kind| kind != "full") {
        return Err(format!("`{MANIFEST}` is of the kind `{}`; only `full` is taken", kind.escape_debug()));
    }
    if let Some(tokenizer) = written.tokenizer.filter(|name| name != "bytes") {
        let shown = tokenizer.escape_debug();
        return Err(format!("`{MANIFEST}` asks for the tokenizer `{shown}`; models predict `bytes`"));
    }
    Ok([
        entry(written.architecture.entrypoint, "architecture.py", "build_model")?,
        entry(written.training.entrypoint, "training.py", "train")?,
    ])
}

fn entry(written: Option<String>, path: &str, function: &str) -> Result<(String, String), String> {
    let Some(written) = written else { return Ok((path.to_owned(), function.to_owned())) };
    let (path, function) = written.split_once(':').unwrap_or((&written, function));
    let identifier = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !path.ends_with(".py") || !identifier(function) {
        let shown = written.escape_debug();
        return Err(format!(
            "`{MANIFEST}` has the entrypoint `{shown}`; it is `FILE.py` or `FILE.py:FUNCTION`"
        ));
    }
    Ok((path.to_owned(), function.to_owned()))
}
