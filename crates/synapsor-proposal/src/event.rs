//! What can have happened to a proposal?
//!
//! The kinds are words that other programs read (webhooks, replays). A kind that was written once keeps its meaning.

use serde::{Deserialize, Serialize};
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::{ActionId, AuditId, EvidenceId, JobId, LeaseId, ProposalId};
use synapsor_protocol::{ChangeSet, Columns, Digest, ErrorCode, OperationId, Outcome, Report, Timestamp};

use crate::operator::OperatorRecord;
use crate::proposal::Status;

/// One thing that happened to one proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who caused it: a principal, an account, or `runner`.
    pub actor: String,
    /// When the ledger recorded it.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

/// What happened, in the words of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload")]
pub enum Fact {
    /// It was proposed, on these terms.
    #[serde(rename = "proposal_created")]
    Created(Box<Terms>),
    /// What the agent was shown is on record.
    #[serde(rename = "evidence_recorded")]
    EvidenceRecorded(EvidenceLink),
    /// An operator approved these terms.
    #[serde(rename = "proposal_approved")]
    Approved(Approval),
    /// The job stands in the outbox.
    #[serde(rename = "writeback_job_recorded")]
    JobRecorded {
        /// The job.
        writeback_job_id: JobId,
    },
    /// An operator turned it down.
    #[serde(rename = "proposal_rejected")]
    Rejected(Closing),
    /// An operator withdrew it before it was claimed.
    #[serde(rename = "proposal_canceled")]
    Canceled(Closing),
    /// Its time passed before it was claimed.
    #[serde(rename = "proposal_expired")]
    Expired {
        /// The time that passed.
        expires_at: Timestamp,
    },
    /// Before anybody decided, the same content was proposed again in another mode or under another review of the
    /// capability.
    #[serde(rename = "proposal_superseded")]
    Superseded {
        /// The proposal that took its place.
        by: ProposalId,
    },
    /// An attempt began: recorded before anything runs.
    #[serde(rename = "writeback_attempt_claimed")]
    AttemptClaimed(Claimed),
    /// The source's receipt says that this attempt made the change.
    #[serde(rename = "writeback_applied")]
    Applied(Reported),
    /// The source's receipt says that the change was made before.
    #[serde(rename = "writeback_already_applied")]
    AlreadyApplied(Reported),
    /// The source's receipt says that row, tenant or version refused.
    #[serde(rename = "writeback_conflict")]
    Conflict(Reported),
    /// This attempt did nothing and can do nothing later.
    #[serde(rename = "writeback_failed")]
    Failed(Reported),
    /// This attempt may have done something.
    #[serde(rename = "writeback_unknown")]
    Unknown(Reported),
    /// A receipt says something else than the final state that is on record.
    #[serde(rename = "writeback_contradiction")]
    Contradicted(Contradiction),
    /// A tombstone in the source ended the operation without effect.
    #[serde(rename = "writeback_tombstoned")]
    Tombstoned(Tombstone),
    /// Nobody tries again unless a person says so.
    #[serde(rename = "writeback_dead_lettered")]
    DeadLettered(DeadLetter),
    /// A person said what became of the operation, because nothing can prove it.
    #[serde(rename = "writeback_attested")]
    Attested(Attestation),
    /// What a person did in the case of a shadow proposal is on record, to be compared with it.
    #[serde(rename = "shadow_human_action_recorded")]
    HumanActed(HumanAction),
}

/// What was proposed, as far as deciding needs it. Computed from the change set, and checked against it on loading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The proposal.
    pub proposal_id: ProposalId,
    /// Its version, from 1.
    pub proposal_version: u32,
    /// The hash of the change set.
    pub proposal_hash: Digest,
    /// The digest by which a proposal of the same content is found while this one is open.
    pub content_digest: Digest,
    /// What an approval must name.
    pub approval_digest: Digest,
    /// The capability.
    pub capability: String,
    /// The capability's digest as it was reviewed.
    pub capability_digest: Digest,
    /// Whether it may be written back at all.
    pub mode: Mode,
    /// Whose row it is.
    pub tenant_id: String,
    /// Who proposed.
    pub principal: String,
    /// The kind of thing that changes.
    pub business_object: String,
    /// Which one.
    pub object_id: String,
    /// The source.
    pub source_id: String,
    /// The idempotency key of every attempt.
    pub operation_id: OperationId,
    /// The role a decision needs, if the capability asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_role: Option<String>,
    /// From when on nobody may approve or claim it.
    pub expires_at: Timestamp,
}

/// Evidence and audit row behind a proposal, with the digests of the stored records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceLink {
    /// The evidence bundle.
    pub evidence_id: EvidenceId,
    /// The digest of its stored record.
    pub evidence_digest: Digest,
    /// The audit row.
    pub audit_id: AuditId,
    /// The digest of its stored record.
    pub audit_digest: Digest,
}

/// One approval: who said yes to which digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The digest that the reviewer named.
    pub approval_digest: Digest,
    /// The hash of the change set behind it.
    pub proposal_hash: Digest,
    /// The version of the proposal.
    pub proposal_version: u32,
    /// The role that was needed, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Who approved.
    pub operator: OperatorRecord,
    /// Why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One rejection or withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Who closed it.
    pub operator: OperatorRecord,
    /// The hash of the change set they closed.
    pub proposal_hash: Digest,
    /// Why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One attempt that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Its number, from 1: the fencing token.
    pub attempt: u32,
    /// Who runs it.
    pub holder: String,
    /// The lease it runs under.
    pub lease_id: LeaseId,
}

/// What one attempt reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Which attempt.
    pub attempt: u32,
    /// What it reported.
    pub report: Report,
}

/// A report of the source's receipt that does not agree with the final state on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The final state on record.
    pub recorded: Status,
    /// Which attempt reports otherwise.
    pub attempt: u32,
    /// What it reports.
    pub report: Report,
}

/// The end of a claimed operation that had no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The attempt that the tombstone names; it and every earlier one is fenced.
    pub attempt: u32,
    /// How the proposal ended.
    pub ending: Ending,
    /// Who ended it.
    pub operator: OperatorRecord,
    /// Why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why an approved change is set aside. It parks the proposal and ends nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The last attempt that was claimed; 0 if there is none.
    pub attempt: u32,
    /// What is known of the operation over all attempts: `failed` if it is proved that none did anything, otherwise `unknown`.
    pub outcome: Outcome,
    /// The code of that outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// Why nobody tries again by themselves.
    pub reason: String,
}

/// What a person says became of an operation. It is attested by that person, never proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// The last attempt that was claimed.
    pub attempt: u32,
    /// What the person says.
    pub outcome: AttestedOutcome,
    /// Who says it.
    pub operator: OperatorRecord,
    /// How they know.
    pub reason: String,
}

/// What a person can attest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestedOutcome {
    /// The change was made.
    Applied,
    /// The change was not made, and will not be.
    NotApplied,
}

impl AttestedOutcome {
    /// The status that it leads to.
    pub fn status(self) -> Status {
        match self {
            Self::Applied => Status::Applied,
            Self::NotApplied => Status::Failed,
        }
    }
}

/// What a person did, without the agent, in a case that a shadow proposal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HumanAction {
    /// Its id.
    pub action_id: ActionId,
    /// The columns that the person set, and to what.
    pub patch: Columns,
    /// Who put it on record.
    pub operator: OperatorRecord,
    /// What else is worth knowing, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// Why a claimed operation was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It was given up.
    Failed,
    /// An operator withdrew it.
    Canceled,
    /// Its time passed.
    Expired,
}

impl Ending {
    /// The status that it leads to.
    pub fn status(self) -> Status {
        match self {
            Self::Failed => Status::Failed,
            Self::Canceled => Status::Canceled,
            Self::Expired => Status::Expired,
        }
    }
}

impl Terms {
    /// The terms of this change set. Fails only if the change set has no canonical form.
    pub fn of(
        change_set: &ChangeSet,
        capability_digest: Digest,
        expires_at: Timestamp,
    ) -> Result<Self, synapsor_protocol::canonical::CanonicalError> {
        let proposal_hash = change_set.integrity.proposal_hash.clone();
        let approval = synapsor_protocol::ApprovalTerms {
            proposal_hash: proposal_hash.clone(),
            proposal_version: change_set.proposal_version,
            capability_digest: capability_digest.clone(),
            tenant_id: change_set.scope.tenant_id.clone(),
            expires_at,
        };
        Ok(Self {
            proposal_id: change_set.proposal_id.clone(),
            proposal_version: change_set.proposal_version,
            proposal_hash,
            content_digest: change_set.content_digest()?,
            approval_digest: approval.digest()?,
            capability: change_set.action.to_string(),
            capability_digest,
            mode: change_set.mode,
            tenant_id: change_set.scope.tenant_id.clone(),
            principal: change_set.principal.id.clone(),
            business_object: change_set.scope.business_object.clone(),
            object_id: change_set.scope.object_id.clone(),
            source_id: change_set.source.source_id.to_string(),
            operation_id: OperationId::derive(&change_set.proposal_id, &change_set.scope.object_id),
            required_role: change_set.approval.required_role.clone(),
            expires_at,
        })
    }
}

impl Fact {
    /// The kind of event, as other programs read it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created(_) => "proposal_created",
            Self::EvidenceRecorded(_) => "evidence_recorded",
            Self::Approved(_) => "proposal_approved",
            Self::JobRecorded { .. } => "writeback_job_recorded",
            Self::Rejected(_) => "proposal_rejected",
            Self::Canceled(_) => "proposal_canceled",
            Self::Expired { .. } => "proposal_expired",
            Self::Superseded { .. } => "proposal_superseded",
            Self::AttemptClaimed(_) => "writeback_attempt_claimed",
            Self::Applied(_) => "writeback_applied",
            Self::AlreadyApplied(_) => "writeback_already_applied",
            Self::Conflict(_) => "writeback_conflict",
            Self::Failed(_) => "writeback_failed",
            Self::Unknown(_) => "writeback_unknown",
            Self::Contradicted(_) => "writeback_contradiction",
            Self::Tombstoned(_) => "writeback_tombstoned",
            Self::DeadLettered(_) => "writeback_dead_lettered",
            Self::Attested(_) => "writeback_attested",
            Self::HumanActed(_) => "shadow_human_action_recorded",
        }
    }
}
