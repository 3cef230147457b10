//! Which runner is there, and for what? `synapsor.runner-registration.v1`: what a runner tells a control plane.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::writeback_job::Engine;

/// One runner and what it may be asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct RunnerRegistration {
    /// Always `synapsor.runner-registration.v1`.
    pub schema_version: SchemaVersion,
    /// The runner: what receipts name.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub runner_id: String,
    /// The version of its program.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub runner_version: String,
    /// The engines that it can write to.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub engines: Vec<Engine>,
    /// What it can be asked for, such as `writeback:claim`.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1), inner(length(min = 1)), extend("uniqueItems" = true)))]
    pub capabilities: Vec<String>,
    /// For what it is there.
    pub scope: RegistrationScope,
    /// When it registered.
    pub registered_at: Timestamp,
}

/// The tag of [`RunnerRegistration`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum SchemaVersion {
    /// The only version.
    #[default]
    #[serde(rename = "synapsor.runner-registration.v1")]
    V1,
}

/// For what a runner is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct RegistrationScope {
    /// The project; `local` without a control plane.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub project_id: String,
    /// The sources whose jobs it takes, as the configuration names them.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1), inner(length(min = 1)), extend("uniqueItems" = true)))]
    pub source_ids: Vec<String>,
}
