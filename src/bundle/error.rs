//! Why a bundle is refused. Names of entries are their author's text: escaped, and cut.

use super::name::Unfit;

/// The first thing that is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("the archive is larger than {most} bytes")]
    ArchiveTooLarge { most: u64 },
    #[error("this is not a ZIP archive: {0}")]
    NotAnArchive(String),
    #[error("the archive holds no file")]
    Empty,
    #[error("the archive has {entries} entries, and {most} are the most")]
    TooManyEntries { entries: usize, most: usize },
    #[error("the archive has a comment or something behind its end, which readers take for different things")]
    BytesBehind,
    #[error("something stands in front of the archive")]
    HiddenBytes,
    #[error("the archive contradicts itself: {0}")]
    Inconsistent(String),
    #[error("the entry `{name}` {unfit}")]
    Name { name: String, unfit: Unfit },
    #[error("the entries `{first}` and `{second}` are the same name on some systems")]
    Duplicate { first: String, second: String },
    #[error("the entry `{name}` is both a file and a folder")]
    FileAndFolder { name: String },
    #[error("the entry `{name}` is encrypted")]
    Encrypted { name: String },
    #[error("the entry `{name}` is neither a plain file nor a folder (mode {mode:o})")]
    SpecialFile { name: String, mode: u32 },
    #[error("the entry `{name}` is compressed in a way that is not taken; use deflate or none")]
    Compression { name: String },
    #[error("the file `{name}` has a suffix that is not taken here; taken are {taken}")]
    Suffix { name: String, taken: String },
    #[error("the file `{name}` is an archive itself ({format})")]
    Nested { name: String, format: &'static str },
    #[error("the file `{name}` is larger than {most} bytes")]
    FileTooLarge { name: String, most: u64 },
    #[error("the files are larger than {most} bytes together; `{name}` is one too much")]
    TooLarge { name: String, most: u64 },
    #[error("the file `{name}` is {actual} bytes long, and its header says {declared}")]
    Length { name: String, declared: u64, actual: u64 },
    #[error("the entry `{name}` cannot be read: {cause}")]
    Broken { name: String, cause: String },
    #[error("the folder `{name}` has content")]
    FolderWithContent { name: String },
}

/// As messages show the name of an entry.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().count() > 80 {
        shown.push('…');
    }
    shown
}
