//! What exactly is proposed? `synapsor.change-set.v1`.
//!
//! Before, patch, after, the guards that must still hold, and what the agent was shown. A change set is immutable once
//! it is sealed: its hash covers all of it but `integrity`.
//!
//! `external_sqlite` is our extension of the published list of source kinds.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Columns;
use crate::canonical::CanonicalError;
use crate::digest::{Digest, digest_without};
use crate::id::{EvidenceId, ProposalId};
use crate::identifier::Identifier;
use crate::scalar::Scalar;
use crate::time::Timestamp;

/// The guard column that stands for a hash of the whole `before` row.
pub const ROW_HASH_COLUMN: &str = "__row_hash";

/// The guard column of a capability that declares that there is one tenant only.
pub const SINGLE_TENANT_COLUMN: &str = "__single_tenant_dev";

/// The value that goes with [`SINGLE_TENANT_COLUMN`].
pub const SINGLE_TENANT_VALUE: &str = "single_tenant_dev";

/// One exact change of one row, with everything that must still hold when it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct ChangeSet {
    /// Always `synapsor.change-set.v1`.
    pub schema_version: SchemaVersion,
    /// The proposal that this is the content of.
    pub proposal_id: ProposalId,
    /// The version of the proposal, from 1.
    #[cfg_attr(feature = "schemas", schemars(range(min = 1)))]
    pub proposal_version: u32,
    /// The canonical name of the capability.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub action: String,
    /// What may become of it.
    pub mode: Mode,
    /// On whose behalf the agent proposed.
    pub principal: Principal,
    /// Whose row, and which.
    pub scope: Scope,
    /// Where the row is.
    pub source: SourceRef,
    /// The row as the agent's proposal saw it.
    pub before: Columns,
    /// The columns that change, and to what.
    pub patch: Columns,
    /// `before`, overlaid with `patch`.
    pub after: Columns,
    /// What must still hold when the change is applied.
    pub guards: Guards,
    /// What the agent was shown.
    pub evidence: EvidenceRef,
    /// Who may say yes.
    pub approval: ApprovalRef,
    /// How it will be written.
    pub writeback: WritebackRef,
    /// Always false when a proposal is created.
    pub source_database_mutated: bool,
    /// The hash of all of the above.
    pub integrity: Integrity,
    /// When it was proposed.
    pub created_at: Timestamp,
}

/// The tag of [`ChangeSet`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum SchemaVersion {
    /// The only version.
    #[default]
    #[serde(rename = "synapsor.change-set.v1")]
    V1,
}

/// What may become of a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum Mode {
    /// Nothing.
    ReadOnly,
    /// It is kept to be compared with what people did; it can never be approved.
    Shadow,
    /// A reviewer decides.
    ReviewRequired,
    /// It was approved elsewhere.
    ApprovedForWriteback,
}

/// On whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Principal {
    /// Who.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub id: String,
    /// Who says so.
    pub source: PrincipalSource,
}

/// Where the trusted context came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum PrincipalSource {
    /// A session that the server authenticated.
    TrustedSession,
    /// A session of the cloud control plane.
    CloudSession,
    /// Environment variables of the server.
    Environment,
    /// Literals of the configuration, for development.
    StaticDev,
}

impl PrincipalSource {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TrustedSession => "trusted_session",
            Self::CloudSession => "cloud_session",
            Self::Environment => "environment",
            Self::StaticDev => "static_dev",
        }
    }
}

/// Whose row, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Scope {
    /// The tenant, from the trusted context.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub tenant_id: String,
    /// The kind of object: the table's name.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub business_object: String,
    /// The primary key, as text.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub object_id: String,
}

/// Where the row is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct SourceRef {
    /// Which kind of database.
    pub kind: SourceKind,
    /// The name of the source in the configuration.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub source_id: String,
    /// The schema.
    pub schema: Identifier,
    /// The table.
    pub table: Identifier,
    /// The row's key.
    pub primary_key: ColumnValue,
}

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum SourceKind {
    /// PostgreSQL.
    ExternalPostgres,
    /// MySQL or MariaDB.
    ExternalMysql,
    /// A SQLite file.
    ExternalSqlite,
    /// A table of the cloud service.
    SynapsorTable,
}

/// A column and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct ColumnValue {
    /// The column.
    pub column: Identifier,
    /// The value.
    pub value: Scalar,
}

impl ColumnValue {
    /// The guard of a weakly guarded change: the hash of the whole row.
    pub fn row_hash(digest: &Digest) -> Self {
        Self { column: Identifier::constant(ROW_HASH_COLUMN), value: Scalar::from(digest.as_str()) }
    }

    /// The tenant guard where there is one tenant only.
    pub fn single_tenant() -> Self {
        Self { column: Identifier::constant(SINGLE_TENANT_COLUMN), value: Scalar::from(SINGLE_TENANT_VALUE) }
    }
}

/// What must still hold when the change is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Guards {
    /// The row's tenant.
    pub tenant: ColumnValue,
    /// The columns that the capability may change.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub allowed_columns: Vec<Identifier>,
    /// The row's version.
    pub expected_version: ColumnValue,
}

/// What the agent was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct EvidenceRef {
    /// The evidence bundle in the ledger.
    pub bundle_id: EvidenceId,
    /// The digest of the query's shape.
    pub query_fingerprint: Digest,
    /// Items carried along; ours is empty, the bundle has them.
    #[serde(default)]
    pub items: Vec<serde_json::Value>,
}

/// Who may say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ApprovalRef {
    /// What was decided when the record was written.
    pub status: ApprovalStatus,
    /// The role that the reviewer needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_role: Option<String>,
}

/// What was decided when the record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum ApprovalStatus {
    /// Nothing yet.
    Pending,
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// It was taken back.
    Canceled,
}

/// How it will be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct WritebackRef {
    /// What was written when the record was made.
    pub status: WritebackStatus,
    /// Who writes.
    pub mode: WritebackMode,
    /// The executor of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// Who moves the version column; absent where the guard is no column. Ours: the published object is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_advance: Option<VersionAdvance>,
    /// What of the patch is no column of the table, but a parameter for the executor; in `before` it is null. Ours, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Identifier>,
}

/// Who moves the version column when the change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum VersionAdvance {
    /// The guarded UPDATE: the one column outside the allowed ones that the runner may set.
    Auto,
    /// The database, by a trigger or a generated column.
    Database,
}

/// What was written when the record was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum WritebackStatus {
    /// Nothing.
    NotApplied,
    /// A worker has it.
    PendingWorker,
    /// The change is in the source.
    Applied,
    /// The source refused it.
    Conflict,
    /// It is proved that nothing was written.
    Failed,
    /// It was taken back.
    Canceled,
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum WritebackMode {
    /// A worker that the operator trusts.
    TrustedWorkerRequired,
    /// The cloud service.
    SynapsorMerge,
    /// Nobody.
    ReadOnly,
}

/// The hash of a change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Integrity {
    /// The hash of everything but `integrity`.
    pub proposal_hash: Digest,
}

/// Why a change set cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum ChangeSetError {
    /// A patch column is not among the allowed ones.
    #[error("the patch changes `{0}`, which is not an allowed column")]
    ColumnNotAllowed(Identifier),
    /// The primary key or the tenant column is among the allowed ones.
    #[error("the key column `{0}` is an allowed column")]
    KeyColumnAllowed(Identifier),
    /// There is nothing to change.
    #[error("the patch is empty")]
    EmptyPatch,
    /// `after` is not `before` overlaid with `patch`.
    #[error("`after` is not `before` with the patch applied")]
    AfterDiffers,
    /// The content is not what the hash was made of.
    #[error("the proposal hash does not match the content")]
    HashMismatch,
    /// The content has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl ChangeSet {
    /// The hash of everything but `integrity`.
    pub fn proposal_hash(&self) -> Result<Digest, CanonicalError> {
        digest_without("integrity", self)
    }

    /// Sets the hash. Nothing may be changed after this.
    pub fn sealed(mut self) -> Result<Self, CanonicalError> {
        self.integrity = Integrity { proposal_hash: self.proposal_hash()? };
        Ok(self)
    }

    /// Checks the rules between the members, and that the hash is that of the content.
    pub fn verify(&self) -> Result<(), ChangeSetError> {
        self.check_rules()?;
        if self.proposal_hash()? == self.integrity.proposal_hash { Ok(()) } else { Err(ChangeSetError::HashMismatch) }
    }

    /// Checks the rules between the members, not the hash: other writers hash differently.
    pub fn check_rules(&self) -> Result<(), ChangeSetError> {
        check_columns(&self.patch, &self.guards.allowed_columns, &self.source.primary_key.column, &self.guards.tenant.column)?;
        if overlay(&self.before, &self.patch) == self.after { Ok(()) } else { Err(ChangeSetError::AfterDiffers) }
    }

    /// The digest of what is proposed, whoever proposes it again and whenever: tenant, principal, capability, object,
    /// before and patch.
    pub fn content_digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of(&serde_json::json!({
            "tenant": self.scope.tenant_id,
            "principal": self.principal.id,
            "capability": self.action,
            "object": {"source": self.source.source_id, "type": self.scope.business_object, "id": self.scope.object_id},
            "before": self.before,
            "patch": self.patch,
        }))
    }
}

/// `before` with the patch applied.
pub fn overlay(before: &Columns, patch: &Columns) -> Columns {
    before.iter().chain(patch).map(|(column, value)| (column.clone(), value.clone())).collect()
}

/// The hash of a row, or of the part of it that these columns are.
pub fn row_hash(row: &Columns) -> Result<Digest, CanonicalError> {
    Digest::of(row)
}

pub(crate) fn check_columns(patch: &Columns, allowed: &[Identifier], key: &Identifier, tenant: &Identifier) -> Result<(), ChangeSetError> {
    let allowed: BTreeSet<_> = allowed.iter().collect();
    if patch.is_empty() {
        return Err(ChangeSetError::EmptyPatch);
    }
    if let Some(column) = patch.keys().find(|column| !allowed.contains(column)) {
        return Err(ChangeSetError::ColumnNotAllowed(column.clone()));
    }
    match [key, tenant].into_iter().find(|column| allowed.contains(column)) {
        Some(column) => Err(ChangeSetError::KeyColumnAllowed(column.clone())),
        None => Ok(()),
    }
}
