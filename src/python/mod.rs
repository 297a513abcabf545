//! Python source as CPython sees it: decoded, parsed, and with its names and values resolved as
//! far as that can be done without running it. Pure; knows nothing of rules.

pub(crate) mod analysis;
mod canonical;
mod decode;
pub(crate) mod parse;
mod source;
pub(crate) mod stdlib;
mod version;

pub(crate) use ruff_python_ast as ast;

pub use canonical::{Refused, canonical_tree};
pub use decode::{DecodeError, decode};
pub use source::Source;
pub(crate) use stdlib::data_files;
pub use version::{PythonVersion, UnknownVersion};
