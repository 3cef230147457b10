//! How does an effect reach the guarded transaction?

use synapsor_protocol::{Columns, Scalar};
use synapsor_source::guarded;

/// The guarded transaction, as an effect sees it. Clones reach the same transaction, one statement after the other; once the
/// effect has returned they reach nothing.
///
/// A table is named as it was declared, with or without its schema. The tenant is set in what is inserted and compared in
/// everything else. Names are held against the catalog, values are parsed into the types of their columns and bound. After a
/// statement that the database refused the transaction is lost, whatever the effect makes of it.
///
/// ```
/// use synapsor_handler::{Done, EffectError, Job, Tx};
///
/// async fn credit(job: Job, tx: Tx) -> Result<Done, EffectError> {
///     let cents = job.patch().integer("credit_cents")?;
///     tx.insert("credits", &[("invoice_id", job.object_id().into()), ("cents", cents.into())]).await?;
///     let rows = tx
///         .update_returning("invoices", &[("status", "credited".into())], &[("id", job.object_id().into())], &["status"])
///         .await?;
///     if rows.len() != 1 {
///         return Err(EffectError::refuse("there is no such invoice"));
///     }
///     Ok(Done::new().effect("db.insert").effect("db.update"))
/// }
/// # let _ = |job, tx| credit(job, tx);
/// ```
#[derive(Debug, Clone)]
pub struct Tx(guarded::Tx);

/// Why the transaction did not do what it was asked. No text of a driver is in it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct TxError {
    message: String,
    /// Whether the transaction is lost: the effect can only give up.
    pub lost: bool,
}

impl Tx {
    pub(crate) fn new(tx: guarded::Tx) -> Self {
        Self(tx)
    }

    /// What the catalog says about a declared table.
    #[cfg(feature = "declared")]
    pub(crate) fn open_table(&self, table: &str) -> Result<&guarded::OpenTable, TxError> {
        self.0.table(table).map_err(TxError::from_source)
    }

    /// Inserts one row into the tenant.
    pub async fn insert(&self, table: &str, values: &[(&str, Scalar)]) -> Result<(), TxError> {
        self.0.insert(table, values).await.map_err(TxError::from_source)
    }

    /// Sets columns of the tenant's rows that have all of these values; how many there were.
    pub async fn update(&self, table: &str, set: &[(&str, Scalar)], filter: &[(&str, Scalar)]) -> Result<u64, TxError> {
        self.0.update(table, set, filter).await.map_err(TxError::from_source)
    }

    /// The same, and these columns of each row as they are afterwards.
    pub async fn update_returning(
        &self,
        table: &str,
        set: &[(&str, Scalar)],
        filter: &[(&str, Scalar)],
        columns: &[&str],
    ) -> Result<Vec<Columns>, TxError> {
        self.0.update_returning(table, set, filter, columns).await.map_err(TxError::from_source)
    }

    /// Deletes the tenant's rows that have all of these values; how many there were.
    pub async fn delete(&self, table: &str, filter: &[(&str, Scalar)]) -> Result<u64, TxError> {
        self.0.delete(table, filter).await.map_err(TxError::from_source)
    }

    /// Reads these columns of the tenant's rows that have all of these values, at most 1000 rows.
    pub async fn query(&self, table: &str, filter: &[(&str, Scalar)], columns: &[&str]) -> Result<Vec<Columns>, TxError> {
        self.0.query(table, filter, columns).await.map_err(TxError::from_source)
    }

    /// Runs one statement of the application's own in the same transaction, with bound values, and counts the rows that it
    /// touched. Nothing is added to it: the tenant is the author's affair. Parameters are `$1` on PostgreSQL, `?1` on SQLite
    /// and `?` on MySQL. It must not end the transaction; if it does, the outcome is unknown.
    pub async fn sql(&self, text: &str, values: &[Scalar]) -> Result<u64, TxError> {
        self.0.sql(text, values).await.map_err(TxError::from_source)
    }
}

impl TxError {
    /// The driver's own words are for the log, where the guarded transaction tells them.
    fn from_source(error: guarded::TxError) -> Self {
        let lost = matches!(error, guarded::TxError::Database(_) | guarded::TxError::Ended);
        let message = match &error {
            guarded::TxError::Database(cause) => format!("{error}: {cause}"),
            _ => error.to_string(),
        };
        Self { message, lost }
    }
}
