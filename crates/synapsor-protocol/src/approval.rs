//! What exactly does an approval say yes to?

use serde::Serialize;

use crate::canonical::CanonicalError;
use crate::digest::Digest;
use crate::time::Timestamp;

/// What an approval binds: this change of this version, as this capability allowed it, for this tenant, until then.
///
/// The reviewer is shown the digest of these terms; applying computes it again from what is about to be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalTerms {
    /// The hash of the change set.
    pub proposal_hash: Digest,
    /// The version of the proposal, from 1.
    pub proposal_version: u32,
    /// The digest of the capability as it was reviewed.
    pub capability_digest: Digest,
    /// Whose row it is.
    pub tenant_id: String,
    /// When the approval ends, if it was not applied before.
    pub expires_at: Timestamp,
}

impl ApprovalTerms {
    /// `synapsor.approval-digest.v1`: the digest of the canonical JSON of the terms with their `schema_version`.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        #[derive(Serialize)]
        struct Versioned<'a> {
            schema_version: &'static str,
            #[serde(flatten)]
            terms: &'a ApprovalTerms,
        }
        Digest::of(&Versioned { schema_version: "synapsor.approval-digest.v1", terms: self })
    }
}

#[cfg(test)]
mod tests {
    use super::ApprovalTerms;
    use crate::{Digest, Timestamp};

    fn terms() -> ApprovalTerms {
        ApprovalTerms {
            proposal_hash: Digest::of_bytes(b"change"),
            proposal_version: 1,
            capability_digest: Digest::of_bytes(b"capability"),
            tenant_id: "acme".into(),
            expires_at: Timestamp::parse("2026-03-09T08:00:00Z").unwrap(),
        }
    }

    #[test]
    fn every_term_changes_the_digest() {
        let digest = terms().digest().unwrap();
        let variants = [
            ApprovalTerms { proposal_hash: Digest::of_bytes(b"other"), ..terms() },
            ApprovalTerms { proposal_version: 2, ..terms() },
            ApprovalTerms { capability_digest: Digest::of_bytes(b"other"), ..terms() },
            ApprovalTerms { tenant_id: "ACME".into(), ..terms() },
            ApprovalTerms { expires_at: Timestamp::parse("2026-03-09T08:00:00.000001Z").unwrap(), ..terms() },
        ];
        for variant in variants {
            assert_ne!(variant.digest().unwrap(), digest, "{variant:?}");
        }
        assert_eq!(terms().digest().unwrap(), digest);
    }
}
