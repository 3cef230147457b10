//! Which JSON Schemas describe these records? Generated from the types; written to `schemas/` by `cargo xtask schemas`.

use schemars::{Schema, schema_for};

use crate::{ChangeSet, ExecutionReceipt, WritebackJob};

/// File name and schema of every published record of this crate.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("change-set.v1.schema.json", schema_for!(ChangeSet)),
        ("execution-receipt.v1.schema.json", schema_for!(ExecutionReceipt)),
        ("writeback-job.v1.schema.json", schema_for!(WritebackJob)),
    ]
}
