//! What is a model told about a proposal?
//!
//! That it exists, what it would change, and that nothing is changed: a person decides elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use synapsor_protocol::change_set::WritebackRef;
use synapsor_protocol::id::{EvidenceId, ProposalId};
use synapsor_protocol::{Digest, Identifier, Scalar};

use crate::Meta;

/// The facts of which [`crate::Envelope::proposal`] makes an answer.
#[derive(Debug, Clone)]
pub struct ProposalAnswer {
    /// The canonical name of the capability.
    pub action: String,
    /// The proposal, as the ledger has committed it.
    pub proposal_id: ProposalId,
    /// Its version.
    pub proposal_version: u32,
    /// The hash of its change set.
    pub proposal_hash: Digest,
    /// Where it stands.
    pub state: ProposalState,
    /// The table of the target, for people: it is only shown.
    pub table: Identifier,
    /// The primary key of the target.
    pub object: Scalar,
    /// What would change, column by column; patch columns only.
    pub diff: BTreeMap<Identifier, ColumnChange>,
    /// Who would carry it out.
    pub writeback: WritebackMode,
    /// The same as the change set says it.
    pub writeback_record: WritebackRef,
    /// The evidence that was committed with it.
    pub evidence: EvidenceId,
    /// The whole trusted context: see [`Meta::trusted`].
    pub meta: Meta,
}

/// A proposal in an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(deny_unknown_fields))]
pub struct ProposalNotice {
    /// The proposal's id.
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub id: ProposalId,
    /// Where it stands.
    pub state: ProposalState,
    /// `<table>:<primary key>`.
    pub target: String,
    /// What would change, column by column.
    #[cfg_attr(feature = "schemas", schemars(with = "BTreeMap<String, ColumnChange>"))]
    pub diff: BTreeMap<Identifier, ColumnChange>,
    /// Whether a person still has to decide.
    pub approval_required: bool,
    /// Who would carry it out, and that nobody has.
    pub writeback: WritebackNotice,
    /// What happens next, in one sentence.
    pub next: String,
}

/// Where a proposal stands when a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// A person has to decide.
    ReviewRequired,
    /// Shadow mode: it is recorded, and can never be applied.
    ShadowProposalCreated,
    /// The same change was proposed before and has been approved since.
    Approved,
    /// The same change was proposed before, is approved, and is being carried out.
    PendingWorker,
}

/// One column, as it is and as it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(deny_unknown_fields))]
pub struct ColumnChange {
    /// The value that was read; null if the column was not.
    #[cfg_attr(feature = "schemas", schemars(schema_with = "crate::schemas::scalar"))]
    pub before: Scalar,
    /// The value that is proposed.
    #[cfg_attr(feature = "schemas", schemars(schema_with = "crate::schemas::scalar"))]
    pub proposed: Scalar,
}

/// Who would carry a change out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WritebackMode {
    /// The guarded transaction, in the source database itself.
    DirectUpdate,
    /// The application that owns the data.
    AppHandler,
}

/// Who would carry a change out, and that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(deny_unknown_fields))]
pub struct WritebackNotice {
    /// Who would.
    pub mode: WritebackMode,
    /// False: no tool call applies anything.
    pub applied: bool,
}

impl ProposalState {
    /// Whether a person still has to decide before anything can be applied.
    pub fn approval_required(self) -> bool {
        matches!(self, Self::ReviewRequired | Self::ShadowProposalCreated)
    }

    /// What happens next, for the model.
    fn next(self) -> &'static str {
        match self {
            Self::ReviewRequired => {
                "A person reviews and decides outside of this conversation; until then nothing is changed, and you cannot approve it."
            }
            Self::ShadowProposalCreated => {
                "It is recorded for comparison only (shadow mode): it will not be applied, and nothing is changed."
            }
            Self::Approved => {
                "It has been approved and waits to be carried out; do not propose it again, read the row later to see the outcome."
            }
            Self::PendingWorker => {
                "It has been approved and is being carried out; do not propose it again, read the row later to see the outcome."
            }
        }
    }
}

impl ProposalNotice {
    /// The notice that these facts give.
    pub(crate) fn of(answer: &ProposalAnswer) -> Self {
        Self {
            id: answer.proposal_id.clone(),
            state: answer.state,
            target: format!("{}:{}", answer.table, answer.object.plain_text()),
            diff: answer.diff.clone(),
            approval_required: answer.state.approval_required(),
            writeback: WritebackNotice { mode: answer.writeback, applied: false },
            next: answer.state.next().to_owned(),
        }
    }
}
