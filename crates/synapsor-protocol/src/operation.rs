//! What names one approved change everywhere: in the source's receipt, on the wire, in the ledger?
//!
//! The operation id is the idempotency key and the `webhook-id`: one value. The same id finds the same receipt.

use crate::digest::Digest;
use crate::id::ProposalId;
use crate::text::checked_text;

/// The longest operation id, in bytes; receipt tables index it.
pub const MAX_OPERATION_ID_BYTES: usize = 255;

checked_text! {
    /// An operation id: ours by [`OperationId::derive`], another writer's as it came (1 to 255 bytes, no control
    /// characters).
    OperationId, is_operation_id, "an operation id: 1 to 255 bytes without control characters"
}

impl OperationId {
    /// `<proposal_id>:<object_id>` if the object id is printable ASCII and the whole fits, else
    /// `<proposal_id>:sha256-<hex of the object id>`.
    pub fn derive(proposal: &ProposalId, object_id: &str) -> Self {
        let readable = format!("{proposal}:{object_id}");
        let printable = !object_id.is_empty() && object_id.bytes().all(|b| (0x21..=0x7e).contains(&b));
        if printable && readable.len() <= MAX_OPERATION_ID_BYTES {
            return Self(readable);
        }
        Self(format!("{proposal}:sha256-{}", Digest::of_bytes(object_id.as_bytes()).hex()))
    }
}

fn is_operation_id(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_OPERATION_ID_BYTES && !text.chars().any(char::is_control)
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for OperationId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OperationId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "minLength": 1})
    }
}

#[cfg(test)]
mod tests {
    use super::OperationId;
    use crate::id::ProposalId;

    fn check(object_id: &str) -> String {
        OperationId::derive(&ProposalId::new("wrp_1").unwrap(), object_id).to_string()
    }

    #[test]
    fn a_printable_object_id_stays_readable() {
        insta::assert_snapshot!(check("R-88"), @"wrp_1:R-88");
    }

    #[test]
    fn any_other_object_id_is_hashed() {
        insta::assert_snapshot!(check("R 88"), @"wrp_1:sha256-f3dc2db84853265b99b3d6201a56331401d6d044a03c598263124547f10537f2");
        for object_id in ["é", "", "a\n", &"x".repeat(250)] {
            assert!(check(object_id).starts_with("wrp_1:sha256-"), "{object_id}");
            assert!(check(object_id).len() <= 255);
        }
    }
}
