//! Which JSON Schemas describe these records? Generated from the types; written to `schemas/` by `cargo xtask schemas`.

use schemars::{Schema, schema_for};
use serde_json::Value;

use crate::handler::{HandlerReceipt, HandlerRequest};
use crate::{ChangeSet, ExecutionReceipt, OnboardingSelection, ProtocolManifest, RunnerRegistration, WritebackJob};

/// File name and schema of every published record of this crate.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("change-set.v1.schema.json", schema_for!(ChangeSet)),
        ("execution-receipt.v1.schema.json", schema_for!(ExecutionReceipt)),
        ("onboarding-selection.v1.schema.json", schema_for!(OnboardingSelection)),
        ("protocol-manifest.v1.schema.json", schema_for!(ProtocolManifest)),
        ("runner-registration.v1.schema.json", schema_for!(RunnerRegistration)),
        ("synapsor.app-handler-receipt.v1.json", schema_for!(HandlerReceipt)),
        ("synapsor.app-handler-request.v1.json", schema_for!(HandlerRequest)),
        ("writeback-job.v1.schema.json", schema_for!(WritebackJob)),
    ]
}

/// Gives the members of an enum's variants the words of the variant, where they have none of their own: the tag, and the
/// name of a variant that is a member.
pub(crate) fn describe_members(schema: &mut Schema) {
    let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    for variant in variants.into_iter().flatten() {
        let about = variant.get("description").cloned();
        let members = variant.get_mut("properties").and_then(Value::as_object_mut);
        for member in members.into_iter().flat_map(|members| members.values_mut()) {
            if let (Value::Object(member), Some(about)) = (member, &about) {
                member.entry("description").or_insert_with(|| about.clone());
            }
        }
    }
}
