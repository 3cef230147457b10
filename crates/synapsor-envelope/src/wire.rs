//! How is an envelope written down, and read back?
//!
//! Flat, with all ten members always present, as clients of format 2 expect it.

use serde::{Deserialize, Serialize};
use synapsor_protocol::Columns;

use crate::EnvelopeError;
use crate::envelope::{Envelope, Kind, Outcome};
use crate::meta::{EvidenceNote, Meta};
use crate::proposal::ProposalNotice;
use crate::refusal::Refusal;

/// An envelope as it is written.
#[derive(Serialize)]
pub(crate) struct Borrowed<'a> {
    ok: bool,
    summary: &'a str,
    action: &'a str,
    kind: Kind,
    data: Option<&'a Columns>,
    proposal: Option<&'a ProposalNotice>,
    error: Option<&'a Refusal>,
    evidence: Option<&'a EvidenceNote>,
    source_database_changed: bool,
    #[serde(rename = "_meta")]
    meta: &'a Meta,
}

/// Result envelope, format 2: the answer to one tool call. Exactly one of `data`, `proposal` and `error` is not null.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(rename = "ResultEnvelopeV2", deny_unknown_fields))]
pub(crate) struct Owned {
    /// Whether the call did what it was asked for.
    ok: bool,
    /// One sentence on what happened.
    summary: String,
    /// The capability, or the name that was asked for.
    action: String,
    /// What the capability does; `read` when it is unknown.
    kind: Kind,
    /// The row that was read.
    #[cfg_attr(feature = "schemas", schemars(required, schema_with = "crate::schemas::row"))]
    data: Option<Columns>,
    /// The proposal that was recorded. Nothing was applied.
    #[cfg_attr(feature = "schemas", schemars(required, schema_with = "crate::schemas::nullable::<ProposalNotice>"))]
    proposal: Option<ProposalNotice>,
    /// Why the call was refused.
    #[cfg_attr(feature = "schemas", schemars(required, schema_with = "crate::schemas::nullable::<Refusal>"))]
    error: Option<Refusal>,
    /// What was kept of the call.
    #[cfg_attr(feature = "schemas", schemars(required, schema_with = "crate::schemas::nullable::<EvidenceNote>"))]
    evidence: Option<EvidenceNote>,
    /// False: no tool call changes a source database.
    source_database_changed: bool,
    /// On whose behalf the call was answered.
    #[serde(rename = "_meta")]
    meta: Meta,
}

impl<'a> Borrowed<'a> {
    pub(crate) fn of(envelope: &'a Envelope) -> Self {
        Self {
            ok: envelope.ok(),
            summary: &envelope.summary,
            action: &envelope.action,
            kind: envelope.kind,
            data: envelope.data(),
            proposal: envelope.proposed(),
            error: envelope.refusal(),
            evidence: envelope.evidence.as_ref(),
            source_database_changed: false,
            meta: &envelope.meta,
        }
    }
}

impl TryFrom<Owned> for Envelope {
    type Error = EnvelopeError;

    fn try_from(read: Owned) -> Result<Self, EnvelopeError> {
        if read.source_database_changed {
            return Err(EnvelopeError::SourceChanged);
        }
        let outcome = one_outcome(read.data, read.proposal, read.error)?;
        if read.ok == matches!(outcome, Outcome::Refusal(_)) {
            return Err(EnvelopeError::OkDisagrees { ok: read.ok });
        }
        let Owned { summary, action, kind, evidence, meta, .. } = read;
        Ok(Self { summary, action, kind, outcome, evidence, meta })
    }
}

fn one_outcome(data: Option<Columns>, proposal: Option<ProposalNotice>, error: Option<Refusal>) -> Result<Outcome, EnvelopeError> {
    match (data, proposal, error) {
        (Some(data), None, None) => Ok(Outcome::Data(data)),
        (None, Some(proposal), None) => Ok(Outcome::Proposal(Box::new(proposal))),
        (None, None, Some(error)) => Ok(Outcome::Refusal(error)),
        (data, proposal, error) => {
            let found = [data.is_some(), proposal.is_some(), error.is_some()];
            Err(EnvelopeError::NotOneOutcome { found: found.into_iter().filter(|&there| there).count() })
        }
    }
}
