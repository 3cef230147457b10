//! Which row and which change is a handler tried with?
//!
//! The file is closed: what nobody reads is an error. It holds no secret, only the names of variables.

use serde::{Deserialize, Serialize};
use synapsor_protocol::change_set::{ColumnValue, VersionAdvance};
use synapsor_protocol::name::EnvName;
use synapsor_protocol::preparse::{self, Limits, ParseError};
use synapsor_protocol::{Columns, Identifier, Scalar};

/// What a handler is tried with: `synapsor.handler-conformance.v1`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Fixture {
    /// The address of the schema, for editors.
    #[serde(rename = "$schema", default)]
    pub schema: Option<String>,
    /// The canonical name of the capability.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub action: String,
    /// The row that is changed.
    pub target: FixtureTarget,
    /// A key of the same type under which there is no row.
    pub missing_key: Scalar,
    /// A row of another tenant. It must exist, under a key that the own tenant does not have.
    pub other_tenant: OtherTenant,
    /// The columns of the row as a reviewer would see it, beside key, tenant and version.
    #[serde(default)]
    pub before: Columns,
    /// A change that the handler carries out.
    #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
    pub patch: Columns,
    /// A change that the handler's own rules refuse. Without one, the scenarios about refusals are skipped and redelivery is
    /// not earned.
    #[serde(default)]
    pub refused_patch: Option<Columns>,
    /// Who moves the version if the effect does not; `auto` unless said otherwise.
    #[serde(default)]
    pub version_advance: Option<VersionAdvance>,
    /// How far from now a request may have been sent, in seconds, as the handler has it set.
    #[serde(default = "five_minutes")]
    #[cfg_attr(feature = "schemas", schemars(range(min = 1, max = 86_400)))]
    pub tolerance_seconds: u32,
    /// Where the handler's secrets are.
    #[serde(default)]
    pub credentials: CredentialVariables,
    /// What the handler is meant to do. Scenarios about anything beyond that are skipped.
    #[serde(default)]
    pub claims: Claims,
    /// The application's database, for `sql` below.
    #[serde(default)]
    pub database: Option<UrlVariable>,
    /// How the rows are put back, so that `patch` can be applied again.
    pub reset: Reset,
    /// How the row and the effects are looked at.
    pub observe: Observe,
}

/// The row that is changed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FixtureTarget {
    /// The schema. Absent means the handler's own.
    #[serde(default)]
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
    /// The key's column and value.
    pub primary_key: ColumnValue,
    /// The tenant's column and value.
    pub tenant: ColumnValue,
    /// The version's column.
    pub version_column: Identifier,
}

/// A row of another tenant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct OtherTenant {
    /// The tenant.
    pub tenant: Scalar,
    /// The row's key.
    pub key: Scalar,
}

/// The environment variables that hold the handler's secrets. Without one, the scenarios about it are skipped.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CredentialVariables {
    /// The bearer token.
    #[serde(default)]
    pub token_env: Option<EnvName>,
    /// The secret that signs requests.
    #[serde(default)]
    pub signing_secret_env: Option<EnvName>,
    /// A second secret that the handler accepts too, as during a rotation.
    #[serde(default)]
    pub next_signing_secret_env: Option<EnvName>,
}

/// What the handler is meant to do.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Claims {
    /// `safe`: it keeps operation ids, so that a request may be sent again. `never`: it keeps nothing.
    #[serde(default)]
    pub redelivery: RedeliveryClaim,
    /// `handler`: it rehearses a dry run and rolls it back. `local`: it refuses one.
    #[serde(default)]
    pub dry_run: DryRunClaim,
}

/// Whether a request may be sent again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum RedeliveryClaim {
    /// The handler keeps the operation id.
    #[default]
    Safe,
    /// One delivery, then a person.
    Never,
}

/// Who answers a dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum DryRunClaim {
    /// The sender alone.
    #[default]
    Local,
    /// The handler, which rolls back.
    Handler,
}

/// The environment variable that holds a database's address.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UrlVariable {
    /// `postgres://...`, `mysql://...`, `sqlite:FILE`, or the path of a SQLite file.
    pub url_env: EnvName,
}

/// How the rows are put back.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum Reset {
    /// A program and its arguments, run without a shell; exit code 0 means that it is done.
    Command(Vec<String>),
    /// Statements in the database, one after the other.
    Sql(Vec<String>),
}

/// How the row and the effects are looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum Observe {
    /// A program and its arguments, run without a shell. It prints `{"version": ..., "effects": ..., "row": {...}}`.
    Command(Vec<String>),
    /// Queries of the database.
    Sql(Select),
}

/// Queries, each of which gives one row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Select {
    /// The row's version, as capabilities carry it.
    pub version: String,
    /// A number that grows by one with each change that was applied.
    pub effects: String,
    /// Whatever else must be the same after a request that was refused.
    #[serde(default)]
    pub row: Option<String>,
}

/// Why a file is no fixture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FixtureError {
    /// Not JSON that may be read, or not of this form.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It says something that cannot be.
    #[error("`{member}` {problem}")]
    Contradiction {
        /// The member.
        member: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Fixture {
    /// Reads a file.
    pub fn from_slice(text: &[u8]) -> Result<Self, FixtureError> {
        let fixture: Self = preparse::from_slice(text, Limits::DEFAULT)?;
        match fixture.problem() {
            None => Ok(fixture),
            Some((member, problem)) => Err(FixtureError::Contradiction { member, problem }),
        }
    }

    /// Whether rows are put back or looked at by SQL.
    pub fn needs_database(&self) -> bool {
        matches!(self.reset, Reset::Sql(_)) || matches!(self.observe, Observe::Sql(_))
    }

    fn problem(&self) -> Option<(&'static str, &'static str)> {
        let target = &self.target;
        let (key, tenant) = (&target.primary_key.value, &target.tenant.value);
        let no_words = |words: &[String]| words.first().is_none_or(String::is_empty);
        let empty = match (&self.reset, &self.observe) {
            (Reset::Command(words) | Reset::Sql(words), _) if no_words(words) => Some("reset"),
            (_, Observe::Command(words)) if no_words(words) => Some("observe"),
            _ => None,
        };
        let problems = [
            (self.action.trim().is_empty(), "action", "is empty"),
            (self.patch.is_empty(), "patch", "changes nothing"),
            (self.refused_patch.as_ref().is_some_and(Columns::is_empty), "refused_patch", "changes nothing"),
            (key.is_null() || tenant.is_null(), "target", "has a key or a tenant that is null"),
            (*key == self.missing_key || self.other_tenant.key == self.missing_key, "missing_key", "is the key of a row that is there"),
            (*key == self.other_tenant.key, "other_tenant.key", "is the own row's key"),
            (*tenant == self.other_tenant.tenant, "other_tenant.tenant", "is the own tenant"),
            (self.tolerance_seconds == 0 || self.tolerance_seconds > 86_400, "tolerance_seconds", "is not between 1 and 86400"),
            (empty.is_some(), empty.unwrap_or_default(), "has no words"),
            (self.needs_database() && self.database.is_none(), "database", "is missing, and `sql` needs it"),
        ];
        problems.into_iter().find(|(wrong, ..)| *wrong).map(|(_, member, problem)| (member, problem))
    }
}

fn five_minutes() -> u32 {
    300
}
