//! All tables as rows of JSON, out of one engine and into either: what a backup is made of. Reading is
//! one snapshot, writing is one transaction into empty tables.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt as _;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Any, Column as _, Row as _, Transaction, TypeInfo as _, ValueRef as _};

use super::rows::storable;
use super::{Engine, Store, StoreError};

/// Every table but [`SHELF`], those first to which others refer. A test holds that none is missing.
pub const TABLES: &[&str] = &[
    "miners",
    "bans",
    "sources",
    "submissions",
    "assignments",
    "holds",
    "audit_events",
    "nonces",
    "rejudges",
    "runs",
    "scores",
    "cases",
    "rejudge_places",
    "rejudge_changes",
    "rechecks",
    "validations",
];

/// What lies here is in a backup as a source, like all others.
pub const SHELF: &str = "shelf";

/// A row by its columns. NULL is absent; bytes are `{"base64": …}`.
pub(super) type Row = Map<String, Value>;

/// Takes what is read, in the order of [`TABLES`].
pub(super) trait Sink {
    fn begin(&mut self, table: &'static str) -> Result<(), StoreError>;
    fn row(&mut self, row: Row) -> Result<(), StoreError>;
}

const ROWS_AT_ONCE: usize = 200;

impl Store {
    /// The versions of the tables, as the migrations count them.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn schema(&self) -> Result<Vec<i64>, StoreError> {
        const DOING: &str = "read the versions of its tables";
        let rows = sqlx::query("SELECT version FROM _sqlx_migrations ORDER BY version")
            .fetch_all(&self.reads)
            .await
            .map_err(StoreError::query(DOING))?;
        rows.iter().map(|row| row.try_get("version").map_err(StoreError::query(DOING))).collect()
    }

    /// Reads everything as it was at one moment, whoever writes meanwhile.
    ///
    /// # Errors
    /// When the database fails or `sink` does.
    pub(super) async fn dump(&self, sink: &mut impl Sink) -> Result<(), StoreError> {
        const DOING: &str = "read everything";
        let mut snapshot = match self.engine {
            // In WAL mode the first read decides which state all others see.
            Engine::Sqlite => self.reads.begin().await,
            Engine::Postgres => {
                self.reads.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
            }
        }
        .map_err(StoreError::query(DOING))?;
        for table in TABLES {
            sink.begin(table)?;
            let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
            let mut rows = sqlx::query(sql).fetch(&mut *snapshot);
            while let Some(row) = rows.try_next().await.map_err(StoreError::query(DOING))? {
                sink.row(values(&row, table)?)?;
            }
        }
        Ok(())
    }

    /// Whether no table has a row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        for table in TABLES {
            let sql = sqlx::AssertSqlSafe(format!("SELECT 1 FROM {table} LIMIT 1"));
            let row = sqlx::query(sql)
                .fetch_optional(&self.reads)
                .await
                .map_err(StoreError::query("look whether it is empty"))?;
            if row.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Begins to write rows into empty tables.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn begin_load(&self) -> Result<Load, StoreError> {
        Ok(Load { engine: self.engine, transaction: self.begin("write everything").await? })
    }
}

/// Rows on their way into the tables; nothing is there until [`Load::commit`].
pub(super) struct Load {
    engine: Engine,
    transaction: Transaction<'static, Any>,
}

impl Load {
    /// Writes rows of one table.
    ///
    /// # Errors
    /// When a row is not one of that table, or the database fails.
    pub(super) async fn rows(&mut self, table: &'static str, rows: &[Row]) -> Result<(), StoreError> {
        let mut left = rows;
        while let Some(first) = left.first() {
            // Rows that have the same columns go into one statement.
            let alike = left.iter().take(ROWS_AT_ONCE).take_while(|row| row.keys().eq(first.keys())).count();
            let (now, later) = left.split_at(alike);
            self.insert(table, now).await?;
            left = later;
        }
        Ok(())
    }

    async fn insert(&mut self, table: &'static str, rows: &[Row]) -> Result<(), StoreError> {
        const DOING: &str = "write everything";
        let Some(first) = rows.first() else { return Ok(()) };
        let columns: Vec<&str> = first.keys().map(String::as_str).collect();
        let is_name = |name: &&str| {
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        if columns.is_empty() || !columns.iter().all(is_name) {
            return Err(corrupt(table, "it names a column that no table of ours has"));
        }
        let overriding = match self.engine {
            Engine::Sqlite => "",
            // The sequence of a row is part of it: it is the order of arrival.
            Engine::Postgres => " OVERRIDING SYSTEM VALUE",
        };
        let sql = format!(
            "INSERT INTO {table} ({}){overriding} VALUES {}",
            columns.join(", "),
            super::runs::places(rows.len(), columns.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for value in rows.iter().flat_map(|row| row.values()) {
            query = match value {
                Value::Number(number) => {
                    query.bind(number.as_i64().ok_or_else(|| corrupt(table, "a number is not whole"))?)
                }
                // SQLite keeps a NUL in a text, PostgreSQL does not.
                Value::String(text) if self.engine == Engine::Postgres => query.bind(storable(text)),
                Value::String(text) => query.bind(text.clone()),
                Value::Object(bytes) => {
                    let text = bytes.get("base64").and_then(Value::as_str).unwrap_or_default();
                    query.bind(STANDARD.decode(text).map_err(|error| corrupt(table, error))?)
                }
                Value::Bool(value) => query.bind(*value),
                Value::Null | Value::Array(_) => return Err(corrupt(table, "a value of no known type")),
            };
        }
        query.execute(&mut *self.transaction).await.map(drop).map_err(StoreError::query(DOING))
    }

    /// Makes it true.
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        const DOING: &str = "write everything";
        if self.engine == Engine::Postgres {
            // What is stored next goes behind what was restored.
            for table in ["submissions", "audit_events", "runs"] {
                let sql = format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'sequence'), MAX(sequence)) \
                     FROM {table} HAVING COUNT(*) > 0"
                );
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .execute(&mut *self.transaction)
                    .await
                    .map_err(StoreError::query(DOING))?;
            }
        }
        self.transaction.commit().await.map_err(StoreError::query(DOING))
    }
}

fn corrupt(table: &str, cause: impl ToString) -> StoreError {
    StoreError::Corrupt { what: "table", id: table.to_owned(), cause: cause.to_string() }
}

fn values(row: &AnyRow, table: &str) -> Result<Row, StoreError> {
    let mut values = Row::new();
    for (place, column) in row.columns().iter().enumerate() {
        let failed = |error: sqlx::Error| corrupt(table, error);
        let raw = row.try_get_raw(place).map_err(failed)?;
        if raw.is_null() {
            continue;
        }
        let kind = raw.type_info().name().to_owned();
        let value = match kind.as_str() {
            "BIGINT" | "INTEGER" | "SMALLINT" => row.try_get::<i64, _>(place).map_err(failed)?.into(),
            "TEXT" => row.try_get::<String, _>(place).map_err(failed)?.into(),
            "BOOLEAN" => row.try_get::<bool, _>(place).map_err(failed)?.into(),
            "BLOB" => {
                let bytes: Vec<u8> = row.try_get(place).map_err(failed)?;
                serde_json::json!({ "base64": STANDARD.encode(bytes) })
            }
            other => return Err(corrupt(table, format!("`{}` is a {other}", column.name()))),
        };
        values.insert(column.name().to_owned(), value);
    }
    Ok(values)
}
