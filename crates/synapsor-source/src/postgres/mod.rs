//! How does PostgreSQL read a scoped row, describe itself, run the guarded transaction?
//!
//! Every column is read as the text that the database itself writes in a pinned session (UTC, ISO dates, all digits), and
//! every value is bound as text and cast to the type that the catalog names. So nothing passes through a driver's idea
//! of a type, and no digit is lost. PostgreSQL 12 and later.
//!
//! Start reading at [`connect`]; [`statements`] holds all SQL and [`types`] the table of types.

mod array;
mod catalog;
mod connect;
#[cfg(test)]
mod documented;
mod fault;
#[cfg(feature = "guarded-write")]
mod session;
mod statements;
mod tls;
mod types;
mod url;

use std::sync::Arc;

use synapsor_protocol::{Columns, Secret};

use crate::catalog::{CheckedTable, TableCheck, TableFacts, TableUse, judge};
use crate::error::SourceError;
use crate::read::admit;
use crate::settings::SourceSettings;
use crate::value::CheckedValue;

use connect::{Access, Servers};
#[cfg(feature = "guarded-write")]
pub(crate) use session::PostgresSession;

/// One PostgreSQL database and its connections.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    name: Arc<str>,
    servers: Servers,
}

impl Postgres {
    pub(crate) fn reader(settings: &SourceSettings, url: &Secret) -> Result<Self, SourceError> {
        Self::open(settings, url, Access::Read)
    }

    #[cfg(feature = "guarded-write")]
    pub(crate) fn writer(settings: &SourceSettings, url: &Secret) -> Result<Self, SourceError> {
        Self::open(settings, url, Access::Write)
    }

    fn open(settings: &SourceSettings, url: &Secret, access: Access) -> Result<Self, SourceError> {
        let name: Arc<str> = settings.name.as_str().into();
        let target = url::parse(&name, url)?;
        Ok(Self { servers: Servers::new(name.clone(), settings, target, access)?, name })
    }

    pub(crate) async fn check(&self, usage: &TableUse) -> Result<TableCheck, SourceError> {
        Ok(judge(&self.name, usage, self.facts(usage).await?, statements::read))
    }

    /// What the catalog says of the table.
    pub(crate) async fn facts(&self, usage: &TableUse) -> Result<Option<TableFacts>, SourceError> {
        let mut lease = self.servers.lease().await?;
        let facts = catalog::facts(&mut lease, usage).await?;
        lease.settle();
        Ok(facts)
    }

    pub(crate) async fn read(
        &self,
        table: &CheckedTable,
        key: &CheckedValue,
        tenant: Option<&CheckedValue>,
        limit: u32,
    ) -> Result<Vec<Columns>, SourceError> {
        let mut lease = self.servers.lease().await?;
        let checked = table.checked();
        let mut parameters = types::scope(key, tenant);
        parameters.push(Some(limit.to_string()));
        let rows = lease.query(&checked.read_sql, &parameters).await?;
        lease.settle();
        let admitted = rows.iter().map(|row| admit(&self.name, checked, key, tenant, types::cells(row, &checked.read)));
        admitted.filter_map(Result::transpose).collect()
    }

    #[cfg(feature = "guarded-write")]
    pub(crate) async fn session(&self, receipts: &crate::ReceiptTable) -> Result<PostgresSession, SourceError> {
        Ok(PostgresSession::new(self.servers.lease().await?, receipts))
    }
}
