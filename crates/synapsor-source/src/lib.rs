//! How does one database read a scoped row, describe itself, run the guarded transaction?
//!
//! # Invariants
//! - A statement is built from names that the catalog has confirmed ([`CheckedTable`]), quoted, and from bound values that
//!   were parsed into the column's type ([`CheckedValue`]). All SQL of an engine is in one module, `statements`.
//! - A read is read-only on the server, bounded in time, and shows only rows whose key and tenant are the asked ones byte
//!   for byte.
//! - A write exists only behind the feature `guarded-write`, and only as the guarded transaction.
//! - A connection whose work was dropped in the middle is cancelled on the server and never pooled.
//! - An error says what happened in this crate's words; the driver's are behind [`std::error::Error::source`].
//!
//! Absent on purpose: any way to run SQL of somebody else.
//!
//! Start reading at [`Source`], then `catalog`, `value`; the write begins at `guarded`.

#[cfg(not(any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
compile_error!("a source needs an engine: enable `mysql`, `postgres` or `sqlite`");

pub mod catalog;
pub mod error;
#[cfg(feature = "guarded-write")]
pub mod guarded;
#[cfg(feature = "mysql")]
mod mysql;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod read;
mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;
mod value;

use std::sync::Arc;

use synapsor_protocol::Columns;

pub use catalog::{CatalogFinding, CheckedTable, Severity, TableCheck, TableUse};
pub use error::{SourceError, ValueError};
#[cfg(feature = "guarded-write")]
pub use guarded::{ReceiptTable, WriteSource};
pub use settings::{Location, SourceSettings};
pub use value::CheckedValue;

/// A business database to read from. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Source {
    name: Arc<str>,
    engine: Engine,
}

/// The closed set of engines.
#[derive(Debug, Clone)]
enum Engine {
    #[cfg(feature = "mysql")]
    Mysql(mysql::Mysql),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
}

impl Source {
    /// Takes a source into use. Parses the URL and connects nothing.
    pub fn open(settings: SourceSettings) -> Result<Self, SourceError> {
        let name: Arc<str> = settings.name.as_str().into();
        let engine = match settings.location.clone() {
            #[cfg(feature = "mysql")]
            Location::Mysql(url) => Engine::Mysql(mysql::Mysql::reader(&settings, &url)?),
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => Engine::Postgres(postgres::Postgres::reader(&settings, &url)?),
            #[cfg(feature = "sqlite")]
            Location::Sqlite(path) => Engine::Sqlite(sqlite::Sqlite::reader(&settings, path)?),
            #[cfg(not(all(feature = "mysql", feature = "postgres", feature = "sqlite")))]
            other => return Err(SourceError::EngineMissing { name, engine: other.engine() }),
        };
        Ok(Self { name, engine })
    }

    /// Compares the use with the catalog. Changes nothing.
    pub async fn check(&self, usage: &TableUse) -> Result<TableCheck, SourceError> {
        self.engine.check(usage).await
    }

    /// Reads the rows of this key and tenant, at most `limit`, with the columns of the use and key, tenant and version
    /// besides, in canonical form.
    ///
    /// One round trip on PostgreSQL and MySQL once the statement is prepared. A missing row and another tenant's row give the same
    /// empty answer by the same statement. Dropping the future cancels the statement.
    pub async fn read(
        &self,
        table: &CheckedTable,
        key: &CheckedValue,
        tenant: Option<&CheckedValue>,
        limit: u32,
    ) -> Result<Vec<Columns>, SourceError> {
        let checked = table.checked();
        if checked.source != self.name || !checked.owns_scope(key, tenant) {
            return Err(SourceError::Foreign { name: self.name.clone() });
        }
        match &self.engine {
            #[cfg(feature = "mysql")]
            Engine::Mysql(mysql) => mysql.read(table, key, tenant, limit).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.read(table, key, tenant, limit).await,
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(sqlite) => sqlite.read(table, key, tenant, limit).await,
        }
    }
}

impl Engine {
    async fn check(&self, usage: &TableUse) -> Result<TableCheck, SourceError> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(mysql) => mysql.check(usage).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.check(usage).await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.check(usage).await,
        }
    }

    #[cfg(feature = "guarded-write")]
    async fn facts(&self, usage: &TableUse) -> Result<Option<catalog::TableFacts>, SourceError> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(mysql) => mysql.facts(usage).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.facts(usage).await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite) => sqlite.facts(usage).await,
        }
    }
}
