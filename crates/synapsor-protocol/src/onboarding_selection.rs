//! What did somebody choose to offer an agent? `onboarding-selection.v1`: one table and what may be read and proposed of
//! it, from which a configuration is generated.
//!
//! The record is closed: what is not understood here would be missing in the generated configuration without a word.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;
use crate::name::{CapabilityName, EnvName};
use crate::record::{RuleError, distinct, filled};
use crate::scalar::{Number, Scalar};
use crate::writeback_job::Engine;

/// One table, and what an agent may do with its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[cfg_attr(feature = "schemas", schemars(extend(
    "oneOf" = [{"required": ["tenant_key"]}, {"required": ["single_tenant_dev"], "properties": {"single_tenant_dev": {"const": true}}}]
)))]
pub struct OnboardingSelection {
    /// The version of this format: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(range(min = 1, max = 1)))]
    pub version: Option<u32>,
    /// What the runner is allowed to do at all; `shadow` if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<SelectedMode>,
    /// The kind of the database.
    pub engine: Engine,
    /// The schema.
    pub schema: Identifier,
    /// The table.
    pub table: Identifier,
    /// The primary key column.
    pub primary_key: Identifier,
    /// The column that holds the tenant; this or `single_tenant_dev`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_key: Option<Identifier>,
    /// Declares that the table has one tenant only; for development.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_tenant_dev: Option<bool>,
    /// The version column; without it the whole row is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict_column: Option<Identifier>,
    /// The first part of the tools' names.
    pub namespace: Identifier,
    /// What one row is called; the table's name in the singular if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_name: Option<Identifier>,
    /// The columns that a model may see.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub visible_columns: Vec<Identifier>,
    /// The columns that a proposal may ever set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemas", schemars(extend("uniqueItems" = true)))]
    pub allowed_columns: Vec<Identifier>,
    /// What a proposal sets, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub patch: BTreeMap<Identifier, SelectedValue>,
    /// Declarations of the arguments that the patch takes, by name; each that is absent is derived from its column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub patch_args: BTreeMap<String, SelectedArgument>,
    /// Bounds of numbers, by patch column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numeric_bounds: BTreeMap<Identifier, SelectedBound>,
    /// Which states may follow which, by patch column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transition_guards: BTreeMap<Identifier, SelectedTransition>,
    /// The argument that holds the primary key; `<object>_id` if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup_arg: Option<String>,
    /// The name of the tool that reads, as older selections give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_tool: Option<CapabilityName>,
    /// The name of the tool that proposes, as older selections give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_tool: Option<CapabilityName>,
    /// The name of the tool that reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspect_tool_name: Option<CapabilityName>,
    /// The name of the tool that proposes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_tool_name: Option<CapabilityName>,
    /// What a model is told about the tool that reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspect_description: Option<String>,
    /// What a model is told about the tool that proposes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_description: Option<String>,
    /// What a model is told about the answer of the tool that reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspect_returns_hint: Option<String>,
    /// What a model is told about the answer of the tool that proposes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_returns_hint: Option<String>,
    /// The format of a tool's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(range(min = 1, max = 2)))]
    pub result_format: Option<u32>,
    /// The name of the source in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_name: Option<Identifier>,
    /// The environment variable that holds the URL for reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_url_env: Option<EnvName>,
    /// The same, as older selections give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_url_env: Option<EnvName>,
    /// The environment variable that holds the URL for direct writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_url_env: Option<EnvName>,
    /// How long one statement may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(range(min = 1)))]
    pub statement_timeout_ms: Option<u32>,
    /// Where tenant and principal come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_context: Option<SelectedContext>,
    /// Who has to say yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<SelectedApproval>,
}

/// What the runner is allowed to do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum SelectedMode {
    /// Read.
    ReadOnly,
    /// Record proposals, to compare them with what people do.
    Shadow,
    /// Let proposals wait for a decision.
    Review,
}

/// Where the value of a patch column comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(transform = crate::schemas::describe_members))]
pub enum SelectedValue {
    /// The value itself; `null` is one.
    Fixed(Scalar),
    /// The argument that holds it.
    FromArg(String),
}

/// One argument of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct SelectedArgument {
    /// Its type.
    pub r#type: ArgumentType,
    /// What a model is told about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether every call has to give it; true unless it is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// The most UTF-16 code units that a string may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(range(min = 1)))]
    pub max_length: Option<u32>,
    /// The least allowed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Number>,
    /// The greatest allowed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Number>,
    /// The only accepted values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub r#enum: Vec<Scalar>,
}

/// An argument's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum ArgumentType {
    /// Text.
    String,
    /// A number that a double holds.
    Number,
    /// True or false.
    Boolean,
}

/// The bounds of a number, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields, extend("minProperties" = 1)))]
pub struct SelectedBound {
    /// The least allowed value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Number>,
    /// The greatest allowed value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Number>,
}

/// Which states may follow which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct SelectedTransition {
    /// The column that holds the present state; the patch column itself if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_column: Option<Identifier>,
    /// Present state to the states that may follow.
    pub allowed: BTreeMap<String, Vec<String>>,
}

/// Where tenant and principal come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct SelectedContext {
    /// The environment variable that holds the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id_env: Option<EnvName>,
    /// The environment variable that holds the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_env: Option<EnvName>,
}

/// Who has to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct SelectedApproval {
    /// The role that an approver must hold; `local_reviewer` if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_role: Option<String>,
}

impl OnboardingSelection {
    /// Checks the rules between the members.
    pub(crate) fn check_rules(&self) -> Result<(), RuleError> {
        let wrong = |why: &str| Err(RuleError::Contradiction(why.to_owned()));
        match (&self.tenant_key, self.single_tenant_dev) {
            (None, None | Some(false)) => return wrong("neither `tenant_key` nor `single_tenant_dev` says whose rows these are"),
            (Some(_), Some(true)) => return wrong("`tenant_key` and `single_tenant_dev` contradict each other"),
            (Some(_), None | Some(false)) | (None, Some(true)) => {}
        }
        if self.version.is_some_and(|version| version != 1) {
            return wrong("`version` is not 1");
        }
        if self.result_format.is_some_and(|format| !(1..=2).contains(&format)) {
            return wrong("`result_format` is neither 1 nor 2");
        }
        if self.statement_timeout_ms == Some(0) {
            return Err(RuleError::Zero("statement_timeout_ms"));
        }
        distinct("visible_columns", &self.visible_columns)?;
        self.lookup_arg.iter().try_for_each(|arg| filled("lookup_arg", arg))?;
        self.check_change()
    }

    /// The rules of what a proposal may set.
    fn check_change(&self) -> Result<(), RuleError> {
        let wrong = |why: String| Err(RuleError::Contradiction(why));
        if !self.allowed_columns.is_empty() {
            distinct("allowed_columns", &self.allowed_columns)?;
        }
        let keys = [Some(&self.primary_key), self.tenant_key.as_ref()];
        if let Some(key) = keys.into_iter().flatten().find(|key| self.allowed_columns.contains(key)) {
            return wrong(format!("the key column `{key}` is an allowed column"));
        }
        if let Some(column) = self.patch.keys().find(|column| !self.allowed_columns.contains(column)) {
            return wrong(format!("the patch changes `{column}`, which is not an allowed column"));
        }
        let guarded = self.numeric_bounds.keys().chain(self.transition_guards.keys());
        if let Some(column) = guarded.into_iter().find(|column| !self.patch.contains_key(*column)) {
            return wrong(format!("`{column}` has a rule and is not in the patch"));
        }
        if let Some((column, _)) = self.numeric_bounds.iter().find(|(_, bound)| !bound.is_a_range()) {
            return wrong(format!("the bounds of `{column}` are no range"));
        }
        if let Some(arg) = self.patch_args.iter().find(|(_, arg)| arg.max_length == Some(0)).map(|(name, _)| name) {
            return wrong(format!("the argument `{arg}` may hold nothing"));
        }
        if let Some(column) = self.transition_guards.iter().find(|(_, guard)| guard.allowed.is_empty()).map(|(column, _)| column) {
            return wrong(format!("the transitions of `{column}` allow nothing"));
        }
        let named = |arg: &String| self.patch.values().any(|value| matches!(value, SelectedValue::FromArg(from) if from == arg));
        match self.patch_args.keys().find(|arg| !named(arg)) {
            Some(arg) => wrong(format!("no patch column takes the argument `{arg}`")),
            None => Ok(()),
        }
    }
}

impl SelectedBound {
    fn is_a_range(&self) -> bool {
        match (self.minimum, self.maximum) {
            (None, None) => false,
            (Some(minimum), Some(maximum)) => minimum.as_f64() <= maximum.as_f64(),
            (Some(_), None) | (None, Some(_)) => true,
        }
    }
}
