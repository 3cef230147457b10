//! How does SQLite run the steps of the guarded transaction?
//!
//! `BEGIN IMMEDIATE` takes the only write lock, so no other writer is open while the transaction runs.

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};
use synapsor_protocol::{Identifier, OperationId, Scalar, Timestamp};

use super::connect::Lease;
use super::fault::{Fault, Phase};
use super::place::{self, Place};
use super::statements::guarded as sql;
use super::{statements, types};
use crate::ReceiptTable;
use crate::catalog::{Checked, Column};
use crate::error::SourceError;
use crate::guarded::Claim;
use crate::guarded::business::{Answered, Statement};
use crate::guarded::receipt::{Receipts, Status, Stored};
use crate::guarded::session::{Assignments, Cell, CommitError, Row, Session};
use crate::guarded::target::Target;

/// One connection that runs guarded transactions.
pub(crate) struct SqliteSession {
    lease: Lease,
    receipts: sql::Receipts,
}

impl SqliteSession {
    pub(super) fn new(lease: Lease, receipts: &ReceiptTable) -> Self {
        let schema = receipts.schema.clone().or_else(|| Identifier::new("main"));
        // `main` is an identifier, so the table's own name never stands in.
        let schema = schema.unwrap_or_else(|| receipts.table.clone());
        Self { lease, receipts: sql::Receipts::new(schema, receipts.table.clone()) }
    }

    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, SourceError> {
        let result = self.lease.work(work).await?;
        result.map_err(|fault| fault.into_error(self.lease.name()))
    }

    /// The same outside a transaction: whatever comes of it, it leaves nothing open.
    async fn run_alone<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, SourceError> {
        let result = self.lease.work(work).await?;
        self.lease.settle();
        result.map_err(|fault| fault.into_error(self.lease.name()))
    }

    async fn control(&mut self, statement: &'static str) -> Result<(), SourceError> {
        self.run(move |connection| connection.execute_batch(statement).map_err(Fault::effect)).await
    }

    async fn execute(&mut self, statement: String, values: Vec<Value>) -> Result<u64, SourceError> {
        let work = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&statement).map_err(Fault::query)?;
            statement.execute(params_from_iter(values)).map_err(Fault::effect)
        };
        self.run(work).await.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX))
    }
}

impl Fault {
    /// A statement that may run somebody's triggers.
    fn effect(error: rusqlite::Error) -> Self {
        Self { phase: Phase::Effect, error }
    }
}

impl Session for SqliteSession {
    async fn receipts(&mut self) -> Result<Receipts, SourceError> {
        let (statement, table, schema) = (self.receipts.columns(), self.receipts.table.clone(), self.receipts.schema.clone());
        let work = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(statement).map_err(Fault::query)?;
            let rows = statement.query_map([table.as_str(), schema.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.and_then(Iterator::collect::<Result<Vec<(String, bool)>, _>>).map_err(Fault::query)
        };
        let found = self.run_alone(work).await?;
        Ok(Receipts::judge(&found, |column, reference| self.receipts.alter(column, reference), || self.receipts.make_unique()))
    }

    async fn create_receipts(&mut self) -> Result<(), SourceError> {
        let statement = self.receipts.create();
        self.run_alone(move |connection| connection.execute_batch(&statement).map_err(Fault::effect)).await
    }

    fn create_receipts_sql(&self) -> String {
        format!("{};", self.receipts.create())
    }

    async fn may_write_receipts(&mut self, _present: bool) -> Result<bool, SourceError> {
        let schema = self.receipts.schema.clone();
        self.run_alone(move |connection| connection.is_readonly(schema.as_str()).map_err(Fault::query)).await.map(|read_only| !read_only)
    }

    async fn begin(&mut self) -> Result<(), SourceError> {
        self.control(sql::BEGIN).await
    }

    async fn insert_receipt(&mut self, claim: &Claim, status: Status) -> Result<bool, SourceError> {
        let values = vec![
            text(&claim.operation_id),
            text(&claim.job_id),
            text(&claim.proposal_id),
            text(&claim.proposal_hash),
            Value::Integer(i64::from(claim.attempt)),
            text(&claim.action),
            text(status.as_str()),
            text(Timestamp::now()),
        ];
        Ok(self.execute(self.receipts.insert(), values).await? == 1)
    }

    async fn find_receipt(&mut self, operation: &OperationId) -> Result<Option<Stored>, SourceError> {
        let (statement, operation) = (self.receipts.find(), operation.to_string());
        let work = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&statement).map_err(Fault::query)?;
            let mut rows = statement.query([operation]).map_err(Fault::query)?;
            rows.next().map_err(Fault::query)?.map(stored).transpose().map_err(Fault::query)
        };
        self.run(work).await
    }

    async fn revive_receipt(&mut self, claim: &Claim, status: Status) -> Result<bool, SourceError> {
        let values = vec![text(&claim.operation_id), text(status.as_str()), Value::Integer(i64::from(claim.attempt)), text(&claim.job_id)];
        Ok(self.execute(self.receipts.revive(), values).await? == 1)
    }

    async fn complete_receipt(&mut self, claim: &Claim, status: Status, receipt_json: String) -> Result<bool, SourceError> {
        let values = vec![
            text(&claim.operation_id),
            Value::Integer(i64::from(claim.attempt)),
            text(status.as_str()),
            Value::Text(receipt_json),
            text(Timestamp::now()),
        ];
        Ok(self.execute(self.receipts.complete(), values).await? == 1)
    }

    async fn seal(&mut self) -> Result<(), SourceError> {
        self.control(sql::SEAL).await
    }

    async fn release_seal(&mut self) -> Result<bool, SourceError> {
        let work = |connection: &mut Connection| match connection.execute_batch(sql::RELEASE) {
            Ok(()) => Ok(true),
            // There is no code of its own for a savepoint that does not exist.
            Err(error) => match Fault::effect(error) {
                fault if connection.is_autocommit() || fault.is_plain() => Ok(false),
                fault => Err(fault),
            },
        };
        self.run(work).await
    }

    async fn rows(&mut self, target: &Target<'_>, _lock: bool) -> Result<Vec<Row>, SourceError> {
        let (statement, table) = (sql::row(target.table), target.change.table.clone());
        let values = statements::scope_values(&target.change.key, target.change.tenant.as_ref());
        let work = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&statement).map_err(Fault::query)?;
            let mut rows = statement.query(params_from_iter(values)).map_err(Fault::query)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(Fault::query)? {
                found.push(cells(row, table.checked())?);
            }
            Ok(found)
        };
        self.run(work).await
    }

    async fn update(&mut self, target: &Target<'_>, assignments: &Assignments<'_>) -> Result<u64, SourceError> {
        // The server's clock is ours: no column of this engine asks for it.
        let columns = assignments.values.iter().map(|(column, _)| &column.name);
        let statement = sql::update(target.table, columns);
        let mut values: Vec<Value> = assignments.values.iter().map(|(_, value)| types::bind(value)).collect();
        values.extend(statements::scope_values(&target.change.key, target.change.tenant.as_ref()));
        self.execute(statement, values).await
    }

    async fn business(&mut self, statement: &Statement) -> Result<Answered, SourceError> {
        let ((sql, values), shown) = (sql::business(statement), statement.shown.clone());
        if shown.is_empty() {
            let touched = self.execute(sql, values).await?;
            return Ok(Answered { touched, rows: Vec::new() });
        }
        let work = move |connection: &mut Connection| {
            let mut statement = connection.prepare_cached(&sql).map_err(Fault::query)?;
            let mut rows = statement.query(params_from_iter(values)).map_err(Fault::effect)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(Fault::effect)? {
                found.push(types::cells(row, &shown)?);
            }
            Ok(found)
        };
        let rows = self.run(work).await?;
        Ok(Answered { touched: u64::try_from(rows.len()).unwrap_or(u64::MAX), rows })
    }

    async fn foreign(&mut self, text: &str, values: &[Scalar]) -> Result<u64, SourceError> {
        let (text, values): (_, Vec<Value>) = (text.to_owned(), values.iter().map(types::plain).collect());
        let work = move |connection: &mut Connection| {
            // More than one statement, or another number of values, is refused here.
            let mut statement = connection.prepare(&text).map_err(Fault::effect)?;
            if statement.column_count() == 0 {
                return statement.execute(params_from_iter(values)).map_err(Fault::effect);
            }
            let mut rows = statement.query(params_from_iter(values)).map_err(Fault::effect)?;
            let mut count = 0;
            while rows.next().map_err(Fault::effect)?.is_some() {
                count += 1;
            }
            Ok(count)
        };
        self.run(work).await.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX))
    }

    async fn fire_deferred(&mut self) -> Result<(), SourceError> {
        // SQLite has no statement for it; deferred foreign keys are held against the rows at the commit.
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), CommitError> {
        let (name, place) = (self.lease.name().clone(), self.lease.place().clone());
        let result = self.lease.work(move |connection| commit(connection, &place)).await.map_err(CommitError::Unknown)?;
        if !matches!(result, Err((_, Proof::None))) {
            self.lease.settle();
        }
        result.map_err(|(fault, proof)| match proof {
            Proof::RolledBack => CommitError::Failed(fault.into_error(&name)),
            Proof::None => CommitError::Unknown(fault.into_error(&name)),
        })
    }

    async fn rollback(&mut self) {
        let rolled_back = |connection: &mut Connection| {
            // A trigger may have ended the transaction already.
            connection.is_autocommit() || connection.execute_batch(sql::ROLLBACK).is_ok()
        };
        if let Ok(true) = self.lease.work(rolled_back).await {
            self.lease.settle();
        }
    }
}

/// What is known after a COMMIT that did not succeed.
#[derive(Debug)]
enum Proof {
    RolledBack,
    None,
}

/// COMMIT; one that is refused for a lock or a constraint leaves the transaction open, and is rolled back. In a file that
/// nobody finds any more nothing is committed: it would look applied to us alone.
fn commit(connection: &mut Connection, place: &Place) -> Result<(), (Fault, Proof)> {
    if !place.is_current() {
        return Err((Fault::effect(place::moved()), roll_back(connection)));
    }
    let Err(error) = connection.execute_batch(sql::COMMIT) else { return Ok(()) };
    let refused =
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ConstraintViolation));
    let proof = if refused { roll_back(connection) } else { Proof::None };
    Err((Fault::effect(error), proof))
}

/// Rolls an open transaction back; no proof if there is none to roll back.
fn roll_back(connection: &Connection) -> Proof {
    let open = !connection.is_autocommit();
    let rolled_back = open && connection.execute_batch(sql::ROLLBACK).is_ok() && connection.is_autocommit();
    if rolled_back { Proof::RolledBack } else { Proof::None }
}

fn text(value: impl std::fmt::Display) -> Value {
    Value::Text(value.to_string())
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored { proposal_hash: row.get(0)?, attempt: row.get(1)?, status: row.get(2)?, receipt_json: row.get(3)? })
}

fn cells(row: &rusqlite::Row<'_>, table: &Checked) -> Result<Row, Fault> {
    let cell = |(at, column): (usize, &Column)| {
        let stored = row.get_ref(at).map_err(Fault::query)?;
        Ok(Cell { column: column.name.clone(), value: types::scalar(column, stored), fingerprint: Some(types::fingerprint(stored)) })
    };
    table.all.iter().enumerate().map(cell).collect()
}
