//! What does the ledger say of one proposal, and does it still say what was written?
//!
//! # Invariants
//! - Nothing is decided from a record that does not verify: the change set against its hash, the events against their
//!   chain, every other row against what the events say, evidence and audit against the digests in the history.
//! - What was found wrong is named.
//! - What was verified a moment ago is verified again, unless every row of it is still the same, byte for byte.

use rusqlite::Connection;
use rusqlite::types::Value;
use serde::de::DeserializeOwned;
use synapsor_proposal::{EvidenceLink, Proposal, Terms};
use synapsor_protocol::id::{JobId, LeaseId, ProposalId};
use synapsor_protocol::{ChangeSet, Digest, ExecutionReceipt, Timestamp};

use crate::body::{self, Shelf};
use crate::error::{Altered, LedgerError};
use crate::history::{History, Verified};
use crate::projection::{self, FIXED, MOVING};
use crate::record::{Dossier, Evidence, Job, QueryAudit, RecordedEvent, Replay};
use crate::rows::{self, Rows, Schedule};

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

/// A case, and the rows that it was verified from.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    case: Case,
    #[cfg_attr(not(feature = "decisions"), expect(dead_code, reason = "only commands compare them"))]
    rows: Rows,
    /// Evidence and audit row as they are stored.
    #[cfg_attr(not(feature = "decisions"), expect(dead_code, reason = "only commands compare them"))]
    shown: [Option<String>; 2],
}

/// Loads a proposal and verifies everything that belongs to it.
pub(crate) fn load(connection: &Connection, id: &ProposalId) -> Result<Case, LedgerError> {
    know(connection, id).map(|known| known.case)
}

/// The same, with the rows that it was verified from.
pub(crate) fn know(connection: &Connection, id: &ProposalId) -> Result<Known, LedgerError> {
    let Some(rows) = Rows::read(connection, id)? else {
        return Err(LedgerError::NoProposal(id.clone()));
    };
    let (mut events, mut receipts) = (Vec::with_capacity(rows.events.len()), Vec::new());
    let mut stored = rows.receipts.iter().cloned();
    let mut history = History::new(id);
    let change_set = change_set(id, &rows.change_set_json)?;
    for row in &rows.events {
        let (event, receipt) = history.take(row.clone(), &mut || Ok(stored.next()))?;
        events.push(event);
        receipts.extend(receipt);
    }
    let mut verified = history.close(&rows.proposal)?;
    verified.receipts_agree &= stored.next().is_none();
    let told = Told { row: &rows.proposal, approvals: &rows.approvals, jobs: &rows.jobs };
    let agreed = agreed(connection, &change_set, verified, &told)?;
    let Agreed { proposal, head, job, evidence, audit, shown } = agreed;
    Ok(Known { case: Case { proposal, change_set, events, head, receipts, job, evidence, audit }, rows, shown })
}

impl Known {
    /// The case as it is now: this one if nothing of it has changed since, or what loading it again gives.
    #[cfg(feature = "decisions")]
    pub(crate) fn still(self, connection: &Connection) -> Result<Case, LedgerError> {
        let id = self.case.proposal.id().clone();
        let same = Rows::read(connection, &id)?.as_ref() == Some(&self.rows) && shown(connection, &self.case.proposal)? == self.shown;
        if !same {
            return load(connection, &id);
        }
        let mut case = self.case;
        if let Some(job) = &mut case.job {
            job.scheduled(&rows::schedule(connection, &id)?);
        }
        Ok(case)
    }
}

/// What the rows beside the events say.
pub(crate) struct Told<'a> {
    pub(crate) row: &'a [Value],
    pub(crate) approvals: &'a [Vec<Value>],
    pub(crate) jobs: &'a [Vec<Value>],
}

/// What verified, events and receipts apart.
pub(crate) struct Agreed {
    pub(crate) proposal: Proposal,
    pub(crate) head: Digest,
    pub(crate) job: Option<Job>,
    pub(crate) evidence: Evidence,
    pub(crate) audit: QueryAudit,
    pub(crate) shown: [Option<String>; 2],
}

/// The change set, if it is what its hash was made of.
pub(crate) fn change_set(id: &ProposalId, json: &str) -> Result<ChangeSet, LedgerError> {
    let altered = || LedgerError::Altered { id: id.clone(), record: Altered::ChangeSet };
    let change_set: ChangeSet = serde_json::from_str(json).map_err(|_| altered())?;
    change_set.verify().map_err(|_| altered())?;
    Ok(change_set)
}

/// Holds everything else against a history that verified.
pub(crate) fn agreed(connection: &Connection, change_set: &ChangeSet, verified: Verified, told: &Told<'_>) -> Result<Agreed, LedgerError> {
    let Verified { state: proposal, head, approvals, job, receipts_agree, .. } = verified;
    let altered = |record| altered(&proposal, record);
    same_terms(change_set, &proposal.terms).map_err(altered)?;
    same_row(&proposal, &head, told.row).map_err(altered)?;
    // An approval always comes before a rejection, and sorts before it.
    if told.approvals != approvals {
        return Err(altered(Altered::Approval));
    }
    if !receipts_agree {
        return Err(altered(Altered::Receipts));
    }
    let job = same_job(connection, &proposal, told.jobs, job)?;
    let shown = shown(connection, &proposal)?;
    let (evidence, audit) = same_evidence(&proposal, &shown)?;
    Ok(Agreed { proposal, head, job, evidence, audit, shown })
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

fn same_job(
    connection: &Connection,
    proposal: &Proposal,
    stored: &[Vec<Value>],
    expected: Option<[Value; 7]>,
) -> Result<Option<Job>, LedgerError> {
    let changed = || altered(proposal, Altered::Job);
    match (stored, expected) {
        ([], None) => Ok(None),
        ([row], Some(expected)) if *row == expected => {
            let schedule = rows::schedule(connection, proposal.id())?;
            let sound = schedule.due_at.is_some() == projection::is_due(proposal);
            as_job(row, &schedule).filter(|_| sound).map(Some).ok_or_else(changed)
        }
        _ => Err(changed()),
    }
}

/// Evidence and audit row that the history names, as they are stored.
fn shown(connection: &Connection, proposal: &Proposal) -> Result<[Option<String>; 2], LedgerError> {
    let Some(EvidenceLink { evidence_id, audit_id, .. }) = &proposal.evidence else { return Ok([None, None]) };
    Ok([body::text(connection, Shelf::Evidence, evidence_id.as_str())?, body::text(connection, Shelf::Audit, audit_id.as_str())?])
}

fn same_evidence(proposal: &Proposal, [evidence, audit]: &[Option<String>; 2]) -> Result<(Evidence, QueryAudit), LedgerError> {
    let Some(link) = &proposal.evidence else {
        return Err(altered(proposal, Altered::History("it has no evidence".to_owned())));
    };
    let EvidenceLink { evidence_id, evidence_digest, audit_id, audit_digest } = link;
    let evidence = attested(evidence.as_deref(), evidence_digest);
    let evidence = evidence.ok_or_else(|| altered(proposal, Altered::Evidence(evidence_id.clone())))?;
    let audit = attested(audit.as_deref(), audit_digest);
    let audit = audit.ok_or_else(|| altered(proposal, Altered::Audit(audit_id.clone())))?;
    Ok((evidence, audit))
}

/// A record, if it is what its digest was made of.
fn attested<T: DeserializeOwned>(json: Option<&str>, digest: &Digest) -> Option<T> {
    let json = json.filter(|json| Digest::of_bytes(json.as_bytes()) == *digest);
    json.and_then(|json| serde_json::from_str(json).ok())
}

fn altered(proposal: &Proposal, record: Altered) -> LedgerError {
    LedgerError::Altered { id: proposal.id().clone(), record }
}

fn as_job(row: &[Value], schedule: &Schedule) -> Option<Job> {
    let [_, Value::Text(id), Value::Integer(attempt), holder, lease, Value::Text(created_at), _] = row else { return None };
    let mut job = Job {
        writeback_job_id: JobId::new(id)?,
        attempt: u32::try_from(*attempt).ok()?,
        holder: as_text(holder).map(str::to_owned),
        lease_id: as_text(lease).and_then(LeaseId::new),
        lease_expires_at: None,
        due_at: None,
        created_at: Timestamp::parse(created_at)?,
    };
    job.scheduled(schedule);
    Some(job)
}

impl Job {
    fn scheduled(&mut self, schedule: &Schedule) {
        self.lease_expires_at = schedule.lease_end.and_then(Timestamp::from_micros);
        self.due_at = schedule.due_at.and_then(Timestamp::from_micros);
    }
}

fn as_text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}
