//! What does a request ask for, in whichever form it came?
//!
//! An [`Order`] has one of everything: whatever both forms said, they said the same. A reader that took one of two different
//! tenants would lock one row and tell its author of another.

use serde::Deserialize;
use serde_json::Value;

use super::request::{
    HandlerRequest, PROTOCOL_VERSION, RequestChangeSet, RequestGuards, RequestKey, RequestScope, RequestTarget, SCHEMA_VERSION,
};
use crate::Columns;
use crate::canonical::CanonicalError;
use crate::change_set::{ColumnValue, ROW_HASH_COLUMN, SINGLE_TENANT_COLUMN, VersionAdvance};
use crate::digest::Digest;
use crate::id::{JobId, ProposalId};
use crate::identifier::Identifier;
use crate::operation::OperationId;
use crate::preparse::{self, Limits, PreparseError};
use crate::report::ErrorCode;
use crate::scalar::Scalar;

/// One approved change, as a handler understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The proposal.
    pub proposal_id: ProposalId,
    /// The operation: the same for every attempt.
    pub operation_id: OperationId,
    /// The proposal's hash; of a request that has none the digest of what it asks for.
    pub proposal_hash: Digest,
    /// The hash as the request gave it.
    pub given_hash: Option<Digest>,
    /// The job; derived from the proposal if the request names none.
    pub job_id: JobId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it was sent, letter for letter.
    pub issued_at: Option<String>,
    /// Asks for everything but the commit.
    pub dry_run: bool,
    /// The canonical name of the capability.
    pub action: String,
    /// The tenant, as text.
    pub tenant_id: String,
    /// The row's key, as text.
    pub object_id: String,
    /// On whose behalf the change was proposed.
    pub principal: String,
    /// Who approved it, if the request says.
    pub approved_by: Option<String>,
    /// The schema; `None` is the reader's own.
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
    /// The row's key.
    pub key: ColumnValue,
    /// The row's tenant; `None` where the sender has one tenant only.
    pub tenant: Option<ColumnValue>,
    /// The guard.
    pub expected: Expected,
    /// Who moves the version if the effect does not.
    pub version_advance: VersionAdvance,
    /// What was approved.
    pub patch: Columns,
    /// The row as the proposal saw it; empty if the request does not say.
    pub before: Columns,
}

/// What must still be true of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// This column has this value, which is not null.
    Version(ColumnValue),
    /// The row has this hash.
    RowHash(Digest),
}

/// Why a request is none. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Not JSON that may be read.
    #[error(transparent)]
    Json(#[from] PreparseError),
    /// A version of the protocol that is not spoken here.
    #[error("the request has another version of the protocol")]
    Version,
    /// A member is missing or malformed.
    #[error("the request does not have the expected form")]
    Shape(#[source] serde_json::Error),
    /// A member that neither form has.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The request says two different things.
    #[error("`{0}` is said twice, and differently")]
    Contradiction(&'static str),
    /// A member cannot be what it says.
    #[error("`{member}` {problem}")]
    Invalid {
        /// The member.
        member: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It could not be hashed.
    #[error("the request cannot be hashed")]
    Hash(#[from] CanonicalError),
}

impl RequestError {
    /// The code of the answer.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Json(_) => ErrorCode::BAD_JSON,
            Self::Version => ErrorCode::UNSUPPORTED_PROTOCOL_VERSION,
            Self::Shape(_) | Self::Missing(_) | Self::Contradiction(_) | Self::Invalid { .. } | Self::Hash(_) => {
                ErrorCode::BAD_WRITEBACK_REQUEST
            }
        }
    }
}

impl Order {
    /// Reads a request in either form, or in both at once.
    pub fn from_slice(body: &[u8], limits: Limits) -> Result<Self, RequestError> {
        Self::from_value(&parse(body, limits)?)
    }

    /// Reads a request that was parsed already.
    pub fn from_value(value: &Value) -> Result<Self, RequestError> {
        check_version(value)?;
        Self::of(HandlerRequest::deserialize(value).map_err(RequestError::Shape)?)
    }

    /// What a request asks for.
    pub fn of(request: HandlerRequest) -> Result<Self, RequestError> {
        let change = request.change_set.as_ref();
        let scope = agreed("scope", nested(change, |set| &set.scope).cloned(), request.scope.clone())?;
        let target = target(&request)?;
        let key = key(target.primary_key, scope.as_ref())?;
        let tenant = tenant(&request)?;
        let expected = expected(&request)?;
        let patch = agreed("patch", nested(change, |set| &set.patch).cloned(), some(request.patch.clone()))?;
        let patch = patch.filter(|patch| !patch.is_empty()).ok_or(RequestError::Missing("patch"))?;
        check_columns(&request, &patch, &key, &tenant)?;
        let action = agreed("action", nested(change, |set| &set.action).cloned(), request.action.clone())?;
        let action = action.filter(|action| !action.trim().is_empty()).ok_or(RequestError::Missing("action"))?;
        let principal = agreed("principal", change.and_then(|set| set.principal.clone()), request.principal.clone())?;
        let principal = principal.map(|principal| principal.id).or_else(|| request.runner_hint.clone());
        let attempt = request.attempt.unwrap_or(1);
        if attempt == 0 {
            return Err(RequestError::Invalid { member: "attempt", problem: "counts from 1" });
        }
        let mut order = Self {
            proposal_id: request.proposal_id.clone(),
            operation_id: request.idempotency_key,
            proposal_hash: Digest::of_bytes(b""),
            given_hash: request.proposal_hash.clone(),
            job_id: request.writeback_job_id.unwrap_or_else(|| derived_job_id(&request.proposal_id)),
            attempt,
            issued_at: request.issued_at,
            dry_run: request.dry_run,
            action,
            tenant_id: scope.as_ref().map_or_else(|| tenant.value.plain_text(), |scope| scope.tenant_id.clone()),
            object_id: scope.map_or_else(|| key.value.plain_text(), |scope| scope.object_id),
            principal: principal.unwrap_or_else(|| "approved_operator".to_owned()),
            approved_by: request.approval.and_then(|approval| approval.approved_by),
            schema: target.schema,
            table: target.table,
            key,
            tenant: Some(tenant).filter(|tenant| tenant.column.as_str() != SINGLE_TENANT_COLUMN),
            expected,
            version_advance: request.version_advance.unwrap_or(VersionAdvance::Auto),
            patch,
            before: request.before,
        };
        order.proposal_hash = match request.proposal_hash {
            Some(hash) => hash,
            None => order.content_digest()?,
        };
        Ok(order)
    }

    /// The digest of what is asked for, without who asks and when.
    fn content_digest(&self) -> Result<Digest, CanonicalError> {
        let expected = match &self.expected {
            Expected::Version(held) => (held.column.as_str(), held.value.clone()),
            Expected::RowHash(digest) => (ROW_HASH_COLUMN, Scalar::from(digest.as_str())),
        };
        Digest::of(&serde_json::json!({
            "action": self.action,
            "schema": self.schema,
            "table": self.table,
            "key": self.key,
            "tenant": self.tenant,
            "expected": expected,
            "patch": self.patch,
        }))
    }
}

/// The JSON of a request, if it is JSON that may be read. An empty body is an empty request.
pub fn parse(body: &[u8], limits: Limits) -> Result<Value, RequestError> {
    let body = if body.is_empty() { b"{}" } else { body };
    preparse::check(body, limits)?;
    serde_json::from_slice(body).map_err(RequestError::Shape)
}

fn check_version(value: &Value) -> Result<(), RequestError> {
    let spoken = |member: &str, ours: &[&str]| match value.get(member) {
        None | Some(Value::Null) => true,
        Some(said) => said.as_str().is_some_and(|said| ours.contains(&said)),
    };
    let both = [PROTOCOL_VERSION, SCHEMA_VERSION];
    if spoken("protocol_version", &both) && spoken("schema_version", &both) { Ok(()) } else { Err(RequestError::Version) }
}

fn nested<'a, T>(change: Option<&'a RequestChangeSet>, member: impl FnOnce(&'a RequestChangeSet) -> &'a T) -> Option<&'a T> {
    change.map(member)
}

fn some(columns: Columns) -> Option<Columns> {
    Some(columns).filter(|columns| !columns.is_empty())
}

/// What both forms say, or the one that says it.
fn agreed<T: PartialEq>(member: &'static str, one: Option<T>, other: Option<T>) -> Result<Option<T>, RequestError> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(RequestError::Contradiction(member)),
        (one, other) => Ok(one.or(other)),
    }
}

fn target(request: &HandlerRequest) -> Result<RequestTarget, RequestError> {
    let source = request.source.as_ref().map(|source| RequestTarget {
        schema: Some(source.schema.clone()),
        table: source.table.clone(),
        primary_key: super::request::key(&source.primary_key),
    });
    let nested = request.change_set.as_ref().map(|set| set.target.clone());
    let target = agreed("target", nested, request.target.clone())?;
    let target = agreed("target", target, source)?;
    target.ok_or(RequestError::Missing("target"))
}

fn key(key: RequestKey, scope: Option<&RequestScope>) -> Result<ColumnValue, RequestError> {
    let value = key.value.filter(|value| !value.is_null());
    let value = value.or_else(|| scope.map(|scope| Scalar::from(scope.object_id.as_str())));
    let value = value.ok_or(RequestError::Missing("target.primary_key.value"))?;
    Ok(ColumnValue { column: key.column, value })
}

fn tenant(request: &HandlerRequest) -> Result<ColumnValue, RequestError> {
    let nested = request.change_set.as_ref().map(|set| set.guards.tenant.clone());
    let flat = request.guards.as_ref().and_then(|guards| guards.tenant.clone());
    let tenant = agreed("guards.tenant", nested, flat)?;
    let tenant = agreed("tenant_guard", tenant, request.tenant_guard.clone())?;
    let tenant = tenant.ok_or(RequestError::Missing("guards.tenant"))?;
    if tenant.value.is_null() {
        return Err(RequestError::Invalid { member: "guards.tenant.value", problem: "is null" });
    }
    Ok(tenant)
}

fn expected(request: &HandlerRequest) -> Result<Expected, RequestError> {
    let nested = request.change_set.as_ref().map(|set| set.guards.expected_version.clone());
    let flat = request.guards.as_ref().map(|RequestGuards { expected_version, .. }| expected_version.clone());
    let held = agreed("guards.expected_version", nested, flat)?.ok_or(RequestError::Missing("guards.expected_version"))?;
    if held.column.as_str() == ROW_HASH_COLUMN {
        let digest = held.value.as_str().and_then(Digest::new);
        let problem = "is no digest of a row";
        return digest.map(Expected::RowHash).ok_or(RequestError::Invalid { member: "guards.expected_version.value", problem });
    }
    if held.value.is_null() {
        return Err(RequestError::Invalid { member: "guards.expected_version.value", problem: "is null" });
    }
    Ok(Expected::Version(held))
}

/// What was reviewed: no column outside the list, and neither key nor tenant.
fn check_columns(request: &HandlerRequest, patch: &Columns, key: &ColumnValue, tenant: &ColumnValue) -> Result<(), RequestError> {
    let lists = [Some(&request.allowed_columns), request.guards.as_ref().map(|guards| &guards.allowed_columns)];
    let mut lists = lists.into_iter().flatten().filter(|list| !list.is_empty());
    if lists.any(|list| patch.keys().any(|column| !list.contains(column))) {
        return Err(RequestError::Invalid { member: "patch", problem: "has a column that is not allowed" });
    }
    if patch.contains_key(&key.column) || patch.contains_key(&tenant.column) {
        return Err(RequestError::Invalid { member: "patch", problem: "has the key or the tenant" });
    }
    Ok(())
}

/// The id of the job of a request that names none: the same for every attempt.
fn derived_job_id(proposal: &ProposalId) -> JobId {
    let spoken = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let id: String = proposal.as_str().chars().map(spoken).collect();
    JobId::new(&format!("hwb_{id}")).unwrap_or_else(JobId::generate)
}
