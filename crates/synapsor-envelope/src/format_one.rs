//! What does the first format look like?
//!
//! Three shapes without a common head: a client tells an error by `ok: false` and the others by `status`. The facts are
//! those of the envelope, under other names; `docs/envelope.md` holds the two against each other.

use std::collections::BTreeMap;

use serde::Serialize;
use synapsor_protocol::change_set::WritebackRef;
use synapsor_protocol::id::{EvidenceId, ProposalId};
use synapsor_protocol::{Columns, Digest, Identifier, Scalar};

use crate::answer::{Answer, RefusedAnswer};
use crate::envelope::ReadAnswer;
use crate::proposal::{ColumnChange, ProposalAnswer, ProposalState};

/// An answer in format 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ResultOne {
    /// A row.
    Read(Box<ReadOne>),
    /// A proposal.
    Proposal(Box<ProposalOne>),
    /// A refusal.
    Error(ErrorOne),
}

/// A row that was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadOne {
    status: &'static str,
    action: String,
    mode: String,
    business_object: BusinessObject,
    data: Columns,
    trusted_context: TrustedOne,
    evidence_bundle_id: EvidenceId,
    evidence_resource: String,
    source_database_changed: bool,
    source_database_mutated: bool,
}

/// A proposal that is on record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProposalOne {
    status: ProposalState,
    action: String,
    proposal_id: ProposalId,
    proposal_version: u32,
    proposal_hash: Digest,
    target: Target,
    diff: BTreeMap<Identifier, ColumnChange>,
    evidence_bundle_id: EvidenceId,
    evidence_resource: String,
    proposal_resource: String,
    replay_resource: String,
    approval_required: bool,
    writeback: WritebackRef,
    source_database_changed: bool,
    source_database_mutated: bool,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorOne {
    ok: bool,
    code: &'static str,
    error: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct BusinessObject {
    r#type: Identifier,
    id: Scalar,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Target {
    r#type: Identifier,
    id: Scalar,
    tenant_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct TrustedOne {
    tenant_id: Option<String>,
    principal: Option<String>,
    provenance: Option<String>,
}

impl ResultOne {
    /// The answer that these facts give.
    pub(crate) fn of(answer: Answer) -> Self {
        match answer {
            Answer::Read(answer) => Self::Read(Box::new((*answer).into())),
            Answer::Proposal(answer) => Self::Proposal(Box::new((*answer).into())),
            Answer::Refused(answer) => Self::Error((*answer).into()),
        }
    }

    /// Whether the call did what it was asked for.
    pub fn ok(&self) -> bool {
        !matches!(self, Self::Error(_))
    }
}

impl From<ReadAnswer> for ReadOne {
    fn from(answer: ReadAnswer) -> Self {
        let meta = answer.meta;
        Self {
            status: "ok",
            action: answer.action,
            mode: answer.mode,
            business_object: BusinessObject { r#type: answer.table, id: answer.object },
            data: answer.data,
            trusted_context: TrustedOne { tenant_id: meta.tenant_id, principal: meta.principal, provenance: meta.provenance },
            evidence_resource: evidence_resource(&answer.evidence),
            evidence_bundle_id: answer.evidence,
            source_database_changed: false,
            source_database_mutated: false,
        }
    }
}

impl From<ProposalAnswer> for ProposalOne {
    fn from(answer: ProposalAnswer) -> Self {
        Self {
            status: answer.state,
            action: answer.action,
            proposal_version: answer.proposal_version,
            proposal_hash: answer.proposal_hash,
            target: Target { r#type: answer.table, id: answer.object, tenant_id: answer.meta.tenant_id },
            diff: answer.diff,
            evidence_resource: evidence_resource(&answer.evidence),
            evidence_bundle_id: answer.evidence,
            proposal_resource: format!("synapsor://proposals/{}", answer.proposal_id),
            replay_resource: format!("synapsor://replay/replay_{}", answer.proposal_id),
            proposal_id: answer.proposal_id,
            approval_required: answer.state.approval_required(),
            writeback: answer.writeback_record,
            source_database_changed: false,
            source_database_mutated: false,
        }
    }
}

impl From<RefusedAnswer> for ErrorOne {
    fn from(answer: RefusedAnswer) -> Self {
        // This format has no member for the diagnostic id, and a person needs it.
        let error = match answer.meta.diagnostic_id {
            Some(id) => format!("{} (diagnostic id: {id})", answer.refusal.message),
            None => answer.refusal.message,
        };
        Self { ok: false, code: answer.code, error }
    }
}

fn evidence_resource(id: &EvidenceId) -> String {
    format!("synapsor://evidence/{id}")
}

#[cfg(test)]
mod tests;
