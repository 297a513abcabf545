//! A whole platform in one file: a ZIP with the rows of every table, every source, and a manifest with
//! the digests of both. It can be made while the platform works and restored into either engine.
//!
//! ```text
//! tables/NAME.jsonl    one row a line, of one snapshot of the database
//! sources/SHA256       the text of that digest
//! manifest.json        versions, numbers, and the SHA-256 of every table
//! ```
//!
//! Sources are stored before the rows that name them and never change or go, so that whatever the
//! snapshot names is there when it is copied.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::dump::{Row, Sink, TABLES};
use super::{Blobs, Store, StoreError};
use crate::model::Digest;

/// Of this layout. A reader refuses a newer one.
const VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
const MOST_MANIFEST_BYTES: u64 = 16 << 20;
/// One row or one source. The gate takes less than this; a row holds what one submission was told.
const MOST_ITEM_BYTES: u64 = 64 << 20;
const ROWS_AT_ONCE: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("cannot {doing} `{name}`")]
    File { doing: &'static str, name: String, source: io::Error },
    #[error("cannot {doing} the backup")]
    Archive { doing: &'static str, source: zip::result::ZipError },
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    #[error("the backup has layout {found}, this program reads up to {VERSION}")]
    NewerLayout { found: u32 },
    #[error("the backup is of a newer version: its tables are at {found}, ours at {ours}")]
    NewerTables { found: i64, ours: i64 },
    #[error("the target is not empty: a backup is restored into a new folder and an empty database")]
    NotEmpty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    pub made_at: Timestamp,
    pub rows: u64,
    pub submissions: u64,
    pub sources: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    portcullis: String,
    made_at: Timestamp,
    /// Of the tables, as the migrations count them.
    schema: Vec<i64>,
    tables: BTreeMap<String, TableRecord>,
    sources: u64,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TableRecord {
    rows: u64,
    sha256: String,
}

impl Manifest {
    fn report(&self) -> BackupReport {
        BackupReport {
            made_at: self.made_at,
            rows: self.tables.values().map(|table| table.rows).sum(),
            submissions: self.tables.get("submissions").map_or(0, |table| table.rows),
            sources: self.sources,
        }
    }
}

fn file_failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> BackupError {
    let name = path.display().to_string();
    move |source| BackupError::File { doing, name: name.clone(), source }
}

fn archive_failed(doing: &'static str) -> impl Fn(zip::result::ZipError) -> BackupError {
    move |source| BackupError::Archive { doing, source }
}

/// Writes everything that `store` and `blobs` hold into the new file `path`, which only its owner may
/// read. It appears whole or not at all.
///
/// # Errors
/// When `path` is there already, or something cannot be read or written.
pub async fn backup(store: &Store, blobs: &Blobs, path: &Path) -> Result<BackupReport, BackupError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Of a temporary file only the owner may read; a backup holds agents that are nobody else's.
    let file = tempfile::Builder::new()
        .prefix(".portcullis-backup-")
        .tempfile_in(folder)
        .map_err(file_failed("make a file in", folder))?;
    let made_at = Timestamp::now();
    let mut writer = TableWriter::new(BufWriter::new(file.reopen().map_err(file_failed("open", path))?));
    store.dump(&mut writer).await?;
    writer.end_table();
    let TableWriter { mut zip, tables, sources, .. } = writer;
    for digest in &sources {
        let text = blobs.get(*digest).await?;
        zip.start_file(format!("sources/{digest}"), options()).map_err(archive_failed("write"))?;
        zip.write_all(text.as_bytes()).map_err(file_failed("write", path))?;
    }
    let manifest = Manifest {
        version: VERSION,
        portcullis: env!("CARGO_PKG_VERSION").to_owned(),
        made_at,
        schema: store.schema().await?,
        tables,
        sources: sources.len() as u64,
    };
    let json =
        serde_json::to_vec_pretty(&manifest).map_err(io::Error::from).map_err(file_failed("write", path))?;
    zip.start_file(MANIFEST, options()).map_err(archive_failed("write"))?;
    zip.write_all(&json).map_err(file_failed("write", path))?;
    let mut buffer = zip.finish().map_err(archive_failed("finish"))?;
    buffer.flush().map_err(file_failed("write", path))?;
    drop(buffer);
    file.as_file().sync_all().map_err(file_failed("write", path))?;
    file.persist_noclobber(path).map_err(|error| file_failed("make", path)(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_failed("write", folder))?;
    Ok(manifest.report())
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true)
}

/// Writes tables as files of the archive, and notes which sources they name.
struct TableWriter<W: Write + io::Seek> {
    /// Boxed, because it is large and lives across waits.
    zip: Box<ZipWriter<W>>,
    tables: BTreeMap<String, TableRecord>,
    sources: BTreeSet<Digest>,
    now: Option<(&'static str, u64, Sha256)>,
}

impl<W: Write + io::Seek> TableWriter<W> {
    fn new(writer: W) -> Self {
        Self {
            zip: Box::new(ZipWriter::new(writer)),
            tables: BTreeMap::new(),
            sources: BTreeSet::new(),
            now: None,
        }
    }

    fn end_table(&mut self) {
        if let Some((table, rows, hash)) = self.now.take() {
            let sha256 = hex::encode(hash.finalize());
            self.tables.insert(table.to_owned(), TableRecord { rows, sha256 });
        }
    }
}

/// The store's own error, because that is what reading stops with.
fn not_written(source: io::Error) -> StoreError {
    StoreError::File { doing: "write", name: "the backup".to_owned(), source }
}

impl<W: Write + io::Seek> Sink for TableWriter<W> {
    fn begin(&mut self, table: &'static str) -> Result<(), StoreError> {
        self.end_table();
        self.now = Some((table, 0, Sha256::new()));
        let name = format!("tables/{table}.jsonl");
        self.zip.start_file(name, options()).map_err(|error| not_written(io::Error::other(error)))
    }

    fn row(&mut self, row: Row) -> Result<(), StoreError> {
        let Some((table, rows, hash)) = &mut self.now else { return Ok(()) };
        if *table == "sources" {
            let digest = row.get("sha256").and_then(serde_json::Value::as_str).unwrap_or_default();
            let digest = digest.parse().map_err(|error: crate::model::InvalidDigest| {
                StoreError::Corrupt { what: "source", id: digest.to_owned(), cause: error.to_string() }
            })?;
            self.sources.insert(digest);
        }
        let mut line = serde_json::to_vec(&row).map_err(|error| not_written(error.into()))?;
        line.push(b'\n');
        hash.update(&line);
        *rows += 1;
        self.zip.write_all(&line).map_err(not_written)
    }
}

/// Reads the backup at `path` into an empty database and an empty store of sources. Every digest is
/// checked before anything is written; the rows become visible in one step, at the end.
///
/// # Errors
/// When the file is damaged or of a newer version, the target is not empty, or writing fails.
pub async fn restore(store: &Store, blobs: &Blobs, path: &Path) -> Result<BackupReport, BackupError> {
    let file = File::open(path).map_err(file_failed("open", path))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(archive_failed("read"))?;
    let manifest = manifest(&mut archive)?;
    let ours = store.schema().await?;
    if let Some(found) = manifest.schema.iter().copied().find(|version| !ours.contains(version)) {
        return Err(BackupError::NewerTables { found, ours: ours.last().copied().unwrap_or(0) });
    }
    if !store.is_empty().await? {
        return Err(BackupError::NotEmpty);
    }
    let sources = verify(&mut archive, &manifest)?;
    for digest in sources {
        let text = source(&mut archive, digest)?;
        blobs.put(digest, &text).await?;
    }
    let mut load = store.begin_load().await?;
    for table in TABLES {
        let Some(rows) = manifest.tables.get(*table).map(|record| record.rows) else { continue };
        let entry = archive.by_name(&format!("tables/{table}.jsonl")).map_err(archive_failed("read"))?;
        let mut lines = Lines::new(entry);
        let mut some = Vec::with_capacity(ROWS_AT_ONCE);
        let mut seen = 0;
        while let Some(line) = lines.next()? {
            let row = serde_json::from_slice(line);
            some.push(row.map_err(|error| damaged(format!("a row of `{table}` is not one: {error}")))?);
            seen += 1;
            if some.len() == ROWS_AT_ONCE {
                load.rows(table, &some).await?;
                some.clear();
            }
        }
        load.rows(table, &some).await?;
        if seen != rows {
            return Err(damaged(format!("`{table}` has {seen} rows, not {rows}")));
        }
    }
    load.commit().await?;
    Ok(manifest.report())
}

type Archive = ZipArchive<BufReader<File>>;

fn damaged(why: String) -> BackupError {
    BackupError::Damaged(why)
}

fn manifest(archive: &mut Archive) -> Result<Manifest, BackupError> {
    let entry = archive.by_name(MANIFEST).map_err(|_| damaged(format!("it has no `{MANIFEST}`")))?;
    let mut bytes = Vec::new();
    let mut entry = entry.take(MOST_MANIFEST_BYTES);
    entry.read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| damaged(format!("`{MANIFEST}`: {error}")))?;
    if manifest.version > VERSION {
        return Err(BackupError::NewerLayout { found: manifest.version });
    }
    if let Some(unknown) = manifest.tables.keys().find(|name| !TABLES.contains(&name.as_str())) {
        return Err(damaged(format!("it has a table `{unknown}` that this version does not know")));
    }
    Ok(manifest)
}

/// Reads everything once: the digests of all tables and of all sources. Answers the sources.
fn verify(archive: &mut Archive, manifest: &Manifest) -> Result<Vec<Digest>, BackupError> {
    for (table, record) in &manifest.tables {
        let entry = archive
            .by_name(&format!("tables/{table}.jsonl"))
            .map_err(|_| damaged(format!("the table `{table}` is missing")))?;
        let mut lines = Lines::new(entry);
        let (mut hash, mut rows) = (Sha256::new(), 0);
        while let Some(line) = lines.next()? {
            hash.update(line);
            rows += 1;
        }
        let found = TableRecord { rows, sha256: hex::encode(hash.finalize()) };
        if found != *record {
            return Err(damaged(format!("the table `{table}` is not what its digest says")));
        }
    }
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(std::borrow::Cow::into_owned).map_err(archive_failed("read")))
        .collect::<Result<_, _>>()?;
    let mut sources = Vec::new();
    for name in names.iter().filter_map(|name| name.strip_prefix("sources/")) {
        let digest = name.parse().map_err(|_| damaged(format!("`{name}` is not the name of a source")))?;
        source(archive, digest)?;
        sources.push(digest);
    }
    if sources.len() as u64 != manifest.sources {
        return Err(damaged(format!("{} of {} sources are there", sources.len(), manifest.sources)));
    }
    Ok(sources)
}

fn source(archive: &mut Archive, digest: Digest) -> Result<String, BackupError> {
    let entry = archive.by_name(&format!("sources/{digest}")).map_err(archive_failed("read"))?;
    let mut bytes = Vec::new();
    entry.take(MOST_ITEM_BYTES).read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
    if Digest::of(&bytes) != digest {
        return Err(damaged(format!("the source `{digest}` is not what its digest says")));
    }
    String::from_utf8(bytes).map_err(|_| damaged(format!("the source `{digest}` is not UTF-8")))
}

/// Lines with their ends, each of bounded length.
struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), line: Vec::new() }
    }

    fn next(&mut self) -> Result<Option<&[u8]>, BackupError> {
        self.line.clear();
        let mut bounded = self.reader.by_ref().take(MOST_ITEM_BYTES);
        bounded.read_until(b'\n', &mut self.line).map_err(|error| damaged(error.to_string()))?;
        match self.line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(&self.line)),
            Some(_) => Err(damaged("a row has no end".to_owned())),
        }
    }
}
