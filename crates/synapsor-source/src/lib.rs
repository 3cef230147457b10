//! How does one database read a scoped row, describe itself, run the guarded transaction?

pub mod catalog;
pub mod error;
#[cfg(feature = "guarded-write")]
pub mod guarded;
mod settings;
mod value;

use std::sync::Arc;

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
    name: Arc<str>,
}

impl Source {
    /// Takes a source into use. Parses the URL and connects nothing.
    pub fn open(settings: SourceSettings) -> Result<Self, SourceError> {
        Ok(Self { name: settings.name.into() })
    }

    /// Compares the use with the catalog.
    pub async fn check(&self, _usage: &TableUse) -> Result<TableCheck, SourceError> {
        Err(SourceError::EngineMissing { name: self.name.clone(), engine: "any" })
    }

    /// Reads the rows of this key and tenant, at most `limit`.
    pub async fn read(
        &self,
        _table: &CheckedTable,
        _key: &CheckedValue,
        _tenant: Option<&CheckedValue>,
        _limit: u32,
    ) -> Result<Vec<Columns>, SourceError> {
        Err(SourceError::EngineMissing { name: self.name.clone(), engine: "any" })
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
    name: Arc<str>,
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
