//! What an agent may call.

use serde_json::Value;
use synapsor_protocol::{Identifier, Scalar};

use crate::raw::proposal::{RawApproval, RawBinding, RawBound, RawGuard, RawTransition};
use crate::raw::words::{CapabilityText, words};
use crate::raw::{Finite, Named, OneOf, Slot, Text, Whole, object};

object! {
    /// One reviewed thing that an agent may call: a scoped read, or the proposal of an exact change of one row.
    #[cfg_attr(feature = "schemas", schemars(
        rename = "Capability",
        extend(
            "required" = ["name", "kind", "source", "target", "args", "lookup", "visible_columns"],
            "if" = {"properties": {"kind": {"const": "proposal"}}},
            "then" = {"required": ["patch", "allowed_columns", "conflict_guard"]}
        )
    ))]
    RawCapability {
        /// The tool's name: two identifiers with a dot between them.
        name: CapabilityText,
        /// Whether it reads or proposes.
        kind: OneOf<KindWord>,
        /// What a model is told about it.
        description: Text,
        /// What a model is told about its answer.
        returns_hint: Text,
        /// The name of a declared source.
        source: String,
        /// The name of a declared context; `trusted_context` if it is absent.
        context: String,
        /// `sql_update`, which it is if it is absent, or the name of a declared executor.
        executor: String,
        /// The table and the guard of its tenants.
        target: RawTarget,
        /// The arguments that a model gives, by name.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        args: Named<RawArg>,
        /// How the row is found.
        lookup: RawLookup,
        /// The columns that a model may see.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        visible_columns: Vec<Slot<Identifier>>,
        /// The columns whose names say that they hold a secret, and that a person has looked at: they may be seen, or set,
        /// all the same.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        secret_columns_ack: Vec<Slot<Identifier>>,
        /// `required` or `optional` by convention; evidence is always kept.
        evidence: Value,
        /// The limit of the read; a call still needs exactly one row.
        max_rows: Whole<2_147_483_647>,
        /// What a proposal sets, by column.
        #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
        patch: Named<RawBinding>,
        /// The columns that a proposal may ever set.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        allowed_columns: Vec<Slot<Identifier>>,
        /// Bounds of numbers, by patch column.
        numeric_bounds: Named<RawBound>,
        /// Which states may follow which, by patch column.
        transition_guards: Named<RawTransition>,
        /// How a row that changed in the meantime is noticed.
        conflict_guard: RawGuard,
        /// Who has to say yes.
        approval: RawApproval,
        /// Read by nothing.
        single_tenant_dev_ack: Value,
    }
}

/// Whether a capability reads or proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KindWord {
    Read,
    Proposal,
}

words!(KindWord {
    "read" => KindWord::Read,
    "proposal" => KindWord::Proposal,
});

object! {
    /// The table and the guard of its tenants: `tenant_key`, or `single_tenant_dev` while developing.
    #[cfg_attr(feature = "schemas", schemars(rename = "Target", extend("required" = ["schema", "table", "primary_key"])))]
    RawTarget {
        /// The schema; `main` on SQLite.
        schema: Identifier,
        /// The table.
        table: Identifier,
        /// The primary key column.
        primary_key: Identifier,
        /// The column that holds the tenant.
        tenant_key: Identifier,
        /// Declares that the table has one tenant only.
        single_tenant_dev: bool,
    }
}

object! {
    /// One argument that a model gives.
    #[cfg_attr(feature = "schemas", schemars(rename = "Arg", extend("required" = ["type"])))]
    RawArg {
        /// Its type.
        r#type: OneOf<ArgWord>,
        /// What a model is told about it.
        description: Text,
        /// Whether every call has to give it; true unless it is false.
        required: bool,
        /// The most UTF-16 code units that a string may have.
        max_length: Whole<9_007_199_254_740_992>,
        /// The least allowed number.
        minimum: Finite,
        /// The greatest allowed number.
        maximum: Finite,
        /// The only accepted values.
        #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
        r#enum: Vec<Slot<Scalar>>,
    }
}

/// An argument's type, before its bounds are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgWord {
    String,
    Number,
    Boolean,
}

words!(ArgWord {
    "string" => ArgWord::String,
    "number" => ArgWord::Number,
    "boolean" => ArgWord::Boolean,
});

object! {
    /// How the row is found.
    #[cfg_attr(feature = "schemas", schemars(rename = "Lookup", extend("required" = ["id_from_arg"])))]
    RawLookup {
        /// The argument that holds the primary key.
        id_from_arg: Text,
    }
}
