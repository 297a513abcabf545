//! A place for files: a local folder, or a folder in a bucket of an S3-compatible store. What was
//! put is durable when `put` returns; what could not be put is not there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt as _, PutMode, RetryConfig,
};

use super::StoreError;
use crate::config::Bucket;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Of one try. Objects are at most as large as an agent.
const TIMEOUT: Duration = Duration::from_secs(8);
const RETRIES: usize = 2;
/// Of all tries together, well within the time that the platform gives a request.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

/// Whether a put to a folder waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Synced,
    Unsynced,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// Whether a put can be told to leave alone what is there. In a folder replacing is atomic and
    /// as cheap.
    conditional: bool,
    /// Where it is a folder, that.
    folder: Option<Arc<Path>>,
}

impl Objects {
    /// The folder `path`, made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(path: &Path) -> Result<Self, StoreError> {
        Self::folder(path, Durability::Synced)
    }

    /// As [`Objects::in_folder`], for what can be made anew: it does not wait for the disk, so that a
    /// power cut may lose or cut what was put last.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder_unsynced(path: &Path) -> Result<Self, StoreError> {
        Self::folder(path, Durability::Unsynced)
    }

    fn folder(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        fs::create_dir_all(path).map_err(|source| StoreError::File {
            doing: "make the folder",
            name: name.clone(),
            source,
        })?;
        let store = LocalFileSystem::new_with_prefix(path)
            .map_err(|source| StoreError::Blob { doing: "open the folder", name, source })?
            .with_fsync(durability == Durability::Synced);
        Ok(Self {
            store: Arc::new(store),
            prefix: Key::default(),
            conditional: false,
            folder: Some(Arc::from(path)),
        })
    }

    /// A bucket. Nothing is asked of it yet: [`Objects::ping`] does.
    ///
    /// # Errors
    /// When the settings do not fit together.
    pub fn in_bucket(bucket: &Bucket) -> Result<Self, StoreError> {
        // The HTTP client below takes the process's provider. Fails only when there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout(TIMEOUT);
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
            max_retries: RETRIES,
            retry_timeout: RETRY_TIMEOUT,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_access_key_id(&bucket.key.id)
            .with_secret_access_key(&bucket.key.secret)
            .with_client_options(options)
            .with_retry(retry)
            .with_conditional_put(S3ConditionalPut::ETagMatch);
        if let Some(token) = &bucket.key.token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let store = builder.build().map_err(|source| StoreError::Blob {
            doing: "use the bucket",
            name: bucket.url(),
            source,
        })?;
        Ok(Self {
            store: Arc::new(store),
            prefix: Key::from(bucket.prefix.as_str()),
            conditional: true,
            folder: None,
        })
    }

    /// The folder `name` in this one.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { prefix: self.prefix.clone().join(name), ..self.clone() }
    }

    /// Whether the place answers.
    ///
    /// # Errors
    /// When it does not, or is gone.
    pub async fn ping(&self) -> Result<(), StoreError> {
        // Nothing begins like this, so that the answer is short.
        let nothing = self.key(&["ping"]);
        match self.store.list(Some(&nothing)).next().await {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(source)) => {
                Err(StoreError::Blob { doing: "reach the place of", name: nothing.to_string(), source })
            }
        }
    }

    /// Puts `bytes`, whatever was there.
    ///
    /// # Errors
    /// When they could not be put; then what was there is still there.
    pub async fn replace(&self, name: &[&str], bytes: Bytes) -> Result<(), StoreError> {
        let key = self.key(name);
        let put = self.store.put(&key, bytes.into()).await;
        put.map(drop).map_err(|source| StoreError::Blob { doing: "store", name: key.to_string(), source })
    }

    /// Puts what never changes: if it is there already, it is left alone.
    ///
    /// # Errors
    /// When it could not be put; then nothing of it is there.
    pub async fn put(&self, name: &[&str], bytes: Bytes) -> Result<(), StoreError> {
        if !self.conditional {
            return self.replace(name, bytes).await;
        }
        let key = self.key(name);
        match self.store.put_opts(&key, bytes.clone().into(), PutMode::Create.into()).await {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                // The same again, unless somebody changed it behind our back: then this mends it.
                match self.get(name).await {
                    Ok(known) if known == bytes => Ok(()),
                    Ok(_) | Err(_) => self.replace(name, bytes).await,
                }
            }
            // A store of somebody else's that knows no condition.
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => self.replace(name, bytes).await,
            Err(source) => Err(StoreError::Blob { doing: "store", name: key.to_string(), source }),
        }
    }

    /// Puts many, whatever was there, with one wait for the disk where they are files. Names are of
    /// two levels. Until it returns, and after a crash, a part of a file may be there under its name: this
    /// is for who can tell, and has it elsewhere for as long.
    ///
    /// # Errors
    /// When one of them could not be put; others, and a part of one, may be there then.
    pub async fn put_all(&self, objects: Vec<([String; 2], Bytes)>) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            for (name, bytes) in objects {
                self.put(&name.each_ref().map(String::as_str), bytes).await?;
            }
            return Ok(());
        };
        // Prefixes are of one level each, and the folder's name is a path of this system.
        let folder: PathBuf =
            self.prefix.parts().fold(folder.to_path_buf(), |path, part| path.join(part.as_ref()));
        let written = tokio::task::spawn_blocking(move || write_all(&folder, &objects)).await;
        written.map_err(io::Error::other).flatten().map_err(|source| StoreError::File {
            doing: "store",
            name: "sources".to_owned(),
            source,
        })
    }

    /// # Errors
    /// When it is not there or cannot be read.
    pub async fn get(&self, name: &[&str]) -> Result<Bytes, StoreError> {
        let key = self.key(name);
        let failed = |source| StoreError::Blob { doing: "read", name: key.to_string(), source };
        self.store.get(&key).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    fn key(&self, name: &[&str]) -> Key {
        name.iter().fold(self.prefix.clone(), |key, part| key.join(*part))
    }
}

/// All of them are whole and durable when it returns; before that there may be a part of one.
fn write_all(folder: &Path, objects: &[([String; 2], Bytes)]) -> io::Result<()> {
    for ([head, rest], bytes) in objects {
        let folder = folder.join(head);
        let file = folder.join(rest);
        match fs::write(&file, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&folder)?;
                fs::write(&file, bytes)?;
            }
            written => written?,
        }
    }
    // One wait for all of them and their names, instead of one or two for each.
    nix::unistd::syncfs(File::open(folder)?).map_err(io::Error::from)
}
