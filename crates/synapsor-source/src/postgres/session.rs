//! How does PostgreSQL run the steps of the guarded transaction?

use synapsor_protocol::{Identifier, OperationId, Scalar};
use tokio_postgres::Row as Answer;

use super::connect::Lease;
use super::statements::guarded as sql;
use super::{fault, types};
use crate::ReceiptTable;
use crate::error::SourceError;
use crate::guarded::Claim;
use crate::guarded::business::{Answered, Statement};
use crate::guarded::receipt::{Receipts, Status, Stored};
use crate::guarded::session::{Assignments, Cell, CommitError, Row, Session};
use crate::guarded::target::Target;

/// One connection that runs guarded transactions.
pub(crate) struct PostgresSession {
    lease: Lease,
    receipts: sql::Receipts,
}

impl PostgresSession {
    pub(super) fn new(lease: Lease, receipts: &ReceiptTable) -> Self {
        let schema = receipts.schema.clone().or_else(|| Identifier::new("public"));
        // `public` is an identifier, so the table's own name never stands in.
        let schema = schema.unwrap_or_else(|| receipts.table.clone());
        Self { lease, receipts: sql::Receipts::new(schema, receipts.table.clone()) }
    }

    async fn control(&mut self, statement: &str) -> Result<(), SourceError> {
        let result = self.lease.control(statement).await?;
        result.map_err(|error| fault::running(self.lease.name(), error))
    }

    async fn touches_one(&mut self, statement: &str, parameters: &[Option<String>]) -> Result<bool, SourceError> {
        Ok(self.lease.execute(statement, parameters).await? == 1)
    }

    fn unreadable(&self, error: tokio_postgres::Error) -> SourceError {
        SourceError::SchemaChanged { name: self.lease.name().clone(), cause: error.into() }
    }
}

impl Session for PostgresSession {
    async fn receipts(&mut self) -> Result<Receipts, SourceError> {
        let name = [Some(self.receipts.schema.to_string()), Some(self.receipts.table.to_string())];
        let rows = self.lease.query(self.receipts.columns(), &name).await?;
        self.lease.settle();
        let found = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(|error| self.unreadable(error))?;
        Ok(Receipts::judge(&found, |column, reference| self.receipts.alter(column, reference), || self.receipts.make_unique()))
    }

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
        let name = [Some(self.receipts.schema.to_string()), Some(self.receipts.table.to_string())];
        let statement = if present { self.receipts.may_write() } else { self.receipts.may_create() };
        let rows = self.lease.query(statement, &name).await?;
        self.lease.settle();
        rows.first().map_or(Ok(false), |row| row.try_get(0)).map_err(|error| self.unreadable(error))
    }

    async fn begin(&mut self) -> Result<(), SourceError> {
        self.control(sql::BEGIN).await
    }

    async fn insert_receipt(&mut self, claim: &Claim, status: Status) -> Result<bool, SourceError> {
        let values = [
            claim.operation_id.as_str(),
            claim.job_id.as_str(),
            claim.proposal_id.as_str(),
            claim.proposal_hash.as_str(),
            &claim.attempt.to_string(),
            &claim.action,
            status.as_str(),
        ];
        self.touches_one(&self.receipts.insert(), &texts(&values)).await
    }

    async fn find_receipt(&mut self, operation: &OperationId) -> Result<Option<Stored>, SourceError> {
        let rows = self.lease.query(&self.receipts.find(), &texts(&[operation.as_str()])).await?;
        rows.first().map(stored).transpose().map_err(|error| self.unreadable(error))
    }

    async fn revive_receipt(&mut self, claim: &Claim, status: Status) -> Result<bool, SourceError> {
        let values = [claim.operation_id.as_str(), status.as_str(), &claim.attempt.to_string(), claim.job_id.as_str()];
        self.touches_one(&self.receipts.revive(), &texts(&values)).await
    }

    async fn complete_receipt(&mut self, claim: &Claim, status: Status, receipt_json: String) -> Result<bool, SourceError> {
        let values = [claim.operation_id.as_str(), &claim.attempt.to_string(), status.as_str(), &receipt_json];
        self.touches_one(&self.receipts.complete(), &texts(&values)).await
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
        let answers = self.lease.query(&sql::row(target.table, lock), &scope).await?;
        Ok(answers.iter().map(|answer| row(target, answer)).collect())
    }

    async fn update(&mut self, target: &Target<'_>, assignments: &Assignments<'_>) -> Result<u64, SourceError> {
        let columns = assignments.values.iter().map(|(column, _)| *column);
        let statement = sql::update(target.table, columns, assignments.clock);
        let mut parameters: Vec<Option<String>> = assignments.values.iter().map(|(_, value)| types::bind(value)).collect();
        parameters.extend(types::scope(&target.change.key, target.change.tenant.as_ref()));
        self.lease.execute(&statement, &parameters).await
    }

    async fn business(&mut self, statement: &Statement) -> Result<Answered, SourceError> {
        let (sql, values) = sql::business(statement);
        if statement.shown.is_empty() {
            return Ok(Answered { touched: self.lease.execute(&sql, &values).await?, rows: Vec::new() });
        }
        let answers = self.lease.query(&sql, &values).await?;
        let rows: Vec<_> = answers.iter().map(|answer| types::cells(answer, &statement.shown)).collect();
        Ok(Answered { touched: u64::try_from(rows.len()).unwrap_or(u64::MAX), rows })
    }

    async fn foreign(&mut self, text: &str, values: &[Scalar]) -> Result<u64, SourceError> {
        self.lease.execute_plain(text, values.iter().map(types::plain).collect()).await
    }

    async fn fire_deferred(&mut self) -> Result<(), SourceError> {
        self.control(sql::CONSTRAINTS).await
    }

    /// The driver hides the command tag, with which an aborted transaction answers COMMIT by ROLLBACK. Here it cannot be
    /// aborted: the statement just before, which completed the receipt, would have been refused.
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
            Err(error) if fault::is_definite(&error) => {
                self.lease.settle();
                Err(CommitError::Failed(fault::running(self.lease.name(), error)))
            }
            Err(error) => Err(CommitError::Unknown(fault::running(self.lease.name(), error))),
        }
    }

    async fn rollback(&mut self) {
        if let Ok(Ok(())) = self.lease.control(sql::ROLLBACK).await {
            self.lease.settle();
        }
    }
}

fn texts(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

fn stored(row: &Answer) -> Result<Stored, tokio_postgres::Error> {
    let attempt: String = row.try_get(1)?;
    Ok(Stored {
        proposal_hash: row.try_get(0)?,
        // The column is a bigint.
        attempt: attempt.parse().unwrap_or(i64::MAX),
        status: row.try_get(2)?,
        receipt_json: row.try_get(3)?,
    })
}

fn row(target: &Target<'_>, answer: &Answer) -> Row {
    let cell = |(at, column): (usize, &crate::catalog::Column)| {
        let written = types::text(answer, at);
        Cell {
            column: column.name.clone(),
            fingerprint: written.clone().ok().flatten().map(str::to_owned),
            value: written.and_then(|text| types::scalar(column, text)),
        }
    };
    sql::seen(target.table).enumerate().map(cell).collect()
}
