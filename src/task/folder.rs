//! A folder of files, on disk or inside the program. Every read is bounded.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::TaskError;

static BUILTIN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tasks");

/// Entries of one folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

#[derive(Debug, Clone)]
pub(super) struct Folder {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Disk(PathBuf),
    /// A path inside [`BUILTIN`], empty for the whole of it.
    Builtin(String),
}

/// What a folder holds, sorted by name. Names that begin with a dot are not listed, and neither is
/// `__pycache__`.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<String>,
    pub(super) folders: Vec<String>,
}

impl Folder {
    pub(super) fn on_disk(path: &Path) -> Self {
        Self { place: Place::Disk(path.to_owned()) }
    }

    pub(super) fn builtin() -> Self {
        Self { place: Place::Builtin(String::new()) }
    }

    /// Its last component, where it has one.
    pub(super) fn name(&self) -> Option<String> {
        match &self.place {
            // `tasks/x/..` and `.` have no name of their own until they are resolved.
            Place::Disk(path) => {
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                path.file_name().map(|name| name.to_string_lossy().into_owned())
            }
            Place::Builtin(path) => path.rsplit('/').next().map(ToOwned::to_owned),
        }
    }

    pub(super) fn join(&self, name: &str) -> Self {
        let place = match &self.place {
            Place::Disk(path) => Place::Disk(path.join(name)),
            Place::Builtin(path) if path.is_empty() => Place::Builtin(name.to_owned()),
            Place::Builtin(path) => Place::Builtin(format!("{path}/{name}")),
        };
        Self { place }
    }

    /// As messages name it.
    pub(super) fn shown(&self) -> String {
        match &self.place {
            Place::Disk(path) => path.display().to_string(),
            Place::Builtin(path) if path.is_empty() => "built-in tasks".to_owned(),
            Place::Builtin(path) => format!("built-in tasks/{path}"),
        }
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> TaskError {
        TaskError::new(self.shown(), problem)
    }

    /// What it holds; `None` when there is no such folder.
    pub(super) fn list(&self) -> Result<Option<Listing>, TaskError> {
        let mut listing = Listing::default();
        match &self.place {
            Place::Disk(path) => {
                let failed = |error: std::io::Error| self.error(format!("cannot list the folder: {error}"));
                let entries = match fs::read_dir(path) {
                    Ok(entries) => entries,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(failed(error)),
                };
                for entry in entries {
                    let entry = entry.map_err(failed)?;
                    let name = entry.file_name().into_string().map_err(|name| {
                        self.error(format!("the name of `{}` is not UTF-8", name.to_string_lossy()))
                    })?;
                    let is_folder = fs::metadata(entry.path()).map_err(failed)?.is_dir();
                    let names = if is_folder { &mut listing.folders } else { &mut listing.files };
                    names.push(name);
                    if listing.files.len() + listing.folders.len() > MOST_ENTRIES {
                        return Err(self.error(format!("it holds more than {MOST_ENTRIES} entries")));
                    }
                }
            }
            Place::Builtin(path) => {
                let folder = if path.is_empty() { Some(&BUILTIN) } else { BUILTIN.get_dir(path) };
                let Some(folder) = folder else { return Ok(None) };
                let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
                listing.files = folder.files().filter_map(|file| name(file.path())).collect();
                listing.folders = folder.dirs().filter_map(|folder| name(folder.path())).collect();
            }
        }
        for names in [&mut listing.files, &mut listing.folders] {
            names.retain(|name| !name.starts_with('.') && name != "__pycache__");
            names.sort_unstable();
        }
        Ok(Some(listing))
    }

    /// Whether the entry `name` is a symbolic link.
    pub(super) fn is_link(&self, name: &str) -> bool {
        match &self.join(name).place {
            Place::Disk(path) => fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()),
            Place::Builtin(_) => false,
        }
    }

    /// The bytes of the file `name`; `None` when there is none.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, TaskError> {
        let here = self.join(name);
        let too_large = || here.error(format!("it is larger than {most} bytes"));
        match &here.place {
            Place::Disk(path) => {
                let failed = |error: std::io::Error| here.error(format!("cannot read the file: {error}"));
                let meta = match fs::metadata(path) {
                    Ok(meta) => meta,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(failed(error)),
                };
                // A pipe or a device would never end.
                if !meta.is_file() {
                    return Err(here.error("it is not a file"));
                }
                let mut bytes = Vec::new();
                let file = fs::File::open(path).map_err(failed)?;
                file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
                if bytes.len() as u64 > most { Err(too_large()) } else { Ok(Some(bytes)) }
            }
            Place::Builtin(path) => match BUILTIN.get_file(path) {
                Some(file) if file.contents().len() as u64 > most => Err(too_large()),
                Some(file) => Ok(Some(file.contents().to_vec())),
                None => Ok(None),
            },
        }
    }

    /// The text of the file `name`; `None` when there is none.
    pub(super) fn read_text(&self, name: &str, most: u64) -> Result<Option<String>, TaskError> {
        let Some(bytes) = self.read(name, most)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
            self.join(name).error("it is not UTF-8").at(&text, good)
        })
    }
}
