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

pub mod catalog;
pub mod error;
#[cfg(feature = "guarded-write")]
pub mod guarded;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod pool;
mod read;
mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;
mod value;

use synapsor_protocol::Columns;
#[cfg(feature = "guarded-write")]
use synapsor_protocol::{ErrorCode, Identifier, Outcome, Report};

pub use catalog::{CatalogFinding, CheckedTable, Severity, TableCheck, TableUse};
pub use error::{SourceError, ValueError};
pub use settings::{Location, SourceSettings};
pub use value::CheckedValue;

/// A business database to read from. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Source {
    engine: Engine,
}

/// The closed set of engines.
#[derive(Debug, Clone)]
enum Engine {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Sqlite),
}

impl Source {
    /// Takes a source into use. Parses the URL and connects nothing.
    pub fn open(settings: SourceSettings) -> Result<Self, SourceError> {
        let engine = match settings.location.clone() {
            #[cfg(feature = "sqlite")]
            Location::Sqlite(path) => Engine::Sqlite(sqlite::Sqlite::reader(&settings, path)?),
            #[expect(unreachable_patterns, reason = "an engine may be left out of the build")]
            other => return Err(SourceError::EngineMissing { name: settings.name.into(), engine: other.engine() }),
        };
        Ok(Self { engine })
    }

    /// Compares the use with the catalog. Changes nothing.
    pub async fn check(&self, usage: &TableUse) -> Result<TableCheck, SourceError> {
        match &self.engine {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(sqlite) => sqlite.check(usage).await,
        }
    }

    /// Reads the rows of this key and tenant, at most `limit`, with the columns of the use and key, tenant and version
    /// besides, in canonical form.
    ///
    /// One round trip on PostgreSQL once the statement is prepared. A missing row and another tenant's row give the same
    /// empty answer by the same statement. Dropping the future cancels the statement.
    pub async fn read(
        &self,
        table: &CheckedTable,
        key: &CheckedValue,
        tenant: Option<&CheckedValue>,
        limit: u32,
    ) -> Result<Vec<Columns>, SourceError> {
        match &self.engine {
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(sqlite) => sqlite.read(table, key, tenant, limit).await,
        }
    }
}

/// Where a source keeps the receipts of the guarded transaction.
#[cfg(feature = "guarded-write")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptTable {
    /// The schema; `None` is `public` on PostgreSQL and `main` on SQLite.
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
}

/// A business database to write to, by the guarded transaction alone. Cheap to clone; clones share the connections.
#[cfg(feature = "guarded-write")]
#[derive(Debug, Clone)]
pub struct WriteSource {
    name: std::sync::Arc<str>,
}

#[cfg(feature = "guarded-write")]
impl WriteSource {
    /// Takes a source into use. Parses the URL and connects nothing.
    pub fn open(settings: SourceSettings, _receipts: ReceiptTable) -> Result<Self, SourceError> {
        Ok(Self { name: settings.name.into() })
    }

    /// Compares the use with the catalog, with the rights of the writing account.
    pub async fn check(&self, _usage: &TableUse) -> Result<TableCheck, SourceError> {
        Err(SourceError::EngineMissing { name: self.name.clone(), engine: "any" })
    }

    /// Runs the guarded transaction.
    pub async fn apply(&self, _change: &guarded::Change) -> Report {
        Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE)
    }

    /// Runs the guarded transaction up to its commit and rolls back.
    pub async fn rehearse(&self, _change: &guarded::Change) -> guarded::Rehearsal {
        let report = Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE);
        guarded::Rehearsal { report, receipt_table_present: false }
    }

    /// Commits a tombstone, so that no attempt of this operation up to this one can do anything any more.
    pub async fn fence(&self, _claim: &guarded::Claim) -> guarded::Fence {
        guarded::Fence::Unresolved(Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE))
    }
}
