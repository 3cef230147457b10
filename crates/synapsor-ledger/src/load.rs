//! What does the ledger say of one proposal, and does it still say what was written?
//!
//! # Invariants
//! - Nothing is decided from a record that does not verify: the change set against its hash, the events against their
//!   chain, every other row against what the events say, evidence and audit against the digests in the history.
//! - What was found wrong is named.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::de::DeserializeOwned;
use synapsor_proposal::{Event, EvidenceLink, Fact, Proposal, Terms, fold};
use synapsor_protocol::id::{EventId, JobId, LeaseId, ProposalId};
use synapsor_protocol::{ChangeSet, Digest, ExecutionReceipt, Timestamp};

use crate::body::{self, Shelf};
use crate::chain::Link;
use crate::error::{Altered, LedgerError};
use crate::projection::{self, APPROVAL, FIXED, JOB, MOVING, RECEIPT};
use crate::record::{Dossier, Evidence, Job, QueryAudit, RecordedEvent, Replay};

/// One verified proposal.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) proposal: Proposal,
    pub(crate) change_set: ChangeSet,
    pub(crate) events: Vec<RecordedEvent>,
    /// The hash of the last event.
    pub(crate) head: Digest,
    pub(crate) receipts: Vec<ExecutionReceipt>,
    pub(crate) job: Option<Job>,
    pub(crate) evidence: Evidence,
    pub(crate) audit: QueryAudit,
}

/// Loads a proposal and verifies everything that belongs to it.
pub(crate) fn load(connection: &Connection, id: &ProposalId) -> Result<Case, LedgerError> {
    let Some((row, change_set_json)) = stored(connection, id)? else {
        return Err(LedgerError::NoProposal(id.clone()));
    };
    verified(connection, id, &row, &change_set_json)
}

fn verified(connection: &Connection, id: &ProposalId, row: &[Value], change_set_json: &str) -> Result<Case, LedgerError> {
    let altered = |record| LedgerError::Altered { id: id.clone(), record };
    let change_set: ChangeSet = serde_json::from_str(change_set_json).map_err(|_| altered(Altered::ChangeSet))?;
    change_set.verify().map_err(|_| altered(Altered::ChangeSet))?;
    let events = history(connection, id)?;
    complete(&events, row).map_err(altered)?;
    let folded = fold(events.iter().map(|recorded| &recorded.event));
    let folded = folded.map_err(|misfit| altered(Altered::History(misfit.to_string())))?;
    let (Some(proposal), Some(last)) = (folded, events.last()) else { return Err(altered(Altered::EventMissing(1))) };
    let head = last.hash.clone();
    same_terms(&change_set, &proposal.terms).map_err(altered)?;
    same_row(&proposal, &head, row).map_err(altered)?;
    same_approvals(connection, &proposal, &events)?;
    let receipts = same_receipts(connection, &proposal, &events)?;
    let job = same_job(connection, &proposal, &events)?;
    let (evidence, audit) = same_evidence(connection, &proposal)?;
    Ok(Case { proposal, change_set, events, head, receipts, job, evidence, audit })
}

impl From<Case> for Dossier {
    fn from(case: Case) -> Self {
        Self {
            proposal: case.proposal,
            change_set: case.change_set,
            events: case.events,
            evidence: vec![case.evidence],
            audits: vec![case.audit],
            receipts: case.receipts,
            job: case.job,
        }
    }
}

impl From<Case> for Replay {
    fn from(case: Case) -> Self {
        Self {
            replay_id: format!("replay_{}", case.proposal.id()),
            proposal: case.change_set,
            state: case.proposal,
            events: case.events,
            receipts: case.receipts,
            query_audit: vec![case.audit],
            evidence: vec![case.evidence],
            job: case.job,
            generated_at: Timestamp::now(),
        }
    }
}

/// The row of a proposal, [`FIXED`] and [`MOVING`] in order, and its change set.
fn stored(connection: &Connection, id: &ProposalId) -> Result<Option<(Vec<Value>, String)>, LedgerError> {
    let mut select = connection.prepare_cached(&SELECT_PROPOSAL)?;
    let width = FIXED.len() + MOVING.len();
    Ok(select.query_row([id.as_str()], |row| Ok((values(row, width)?, row.get(width)?))).optional()?)
}

/// The events, each checked against its hash and the one before it.
fn history(connection: &Connection, id: &ProposalId) -> Result<Vec<RecordedEvent>, LedgerError> {
    let mut select = connection.prepare_cached(SELECT_EVENTS)?;
    let mut rows = select.query([id.as_str()])?;
    let mut events: Vec<RecordedEvent> = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: u32 = row.get(1)?;
        let next = events.len() as u32 + 1;
        let altered = |record| LedgerError::Altered { id: id.clone(), record };
        if sequence != next {
            return Err(altered(Altered::EventMissing(next)));
        }
        let previous = events.last().map(|event| &event.hash);
        events.push(event(id, row, sequence, previous)?.ok_or_else(|| altered(Altered::Event(sequence)))?);
    }
    Ok(events)
}

/// One event; `None` if it is not what its hash was made of.
fn event(id: &ProposalId, row: &Row<'_>, sequence: u32, previous: Option<&Digest>) -> Result<Option<RecordedEvent>, LedgerError> {
    let column = |at: usize| row.get::<_, String>(at);
    let (event_id, kind, actor, payload) = (column(0)?, column(2)?, column(3)?, column(4)?);
    let (created_at, hash) = (column(5)?, column(6)?);
    let Some(event_id) = EventId::new(&event_id) else { return Ok(None) };
    let link = Link {
        actor: &actor,
        created_at: &created_at,
        event_id: &event_id,
        kind: &kind,
        payload: &payload,
        previous,
        proposal_id: id,
        sequence,
    };
    let computed = link.hash()?;
    let (Some(at), Some(fact)) = (Timestamp::parse(&created_at), fact(kind, &payload)) else { return Ok(None) };
    let intact = computed.as_str() == hash;
    Ok(intact.then_some(RecordedEvent { event_id, sequence, hash: computed, event: Event { actor, at, fact } }))
}

fn fact(kind: String, payload: &str) -> Option<Fact> {
    let payload: serde_json::Value = serde_json::from_str(payload).ok()?;
    serde_json::from_value(serde_json::json!({"kind": kind, "payload": payload})).ok()
}

/// Events cut off at the end leave a chain that is intact: the row still counts them.
fn complete(events: &[RecordedEvent], row: &[Value]) -> Result<(), Altered> {
    let counted = FIXED.len() + MOVING.iter().position(|column| *column == "events").unwrap_or_default();
    match row.get(counted) {
        Some(Value::Integer(count)) if *count > events.len() as i64 => Err(Altered::EventMissing(events.len() as u32 + 1)),
        _ => Ok(()),
    }
}

fn same_terms(change_set: &ChangeSet, terms: &Terms) -> Result<(), Altered> {
    let computed = Terms::of(change_set, terms.capability_digest.clone(), terms.expires_at);
    if computed.is_ok_and(|computed| computed == *terms) { Ok(()) } else { Err(Altered::Terms) }
}

fn same_row(proposal: &Proposal, head: &Digest, row: &[Value]) -> Result<(), Altered> {
    let names = FIXED.into_iter().chain(MOVING);
    let expected = projection::fixed(proposal).into_iter().chain(projection::moving(proposal, head));
    match names.zip(expected).zip(row).find(|((_, expected), stored)| expected != *stored) {
        Some(((name, _), _)) => Err(Altered::Projection(name)),
        None => Ok(()),
    }
}

fn same_approvals(connection: &Connection, proposal: &Proposal, events: &[RecordedEvent]) -> Result<(), LedgerError> {
    // An approval always comes before a rejection, and sorts before it.
    let expected: Vec<Vec<Value>> = events.iter().filter_map(|event| projection::approval(proposal, event)).map(Vec::from).collect();
    let stored = rows(connection, &SELECT_APPROVALS, proposal.id(), APPROVAL.len())?;
    if stored == expected { Ok(()) } else { Err(altered(proposal, Altered::Approval)) }
}

fn same_receipts(connection: &Connection, proposal: &Proposal, events: &[RecordedEvent]) -> Result<Vec<ExecutionReceipt>, LedgerError> {
    let (mut receipts, mut expected) = (Vec::new(), Vec::new());
    for event in events {
        if let Some(receipt) = projection::receipt(proposal, event)? {
            expected.push(Vec::from(projection::receipt_row(event, &receipt)?));
            receipts.push(receipt);
        }
    }
    let mut stored = rows(connection, &SELECT_RECEIPTS, proposal.id(), RECEIPT.len())?;
    stored.iter_mut().for_each(|row| as_written(row));
    if stored == expected { Ok(receipts) } else { Err(altered(proposal, Altered::Receipts)) }
}

/// Writes a stored receipt as this program does, so that receipts are compared and not the bytes of two programs.
fn as_written(row: &mut [Value]) {
    if let Some(Value::Text(text)) = row.iter_mut().rev().nth(1) {
        let receipt = serde_json::from_str::<ExecutionReceipt>(text);
        *text = receipt.ok().and_then(|receipt| serde_json::to_string(&receipt).ok()).unwrap_or_default();
    }
}

fn same_job(connection: &Connection, proposal: &Proposal, events: &[RecordedEvent]) -> Result<Option<Job>, LedgerError> {
    let stored = rows(connection, &SELECT_JOB, proposal.id(), JOB.len() + 1)?;
    let changed = || altered(proposal, Altered::Job);
    match (stored.as_slice(), projection::job(proposal, events)) {
        ([], None) => Ok(None),
        ([row], Some(expected)) if row.get(..JOB.len()) == Some(&expected) => as_job(row).map(Some).ok_or_else(changed),
        _ => Err(changed()),
    }
}

fn same_evidence(connection: &Connection, proposal: &Proposal) -> Result<(Evidence, QueryAudit), LedgerError> {
    let Some(link) = &proposal.evidence else {
        return Err(altered(proposal, Altered::History("it has no evidence".to_owned())));
    };
    let EvidenceLink { evidence_id, evidence_digest, audit_id, audit_digest } = link;
    let evidence = attested(connection, Shelf::Evidence, evidence_id.as_str(), evidence_digest)?;
    let audit = attested(connection, Shelf::Audit, audit_id.as_str(), audit_digest)?;
    let evidence = evidence.ok_or_else(|| altered(proposal, Altered::Evidence(evidence_id.clone())))?;
    let audit = audit.ok_or_else(|| altered(proposal, Altered::Audit(audit_id.clone())))?;
    Ok((evidence, audit))
}

/// A record, if it is what its digest was made of.
fn attested<T: DeserializeOwned>(connection: &Connection, shelf: Shelf, id: &str, digest: &Digest) -> Result<Option<T>, LedgerError> {
    let json = body::text(connection, shelf, id)?.filter(|json| Digest::of_bytes(json.as_bytes()) == *digest);
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

fn altered(proposal: &Proposal, record: Altered) -> LedgerError {
    LedgerError::Altered { id: proposal.id().clone(), record }
}

fn as_job(row: &[Value]) -> Option<Job> {
    let [_, Value::Text(id), Value::Integer(attempt), holder, lease, Value::Text(created_at), expires] = row else { return None };
    Some(Job {
        writeback_job_id: JobId::new(id)?,
        attempt: u32::try_from(*attempt).ok()?,
        holder: as_text(holder).map(str::to_owned),
        lease_id: as_text(lease).and_then(LeaseId::new),
        lease_expires_at: as_micros(expires).and_then(Timestamp::from_micros),
        created_at: Timestamp::parse(created_at)?,
    })
}

fn as_text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn as_micros(value: &Value) -> Option<i64> {
    if let Value::Integer(micros) = value { Some(*micros) } else { None }
}

fn rows(connection: &Connection, select: &str, id: &ProposalId, width: usize) -> Result<Vec<Vec<Value>>, LedgerError> {
    let mut select = connection.prepare_cached(select)?;
    let rows = select.query_map([id.as_str()], |row| values(row, width))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn values(row: &Row<'_>, width: usize) -> rusqlite::Result<Vec<Value>> {
    (0..width).map(|column| row.get(column)).collect()
}

const SELECT_EVENTS: &str = "SELECT event_id, sequence, kind, actor, payload_json, created_at, hash \
    FROM proposal_events WHERE proposal_id = ?1 ORDER BY sequence";

static SELECT_PROPOSAL: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<&str> = FIXED.into_iter().chain(MOVING).chain(["change_set_json"]).collect();
    format!("SELECT {} FROM proposals WHERE proposal_id = ?1", columns.join(", "))
});
static SELECT_APPROVALS: LazyLock<String> = LazyLock::new(|| select("approvals", &APPROVAL, "ORDER BY status"));
static SELECT_RECEIPTS: LazyLock<String> = LazyLock::new(|| select("writeback_receipts", &RECEIPT, "ORDER BY sequence"));
static SELECT_JOB: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<&str> = JOB.into_iter().chain(["lease_expires_at"]).collect();
    select("writeback_jobs", &columns, "")
});

fn select(table: &str, columns: &[&str], order: &str) -> String {
    format!("SELECT {} FROM {table} WHERE proposal_id = ?1 {order}", columns.join(", "))
}
