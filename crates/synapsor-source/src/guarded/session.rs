//! What must an engine do for the guarded transaction, and what is the effect within it?
//!
//! The order of the steps is in [`transaction`](super::transaction), once for all engines; here are the steps themselves.
//! Each method says what is true if the process dies around it: before the commit nothing has happened.

use std::future::Future;

use serde_json::{Map, Value};
use synapsor_protocol::{Identifier, OperationId, Scalar};

use super::business::{Answered, Statement};
use super::change::Claim;
use super::receipt::{Receipts, Status, Stored};
use super::target::Target;
use super::transaction::Stop;
use crate::catalog::Column;
use crate::error::{SourceError, ValueError};
use crate::value::CheckedValue;

/// A row as it stands in the transaction: every column that the account may see.
pub(crate) type Row = Vec<Cell>;

/// One column of a row.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) column: Identifier,
    /// The value in canonical form; an error for a type that we cannot carry.
    pub(crate) value: Result<Scalar, ValueError>,
    /// Equal for equal values, whatever their type.
    pub(crate) fingerprint: Option<String>,
}

/// What one UPDATE sets.
#[derive(Debug)]
pub(crate) struct Assignments<'a> {
    /// Columns and their new values.
    pub(crate) values: Vec<(&'a Column, CheckedValue)>,
    /// A column that gets the server's time, or one unit after its old value if that is later.
    pub(crate) clock: Option<&'a Column>,
}

/// Why COMMIT did not succeed.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// The source answered with an error: the transaction is rolled back, and that is proved.
    Failed(SourceError),
    /// No answer, or one that does not say: the transaction may be committed.
    Unknown(SourceError),
}

/// One connection that runs guarded transactions, one after the other.
pub(crate) trait Session: Send {
    /// Looks for the receipt table. Changes nothing.
    fn receipts(&mut self) -> impl Future<Output = Result<Receipts, SourceError>> + Send;

    /// Creates the receipt table, outside any transaction: it stays whatever comes after.
    fn create_receipts(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// The statement of [`Session::create_receipts`], for a person with the right to run it.
    fn create_receipts_sql(&self) -> String;

    /// Whether the account may write into the receipt table, or create it if it is absent. Changes nothing.
    fn may_write_receipts(&mut self, present: bool) -> impl Future<Output = Result<bool, SourceError>> + Send;

    /// Begins the transaction. From here to the commit, dying leaves nothing behind.
    fn begin(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Inserts a receipt; false if the operation has one, committed by whoever. Waits for an open transaction that inserts
    /// the same one.
    fn insert_receipt(&mut self, claim: &Claim, status: Status) -> impl Future<Output = Result<bool, SourceError>> + Send;

    /// Locks and reads the operation's receipt as it was committed.
    fn find_receipt(&mut self, operation: &OperationId) -> impl Future<Output = Result<Option<Stored>, SourceError>> + Send;

    /// Turns a tombstone of a lower attempt into this attempt's receipt of that status; false if there is none.
    fn revive_receipt(&mut self, claim: &Claim, status: Status) -> impl Future<Output = Result<bool, SourceError>> + Send;

    /// Completes this attempt's receipt in progress; false if there is none.
    fn complete_receipt(
        &mut self,
        claim: &Claim,
        status: Status,
        receipt_json: String,
    ) -> impl Future<Output = Result<bool, SourceError>> + Send;

    /// Sets the savepoint that proves, at the end, that the transaction is still ours.
    fn seal(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Releases it; false if it is missing.
    fn release_seal(&mut self) -> impl Future<Output = Result<bool, SourceError>> + Send;

    /// The rows of the target's key and tenant, at most two; with `lock` nobody else changes them until the end.
    fn rows(&mut self, target: &Target<'_>, lock: bool) -> impl Future<Output = Result<Vec<Row>, SourceError>> + Send;

    /// One UPDATE of the target's key and tenant; how many rows it matched.
    fn update(&mut self, target: &Target<'_>, assignments: &Assignments<'_>) -> impl Future<Output = Result<u64, SourceError>> + Send;

    /// Runs one statement of an application's effect.
    fn business(&mut self, statement: &Statement) -> impl Future<Output = Result<Answered, SourceError>> + Send;

    /// Runs one statement that the application wrote; how many rows it touched.
    fn foreign(&mut self, text: &str, values: &[Scalar]) -> impl Future<Output = Result<u64, SourceError>> + Send;

    /// Fires what the commit would fire, where the engine can.
    fn fire_deferred(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Commits. After `Ok` the transaction is durable; after [`CommitError::Unknown`] it may be.
    fn commit(&mut self) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// Rolls back. If even that fails the connection is closed, which rolls back as well.
    fn rollback(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether the engine ended a transaction, wholly, to break a deadlock since this was last asked. It is then run again.
    fn take_deadlock(&mut self) -> bool {
        false
    }
}

/// The one change within a guarded transaction.
pub(crate) trait Effect: Send {
    /// Makes the change. Whatever goes wrong rolls the whole transaction back.
    fn run<S: Session>(&self, session: &mut S, target: &Target<'_>, before: &Row) -> impl Future<Output = Result<(), Stop>> + Send;

    /// What is still to be set of the target, given how the effect left it.
    fn amend<'t>(&self, _: &Target<'t>, _: &[Row]) -> Result<Option<Assignments<'t>>, Stop> {
        Ok(None)
    }

    /// Holds the row after all triggers against what was approved.
    fn verify(&self, target: &Target<'_>, before: &Row, after: &[Row]) -> Result<Verified, Stop>;

    /// Whether the whole transaction may be run again once it is proved that it did nothing.
    fn may_repeat(&self) -> bool {
        true
    }
}

/// What a verified effect did.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    pub(crate) rows_affected: u64,
    pub(crate) previous_version: Option<Scalar>,
    pub(crate) new_version: Option<Scalar>,
    /// Columns outside the patch that changed too.
    pub(crate) also_changed: Vec<Identifier>,
    /// What the receipt keeps besides.
    pub(crate) details: Map<String, Value>,
}

/// The value of one column of a row.
pub(crate) fn value<'a>(row: &'a Row, column: &Identifier) -> Option<&'a Scalar> {
    row.iter().find(|cell| cell.column == *column).and_then(|cell| cell.value.as_ref().ok())
}
