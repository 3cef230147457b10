//! How does an application's function reach the guarded transaction that it runs in?
//!
//! By a handle: what it asks goes through a channel to whoever holds the session, and the answer comes back. So the function
//! owns what it was given, whatever engine is behind it, and a handle that outlives the transaction can do nothing.
//!
//! # Invariants
//! - After a statement failed, the transaction is not committed, whatever the function makes of the error.
//! - Tables that were not declared do not exist here; [`Tx::sql`] is for those who take that upon themselves.

use std::sync::Arc;

use synapsor_protocol::{Columns, Identifier, Scalar};
use tokio::sync::{mpsc, oneshot};

use super::business::{Answered, OpenTable, Statement, shortened};
use crate::error::{SourceError, ValueError};

/// Why the transaction did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TxError {
    /// The table was not declared. Nothing was sent.
    #[error("table `{table}` was not declared for effects")]
    UnknownTable {
        /// What was asked for.
        table: String,
    },
    /// The table has no such column. Nothing was sent.
    #[error("table `{table}` has no column `{column}`")]
    UnknownColumn {
        /// The table.
        table: Identifier,
        /// What was asked for.
        column: String,
    },
    /// A column was named twice. Nothing was sent.
    #[error("column `{column}` of table `{table}` is named twice")]
    ColumnTwice {
        /// The table.
        table: Identifier,
        /// The column.
        column: Identifier,
    },
    /// The tenant column was named. It is set, and compared, by the transaction. Nothing was sent.
    #[error("column `{column}` of table `{table}` is the tenant, which the transaction itself sets")]
    TenantIsSet {
        /// The table.
        table: Identifier,
        /// The column.
        column: Identifier,
    },
    /// A value that the column does not hold, or a stored one that cannot be shown. Nothing was changed.
    #[error("column `{column}`: {cause}")]
    Value {
        /// The column.
        column: Identifier,
        /// What is wrong with the value.
        #[source]
        cause: ValueError,
    },
    /// An update or a delete of all rows of a tenant. Nothing was sent.
    #[error("a change of table `{table}` needs a column that says which rows")]
    NoFilter {
        /// The table.
        table: Identifier,
    },
    /// An update that sets nothing. Nothing was sent.
    #[error("an update of table `{table}` sets nothing")]
    NothingSet {
        /// The table.
        table: Identifier,
    },
    /// A query of no column. Nothing was sent.
    #[error("a query of table `{table}` names no column")]
    NothingShown {
        /// The table.
        table: Identifier,
    },
    /// More rows than one answer holds.
    #[error("more than {limit} rows of table `{table}`")]
    TooManyRows {
        /// The table.
        table: Identifier,
        /// The most rows.
        limit: u32,
    },
    /// The database did not do it. The transaction will be rolled back.
    #[error("the database refused the statement")]
    Database(#[from] SourceError),
    /// The transaction is over, or was lost by an earlier statement.
    #[error("the transaction is over")]
    Ended,
}

/// What the function asks of the transaction.
#[derive(Debug)]
pub(super) enum Asked {
    Statement(Statement),
    Sql { text: String, values: Vec<Scalar> },
}

/// A question, and where the answer goes.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) asked: Asked,
    pub(super) answer: oneshot::Sender<Result<Answered, TxError>>,
}

/// The guarded transaction, as an application's function sees it. Clones reach the same transaction, one statement after the
/// other. Once the function has returned they reach nothing.
#[derive(Debug, Clone)]
pub struct Tx {
    calls: mpsc::Sender<Call>,
    tables: Arc<[OpenTable]>,
    tenant: Option<Scalar>,
}

impl Tx {
    pub(super) fn new(calls: mpsc::Sender<Call>, tables: Arc<[OpenTable]>, tenant: Option<Scalar>) -> Self {
        Self { calls, tables, tenant }
    }

    /// Inserts one row into the tenant.
    pub async fn insert(&self, table: &str, values: &[(&str, Scalar)]) -> Result<(), TxError> {
        let statement = Statement::insert(self.table(table)?, self.tenant.as_ref(), values)?;
        self.ask(Asked::Statement(statement)).await.map(drop)
    }

    /// Sets columns of the tenant's rows that have all of these values; how many there were.
    pub async fn update(&self, table: &str, set: &[(&str, Scalar)], filter: &[(&str, Scalar)]) -> Result<u64, TxError> {
        let statement = Statement::update(self.table(table)?, self.tenant.as_ref(), set, filter, &[])?;
        Ok(self.ask(Asked::Statement(statement)).await?.touched)
    }

    /// The same, and these columns of each row as they are afterwards.
    pub async fn update_returning(
        &self,
        table: &str,
        set: &[(&str, Scalar)],
        filter: &[(&str, Scalar)],
        columns: &[&str],
    ) -> Result<Vec<Columns>, TxError> {
        let table = self.table(table)?;
        if columns.is_empty() {
            return Err(TxError::NothingShown { table: table.table().clone() });
        }
        let statement = Statement::update(table, self.tenant.as_ref(), set, filter, columns)?;
        let answer = self.ask(Asked::Statement(statement.clone())).await?;
        statement.admit(answer)
    }

    /// Deletes the tenant's rows that have all of these values; how many there were.
    pub async fn delete(&self, table: &str, filter: &[(&str, Scalar)]) -> Result<u64, TxError> {
        let statement = Statement::delete(self.table(table)?, self.tenant.as_ref(), filter)?;
        Ok(self.ask(Asked::Statement(statement)).await?.touched)
    }

    /// Reads these columns of the tenant's rows that have all of these values, at most 1000 rows.
    pub async fn query(&self, table: &str, filter: &[(&str, Scalar)], columns: &[&str]) -> Result<Vec<Columns>, TxError> {
        let statement = Statement::select(self.table(table)?, self.tenant.as_ref(), filter, columns)?;
        let answer = self.ask(Asked::Statement(statement.clone())).await?;
        statement.admit(answer)
    }

    /// Runs one statement of the application's own, with bound values, and counts the rows that it touched.
    ///
    /// Nothing is added to it: the tenant is the author's affair. Parameters are `$1` on PostgreSQL, `?1` on SQLite and `?` on
    /// MySQL. It must not end the transaction: one that does is found out, and its outcome is unknown.
    pub async fn sql(&self, text: &str, values: &[Scalar]) -> Result<u64, TxError> {
        let asked = Asked::Sql { text: text.to_owned(), values: values.to_vec() };
        Ok(self.ask(asked).await?.touched)
    }

    /// The declared table, named with or without its schema.
    pub fn table(&self, name: &str) -> Result<&OpenTable, TxError> {
        let (schema, table) = name.split_once('.').map_or((None, name), |(schema, table)| (Some(schema), table));
        let named = |open: &&OpenTable| open.table().as_str() == table && schema.is_none_or(|schema| open.schema().as_str() == schema);
        self.tables.iter().find(named).ok_or_else(|| TxError::UnknownTable { table: shortened(name) })
    }

    async fn ask(&self, asked: Asked) -> Result<Answered, TxError> {
        let (answer, answered) = oneshot::channel();
        self.calls.send(Call { asked, answer }).await.map_err(|_| TxError::Ended)?;
        answered.await.map_err(|_| TxError::Ended)?
    }
}
