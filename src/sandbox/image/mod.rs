//! What sandboxes boot and run: the machine image (a kernel, its modules and a root file system, in
//! one folder) and the container image, both made from Debian's packages.

mod archive;
mod build;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use build::{BuildError, Options, container, machine};

use crate::sandbox::SandboxError;

const KERNEL: &str = "vmlinuz";
const INITRD: &str = "initrd.cpio";
const ROOT: &str = "root.squashfs";
/// Written last: a folder without it is half an image.
const MANIFEST: &str = "image.json";

/// Grows when what `init.py` expects of us changes.
const FORMAT: u32 = 1;

/// Process 1 of a machine.
const INIT: &str = include_str!("init.py");

/// Stored beside an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// Over the digests of the three files.
    pub digest: String,
    /// Version of the kernel's package.
    pub kernel: String,
    pub python: String,
}

/// An image that is there.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) folder: PathBuf,
    pub(super) kernel: PathBuf,
    pub(super) initrd: PathBuf,
    pub(super) root: PathBuf,
    pub(super) digest: String,
}

impl Image {
    pub(super) fn find(folder: Option<&Path>) -> Result<Self, SandboxError> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => default_folder(),
        };
        let missing = |why: &str| {
            SandboxError::Unavailable(format!(
                "there is no machine image in `{}` ({why}): make one with `portcullis image build --microvm \
                 --output {0}`",
                folder.display()
            ))
        };
        let text = std::fs::read_to_string(folder.join(MANIFEST))
            .map_err(|error| missing(&format!("`{MANIFEST}`: {error}")))?;
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| missing(&error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(missing(&format!("it has format {}, this program needs {FORMAT}", manifest.format)));
        }
        let part = |name: &str| {
            let path = folder.join(name);
            if path.is_file() { Ok(path) } else { Err(missing(&format!("`{name}` is not there"))) }
        };
        Ok(Self {
            kernel: part(KERNEL)?,
            initrd: part(INITRD)?,
            root: part(ROOT)?,
            digest: manifest.digest,
            folder,
        })
    }
}

/// `$XDG_CACHE_HOME/portcullis/microvm`, by default below `~/.cache`; for a service without a
/// home `/var/cache`.
pub fn default_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.unwrap_or_else(|| PathBuf::from("/var/cache")).join("portcullis/microvm")
}
