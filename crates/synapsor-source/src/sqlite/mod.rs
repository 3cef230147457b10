//! How does SQLite read a scoped row, describe itself, run the guarded transaction?
//!
//! One thread per connection behind a channel of closures, because a transaction of SQLite belongs to its thread's
//! connection. The file keeps its persistent settings, `journal_mode` above all: only connection settings are ours.
//!
//! Start reading at [`connect`]; [`statements`] holds all SQL and [`types`] the table of types.

mod catalog;
mod connect;
#[cfg(test)]
mod documented;
mod fault;
mod place;
#[cfg(feature = "guarded-write")]
mod session;
mod statements;
mod types;

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::params_from_iter;
use synapsor_protocol::Columns;

use crate::catalog::{CheckedTable, TableCheck, TableFacts, TableUse, judge};
use crate::error::SourceError;
use crate::read::admit;
use crate::settings::SourceSettings;
use crate::value::CheckedValue;

use connect::{Access, Files};
use fault::{Fault, Phase};
#[cfg(feature = "guarded-write")]
pub(crate) use session::SqliteSession;

/// One SQLite file and its connections.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    name: Arc<str>,
    files: Files,
}

impl Sqlite {
    pub(crate) fn reader(settings: &SourceSettings, path: PathBuf) -> Result<Self, SourceError> {
        Self::open(settings, path, Access::Read)
    }

    #[cfg(feature = "guarded-write")]
    pub(crate) fn writer(settings: &SourceSettings, path: PathBuf) -> Result<Self, SourceError> {
        Self::open(settings, path, Access::Write)
    }

    fn open(settings: &SourceSettings, path: PathBuf, access: Access) -> Result<Self, SourceError> {
        let name: Arc<str> = settings.name.as_str().into();
        Ok(Self { files: Files::new(name.clone(), settings, path, access)?, name })
    }

    pub(crate) async fn check(&self, usage: &TableUse) -> Result<TableCheck, SourceError> {
        Ok(judge(&self.name, usage, self.facts(usage).await?, statements::read))
    }

    /// What the catalog says of the table.
    pub(crate) async fn facts(&self, usage: &TableUse) -> Result<Option<TableFacts>, SourceError> {
        let lease = self.files.lease().await?;
        let wanted = usage.clone();
        lease.finish(move |connection| catalog::facts(connection, &wanted)).await
    }

    pub(crate) async fn read(
        &self,
        table: &CheckedTable,
        key: &CheckedValue,
        tenant: Option<&CheckedValue>,
        limit: u32,
    ) -> Result<Vec<Columns>, SourceError> {
        let lease = self.files.lease().await?;
        let (held, mut values) = (table.clone(), statements::scope_values(key, tenant));
        values.push(i64::from(limit).into());
        let rows = lease
            .finish(move |connection| {
                let checked = held.checked();
                let mut statement = connection.prepare_cached(&checked.read_sql).map_err(Fault::query)?;
                let mut rows = statement.query(params_from_iter(values)).map_err(Fault::query)?;
                let mut found = Vec::new();
                while let Some(row) = rows.next().map_err(Fault::query)? {
                    found.push(types::cells(row, &checked.read)?);
                }
                Ok(found)
            })
            .await?;
        let admitted = rows.into_iter().map(|cells| admit(&self.name, table.checked(), key, tenant, cells));
        admitted.filter_map(Result::transpose).collect()
    }

    #[cfg(feature = "guarded-write")]
    pub(crate) async fn session(&self, receipts: &crate::ReceiptTable) -> Result<SqliteSession, SourceError> {
        Ok(SqliteSession::new(self.files.lease().await?, receipts))
    }
}

impl Fault {
    /// A statement that reads, and whose only way to go wrong is that the schema is another one.
    fn query(error: rusqlite::Error) -> Self {
        Self { phase: Phase::Query, error }
    }
}
