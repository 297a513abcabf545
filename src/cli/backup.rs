//! `portcullis backup` and `portcullis restore`: a whole platform in one file, and back.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::bucket::BucketOptions;
use super::{Exit, Terminal};
use crate::server;
use crate::store::{self, BackupReport, Blobs, Objects, Store};

/// Where a platform keeps what it knows.
#[derive(Debug, Args)]
struct Place {
    /// The platform's data folder.
    #[arg(long, value_name = "FOLDER", default_value = "portcullis-data", env = "PORTCULLIS_DATA")]
    data: PathBuf,

    /// The database, where it is not in the data folder; as `serve` takes it.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_DATABASE", hide_env_values = true)]
    database: Option<String>,

    #[command(flatten)]
    bucket: BucketOptions,
}

impl Place {
    async fn open(&self) -> anyhow::Result<(Store, Blobs)> {
        let store = match &self.database {
            Some(url) => Store::open_url(url).await?,
            None => Store::open_file(&self.file()).await?,
        };
        let blobs = match self.bucket.bucket()? {
            Some(bucket) => {
                let objects = Objects::in_bucket(&bucket)?;
                objects.ping().await?;
                Blobs::new(objects.below("sources"))
            }
            None => Blobs::in_folder(&self.data.join("sources"))?.with_shelf(&store),
        };
        Ok((store, blobs))
    }

    fn file(&self) -> PathBuf {
        self.data.join("platform.sqlite")
    }
}

const BACKUP_EXAMPLES: &str = "\
Examples:
  portcullis backup /backups/2026-11-21.zip
  portcullis backup /backups/2026-11-21.zip --data /srv/portcullis --database postgres://host/portcullis

The platform may go on working: the backup is its state at one moment. It holds every agent, so only
its owner may read it; it does not hold the validators' token.";

/// Write everything that a platform keeps into one file.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupArguments {
    /// The file to make. It must not be there yet.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    place: Place,
}

impl BackupArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        // Opening a database makes it; a backup of nothing helps nobody.
        if self.place.database.is_none() && !self.place.file().is_file() {
            bail!("there is no platform in `{}`", self.place.data.display());
        }
        if self.file.exists() {
            bail!("`{}` is there already", self.file.display());
        }
        super::block_on(async {
            let (store, blobs) = self.place.open().await?;
            let report = store::backup(&store, &blobs, &self.file).await;
            store.close().await;
            say(terminal, "backed up", &report?);
            Ok(Exit::Good)
        })
    }
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  portcullis restore /backups/2026-11-21.zip --data /srv/new
  portcullis restore /backups/2026-11-21.zip --data /srv/new --database postgres://host/empty

A backup of either database can be restored into either. Every digest is checked before anything is
written.";

/// Restore a backup into a new data folder and an empty database.
#[derive(Debug, Args)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(crate) struct RestoreArguments {
    /// The file that `backup` made.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    place: Place,
}

impl RestoreArguments {
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<Exit> {
        if !self.file.is_file() {
            bail!("there is no backup at `{}`", self.file.display());
        }
        if !is_empty(&self.place.data)? {
            bail!("`{}` is not empty: a backup is restored into a new folder", self.place.data.display());
        }
        let _lock = server::take_folder(&self.place.data)?;
        super::block_on(async {
            let (store, blobs) = self.place.open().await?;
            let report = store::restore(&store, &blobs, &self.file).await;
            store.close().await;
            say(terminal, "restored", &report?);
            Ok(Exit::Good)
        })
    }
}

fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("cannot read the folder `{}`", folder.display())),
    }
}

fn say(terminal: &Terminal, done: &str, report: &BackupReport) {
    let at = report.made_at.strftime("%Y-%m-%d %H:%M:%SZ");
    terminal.say(format!(
        "{done} {} submissions, {} sources and {} rows as they were at {at}",
        report.submissions, report.sources, report.rows
    ));
}
