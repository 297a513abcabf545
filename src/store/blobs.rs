//! Sources by their digest. A blob never changes, so that writing one again changes nothing.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{Objects, Store, StoreError};
use crate::model::Digest;

/// Content-addressed text, in a folder or a bucket.
#[derive(Debug, Clone)]
pub struct Blobs {
    objects: Objects,
    /// Where new sources wait for their place, if they do.
    shelf: Option<Store>,
}

impl Blobs {
    pub fn new(objects: Objects) -> Self {
        Self { objects, shelf: None }
    }

    /// With the sources that wait in `store` for their place here, where it has such.
    #[must_use]
    pub fn with_shelf(self, store: &Store) -> Self {
        Self { shelf: store.has_shelf().then(|| store.clone()), ..self }
    }

    pub(super) fn shelf(&self) -> Option<&Store> {
        self.shelf.as_ref()
    }

    /// The folder `path`, made if it is not there. What was put is on the disk when `put` returns.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(path: &Path) -> Result<Self, StoreError> {
        Objects::in_folder(path).map(Self::new)
    }

    /// Removes what a crash left half written in `folder`. Only while nobody else writes.
    ///
    /// # Errors
    /// When the folder cannot be read or a file cannot be removed.
    pub fn sweep(folder: &Path) -> Result<(), StoreError> {
        // The store writes to `NAME#NUMBER` before it renames; digests have no `#`.
        super::remove_files(folder, |name| name.contains('#'))
    }

    /// Whether the place of the sources answers.
    ///
    /// # Errors
    /// When it does not, or is gone.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.objects.ping().await
    }

    /// Whether new sources are stored with the rows that name them, and move here later. Else each of
    /// them is to be put before it is named.
    pub fn has_shelf(&self) -> bool {
        self.shelf.is_some()
    }

    /// # Errors
    /// When it could not be stored; then nothing of it is there.
    pub async fn put(&self, digest: Digest, text: &str) -> Result<(), StoreError> {
        let name = digest.to_string();
        self.objects.put(&parts(&name), text.to_owned().into()).await
    }

    /// As [`Objects::put_all`]: what is there in part has another digest, and its source is still on the
    /// shelf.
    pub(super) async fn put_all(&self, sources: Vec<(Digest, Bytes)>) -> Result<(), StoreError> {
        let named = |(digest, text): (Digest, Bytes)| {
            let name = digest.to_string();
            (parts(&name).map(str::to_owned), text)
        };
        self.objects.put_all(sources.into_iter().map(named).collect()).await
    }

    /// # Errors
    /// When it is not there, cannot be read, or is not what its name says.
    pub async fn get(&self, digest: Digest) -> Result<Arc<str>, StoreError> {
        let missed = match self.read(digest).await {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let Some(shelf) = &self.shelf else { return Err(missed) };
        match shelf.on_shelf(digest).await? {
            Some(text) => Ok(text),
            // It may have been moved between the two looks.
            None => self.read(digest).await,
        }
    }

    async fn read(&self, digest: Digest) -> Result<Arc<str>, StoreError> {
        let name = digest.to_string();
        let bytes = self.objects.get(&parts(&name)).await?;
        let corrupt = |cause: &str| StoreError::Corrupt {
            what: "source",
            id: digest.to_string(),
            cause: cause.to_owned(),
        };
        if Digest::of(&bytes) != digest {
            return Err(corrupt("its digest is another one"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| corrupt("it is not UTF-8"))?;
        Ok(Arc::from(text))
    }
}

/// Two levels, so that no folder grows beyond what people and tools like to list.
fn parts(digest: &str) -> [&str; 2] {
    let (head, rest) = digest.split_at(2);
    [head, rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_source_that_changed_on_the_disk_is_not_handed_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::in_folder(folder.path()).expect("blobs");
        let digest = Digest::of(b"print(1)\n");
        blobs.put(digest, "print(1)\n").await.expect("stored");
        let name = digest.to_string();
        let file = folder.path().join(&name[..2]).join(&name[2..]);
        std::fs::write(file, "print(2)\n").expect("written");
        let error = blobs.get(digest).await.expect_err("refused");
        assert!(error.to_string().contains("digest"), "{error}");
    }
}
