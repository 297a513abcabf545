//! A database of its own for each test: here an SQLite file.

pub(crate) struct Database {
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl Database {
    pub(crate) async fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { url: format!("sqlite://{}", folder.path().join("db").display()), _folder: folder }
    }
}
