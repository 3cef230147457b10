//! What may a model see of the records that it left?
//!
//! Its own: those of a tenant and a principal that this process is bound to. A record of anybody else is answered like one that is
//! not there.
//!
//! # Invariants
//! - A proposal is shown as it was proposed, an evidence bundle as it was kept: the row's visible columns, its key, tenant and version.
//! - Of what happened since, only what a member here says: that somebody decided and why, what an attempt came to. Not who, on which
//!   machine, under which lease, nor what a database said to the operator.

use serde::Serialize;
use serde_json::Value;
use synapsor_ledger::{AgentLedger, Evidence, QueryAudit, RecordedEvent, Replay};
use synapsor_proposal::{AttestedOutcome, Closing, Ending, Fact, Status};
use synapsor_protocol::execution_receipt::{ExecutionReceipt, ReceiptStatus, SchemaVersion};
use synapsor_protocol::id::{EventId, EvidenceId, JobId, ProposalId};
use synapsor_protocol::{ChangeSet, Digest, ErrorCode, OperationId, Outcome, Report, Scalar, Timestamp};

use crate::error::AgentError;

/// Which record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A proposal with what became of it.
    Proposal(ProposalId),
    /// What a read showed.
    Evidence(EvidenceId),
    /// The whole story of a proposal.
    Replay(ProposalId),
}

/// On whose behalf records are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) tenant_id: String,
    pub(crate) principal: String,
}

/// The record, if it is one of these callers'.
pub(crate) async fn find(ledger: &AgentLedger, callers: &[Caller], record: &Record) -> Result<Value, AgentError> {
    for caller in callers {
        let found = match record {
            Record::Proposal(id) => replay(ledger, caller, id).await?.map(|replay| shown(&ProposalRecord::of(replay))),
            Record::Replay(id) => replay(ledger, caller, id).await?.map(|replay| shown(&ReplayRecord::of(replay))),
            Record::Evidence(id) => evidence(ledger, caller, id).await?.map(|evidence| shown(&evidence)),
        };
        if let Some(found) = found {
            return found;
        }
    }
    Err(AgentError::NoRecord)
}

async fn replay(ledger: &AgentLedger, caller: &Caller, id: &ProposalId) -> Result<Option<Replay>, AgentError> {
    Ok(ledger.replay(&caller.tenant_id, &caller.principal, id).await?)
}

async fn evidence(ledger: &AgentLedger, caller: &Caller, id: &EvidenceId) -> Result<Option<Evidence>, AgentError> {
    Ok(ledger.evidence(&caller.tenant_id, &caller.principal, id).await?)
}

fn shown(record: &impl Serialize) -> Result<Value, AgentError> {
    serde_json::to_value(record).map_err(|cause| AgentError::Canonical(synapsor_protocol::canonical::CanonicalError::NotJson(cause)))
}

#[derive(Serialize)]
struct ProposalRecord {
    status: Status,
    proposal: ChangeSet,
    events: Vec<SeenEvent>,
    receipts: Vec<SeenReceipt>,
}

#[derive(Serialize)]
struct ReplayRecord {
    replay_id: String,
    status: Status,
    proposal: ChangeSet,
    events: Vec<SeenEvent>,
    receipts: Vec<SeenReceipt>,
    query_audit: Vec<QueryAudit>,
    evidence: Vec<Evidence>,
    generated_at: Timestamp,
}

/// One event, as far as a model may see it.
#[derive(Serialize)]
struct SeenEvent {
    event_id: EventId,
    sequence: u32,
    kind: &'static str,
    created_at: Timestamp,
    payload: Seen,
}

/// What a model may see of what happened. Each kind of event says for itself what that is.
#[derive(Serialize)]
#[serde(untagged)]
enum Seen {
    Proposed { proposal_version: u32, proposal_hash: Digest, expires_at: Timestamp },
    Evidence { evidence_id: EvidenceId },
    Decided { reason: Option<String> },
    Job { writeback_job_id: JobId },
    Expired { expires_at: Timestamp },
    Superseded { by: ProposalId },
    Noted {},
    Attempt { attempt: u32 },
    Reported(SeenReport),
    Ended { attempt: u32, ending: Ending, reason: Option<String> },
    SetAside { attempt: u32, outcome: Outcome, code: Option<ErrorCode> },
    Attested { attempt: u32, outcome: AttestedOutcome },
}

/// What an attempt came to, without what the database said about it.
#[derive(Serialize)]
struct SeenReport {
    attempt: u32,
    outcome: Outcome,
    code: Option<ErrorCode>,
    rows_affected: u64,
    previous_version: Option<Scalar>,
    new_version: Option<Scalar>,
}

impl ProposalRecord {
    fn of(replay: Replay) -> Self {
        let Replay { proposal, state, events, receipts, .. } = replay;
        Self { status: state.status, proposal, events: seen(events), receipts: proofs(receipts) }
    }
}

impl ReplayRecord {
    fn of(replay: Replay) -> Self {
        let Replay { replay_id, proposal, state, events, receipts, query_audit, evidence, job: _, generated_at } = replay;
        Self {
            replay_id,
            status: state.status,
            proposal,
            events: seen(events),
            receipts: proofs(receipts),
            query_audit,
            evidence,
            generated_at,
        }
    }
}

fn seen(events: Vec<RecordedEvent>) -> Vec<SeenEvent> {
    let event = |RecordedEvent { event_id, sequence, event, hash: _ }: RecordedEvent| SeenEvent {
        event_id,
        sequence,
        kind: event.fact.kind(),
        created_at: event.at,
        payload: payload(event.fact),
    };
    events.into_iter().map(event).collect()
}

fn payload(fact: Fact) -> Seen {
    match fact {
        Fact::Created(terms) => {
            Seen::Proposed { proposal_version: terms.proposal_version, proposal_hash: terms.proposal_hash, expires_at: terms.expires_at }
        }
        Fact::EvidenceRecorded(link) => Seen::Evidence { evidence_id: link.evidence_id },
        Fact::Approved(approval) => Seen::Decided { reason: approval.reason },
        Fact::Rejected(Closing { reason, .. }) | Fact::Canceled(Closing { reason, .. }) => Seen::Decided { reason },
        Fact::JobRecorded { writeback_job_id } => Seen::Job { writeback_job_id },
        Fact::Expired { expires_at } => Seen::Expired { expires_at },
        Fact::Superseded { by } => Seen::Superseded { by },
        // What people did is for the comparison, which is theirs.
        Fact::HumanActed(_) => Seen::Noted {},
        Fact::AttemptClaimed(claimed) => Seen::Attempt { attempt: claimed.attempt },
        Fact::Applied(reported)
        | Fact::AlreadyApplied(reported)
        | Fact::Conflict(reported)
        | Fact::Failed(reported)
        | Fact::Unknown(reported) => Seen::Reported(SeenReport::of(reported.attempt, reported.report)),
        Fact::Contradicted(contradiction) => Seen::Reported(SeenReport::of(contradiction.attempt, contradiction.report)),
        // Why it was set aside, and how a person knows what became of it, is for people: it may quote anything.
        Fact::DeadLettered(letter) => Seen::SetAside { attempt: letter.attempt, outcome: letter.outcome, code: letter.code },
        Fact::Attested(attestation) => Seen::Attested { attempt: attestation.attempt, outcome: attestation.outcome },
        Fact::Tombstoned(tombstone) => Seen::Ended { attempt: tombstone.attempt, ending: tombstone.ending, reason: tombstone.reason },
    }
}

/// The proof of an outcome, without who carried it out.
#[derive(Serialize)]
struct SeenReceipt {
    schema_version: SchemaVersion,
    writeback_job_id: JobId,
    proposal_id: ProposalId,
    status: ReceiptStatus,
    rows_affected: u64,
    idempotency_key: OperationId,
    previous_version: Option<Scalar>,
    new_version: Option<Scalar>,
    source_database_mutated: bool,
    executed_at: Timestamp,
    safe_error_code: Option<ErrorCode>,
    receipt_hash: Digest,
}

fn proofs(receipts: Vec<ExecutionReceipt>) -> Vec<SeenReceipt> {
    let proof = |receipt: ExecutionReceipt| SeenReceipt {
        schema_version: receipt.schema_version,
        writeback_job_id: receipt.writeback_job_id,
        proposal_id: receipt.proposal_id,
        status: receipt.status,
        rows_affected: receipt.rows_affected,
        idempotency_key: receipt.idempotency_key,
        previous_version: receipt.previous_version,
        new_version: receipt.new_version,
        source_database_mutated: receipt.source_database_mutated,
        executed_at: receipt.executed_at,
        safe_error_code: receipt.safe_error_code,
        receipt_hash: receipt.receipt_hash,
    };
    receipts.into_iter().map(proof).collect()
}

impl SeenReport {
    fn of(attempt: u32, report: Report) -> Self {
        let Report { outcome, code, rows_affected, previous_version, new_version, .. } = report;
        Self { attempt, outcome, code, rows_affected, previous_version, new_version }
    }
}
