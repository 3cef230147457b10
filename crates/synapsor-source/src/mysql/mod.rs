//! How does MySQL or MariaDB read a scoped row, describe itself, run the guarded transaction?
//!
//! Every value passes in the binary form of a prepared statement, where each type has its own, so that no digit is lost.
//! What the database compares loosely, texts above all, is compared as bytes besides. MySQL 5.7 and later, MariaDB 10.3
//! and later.
//!
//! Start reading at [`connect`]; [`statements`] holds all SQL and [`types`] the table of types.

mod catalog;
mod connect;
#[cfg(test)]
mod documented;
mod fault;
mod lease;
#[cfg(feature = "guarded-write")]
mod session;
mod statements;
mod tls;
mod types;
mod url;

use std::sync::Arc;

#[cfg(feature = "guarded-write")]
use synapsor_protocol::Identifier;
use synapsor_protocol::{Columns, Secret};

use crate::catalog::{CheckedTable, TableCheck, TableFacts, TableUse, judge};
use crate::error::SourceError;
use crate::read::admit;
use crate::settings::SourceSettings;
use crate::value::CheckedValue;

use connect::{Access, Servers};
#[cfg(feature = "guarded-write")]
pub(crate) use session::MysqlSession;

/// One database of MySQL or MariaDB and its connections.
#[derive(Debug, Clone)]
pub(crate) struct Mysql {
    name: Arc<str>,
    servers: Servers,
}

impl Mysql {
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

    /// The database of the URL.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn database(&self) -> &Identifier {
        self.servers.database()
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
        parameters.push(limit.into());
        let rows = lease.query(&checked.read_sql, parameters).await?;
        lease.settle();
        let admitted = rows.into_iter().map(|row| admit(&self.name, checked, key, tenant, types::cells(row, &checked.read)));
        admitted.filter_map(Result::transpose).collect()
    }

    #[cfg(feature = "guarded-write")]
    pub(crate) async fn session(&self, receipts: &crate::ReceiptTable) -> Result<MysqlSession, SourceError> {
        Ok(MysqlSession::new(self.servers.lease().await?, receipts, self.servers.database()))
    }
}
