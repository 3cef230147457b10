//! On whose behalf was the call answered, and what was kept of it?

use serde::{Deserialize, Serialize};
use synapsor_protocol::id::{DiagnosticId, EvidenceId};

/// What stands in an envelope's `_meta`: the trusted context, never a table or a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(deny_unknown_fields))]
pub struct Meta {
    /// The tenant that the call was bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The principal that the call was bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Where tenant and principal come from: the name of the context's provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// The capability's own name, whatever alias it was called by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_capability: Option<String>,
    /// Under this id the ledger keeps what an operator may know about a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Option<String>"))]
    pub diagnostic_id: Option<DiagnosticId>,
}

impl Meta {
    /// The meta data of an answer: it names the whole trusted context.
    pub fn trusted(tenant_id: &str, principal: &str, provenance: &str, capability: &str) -> Self {
        Self {
            tenant_id: Some(tenant_id.to_owned()),
            principal: Some(principal.to_owned()),
            provenance: Some(provenance.to_owned()),
            canonical_capability: Some(capability.to_owned()),
            diagnostic_id: None,
        }
    }

    /// The meta data of a refusal of a known capability.
    pub fn capability(name: &str) -> Self {
        Self { canonical_capability: Some(name.to_owned()), ..Self::default() }
    }

    /// The same, with the id under which the ledger keeps the cause.
    #[must_use]
    pub fn diagnosed(mut self, id: DiagnosticId) -> Self {
        self.diagnostic_id = Some(id);
        self
    }
}

/// Says that what the model was shown is kept, and that it need not care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(deny_unknown_fields))]
pub struct EvidenceNote {
    /// The evidence bundle in the ledger.
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub bundle_id: EvidenceId,
    /// One sentence for the model.
    pub note: String,
}

impl EvidenceNote {
    /// The note for a bundle that the ledger has committed.
    pub fn new(bundle_id: EvidenceId) -> Self {
        Self { bundle_id, note: "Kept on record for reviewers; you need not do anything with it.".to_owned() }
    }
}
