//! Do the events of a proposal verify, one after the other?
//!
//! # Invariants
//! - Holds one event at a time: a history of any length is verified in the memory of its state.
//! - What was found wrong is named, the first thing first: an event that is missing or changed, then one that cannot
//!   follow, then rows that say something else than the events.

use rusqlite::types::Value;
use synapsor_proposal::{Event, Fact, Proposal, evolve};
use synapsor_protocol::id::{EventId, ProposalId};
use synapsor_protocol::{Digest, ExecutionReceipt, Timestamp};

use crate::chain::Link;
use crate::error::{Altered, LedgerError};
use crate::projection::{self, FIXED, MOVING};
use crate::record::RecordedEvent;
use crate::rows::EventRow;

/// A history that is being verified.
#[derive(Debug)]
pub(crate) struct History<'a> {
    id: &'a ProposalId,
    events: u32,
    head: Option<Digest>,
    state: Option<Proposal>,
    misfit: Option<String>,
    approvals: Vec<Vec<Value>>,
    job: Option<RecordedEvent>,
    receipts: u32,
    receipts_differ: bool,
}

/// A history that verified.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) state: Proposal,
    /// The hash of the last event.
    pub(crate) head: Digest,
    /// What the rows of `approvals` must be.
    pub(crate) approvals: Vec<Vec<Value>>,
    /// What the row of `writeback_jobs` must be.
    pub(crate) job: Option<[Value; 7]>,
    /// Whether the rows of `writeback_receipts` are what the events make.
    pub(crate) receipts_agree: bool,
    /// How many receipts the events make.
    #[cfg_attr(not(feature = "decisions"), expect(dead_code, reason = "only a story that is told counts them"))]
    pub(crate) receipts: u32,
}

impl<'a> History<'a> {
    pub(crate) fn new(id: &'a ProposalId) -> Self {
        Self { id, events: 0, head: None, state: None, misfit: None, approvals: Vec::new(), job: None, receipts: 0, receipts_differ: false }
    }

    /// Takes the next event, and the next receipt's row from `receipts` if the event makes one. Answers with both.
    pub(crate) fn take(
        &mut self,
        row: EventRow,
        receipts: &mut dyn FnMut() -> Result<Option<Vec<Value>>, LedgerError>,
    ) -> Result<(RecordedEvent, Option<ExecutionReceipt>), LedgerError> {
        let next = self.events + 1;
        if row.sequence != next {
            return Err(self.altered(Altered::EventMissing(next)));
        }
        let event = event(self.id, row, self.head.as_ref())?.ok_or_else(|| self.altered(Altered::Event(next)))?;
        (self.events, self.head) = (next, Some(event.hash.clone()));
        let receipt = match self.follow(&event) {
            true => self.compare(&event, receipts)?,
            false => None,
        };
        Ok((event, receipt))
    }

    /// Whether the event can follow; after one that cannot, only the chain is looked at.
    fn follow(&mut self, event: &RecordedEvent) -> bool {
        if self.misfit.is_some() {
            return false;
        }
        match evolve(self.state.take(), &event.event) {
            Ok(state) => self.state = Some(state),
            Err(misfit) => self.misfit = Some(misfit.to_string()),
        }
        self.misfit.is_none()
    }

    /// Keeps what other tables must say of the event, and compares the receipt that it makes.
    fn compare(
        &mut self,
        event: &RecordedEvent,
        receipts: &mut dyn FnMut() -> Result<Option<Vec<Value>>, LedgerError>,
    ) -> Result<Option<ExecutionReceipt>, LedgerError> {
        let Some(state) = &self.state else { return Ok(None) };
        self.approvals.extend(projection::approval(state, event).map(Vec::from));
        if self.job.is_none() && matches!(event.event.fact, Fact::JobRecorded { .. }) {
            self.job = Some(event.clone());
        }
        let receipt = projection::receipt(state, event)?;
        if let Some(receipt) = &receipt {
            let expected = Vec::from(projection::receipt_row(event, receipt)?);
            self.receipts += 1;
            let stored = receipts()?.map(as_written);
            self.receipts_differ |= stored.as_ref() != Some(&expected);
        }
        Ok(receipt)
    }

    /// All events were taken: holds them against the row of the proposal.
    pub(crate) fn close(self, row: &[Value]) -> Result<Verified, LedgerError> {
        let counted = FIXED.len() + MOVING.iter().position(|column| *column == "events").unwrap_or_default();
        // Events cut off at the end leave a chain that is intact: the row still counts them.
        if let Some(Value::Integer(count)) = row.get(counted)
            && *count > i64::from(self.events)
        {
            return Err(self.altered(Altered::EventMissing(self.events + 1)));
        }
        if let Some(misfit) = &self.misfit {
            return Err(self.altered(Altered::History(misfit.clone())));
        }
        let first = self.altered(Altered::EventMissing(1));
        let Self { state: Some(state), head: Some(head), job, approvals, receipts, receipts_differ, .. } = self else { return Err(first) };
        let job = job.and_then(|job| projection::job(&state, std::slice::from_ref(&job)));
        Ok(Verified { state, head, approvals, job, receipts_agree: !receipts_differ, receipts })
    }

    fn altered(&self, record: Altered) -> LedgerError {
        LedgerError::Altered { id: self.id.clone(), record }
    }
}

/// One event; `None` if it is not what its hash was made of.
fn event(id: &ProposalId, row: EventRow, previous: Option<&Digest>) -> Result<Option<RecordedEvent>, LedgerError> {
    let EventRow { event_id, sequence, kind, actor, payload_json, created_at, hash } = row;
    let Some(event_id) = EventId::new(&event_id) else { return Ok(None) };
    let link = Link {
        actor: &actor,
        created_at: &created_at,
        event_id: &event_id,
        kind: &kind,
        payload: &payload_json,
        previous,
        proposal_id: id,
        sequence,
    };
    let computed = link.hash()?;
    let (Some(at), Some(fact)) = (Timestamp::parse(&created_at), fact(kind, &payload_json)) else { return Ok(None) };
    let intact = computed.as_str() == hash;
    Ok(intact.then_some(RecordedEvent { event_id, sequence, hash: computed, event: Event { actor, at, fact } }))
}

fn fact(kind: String, payload: &str) -> Option<Fact> {
    let payload: serde_json::Value = serde_json::from_str(payload).ok()?;
    serde_json::from_value(serde_json::json!({"kind": kind, "payload": payload})).ok()
}

/// A stored receipt as this program writes it, so that receipts are compared and not the bytes of two programs.
fn as_written(mut row: Vec<Value>) -> Vec<Value> {
    if let Some(Value::Text(text)) = row.iter_mut().rev().nth(1) {
        let receipt = serde_json::from_str::<ExecutionReceipt>(text);
        *text = receipt.ok().and_then(|receipt| serde_json::to_string(&receipt).ok()).unwrap_or_default();
    }
    row
}
