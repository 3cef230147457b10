//! What is to be applied, and under which guard?

use synapsor_protocol::id::{JobId, ProposalId};
use synapsor_protocol::{Digest, Identifier, OperationId, Report, Scalar};

use crate::catalog::CheckedTable;
use crate::value::CheckedValue;

/// Who applies what: the content of the receipt row that is written before anything else.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The operation: the receipt's primary key.
    pub operation_id: OperationId,
    /// The proposal.
    pub proposal_id: ProposalId,
    /// The hash of the approved change. Another hash under the same operation is refused.
    pub proposal_hash: Digest,
    /// The job.
    pub job_id: JobId,
    /// The attempt, from 1: the fencing token.
    pub attempt: u32,
    /// The capability's name, for people who read the receipt table.
    pub action: String,
}

/// One approved change of one row.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who applies it.
    pub claim: Claim,
    /// The table, as the catalog described it.
    pub table: CheckedTable,
    /// The row's key.
    pub key: CheckedValue,
    /// The row's tenant; `None` only for a table that was checked without a tenant column.
    pub tenant: Option<CheckedValue>,
    /// What must still be true of the row.
    pub guard: Guard,
    /// The columns to set. Every one was checked as a patch column, by [`CheckedTable::value`].
    pub patch: Vec<(Identifier, CheckedValue)>,
}

/// What must still be true of the row, compared under its lock.
#[derive(Debug, Clone)]
pub enum Guard {
    /// The version column still has this value.
    Version {
        /// The column.
        column: Identifier,
        /// The value that was proposed upon; never null.
        expected: Scalar,
        /// Who moves it.
        advance: Advance,
        /// The row's hash too, needed where [`CheckedTable::coarse_version`].
        row: Option<RowGuard>,
    },
    /// The row still has this hash.
    Row(RowGuard),
}

/// Who moves the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// The guarded UPDATE sets the next value: integers + 1, a later moment, a new uuid. A generated column is left alone.
    Auto,
    /// The database does, by a trigger or a generated column.
    Database,
}

/// The hash of some columns of the row, as [`row_hash`](synapsor_protocol::change_set::row_hash) makes it of what
/// [`Source::read`](crate::Source::read) returned.
#[derive(Debug, Clone)]
pub struct RowGuard {
    /// The columns that were hashed.
    pub columns: Vec<Identifier>,
    /// The hash.
    pub digest: Digest,
}

/// What applying would have done. Nothing was changed, conflicts included.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The report that applying would have made now.
    pub report: Report,
    /// Whether the receipt table is there. If not, the claim was left out and the table was not created.
    pub receipt_table_present: bool,
}

/// What fencing an operation found.
#[derive(Debug, Clone)]
pub enum Fence {
    /// The tombstone is committed: no attempt up to this one can do anything any more.
    Tombstoned,
    /// The source has a receipt: it was applied, or it conflicted. Nothing was written.
    Found(Report),
    /// Nothing is settled: unreachable, busy, or a receipt in progress.
    Unresolved(Report),
}
