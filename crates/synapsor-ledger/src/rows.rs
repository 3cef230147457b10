//! What stands in the tables about one proposal?
//!
//! Read and compared, not understood: rows that are equal to rows that were verified need not be verified again.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row};
use synapsor_protocol::id::ProposalId;

use crate::error::LedgerError;
use crate::projection::{APPROVAL, FIXED, JOB, MOVING, RECEIPT};

/// Everything but evidence and audit row, which the history names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// [`FIXED`] and [`MOVING`], in order.
    pub(crate) proposal: Vec<Value>,
    pub(crate) change_set_json: String,
    pub(crate) events: Vec<EventRow>,
    pub(crate) approvals: Vec<Vec<Value>>,
    pub(crate) receipts: Vec<Vec<Value>>,
    /// [`JOB`], in order.
    pub(crate) jobs: Vec<Vec<Value>>,
}

/// The row of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventRow {
    pub(crate) event_id: String,
    pub(crate) sequence: u32,
    pub(crate) kind: String,
    pub(crate) actor: String,
    pub(crate) payload_json: String,
    pub(crate) created_at: String,
    pub(crate) hash: String,
}

impl Rows {
    /// Everything about this proposal; `None` if there is none.
    pub(crate) fn read(connection: &Connection, id: &ProposalId) -> Result<Option<Self>, LedgerError> {
        let Some((proposal, change_set_json)) = proposal(connection, id)? else { return Ok(None) };
        let mut events = connection.prepare_cached(SELECT_EVENTS)?;
        let events = events.query_map([id.as_str()], EventRow::of)?.collect::<rusqlite::Result<_>>()?;
        let (approvals, receipts) = (approvals(connection, id)?, all(connection, &SELECT_RECEIPTS, id, RECEIPT.len())?);
        Ok(Some(Self { proposal, change_set_json, events, approvals, receipts, jobs: jobs(connection, id)? }))
    }
}

impl EventRow {
    pub(crate) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            event_id: row.get(0)?,
            sequence: row.get(1)?,
            kind: row.get(2)?,
            actor: row.get(3)?,
            payload_json: row.get(4)?,
            created_at: row.get(5)?,
            hash: row.get(6)?,
        })
    }
}

/// The row of a proposal and its change set.
pub(crate) fn proposal(connection: &Connection, id: &ProposalId) -> Result<Option<(Vec<Value>, String)>, LedgerError> {
    let mut select = connection.prepare_cached(&SELECT_PROPOSAL)?;
    let width = FIXED.len() + MOVING.len();
    Ok(select.query_row([id.as_str()], |row| Ok((values(row, width)?, row.get(width)?))).optional()?)
}

pub(crate) fn approvals(connection: &Connection, id: &ProposalId) -> Result<Vec<Vec<Value>>, LedgerError> {
    all(connection, &SELECT_APPROVALS, id, APPROVAL.len())
}

pub(crate) fn jobs(connection: &Connection, id: &ProposalId) -> Result<Vec<Vec<Value>>, LedgerError> {
    all(connection, &SELECT_JOB, id, JOB.len())
}

/// What no event says of a job, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Schedule {
    /// When the lease on it ends.
    pub(crate) lease_end: Option<i64>,
    /// From when on a worker takes it up.
    pub(crate) due_at: Option<i64>,
}

/// When something is to happen to the job.
pub(crate) fn schedule(connection: &Connection, id: &ProposalId) -> Result<Schedule, LedgerError> {
    let select = "SELECT lease_expires_at, due_at FROM writeback_jobs WHERE proposal_id = ?1";
    let read = |row: &Row<'_>| Ok(Schedule { lease_end: row.get(0)?, due_at: row.get(1)? });
    Ok(connection.prepare_cached(select)?.query_row([id.as_str()], read).optional()?.unwrap_or_default())
}

fn all(connection: &Connection, select: &str, id: &ProposalId, width: usize) -> Result<Vec<Vec<Value>>, LedgerError> {
    let mut select = connection.prepare_cached(select)?;
    let rows = select.query_map([id.as_str()], |row| values(row, width))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn values(row: &Row<'_>, width: usize) -> rusqlite::Result<Vec<Value>> {
    (0..width).map(|column| row.get(column)).collect()
}

pub(crate) const SELECT_EVENTS: &str = "SELECT event_id, sequence, kind, actor, payload_json, created_at, hash \
    FROM proposal_events WHERE proposal_id = ?1 ORDER BY sequence";

static SELECT_PROPOSAL: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<&str> = FIXED.into_iter().chain(MOVING).chain(["change_set_json"]).collect();
    select("proposals", &columns, "")
});
static SELECT_APPROVALS: LazyLock<String> = LazyLock::new(|| select("approvals", &APPROVAL, "ORDER BY status"));
pub(crate) static SELECT_RECEIPTS: LazyLock<String> = LazyLock::new(|| select("writeback_receipts", &RECEIPT, "ORDER BY sequence"));
static SELECT_JOB: LazyLock<String> = LazyLock::new(|| select("writeback_jobs", &JOB, ""));

fn select(table: &str, columns: &[&str], order: &str) -> String {
    format!("SELECT {} FROM {table} WHERE proposal_id = ?1 {order}", columns.join(", "))
}
