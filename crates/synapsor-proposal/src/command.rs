//! What can be asked of a proposal, and by whom?

use synapsor_protocol::id::{ActionId, AuditId, EvidenceId, LeaseId};
use synapsor_protocol::{ChangeSet, Columns, Digest, Report, Timestamp};

use crate::event::{AttestedOutcome, Ending};
use crate::operator::OperatorIdentity;

/// What code that serves a model may ask. It never decides anything.
#[derive(Debug, Clone)]
pub enum AgentCommand {
    /// Let this change wait for a decision.
    Propose {
        /// The exact change; its hash is checked.
        change_set: Box<ChangeSet>,
        /// The digest of the capability as it was reviewed.
        capability_digest: Digest,
        /// From when on nobody may approve or claim it.
        expires_at: Timestamp,
        /// The evidence the agent saw: its id and the digest of the stored record.
        evidence: (EvidenceId, Digest),
        /// The audit row of the read behind it, likewise.
        audit: (AuditId, Digest),
    },
}

/// What a person, a policy or a worker asks, and who it is.
#[derive(Debug, Clone)]
pub struct OperatorCommand {
    /// Who asks.
    pub by: OperatorIdentity,
    /// What is asked.
    pub order: Order,
}

/// What may follow an attempt that may have acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Another attempt, which finds out what the earlier ones did: they share an operation id that is kept where the effect is.
    Again,
    /// Nothing: whoever carries it out keeps no operation id, so another delivery could be another effect.
    Once,
}

/// What an operator asks.
#[derive(Debug, Clone)]
pub enum Order {
    /// Approve exactly what this approval digest names.
    Approve {
        /// The digest that the reviewer was shown.
        digest: Digest,
        /// Why, if the reviewer says so.
        reason: Option<String>,
    },
    /// Turn it down.
    Reject {
        /// Why. Must say something.
        reason: String,
    },
    /// Withdraw it before it was ever claimed. A claimed one ends by [`Order::Tombstone`].
    Cancel {
        /// Why, if the operator says so.
        reason: Option<String>,
    },
    /// Record that its time has passed without a decision or a claim.
    Expire,
    /// Begin the next attempt. The ledger has granted the lease in the same transaction.
    Claim {
        /// Who runs it: shown to others who wait.
        holder: String,
        /// The lease that was granted.
        lease_id: LeaseId,
        /// Whether it may follow an attempt that may have acted.
        delivery: Delivery,
    },
    /// What an attempt reports.
    Report {
        /// Which attempt.
        attempt: u32,
        /// What came of it.
        report: Report,
    },
    /// What the last attempt reports, and that nobody tries again unless a person says so. If it was superseded, or reports
    /// a fact of the receipt, only the report is recorded.
    GiveUp {
        /// Which attempt.
        attempt: u32,
        /// What came of it.
        report: Report,
        /// Why it is given up.
        reason: String,
    },
    /// Set it aside for a person: nobody tries again unless a person says so.
    Park {
        /// The last attempt that was claimed; 0 if there is none.
        attempt: u32,
        /// Why.
        reason: String,
    },
    /// Record what a person says of an operation that nothing can prove any more. It is that person's word, no proof.
    Attest {
        /// The last attempt that was claimed.
        attempt: u32,
        /// What the person says.
        outcome: AttestedOutcome,
        /// Until then a request may still be under way, so nobody can know.
        not_before: Timestamp,
        /// How the person knows. Must say something.
        reason: String,
    },
    /// A tombstone of this attempt stands in the source: no attempt up to it can act any more.
    Tombstone {
        /// The attempt that the tombstone names; it must be the last one claimed.
        attempt: u32,
        /// How the proposal ends.
        ending: Ending,
        /// Why, if somebody says so.
        reason: Option<String>,
    },
    /// Put on record what a person did in the case of a shadow proposal. It decides nothing.
    RecordHumanAction {
        /// The id of the record; the same id is recorded once.
        action_id: ActionId,
        /// The columns that the person set, and to what.
        patch: Columns,
        /// What else is worth knowing.
        notes: Option<String>,
    },
}
