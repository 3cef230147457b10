//! How does MySQL run the steps of the guarded transaction?

use mysql_async::{Row as Answer, Value};
use synapsor_protocol::{Identifier, OperationId, Scalar};

use super::catalog::{self, Name};
use super::lease::Lease;
use super::statements::guarded as sql;
use super::{fault, types};
use crate::ReceiptTable;
use crate::catalog::Column;
use crate::error::{SourceError, ValueError};
use crate::guarded::Claim;
use crate::guarded::business::{Answered, Statement, Verb};
use crate::guarded::receipt::{Receipts, Status, Stored};
use crate::guarded::session::{Assignments, Cell, CommitError, Row, Session};
use crate::guarded::target::Target;

/// One connection that runs guarded transactions.
pub(crate) struct MysqlSession {
    lease: Lease,
    receipts: sql::Receipts,
}

impl MysqlSession {
    pub(super) fn new(lease: Lease, receipts: &ReceiptTable, database: &Identifier) -> Self {
        let schema = receipts.schema.as_ref().unwrap_or(database).clone();
        Self { lease, receipts: sql::Receipts::new(schema, receipts.table.clone()) }
    }

    async fn control(&mut self, statement: &str) -> Result<(), SourceError> {
        let result = self.lease.control(statement).await?;
        result.map_err(|error| fault::running(self.lease.name(), error))
    }

    async fn execute(&mut self, statement: &str, parameters: Vec<Value>) -> Result<u64, SourceError> {
        let result = self.lease.execute(statement, parameters).await?;
        result.map_err(|error| fault::running(self.lease.name(), error))
    }

    async fn shown(&mut self, statement: &Statement) -> Result<Vec<Vec<Result<Scalar, ValueError>>>, SourceError> {
        let (sql, values) = sql::business(statement);
        let answers = self.lease.query(&sql, values).await?;
        Ok(answers.into_iter().map(|answer| types::cells(answer, &statement.shown)).collect())
    }

    fn unreadable(&self, cause: &'static str) -> SourceError {
        SourceError::SchemaChanged { name: self.lease.name().clone(), cause: cause.into() }
    }
}

impl Session for MysqlSession {
    async fn receipts(&mut self) -> Result<Receipts, SourceError> {
        let (schema, table) = (self.receipts.schema.clone(), self.receipts.table.clone());
        let name = Name { schema: schema.as_str(), table: table.as_str() };
        let columns = catalog::columns(&mut self.lease, name).await?;
        let unique = catalog::unique(&mut self.lease, name).await?;
        self.lease.settle();
        let alone = |column: &Identifier| unique.iter().any(|index| index.as_slice() == std::slice::from_ref(column));
        let found: Vec<(String, bool)> = columns.iter().map(|(column, _)| (column.to_string(), alone(column))).collect();
        let judged = Receipts::judge(&found, |column, reference| self.receipts.alter(column, reference), || self.receipts.make_unique());
        let id = columns.iter().find(|(column, _)| column.as_str() == "operation_id").map(|(_, found)| found);
        Ok(match (judged, id) {
            (Receipts::Ready, Some(id)) if !id.is_transactional() => Receipts::Unusable(self.receipts.make_transactional()),
            (Receipts::Ready, Some(id)) if !id.is_exact() => Receipts::Unusable(self.receipts.make_exact()),
            (judged, _) => judged,
        })
    }

    /// Commits whatever is open, as all DDL does here: it runs before the transaction begins.
    async fn create_receipts(&mut self) -> Result<(), SourceError> {
        let result = self.lease.control(&self.receipts.create()).await?;
        if result.as_ref().err().is_none_or(fault::is_definite) {
            self.lease.settle();
        }
        result.map_err(|error| fault::running(self.lease.name(), error))
    }

    fn create_receipts_sql(&self) -> String {
        format!("{};", self.receipts.create())
    }

    async fn may_write_receipts(&mut self, present: bool) -> Result<bool, SourceError> {
        let of_a_change = || vec![self.receipts.find(), self.receipts.insert(), self.receipts.complete()];
        let statements = if present { of_a_change() } else { vec![self.receipts.create()] };
        for statement in statements {
            let answer = self.lease.prepare(&statement).await?;
            match answer.map_err(|error| fault::running(self.lease.name(), error)) {
                Ok(()) => {}
                Err(SourceError::PermissionDenied { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    async fn begin(&mut self) -> Result<(), SourceError> {
        self.control(sql::BEGIN).await
    }

    /// A duplicate is one of the operation: that of another unique key is an error like any other.
    async fn insert_receipt(&mut self, claim: &Claim, status: Status) -> Result<bool, SourceError> {
        let values = vec![
            claim.operation_id.as_str().into(),
            claim.job_id.as_str().into(),
            claim.proposal_id.as_str().into(),
            claim.proposal_hash.as_str().into(),
            claim.attempt.into(),
            claim.action.as_str().into(),
            status.as_str().into(),
        ];
        match self.lease.execute(&self.receipts.insert(), values).await? {
            Ok(_) => Ok(true),
            Err(error) if fault::is_duplicate(&error) && self.find_receipt(&claim.operation_id).await?.is_some() => Ok(false),
            Err(error) => Err(fault::running(self.lease.name(), error)),
        }
    }

    async fn find_receipt(&mut self, operation: &OperationId) -> Result<Option<Stored>, SourceError> {
        let rows = self.lease.query(&self.receipts.find(), vec![operation.as_str().into()]).await?;
        let stored = |row| stored(row).ok_or_else(|| self.unreadable("a receipt holds other values than receipts do"));
        rows.into_iter().next().map(stored).transpose()
    }

    async fn revive_receipt(&mut self, claim: &Claim, status: Status) -> Result<bool, SourceError> {
        let attempt = Value::from(claim.attempt);
        let (job, operation) = (claim.job_id.as_str().into(), claim.operation_id.as_str().into());
        let values = vec![status.as_str().into(), attempt.clone(), job, operation, attempt];
        Ok(self.execute(&self.receipts.revive(), values).await? == 1)
    }

    async fn complete_receipt(&mut self, claim: &Claim, status: Status, receipt_json: String) -> Result<bool, SourceError> {
        let values = vec![status.as_str().into(), receipt_json.into(), claim.operation_id.as_str().into(), claim.attempt.into()];
        Ok(self.execute(&self.receipts.complete(), values).await? == 1)
    }

    async fn seal(&mut self) -> Result<(), SourceError> {
        self.control(sql::SEAL).await
    }

    async fn release_seal(&mut self) -> Result<bool, SourceError> {
        match self.lease.control(sql::RELEASE).await? {
            Ok(()) => Ok(true),
            Err(error) if fault::is_missing_seal(&error) => Ok(false),
            Err(error) => Err(fault::running(self.lease.name(), error)),
        }
    }

    async fn rows(&mut self, target: &Target<'_>, lock: bool) -> Result<Vec<Row>, SourceError> {
        let scope = types::scope(&target.change.key, target.change.tenant.as_ref());
        let answers = self.lease.query(&sql::row(target.table, lock), scope).await?;
        Ok(answers.into_iter().map(|answer| row(target, answer)).collect())
    }

    async fn update(&mut self, target: &Target<'_>, assignments: &Assignments<'_>) -> Result<u64, SourceError> {
        let columns = assignments.values.iter().map(|(column, _)| *column);
        let statement = sql::update(target.table, columns, assignments.clock);
        let mut parameters: Vec<Value> = assignments.values.iter().map(|(_, value)| types::bind(value)).collect();
        parameters.extend(types::scope(&target.change.key, target.change.tenant.as_ref()));
        self.execute(&statement, parameters).await
    }

    /// No server of this engine returns what an update made: the rows are read by the values that they have now, and more of
    /// them than were updated cannot be told apart.
    async fn business(&mut self, statement: &Statement) -> Result<Answered, SourceError> {
        if statement.verb == Verb::Select {
            let rows = self.shown(statement).await?;
            return Ok(Answered { touched: u64::try_from(rows.len()).unwrap_or(u64::MAX), rows });
        }
        let (sql, values) = sql::business(statement);
        let touched = self.execute(&sql, values).await?;
        if statement.shown.is_empty() || touched == 0 {
            return Ok(Answered { touched, rows: Vec::new() });
        }
        let rows = self.shown(&statement.afterwards()).await?;
        match u64::try_from(rows.len()) {
            Ok(found) if found == touched => Ok(Answered { touched, rows }),
            _ => Err(self.unreadable("the updated rows cannot be told from others")),
        }
    }

    async fn foreign(&mut self, text: &str, values: &[Scalar]) -> Result<u64, SourceError> {
        self.execute(text, values.iter().map(types::plain).collect()).await
    }

    async fn fire_deferred(&mut self) -> Result<(), SourceError> {
        // Constraints and triggers are never deferred here.
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), CommitError> {
        if self.lease.is_closed() {
            let cause = "the connection ended before the commit was sent".into();
            return Err(CommitError::Failed(SourceError::Lost { name: self.lease.name().clone(), cause }));
        }
        match self.lease.control(sql::COMMIT).await.map_err(CommitError::Unknown)? {
            Ok(()) => {
                self.lease.settle();
                Ok(())
            }
            // The one error after which the server promises that the transaction is rolled back.
            Err(error) if fault::is_deadlock(&error) => {
                self.rollback().await;
                Err(CommitError::Failed(fault::running(self.lease.name(), error)))
            }
            Err(error) => Err(CommitError::Unknown(fault::running(self.lease.name(), error))),
        }
    }

    /// Whatever ended a statement, the transaction may still be open: a lock that was not had in time ends the statement alone.
    async fn rollback(&mut self) {
        if let Ok(Ok(())) = self.lease.control(sql::ROLLBACK).await {
            self.lease.settle();
        }
    }

    fn take_deadlock(&mut self) -> bool {
        self.lease.take_deadlock()
    }
}

fn stored(row: Answer) -> Option<Stored> {
    let [hash, attempt, status, json] = <[Value; 4]>::try_from(row.unwrap()).ok()?;
    Some(Stored {
        proposal_hash: text(hash)?,
        attempt: match attempt {
            Value::Int(attempt) => attempt,
            _ => return None,
        },
        status: text(status)?,
        receipt_json: text(json),
    })
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Bytes(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn row(target: &Target<'_>, answer: Answer) -> Row {
    let cell = |(column, stored): (&Column, Value)| Cell {
        column: column.name.clone(),
        fingerprint: Some(types::fingerprint(&stored)),
        value: types::scalar(column, &stored),
    };
    sql::seen(target.table).zip(answer.unwrap()).map(cell).collect()
}
