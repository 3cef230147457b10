//! What does one line of a list say?
//!
//! Lines are projections and are not verified; whoever acts on one loads it. They leave out what may be large.

use serde::{Deserialize, Serialize};
use synapsor_proposal::Status;
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::{AuditId, EvidenceId, JobId, ProposalId};
use synapsor_protocol::{Digest, ErrorCode, OperationId, Outcome, Timestamp};

use crate::record::Diagnostic;

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The proposal.
    pub proposal_id: ProposalId,
    /// Where it stands.
    pub status: Status,
    /// Whether it may be written back at all.
    pub mode: Mode,
    /// The capability.
    pub capability: String,
    /// Whose row.
    pub tenant_id: String,
    /// Who proposed.
    pub principal: String,
    /// The source.
    pub source_id: String,
    /// `schema.table`.
    pub table: String,
    /// The kind of object.
    pub business_object: String,
    /// Which one.
    pub object_id: String,
    /// What the agent was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_id: Option<EvidenceId>,
    /// How many events its history has.
    pub events: u32,
    /// How many attempts were claimed.
    pub attempts: u32,
    /// The outcome over all attempts, as far as it can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why, if it did not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// From when on nobody may approve or claim it.
    pub expires_at: Timestamp,
    /// Since when it is a dead letter, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked_at: Option<Timestamp>,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// When the last event was recorded.
    pub updated_at: Timestamp,
}

/// One receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptLine {
    /// `receipt_`, the number of its event in the history, `_` and the proposal's id.
    pub receipt_id: String,
    /// The proposal.
    pub proposal_id: ProposalId,
    /// The job.
    pub writeback_job_id: JobId,
    /// Which attempt.
    pub attempt: u32,
    /// What came of it.
    pub status: Outcome,
    /// The operation id.
    pub idempotency_key: OperationId,
    /// The capability.
    pub capability: String,
    /// Whose row.
    pub tenant_id: String,
    /// Who proposed.
    pub principal: String,
    /// The source.
    pub source_id: String,
    /// `schema.table`.
    pub table: String,
    /// The kind of object.
    pub business_object: String,
    /// Which one.
    pub object_id: String,
    /// Why, if it did not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe_error_code: Option<ErrorCode>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// One evidence bundle, without what was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceLine {
    /// The bundle.
    pub evidence_id: EvidenceId,
    /// The proposal that was made of it, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<ProposalId>,
    /// What it is of.
    #[serde(flatten)]
    pub of: ReadOf,
    /// How many rows were shown.
    pub items: u32,
    /// When.
    pub created_at: Timestamp,
}

/// One row of the query audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// The row.
    pub audit_id: AuditId,
    /// The evidence it gave, if it gave any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_id: Option<EvidenceId>,
    /// The proposal that was made of it, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal_id: Option<ProposalId>,
    /// What was asked.
    #[serde(flatten)]
    pub of: ReadOf,
    /// How many rows came back.
    pub row_count: u64,
    /// When.
    pub created_at: Timestamp,
}

/// What a read was of, on whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOf {
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
    /// Which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    /// The digest of the query's shape.
    pub query_fingerprint: Digest,
}

/// Anything that is on record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Activity {
    /// A proposal.
    Proposal(Summary),
    /// What came of an attempt.
    Receipt(ReceiptLine),
    /// What an agent was shown.
    Evidence(EvidenceLine),
    /// That a query ran.
    QueryAudit(AuditLine),
    /// The internal cause of a refusal.
    Diagnostic(Diagnostic),
}
