//! From bytes to a [`Bundle`]. The order of the checks matters: what bounds the work comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::Arc;

use zip::{CompressionMethod, ZipArchive};

use super::error::shown;
use super::name::{self, Path};
use super::{Bundle, BundleError, Rules, content, directory};
use crate::model::Digest;

const FILE_TYPE: u32 = 0o170_000;
const PLAIN_FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
/// The bit of an entry's flags that says that its name is UTF-8.
const UTF8_NAME: u16 = 1 << 11;

/// Whether `bytes` begin as an archive does. No Python source does: it would hold a control
/// character that CPython refuses.
pub fn looks_like_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Reads an archive whole, under `rules`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(bytes: &[u8], rules: &Rules) -> Result<Bundle, BundleError> {
    if bytes.len() as u64 > rules.most_archive_bytes {
        return Err(BundleError::ArchiveTooLarge { most: rules.most_archive_bytes });
    }
    if !looks_like_one(bytes) {
        return Err(BundleError::NotAnArchive("it does not begin as one".to_owned()));
    }
    let directory = directory::names(bytes, rules.most_entries)?;
    let archive = ZipArchive::new(Cursor::new(bytes));
    let mut archive = archive.map_err(|error| BundleError::NotAnArchive(error.to_string()))?;
    if archive.offset() != 0 {
        return Err(BundleError::HiddenBytes);
    }
    let names = names(&mut archive, &directory, rules)?;
    archive.validate_header_consistency().map_err(|error| BundleError::Inconsistent(error.to_string()))?;
    let mut files = BTreeMap::new();
    let mut left = rules.most_bytes;
    for (index, path) in names.into_iter().enumerate() {
        if path.is_folder {
            continue;
        }
        let content = one(&mut archive, index, &path.text, rules, &mut left)?;
        files.insert(path.text, content);
    }
    if files.is_empty() {
        return Err(BundleError::Empty);
    }
    Ok(Bundle { sha256: Digest::of(bytes), files })
}

/// Every name in the order of the directory, checked, with what its header says of the entry.
fn names(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    directory: &[&[u8]],
    rules: &Rules,
) -> Result<Vec<Path>, BundleError> {
    let mut exact = BTreeSet::new();
    if let Some(twice) = directory.iter().find(|name| !exact.insert(**name)) {
        return Err(BundleError::Duplicate { first: shown(twice), second: shown(twice) });
    }
    let mut names = Vec::with_capacity(directory.len());
    let mut seen: BTreeMap<String, Path> = BTreeMap::new();
    for (index, expected) in directory.iter().enumerate() {
        let entry = archive
            .by_index_data(index)
            .map_err(|error| BundleError::Broken { name: shown(expected), cause: error.to_string() })?;
        // An extra field can give an entry a second name.
        if entry.name_raw() != *expected {
            return Err(BundleError::Inconsistent(format!("`{}` has two names", shown(expected))));
        }
        let raw = entry.name_raw();
        let is_marked = entry.flags().as_u16() & UTF8_NAME != 0;
        let path =
            name::check(raw, is_marked).map_err(|unfit| BundleError::Name { name: shown(raw), unfit })?;
        let here = || shown(raw);
        if entry.encrypted() {
            return Err(BundleError::Encrypted { name: here() });
        }
        let mode = entry.unix_mode().unwrap_or(0);
        let expected = if path.is_folder { FOLDER } else { PLAIN_FILE };
        if ![0, expected].contains(&(mode & FILE_TYPE)) {
            return Err(BundleError::SpecialFile { name: here(), mode });
        }
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(BundleError::Compression { name: here() });
        }
        if path.is_folder && (entry.size() != 0 || entry.compressed_size() > 2) {
            return Err(BundleError::FolderWithContent { name: here() });
        }
        if !path.is_folder && !rules.suffixes.iter().any(|suffix| path.text.ends_with(suffix)) {
            let taken = rules.suffixes.join(" ");
            return Err(BundleError::Suffix { name: here(), taken });
        }
        if let Some(first) = seen.insert(name::key(&path.text), path.clone()) {
            let first = shown(first.text.as_bytes());
            return Err(BundleError::Duplicate { first, second: here() });
        }
        names.push(path);
    }
    // A folder is one too that is only named in the path of a file.
    let files: BTreeSet<&str> =
        seen.iter().filter(|(_, path)| !path.is_folder).map(|(key, _)| key.as_str()).collect();
    for (key, path) in &seen {
        let mut folders = key.match_indices('/').map(|(at, _)| &key[..at]);
        if folders.any(|folder| files.contains(folder)) {
            return Err(BundleError::FileAndFolder { name: shown(path.text.as_bytes()) });
        }
    }
    Ok(names)
}

/// The content of one file. What streams out is counted; the header's word for it is compared.
fn one(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    name: &str,
    rules: &Rules,
    left: &mut u64,
) -> Result<Arc<[u8]>, BundleError> {
    let here = || shown(name.as_bytes());
    let mut entry = archive
        .by_index(index)
        .map_err(|error| BundleError::Broken { name: here(), cause: error.to_string() })?;
    let declared = entry.size();
    let room = rules.most_file_bytes.min(*left);
    let mut content = Vec::new();
    // One byte beyond the room tells that there is more; what it would unpack to is never held.
    entry
        .by_ref()
        .take(room + 1)
        .read_to_end(&mut content)
        .map_err(|error| BundleError::Broken { name: here(), cause: error.to_string() })?;
    let actual = content.len() as u64;
    if actual > rules.most_file_bytes {
        return Err(BundleError::FileTooLarge { name: here(), most: rules.most_file_bytes });
    }
    if actual > *left {
        return Err(BundleError::TooLarge { name: here(), most: rules.most_bytes });
    }
    if actual != declared {
        return Err(BundleError::Length { name: here(), declared, actual });
    }
    if let Some(format) = content::archive_format(&content) {
        return Err(BundleError::Nested { name: here(), format });
    }
    *left -= actual;
    Ok(content.into())
}
