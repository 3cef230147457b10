//! What is written down, and what is read back?
//!
//! Records go in as these types and come out as these types; the tables behind them are nobody else's business.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use synapsor_proposal::{Attempt, Event, Proposal};
use synapsor_protocol::id::{AuditId, DiagnosticId, EventId, EvidenceId, JobId, LeaseId, ProposalId};
use synapsor_protocol::{ChangeSet, Digest, ExecutionReceipt, Timestamp};

/// What an agent was shown by one read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its id.
    pub evidence_id: EvidenceId,
    /// Whose rows.
    pub tenant_id: String,
    /// On whose behalf.
    pub principal: String,
    /// Through which capability.
    pub capability: String,
    /// From which source.
    pub source_id: String,
    /// `schema.table`.
    pub table: String,
    /// The kind of object.
    pub business_object: String,
    /// Which one; absent for a read of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// The digest of the query's shape.
    pub query_fingerprint: Digest,
    /// What was shown: one member per row.
    pub items: Vec<Value>,
    /// Anything else worth keeping, such as where the trusted context came from.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
    /// When it was read.
    pub created_at: Timestamp,
}

/// That a query ran: its shape and how many rows it gave, no values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryAudit {
    /// Its id.
    pub audit_id: AuditId,
    /// The evidence it gave, if it gave any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_id: Option<EvidenceId>,
    /// The proposal it was made for, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<ProposalId>,
    /// Whose rows were asked for.
    pub tenant_id: String,
    /// On whose behalf.
    pub principal: String,
    /// Through which capability.
    pub capability: String,
    /// Of which source.
    pub source_id: String,
    /// `schema.table`.
    pub table: String,
    /// The kind of object.
    pub business_object: String,
    /// Which one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// The digest of the query's shape.
    pub query_fingerprint: Digest,
    /// How many rows came back.
    pub row_count: u64,
    /// Anything else worth keeping. Null to keep nothing.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
    /// When it ran.
    pub created_at: Timestamp,
}

/// One read, as the ledger keeps it: one evidence row, one audit row.
#[derive(Debug, Clone)]
pub struct ReadRecord {
    /// What was shown, if anything was.
    pub evidence: Option<Evidence>,
    /// That it was asked.
    pub audit: QueryAudit,
}

/// A change that waits for a decision, with the read behind it.
#[derive(Debug, Clone)]
pub struct NewProposal {
    /// The exact change, sealed. Its `evidence.bundle_id` is that of `evidence`.
    pub change_set: ChangeSet,
    /// What the agent was shown.
    pub evidence: Evidence,
    /// The query behind it.
    pub audit: QueryAudit,
    /// From when on nobody may approve or claim it.
    pub expires_at: Timestamp,
    /// The digest of the capability as it was reviewed.
    pub capability_digest: Digest,
}

/// What became of a [`NewProposal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It waits for a decision.
    Created(Proposal),
    /// The same content waits already; this is that proposal. The read was recorded all the same.
    Existing(Proposal),
}

impl Recorded {
    /// The proposal, new or found.
    pub fn proposal(&self) -> &Proposal {
        match self {
            Self::Created(proposal) | Self::Existing(proposal) => proposal,
        }
    }
}

/// The internal cause of a refusal, which the model sees as an id only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Its id.
    pub diagnostic_id: DiagnosticId,
    /// Whose call, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Which capability or tool was called.
    pub capability: String,
    /// The code that the model was given.
    pub code: String,
    /// What happened, for the operator. No secret.
    pub detail: String,
    /// When.
    pub created_at: Timestamp,
}

/// One event as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedEvent {
    /// Its id.
    pub event_id: EventId,
    /// Its place in the history of its proposal, from 1.
    pub sequence: u32,
    /// The hash that the next event builds on.
    pub hash: Digest,
    /// What happened.
    #[serde(flatten, serialize_with = "event_members")]
    pub event: Event,
}

/// The row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub writeback_job_id: JobId,
    /// The last attempt that was claimed; 0 before the first.
    pub attempt: u32,
    /// Who runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Under which lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_id: Option<LeaseId>,
    /// Until when others wait; absent when nobody holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_expires_at: Option<Timestamp>,
    /// From when on a worker takes it up; absent once it is settled or set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When it was approved.
    pub created_at: Timestamp,
}

/// One proposal with everything that belongs to it, verified: hash of the change set, chain of events, approval,
/// receipts, evidence, and that every projection is what the events fold into.
#[derive(Debug, Clone)]
pub struct Dossier {
    /// The folded state.
    pub proposal: Proposal,
    /// The exact change.
    pub change_set: ChangeSet,
    /// Its history.
    pub events: Vec<RecordedEvent>,
    /// What the agent was shown.
    pub evidence: Vec<Evidence>,
    /// The queries behind it.
    pub audits: Vec<QueryAudit>,
    /// One receipt per report that has one, in order.
    pub receipts: Vec<ExecutionReceipt>,
    /// The job, once it is approved.
    pub job: Option<Job>,
}

/// The whole story of one proposal.
#[derive(Debug, Clone, Serialize)]
pub struct Replay {
    /// `replay_` and the proposal's id.
    pub replay_id: String,
    /// What was proposed.
    pub proposal: ChangeSet,
    /// Where it stands.
    pub state: Proposal,
    /// What happened, in order.
    pub events: Vec<RecordedEvent>,
    /// The proofs of outcomes.
    pub receipts: Vec<ExecutionReceipt>,
    /// The queries behind it.
    pub query_audit: Vec<QueryAudit>,
    /// What the agent was shown.
    pub evidence: Vec<Evidence>,
    /// The job, if it was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// When this replay was put together.
    pub generated_at: Timestamp,
}

/// Who claims: shown to others who wait.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The account that acts.
    pub by: synapsor_proposal::OperatorIdentity,
    /// Which process, in words: `pid 4711 on vega`.
    pub process: String,
}

/// A granted lease on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its id.
    pub lease_id: LeaseId,
    /// The proposal.
    pub proposal_id: ProposalId,
    /// The attempt it was granted for: the fencing token.
    pub attempt: u32,
    /// Until when others wait.
    pub expires_at: Timestamp,
    /// How far a renewal reaches.
    pub duration: std::time::Duration,
}

/// What came of asking for a job.
#[derive(Debug, Clone)]
pub enum Claim {
    /// It is yours until the lease expires; the attempt is on record.
    Granted(Lease),
    /// Somebody else runs it.
    Held {
        /// Who.
        holder: String,
        /// Until when, unless they renew it.
        until: Timestamp,
    },
    /// There is nothing to run: the proposal is final.
    Settled(Box<Proposal>),
}

impl Dossier {
    /// The attempts so far.
    pub fn attempts(&self) -> &[Attempt] {
        &self.proposal.attempts
    }
}

/// `{kind, payload, actor, created_at}`, as the reference's replay has them.
fn event_members<S: serde::Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Members<'a> {
        actor: &'a str,
        created_at: Timestamp,
        #[serde(flatten)]
        fact: &'a synapsor_proposal::Fact,
    }
    Members { actor: &event.actor, created_at: event.at, fact: &event.fact }.serialize(serializer)
}
