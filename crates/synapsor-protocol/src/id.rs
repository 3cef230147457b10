//! What are the records called?
//!
//! Our ids are a prefix and a UUIDv7, so they sort by creation. They are no authority: nothing is allowed because
//! somebody knows an id. Ids of other writers are accepted as they are, if they are not empty.

use crate::text::checked_text;

/// The longest id that is accepted, in bytes.
pub const MAX_ID_BYTES: usize = 512;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        checked_text! {
            $(#[$doc])*
            $name, is_id, "an id: 1 to 512 bytes without control characters"
        }

        impl $name {
            /// A new id; later ids sort after earlier ones.
            pub fn generate() -> Self {
                Self(format!(concat!($prefix, "{}"), uuid::Uuid::now_v7().simple()))
            }
        }

        #[cfg(feature = "schemas")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "minLength": 1})
            }
        }
    };
}

id! {
    /// One proposal (`wrp_`).
    ProposalId, "wrp_"
}
id! {
    /// One evidence bundle: what an agent was shown (`ev_`).
    EvidenceId, "ev_"
}
id! {
    /// One writeback job (`wbj_`).
    JobId, "wbj_"
}
id! {
    /// One row of the query audit (`qa_`).
    AuditId, "qa_"
}
id! {
    /// One event of a proposal (`evt_`).
    EventId, "evt_"
}
id! {
    /// One lease on a job (`lease_`).
    LeaseId, "lease_"
}
id! {
    /// What a person did in a case that an agent had a shadow proposal for (`act_`).
    ActionId, "act_"
}
id! {
    /// One refusal whose internal cause the ledger keeps (`diag_`).
    DiagnosticId, "diag_"
}

fn is_id(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_ID_BYTES && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::ProposalId;

    #[test]
    fn ids_of_other_writers_are_accepted_as_they_are() {
        assert!(ProposalId::new("wrp_quick_INV_3001").is_some());
        assert!(ProposalId::new("").is_none());
        assert!(ProposalId::new("a\nb").is_none());
        assert!(ProposalId::new(&"x".repeat(513)).is_none());
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids: Vec<_> = (0..100).map(|_| ProposalId::generate()).collect();
        assert!(ids.is_sorted());
        assert!(ids[0].as_str().starts_with("wrp_"));
    }
}
