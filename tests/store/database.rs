//! A database of its own for each test: here a schema of a PostgreSQL database.

use sqlx::{AnyConnection, Connection as _};

pub(crate) struct Database {
    pub(crate) url: String,
}

impl Database {
    pub(crate) async fn fresh() -> Self {
        let base = std::env::var("PORTCULLIS_TEST_POSTGRES")
            .expect("PORTCULLIS_TEST_POSTGRES names a PostgreSQL database for the tests");
        sqlx::any::install_default_drivers();
        let schema = format!("test_{}", uuid::Uuid::now_v7().simple());
        let mut connection = AnyConnection::connect(&base).await.expect("PostgreSQL answers");
        let make = format!("CREATE SCHEMA {schema}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(make)).execute(&mut connection).await.expect("a schema");
        let sign = if base.contains('?') { '&' } else { '?' };
        Self { url: format!("{base}{sign}options=-csearch_path%3D{schema}") }
    }
}
