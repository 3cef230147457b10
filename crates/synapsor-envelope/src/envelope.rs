//! What does one tool call answer?
//!
//! The three constructors are the only way to an envelope, so an illegal one cannot be written down.

use serde::{Deserialize, Serialize};
use synapsor_protocol::id::EvidenceId;
use synapsor_protocol::{Columns, Identifier, Scalar};

use crate::meta::{EvidenceNote, Meta};
use crate::proposal::{ProposalAnswer, ProposalNotice};
use crate::refusal::{Refusal, shortened};
use crate::wire::{Borrowed, Owned};

/// The longest `action`, in characters: an unknown tool's name is the caller's own text.
const MAX_ACTION_CHARS: usize = 200;

/// The answer to one tool call: a row, a proposal or a refusal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Owned")]
pub struct Envelope {
    pub(crate) summary: String,
    pub(crate) action: String,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    pub(crate) evidence: Option<EvidenceNote>,
    pub(crate) meta: Meta,
}

/// Exactly one of the three.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Data(Columns),
    Proposal(Box<ProposalNotice>),
    Refusal(Refusal),
}

/// What the called capability does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It reads one row; also said of a capability that nobody knows.
    Read,
    /// It proposes one change.
    Proposal,
}

/// The facts of which [`Envelope::read`] makes an answer.
#[derive(Debug, Clone)]
pub struct ReadAnswer {
    /// The canonical name of the capability.
    pub action: String,
    /// The mode of the configuration, as the file spells it.
    pub mode: String,
    /// The table that was read, for people: it is only shown.
    pub table: Identifier,
    /// The primary key of the row.
    pub object: Scalar,
    /// The visible columns of the row, and no other.
    pub data: Columns,
    /// The evidence that was committed with the read.
    pub evidence: EvidenceId,
    /// The whole trusted context: see [`Meta::trusted`].
    pub meta: Meta,
}

impl Envelope {
    /// The answer to a read that found its row.
    pub fn read(answer: ReadAnswer) -> Self {
        let ReadAnswer { action, mode: _, table, object, data, evidence, meta } = answer;
        Self {
            summary: format!("Read {table} {} with {action}; nothing was changed.", object.plain_text()),
            action,
            kind: Kind::Read,
            outcome: Outcome::Data(data),
            evidence: Some(EvidenceNote::new(evidence)),
            meta,
        }
    }

    /// The answer to a proposal that the ledger holds.
    pub fn proposal(answer: ProposalAnswer) -> Self {
        let notice = ProposalNotice::of(&answer);
        Self {
            summary: format!(
                "Proposal {} for {} {} is {}; nothing was changed in the database.",
                answer.proposal_id,
                answer.table,
                answer.object.plain_text(),
                standing(&notice)
            ),
            action: answer.action,
            kind: Kind::Proposal,
            outcome: Outcome::Proposal(Box::new(notice)),
            evidence: Some(EvidenceNote::new(answer.evidence)),
            meta: answer.meta,
        }
    }

    /// The answer to a call that did nothing. `action` is the capability, or the name that was asked for; it is cut at
    /// 200 characters. `kind` is [`Kind::Read`] when the capability is unknown.
    pub fn refused(action: &str, kind: Kind, refusal: Refusal, meta: Meta) -> Self {
        Self {
            summary: refusal.message.clone(),
            action: shortened(action, MAX_ACTION_CHARS),
            kind,
            outcome: Outcome::Refusal(refusal),
            evidence: None,
            meta,
        }
    }

    /// Whether the call did what it was asked for.
    pub fn ok(&self) -> bool {
        !matches!(self.outcome, Outcome::Refusal(_))
    }

    /// One sentence on what happened.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The capability, or the name that was asked for.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// What the capability does.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The row, if the call read one.
    pub fn data(&self) -> Option<&Columns> {
        match &self.outcome {
            Outcome::Data(columns) => Some(columns),
            Outcome::Proposal(_) | Outcome::Refusal(_) => None,
        }
    }

    /// The proposal, if the call made one or found the same one.
    pub fn proposed(&self) -> Option<&ProposalNotice> {
        match &self.outcome {
            Outcome::Proposal(notice) => Some(notice),
            Outcome::Data(_) | Outcome::Refusal(_) => None,
        }
    }

    /// The refusal, if the call was refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.outcome {
            Outcome::Refusal(refusal) => Some(refusal),
            Outcome::Data(_) | Outcome::Proposal(_) => None,
        }
    }

    /// The evidence that was committed with the answer.
    pub fn evidence(&self) -> Option<&EvidenceNote> {
        self.evidence.as_ref()
    }

    /// The trusted context of the answer.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The envelope as a JSON object.
    pub fn to_value(&self) -> serde_json::Value {
        // Only strings, booleans and finite numbers are in it, so this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The envelope as text for people and models: JSON with two spaces of indentation.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Serialize for Envelope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Borrowed::of(self).serialize(serializer)
    }
}

/// Where a proposal stands, as a part of a sentence.
fn standing(notice: &ProposalNotice) -> &'static str {
    use crate::ProposalState::{Approved, PendingWorker, ReviewRequired, ShadowProposalCreated};
    match notice.state {
        ReviewRequired => "waiting for review",
        ShadowProposalCreated => "recorded in shadow mode",
        Approved => "already approved",
        PendingWorker => "already being carried out",
    }
}

#[cfg(test)]
mod tests;
