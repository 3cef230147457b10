//! How do events get into the ledger, with everything that follows from them?
//!
//! # Invariants
//! - Events, projections and outbox change in one savepoint, or not at all.
//! - Hashing and JSON of what an agent sends happen before the writer's thread sees it.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};
use synapsor_proposal::{AgentCommand, Event, Fact, Proposal, decide_agent, evolve, fold, lapse, supersede};
use synapsor_protocol::id::{EventId, ProposalId};
use synapsor_protocol::{Digest, Timestamp};

use crate::body::{Body, MAX_RECORD_BYTES};
use crate::chain::{Link, checksum_of, json};
use crate::error::{Altered, LedgerError};
use crate::load::{Case, load};
use crate::projection::{self, APPROVAL, FIXED, JOB, MOVING, RECEIPT};
use crate::record::{NewProposal, Recorded, RecordedEvent};
use crate::shape::Filed;
use crate::writer::Batch;

/// A new proposal with everything computed that can be computed beforehand.
pub(crate) struct Draft {
    evidence: Body,
    audit: Body,
    events: Vec<Entry>,
    proposal: Proposal,
    change_set_json: String,
    filed: Filed,
}

/// An event and its payload as it is stored.
pub(crate) struct Entry {
    pub(crate) recorded: RecordedEvent,
    payload_json: String,
}

impl Draft {
    /// Decides, hashes and writes down; nothing is recorded yet.
    pub(crate) fn of(new: NewProposal, now: Timestamp) -> Result<Self, LedgerError> {
        let evidence = Body::of_evidence(&new.evidence)?;
        let audit = Body::of_audit(&new.audit)?;
        let change_set_json = written("change set", &new.change_set)?;
        let command = AgentCommand::Propose {
            change_set: Box::new(new.change_set),
            capability_digest: new.capability_digest,
            expires_at: new.expires_at,
            evidence: (new.evidence.evidence_id, evidence.digest.clone()),
            audit: (new.audit.audit_id, audit.digest.clone()),
        };
        let events = decide_agent(None, &command, now)?;
        let AgentCommand::Propose { change_set, .. } = command;
        let id = change_set.proposal_id.clone();
        let proposal = fold(&events).ok().flatten().ok_or_else(|| LedgerError::NoProposal(id.clone()))?;
        let events = chain(&id, 0, None, events)?;
        let filed = Filed::of_change_set(&change_set, proposal.created_at.as_micros());
        Ok(Self { evidence, audit, events, proposal, change_set_json, filed })
    }

    /// Records the read, and the proposal unless the same content waits already on the same terms.
    pub(crate) fn record(self, batch: &mut Batch<'_>) -> Result<Recorded, LedgerError> {
        self.evidence.write(batch)?;
        self.audit.write(batch)?;
        match open_with(batch, &self.proposal.terms.content_digest)? {
            Some(case) if !lapsed(batch, &case)? && !superseded(batch, &case, &self.proposal)? => Ok(Recorded::Existing(case.proposal)),
            _ => self.create(batch).map(Recorded::Created),
        }
    }

    fn create(self, batch: &mut Batch<'_>) -> Result<Proposal, LedgerError> {
        let head = self.events.last().map(|entry| entry.recorded.hash.clone());
        let head = head.ok_or_else(|| LedgerError::NoProposal(self.proposal.id().clone()))?;
        let values: Vec<Value> = projection::fixed(&self.proposal).into_iter().chain(projection::moving(&self.proposal, &head)).collect();
        let (evidence, audit) = self.proposal.evidence.as_ref().map(|link| (&link.evidence_id, &link.audit_id)).unzip();
        let filed = [
            Value::from(checksum_of(&values)),
            Value::from(batch.number(&self.filed.shape)?),
            Value::from(self.filed.at_micros),
            evidence.map_or(Value::Null, |id| Value::from(id.to_string())),
            audit.map_or(Value::Null, |id| Value::from(id.to_string())),
        ];
        let values = values.into_iter().chain([Value::from(self.change_set_json)]).chain(filed);
        batch.connection.prepare_cached(&INSERT_PROPOSAL)?.execute(params_from_iter(values))?;
        for entry in &self.events {
            entry.write(batch, self.proposal.id())?;
        }
        Ok(self.proposal)
    }
}

/// Appends what was decided, and everything that follows; answers with the state after it.
pub(crate) fn append(batch: &mut Batch<'_>, case: Case, events: Vec<Event>) -> Result<Proposal, LedgerError> {
    let (mut proposal, mut head) = (case.proposal, case.head);
    if events.is_empty() {
        return Ok(proposal);
    }
    let id = proposal.id().clone();
    for entry in chain(&id, proposal.events, Some(head.clone()), events)? {
        let misfit = |error| LedgerError::Altered { id: id.clone(), record: Altered::History(error) };
        proposal = evolve(Some(proposal), &entry.recorded.event).map_err(|error| misfit(error.to_string()))?;
        entry.write(batch, &id)?;
        follow(batch, &proposal, &entry.recorded)?;
        head = entry.recorded.hash;
    }
    let row: Vec<Value> = projection::fixed(&proposal).into_iter().chain(projection::moving(&proposal, &head)).collect();
    let sum = checksum_of(&row);
    let moving = row.into_iter().skip(FIXED.len()).chain([Value::from(sum), Value::from(id.to_string())]);
    batch.connection.prepare_cached(&UPDATE_PROPOSAL)?.execute(params_from_iter(moving))?;
    Ok(proposal)
}

impl Entry {
    fn write(&self, batch: &mut Batch<'_>, id: &ProposalId) -> Result<(), LedgerError> {
        let RecordedEvent { event_id, sequence, hash, event } = &self.recorded;
        let (kind, at) = (event.fact.kind(), event.at.to_string());
        let row = (event_id.as_str(), id.as_str(), sequence, kind, &event.actor, &self.payload_json, at, hash.as_str(), batch.commit);
        batch.connection.prepare_cached(INSERT_EVENT)?.execute(row)?;
        batch.cover(hash.clone());
        Ok(())
    }
}

/// Writes the rows that one event makes beside its own.
fn follow(batch: &mut Batch<'_>, proposal: &Proposal, event: &RecordedEvent) -> Result<(), LedgerError> {
    if let Some(row) = projection::approval(proposal, event) {
        batch.connection.prepare_cached(&INSERT_APPROVAL)?.execute(params_from_iter(row))?;
    }
    if let Some(receipt) = projection::receipt(proposal, event)? {
        let row = projection::receipt_row(event, &receipt)?;
        let filed = [Value::from(event.event.at.as_micros()), Value::from(checksum_of(&row))];
        let row = row.into_iter().chain(filed);
        batch.connection.prepare_cached(&INSERT_RECEIPT)?.execute(params_from_iter(row))?;
    }
    match &event.event.fact {
        Fact::JobRecorded { .. } => {
            if let Some(row) = projection::job(proposal, std::slice::from_ref(event)) {
                let row = row.into_iter().chain([Value::from(event.event.at.as_micros())]);
                batch.connection.prepare_cached(&INSERT_JOB)?.execute(params_from_iter(row))?;
            }
        }
        Fact::AttemptClaimed(claimed) => {
            let at = event.event.at.as_micros();
            let row = (proposal.id().as_str(), claimed.attempt, &claimed.holder, claimed.lease_id.as_str(), at);
            // When the lease of whoever claims lapses, another takes it up.
            let claim = "UPDATE writeback_jobs SET attempt = ?2, holder = ?3, lease_id = ?4, parked_at = NULL, \
                due_at = coalesce(lease_expires_at, ?5) WHERE proposal_id = ?1";
            batch.connection.prepare_cached(claim)?.execute(row)?;
        }
        fact => {
            let current = proposal.current_attempt().map(|attempt| attempt.number);
            let reports_current = projection::reported(fact).is_some_and(|(attempt, _)| Some(attempt) == current);
            if reports_current || matches!(fact, Fact::DeadLettered(_)) || !proposal.status.is_open() {
                let due_at = projection::is_due(proposal).then_some(event.event.at.as_micros());
                let free = "UPDATE writeback_jobs SET lease_expires_at = NULL, parked_at = ?2, due_at = ?3 WHERE proposal_id = ?1";
                let row = (proposal.id().as_str(), projection::parked_at(proposal), due_at);
                batch.connection.prepare_cached(free)?.execute(row)?;
            }
        }
    }
    Ok(())
}

/// Chains events to the history of a proposal.
fn chain(id: &ProposalId, from: u32, head: Option<Digest>, events: Vec<Event>) -> Result<Vec<Entry>, LedgerError> {
    let mut previous = head;
    let mut entries = Vec::with_capacity(events.len());
    for (sequence, event) in (from.saturating_add(1)..).zip(events) {
        let event_id = EventId::generate();
        let payload_json = payload(&event.fact)?;
        let link = Link {
            actor: &event.actor,
            created_at: &event.at.to_string(),
            event_id: &event_id,
            kind: event.fact.kind(),
            payload: &payload_json,
            previous: previous.as_ref(),
            proposal_id: id,
            sequence,
        };
        let hash = link.hash()?;
        previous = Some(hash.clone());
        entries.push(Entry { recorded: RecordedEvent { event_id, sequence, hash, event }, payload_json });
    }
    Ok(entries)
}

/// The open proposal of this content, if there is one.
fn open_with(batch: &Batch<'_>, content: &Digest) -> Result<Option<Case>, LedgerError> {
    let select = "SELECT proposal_id FROM proposals WHERE content_digest = ?1 AND open = 1";
    let found: Option<String> = batch.connection.prepare_cached(select)?.query_row([content.as_str()], |row| row.get(0)).optional()?;
    found.and_then(|id| ProposalId::new(&id)).map(|id| load(batch.connection, &id)).transpose()
}

/// Whether an open proposal's time has passed; if so, and nobody claimed it, that is put on record, and its content is
/// free.
fn lapsed(batch: &mut Batch<'_>, case: &Case) -> Result<bool, LedgerError> {
    let Ok(events) = lapse(&case.proposal, "runner", Timestamp::now()) else { return Ok(false) };
    append(batch, case.clone(), events)?;
    Ok(true)
}

/// Whether the new proposal takes the place of an undecided one; if so that is put on record, and its content is free.
fn superseded(batch: &mut Batch<'_>, case: &Case, new: &Proposal) -> Result<bool, LedgerError> {
    let Some(event) = supersede(&case.proposal, &new.terms, Timestamp::now()) else { return Ok(false) };
    append(batch, case.clone(), vec![event])?;
    Ok(true)
}

fn payload(fact: &Fact) -> Result<String, LedgerError> {
    let unrecordable = |error: serde_json::Error| LedgerError::Unrecordable { record: "event", why: error.to_string() };
    let fact = serde_json::to_value(fact).map_err(unrecordable)?;
    written("event", &fact["payload"])
}

fn written(record: &'static str, value: &impl serde::Serialize) -> Result<String, LedgerError> {
    let unrecordable = |why: &str| LedgerError::Unrecordable { record, why: why.to_owned() };
    let bytes = json(record, value)?;
    if bytes.len() > MAX_RECORD_BYTES {
        return Err(unrecordable("it is larger than 8 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| unrecordable("it is not UTF-8"))
}

/// The columns by which look-ups find a proposal.
const FILED: [&str; 5] = ["checksum", "shape", "at_micros", "evidence_id", "audit_id"];

const INSERT_EVENT: &str = "INSERT INTO proposal_events \
    (event_id, proposal_id, sequence, kind, actor, payload_json, created_at, hash, commit_number) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

static INSERT_PROPOSAL: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<&str> = FIXED.into_iter().chain(MOVING).chain(["change_set_json"]).chain(FILED).collect();
    insert("proposals", &columns)
});
static INSERT_APPROVAL: LazyLock<String> = LazyLock::new(|| insert("approvals", &APPROVAL));
static INSERT_RECEIPT: LazyLock<String> = LazyLock::new(|| {
    let marks = vec!["?"; RECEIPT.len()].join(", ");
    // A receipt is filed as its proposal is.
    format!(
        "INSERT INTO writeback_receipts ({}, at_micros, checksum, shape, object_id) \
         SELECT {marks}, ?, ?, shape, object_id FROM proposals WHERE proposal_id = ?1",
        RECEIPT.join(", ")
    )
});
static INSERT_JOB: LazyLock<String> = LazyLock::new(|| {
    let marks = vec!["?"; JOB.len()].join(", ");
    // Where a job is carried out is said by the change set alone.
    format!(
        "INSERT INTO writeback_jobs ({}, due_at, lane) \
         SELECT {marks}, ?, source_id || '/' || coalesce(change_set_json ->> '$.writeback.executor', 'sql_update') \
         FROM proposals WHERE proposal_id = ?1",
        JOB.join(", ")
    )
});
static UPDATE_PROPOSAL: LazyLock<String> = LazyLock::new(|| {
    let sets: Vec<String> = MOVING.iter().map(|column| format!("{column} = ?")).collect();
    format!("UPDATE proposals SET {}, checksum = ? WHERE proposal_id = ?", sets.join(", "))
});

fn insert(table: &str, columns: &[&str]) -> String {
    let marks = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {table} ({}) VALUES ({marks})", columns.join(", "))
}
