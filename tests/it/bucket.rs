//! A place for objects of its own for each test: here a local folder.

use portcullis::store::Objects;

pub(crate) struct Place {
    pub(crate) objects: Objects,
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) async fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { objects: Objects::in_folder(folder.path()).expect("a folder"), folder }
    }

    /// Puts bytes past the program, as somebody with access to the place would.
    pub(crate) async fn tamper(&self, path: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(path), bytes).expect("written");
    }
}
