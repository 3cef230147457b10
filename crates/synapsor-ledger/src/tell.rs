//! How is the story of a proposal told, however long it is?
//!
//! # Invariants
//! - The whole story is verified before its first word is told, and both happen at one moment of the ledger.
//! - One record is in memory at a time, beside the folded state: how long the story is does not matter.

use std::ops::ControlFlow;

use rusqlite::{Connection, Rows as Cursor, Statement};
use synapsor_proposal::Proposal;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ChangeSet, ExecutionReceipt};

use crate::error::LedgerError;
use crate::history::{History, Verified};
use crate::load::{Agreed, Told, agreed, change_set};
use crate::projection::RECEIPT;
use crate::record::{Evidence, Job, QueryAudit, RecordedEvent};
use crate::rows::{self, EventRow, SELECT_EVENTS, SELECT_RECEIPTS};

/// Hears a story, piece by piece, in the order of these methods. Whoever breaks off hears no more.
pub trait Listener: Send {
    /// What was proposed, where it stands, and the job, if it was approved.
    fn begin(&mut self, proposal: &ChangeSet, state: &Proposal, job: Option<&Job>) -> ControlFlow<()>;
    /// What happened, in order.
    fn event(&mut self, event: &RecordedEvent) -> ControlFlow<()>;
    /// The proofs of outcomes, in order.
    fn receipt(&mut self, receipt: &ExecutionReceipt) -> ControlFlow<()>;
    /// The queries behind it.
    fn audit(&mut self, audit: &QueryAudit) -> ControlFlow<()>;
    /// What the agent was shown.
    fn evidence(&mut self, evidence: &Evidence) -> ControlFlow<()>;
}

/// Verifies the story of a proposal and tells it.
pub(crate) fn tell(connection: &Connection, id: &ProposalId, listener: &mut dyn Listener) -> Result<(), LedgerError> {
    let Some((row, json)) = rows::proposal(connection, id)? else { return Err(LedgerError::NoProposal(id.clone())) };
    let change_set = change_set(id, &json)?;
    drop(json);
    let verified = walk(connection, id, &mut |_, _| ControlFlow::Continue(()))?.close(&row)?;
    let verified = Verified { receipts_agree: verified.receipts_agree && !more_receipts(connection, id, &verified)?, ..verified };
    let (approvals, jobs) = (rows::approvals(connection, id)?, rows::jobs(connection, id)?);
    let told = Told { row: &row, approvals: &approvals, jobs: &jobs };
    let Agreed { proposal, job, evidence, audit, .. } = agreed(connection, &change_set, verified, &told)?;
    // A listener that breaks off is no failure of the ledger.
    let _heard = all(connection, id, listener, (&change_set, &proposal, job.as_ref()), (&evidence, &audit))?;
    Ok(())
}

fn all(
    connection: &Connection,
    id: &ProposalId,
    listener: &mut dyn Listener,
    (change_set, proposal, job): (&ChangeSet, &Proposal, Option<&Job>),
    (evidence, audit): (&Evidence, &QueryAudit),
) -> Result<ControlFlow<()>, LedgerError> {
    let mut heard = listener.begin(change_set, proposal, job);
    if heard.is_continue() {
        walk(connection, id, &mut |event, _| {
            heard = listener.event(event);
            heard
        })?;
    }
    if heard.is_continue() {
        walk(connection, id, &mut |_, receipt| {
            heard = receipt.map_or(ControlFlow::Continue(()), |receipt| listener.receipt(receipt));
            heard
        })?;
    }
    if heard.is_continue() && listener.audit(audit).is_continue() {
        heard = listener.evidence(evidence);
    }
    Ok(heard)
}

/// Walks through the events and the receipts that they make.
fn walk<'a>(
    connection: &Connection,
    id: &'a ProposalId,
    each: &mut dyn FnMut(&RecordedEvent, Option<&ExecutionReceipt>) -> ControlFlow<()>,
) -> Result<History<'a>, LedgerError> {
    let (mut events, mut receipts) = (connection.prepare_cached(SELECT_EVENTS)?, connection.prepare_cached(&SELECT_RECEIPTS)?);
    let (mut events, mut receipts) = (events.query([id.as_str()])?, receipts.query([id.as_str()])?);
    let mut history = History::new(id);
    while let Some(row) = events.next()? {
        let (event, receipt) = history.take(EventRow::of(row)?, &mut || next(&mut receipts))?;
        if each(&event, receipt.as_ref()).is_break() {
            break;
        }
    }
    Ok(history)
}

fn next(receipts: &mut Cursor<'_>) -> Result<Option<Vec<rusqlite::types::Value>>, LedgerError> {
    Ok(receipts.next()?.map(|row| rows::values(row, RECEIPT.len())).transpose()?)
}

/// Whether there are more receipts than the events make: as many as there are were compared.
fn more_receipts(connection: &Connection, id: &ProposalId, verified: &Verified) -> Result<bool, LedgerError> {
    let mut count: Statement<'_> = connection.prepare("SELECT count(*) FROM writeback_receipts WHERE proposal_id = ?1")?;
    let count: u32 = count.query_row([id.as_str()], |row| row.get(0))?;
    Ok(count > verified.receipts)
}
