//! What does an executor send to a handler? `synapsor.app-handler-request.v1`.
//!
//! One body in both forms: the members of the change stand at the top, and once more in `change_set`, where the published
//! schema has them. The published record is open; `attempt`, `version_advance`, `scope` and `principal` at the top are ours.
//!
//! Start reading at [`HandlerRequest::of`]; what a reader makes of a request is [`Order`](super::Order).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

#[cfg(feature = "schemas")]
use crate::change_set::EvidenceRef;
use crate::change_set::{ChangeSet, ColumnValue, Principal, Scope, SourceRef, VersionAdvance};
use crate::digest::Digest;
use crate::id::{JobId, ProposalId};
use crate::identifier::Identifier;
use crate::operation::OperationId;
use crate::scalar::Scalar;
use crate::time::Timestamp;
use crate::{Columns, preparse};

/// The version of the protocol.
pub const PROTOCOL_VERSION: &str = "1.0";

/// The version of the body.
pub const SCHEMA_VERSION: &str = "synapsor.handler-writeback.v1";

/// One approved change, handed to an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(extend("required" = ["proposal_id", "idempotency_key", "change_set"])))]
pub struct HandlerRequest {
    /// Always `1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String", extend("const" = "1.0")))]
    pub protocol_version: Option<String>,
    /// Always `synapsor.handler-writeback.v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String", extend("const" = "synapsor.handler-writeback.v1")))]
    pub schema_version: Option<String>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "JobId"))]
    pub writeback_job_id: Option<JobId>,
    /// The proposal that was approved.
    pub proposal_id: ProposalId,
    /// Its version, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "u32", range(min = 1)))]
    pub proposal_version: Option<u32>,
    /// Its hash. The same key with another hash is another change, and refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Digest"))]
    pub proposal_hash: Option<Digest>,
    /// The canonical name of the capability: which effect is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String", length(min = 1)))]
    pub action: Option<String>,
    /// Who sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub runner_hint: Option<String>,
    /// The operation id: the same for every attempt. The header `Idempotency-Key` and the `webhook-id` are equal to it.
    pub idempotency_key: OperationId,
    /// Which attempt this is, from 1: a higher one may act, a lower one that was closed may not. Absent means 1. It may differ
    /// between deliveries of one operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "u32", range(min = 1)))]
    pub attempt: Option<u32>,
    /// Where the row is, with the name of the source in the sender's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "SourceRef"))]
    pub source: Option<SourceRef>,
    /// Whose row, and which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "RequestScope"))]
    pub scope: Option<RequestScope>,
    /// On whose behalf the change was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "RequestPrincipal"))]
    pub principal: Option<RequestPrincipal>,
    /// The row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "RequestTarget"))]
    pub target: Option<RequestTarget>,
    /// The row's tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "ColumnValue"))]
    pub tenant_guard: Option<ColumnValue>,
    /// The columns that the capability may change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_columns: Vec<Identifier>,
    /// The row as the proposal saw it. A parameter that is no column of the table was null.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub before: Columns,
    /// What was approved: columns and parameters with their values.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub patch: Columns,
    /// `before`, overlaid with `patch`.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub after: Columns,
    /// What must still hold of the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "RequestGuards"))]
    pub guards: Option<RequestGuards>,
    /// Who moves the version if the effect does not: `auto` is the handler, `database` a trigger. Absent means `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "VersionAdvance"))]
    pub version_advance: Option<VersionAdvance>,
    /// What the agent was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "EvidenceRef"))]
    pub evidence: Option<Map<String, Value>>,
    /// The decision that this carries out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "RequestApproval"))]
    pub approval: Option<RequestApproval>,
    /// Always false: nothing was written yet.
    #[serde(default)]
    pub source_database_mutated: bool,
    /// When this attempt was sent. The header `X-Synapsor-Issued-At` is equal to it, letter for letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String", extend("format" = "date-time")))]
    pub issued_at: Option<String>,
    /// The executor of the sender's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub executor: Option<String>,
    /// Asks for everything but the commit.
    #[serde(default)]
    pub dry_run: bool,
    /// The same change in the published form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "RequestChangeSet"))]
    pub change_set: Option<RequestChangeSet>,
}

/// The change in the published form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RequestChangeSet {
    /// The canonical name of the capability.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub action: String,
    /// Whose row, and which.
    pub scope: RequestScope,
    /// On whose behalf the change was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "RequestPrincipal"))]
    pub principal: Option<RequestPrincipal>,
    /// The row.
    pub target: RequestTarget,
    /// What was approved.
    #[cfg_attr(feature = "schemas", schemars(extend("minProperties" = 1)))]
    pub patch: Columns,
    /// What must still hold of the row.
    pub guards: ChangeSetGuards,
}

/// Whose row, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RequestScope {
    /// The tenant.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub tenant_id: String,
    /// The kind of object: the table's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub business_object: Option<String>,
    /// The primary key, as text.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub object_id: String,
}

/// On whose behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RequestPrincipal {
    /// Who.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub id: String,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub source: Option<String>,
}

/// The row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RequestTarget {
    /// The schema. Absent means the handler's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Identifier"))]
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
    /// The row's key.
    pub primary_key: RequestKey,
}

/// The row's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RequestKey {
    /// The column.
    pub column: Identifier,
    /// The value. Absent means `scope.object_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "Scalar"))]
    pub value: Option<Scalar>,
}

/// What must still hold of the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RequestGuards {
    /// The row's tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "ColumnValue"))]
    pub tenant: Option<ColumnValue>,
    /// The columns that the capability may change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_columns: Vec<Identifier>,
    /// The row's version; the column `__row_hash` stands for a hash of `before`.
    pub expected_version: ColumnValue,
}

/// What must still hold of the row, in the published form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ChangeSetGuards {
    /// The row's tenant.
    pub tenant: ColumnValue,
    /// The row's version.
    pub expected_version: ColumnValue,
}

/// The decision that a request carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RequestApproval {
    /// What was decided: `approved` in what we write. An older sender copies the word of the proposal, `pending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub status: Option<String>,
    /// The role that the reviewer needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub required_role: Option<String>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub approved_by: Option<String>,
}

/// What a request says beyond the change itself.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The job.
    pub job_id: JobId,
    /// The operation.
    pub operation_id: OperationId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it is sent.
    pub issued_at: Timestamp,
    /// Who approved the change.
    pub approved_by: Option<String>,
    /// Who sends it.
    pub runner: String,
    /// The executor of the configuration.
    pub executor: String,
    /// Asks for everything but the commit.
    pub dry_run: bool,
}

impl HandlerRequest {
    /// The request for an approved change, in both forms.
    pub fn of(set: &ChangeSet, delivery: Delivery) -> Self {
        let change = published(set);
        Self {
            protocol_version: Some(PROTOCOL_VERSION.to_owned()),
            schema_version: Some(SCHEMA_VERSION.to_owned()),
            writeback_job_id: Some(delivery.job_id),
            proposal_id: set.proposal_id.clone(),
            proposal_version: Some(set.proposal_version),
            proposal_hash: Some(set.integrity.proposal_hash.clone()),
            action: Some(set.action.clone()),
            runner_hint: Some(delivery.runner),
            idempotency_key: delivery.operation_id,
            attempt: Some(delivery.attempt),
            source: Some(set.source.clone()),
            scope: Some(change.scope.clone()),
            principal: change.principal.clone(),
            target: Some(change.target.clone()),
            tenant_guard: Some(set.guards.tenant.clone()),
            allowed_columns: set.guards.allowed_columns.clone(),
            before: set.before.clone(),
            patch: set.patch.clone(),
            after: set.after.clone(),
            guards: Some(RequestGuards {
                tenant: Some(set.guards.tenant.clone()),
                allowed_columns: set.guards.allowed_columns.clone(),
                expected_version: set.guards.expected_version.clone(),
            }),
            version_advance: set.writeback.version_advance,
            evidence: json!(set.evidence).as_object().cloned(),
            approval: Some(RequestApproval {
                status: Some("approved".to_owned()),
                required_role: set.approval.required_role.clone(),
                approved_by: delivery.approved_by,
            }),
            source_database_mutated: false,
            issued_at: Some(delivery.issued_at.to_string()),
            executor: Some(delivery.executor),
            dry_run: delivery.dry_run,
            change_set: Some(change),
        }
    }

    /// The body: what is signed and sent, byte for byte.
    pub fn to_body(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

fn published(set: &ChangeSet) -> RequestChangeSet {
    let Scope { tenant_id, business_object, object_id } = set.scope.clone();
    let Principal { id, source } = set.principal.clone();
    RequestChangeSet {
        action: set.action.clone(),
        scope: RequestScope { tenant_id, business_object: Some(business_object), object_id },
        principal: Some(RequestPrincipal { id, source: Some(source.as_str().to_owned()) }),
        target: RequestTarget {
            schema: Some(set.source.schema.clone()),
            table: set.source.table.clone(),
            primary_key: key(&set.source.primary_key),
        },
        patch: set.patch.clone(),
        guards: ChangeSetGuards { tenant: set.guards.tenant.clone(), expected_version: set.guards.expected_version.clone() },
    }
}

pub(super) fn key(key: &ColumnValue) -> RequestKey {
    RequestKey { column: key.column.clone(), value: Some(key.value.clone()) }
}

/// How much of a request is read: 1 MiB unless the reader says otherwise, 32 levels.
pub const LIMITS: preparse::Limits = preparse::Limits::DEFAULT;
