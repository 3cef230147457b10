//! What is a worker asked to do? `synapsor.writeback-job.v1`, and the older form that readers still meet.
//!
//! `sqlite` is our extension of the published list of engines.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Columns;
use crate::change_set::{self, ChangeSetError, ColumnValue};
use crate::digest::Digest;
use crate::id::{JobId, LeaseId, ProposalId};
use crate::identifier::Identifier;
use crate::operation::OperationId;
use crate::scalar::Scalar;
use crate::time::Timestamp;

/// One approved change of one row, leased to a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct WritebackJob {
    /// Always `synapsor.writeback-job.v1`.
    pub schema_version: SchemaVersion,
    /// The job.
    pub writeback_job_id: JobId,
    /// The proposal that was approved.
    pub proposal_id: ProposalId,
    /// Its version.
    #[cfg_attr(feature = "schemas", schemars(range(min = 1)))]
    pub proposal_version: u32,
    /// Its hash.
    pub proposal_hash: Digest,
    /// Where it may run.
    pub runner_scope: RunnerScope,
    /// The engine of the source.
    pub engine: Engine,
    /// Always `single_row_update`.
    pub operation: Operation,
    /// The row.
    pub target: JobTarget,
    /// Its tenant.
    pub tenant_guard: ColumnValue,
    /// The columns that the capability may change.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub allowed_columns: Vec<Identifier>,
    /// The columns that change, and to what.
    pub patch: Columns,
    /// What the row must still be.
    pub conflict_guard: ConflictGuard,
    /// The operation id.
    pub idempotency_key: OperationId,
    /// Until when the worker has it.
    pub lease: JobLease,
}

/// The tag of [`WritebackJob`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum SchemaVersion {
    /// The only version.
    #[default]
    #[serde(rename = "synapsor.writeback-job.v1")]
    V1,
}

/// Where a job may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct RunnerScope {
    /// The project; `local` without a control plane.
    pub project_id: String,
    /// The source in the configuration.
    pub source_id: String,
}

/// The engine of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// A SQLite file.
    Sqlite,
}

/// What a job does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum Operation {
    /// Changes one row that exists.
    #[default]
    SingleRowUpdate,
}

/// The row that a job changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct JobTarget {
    /// The schema.
    pub schema: Identifier,
    /// The table.
    pub table: Identifier,
    /// The row's key.
    pub primary_key: ColumnValue,
}

/// What the row must still be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = crate::schemas::describe_members))]
pub enum ConflictGuard {
    /// This column has this value.
    #[serde(alias = "version_column")]
    Column {
        /// The version column.
        column: Identifier,
        /// The value that it must have.
        expected_value: Scalar,
    },
    /// The row has this hash.
    RowHash {
        /// The hash.
        expected_hash: Digest,
    },
    /// Nothing is checked. Read, never written, and never applied.
    None {},
}

/// Until when a worker has a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct JobLease {
    /// The lease.
    pub lease_id: LeaseId,
    /// Which attempt this is, from 1: the fencing token.
    #[cfg_attr(feature = "schemas", schemars(range(min = 1)))]
    pub attempt: u32,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl WritebackJob {
    /// The job in this value, in either form, and the members of that form which were understood. The older form
    /// (`protocol_version: "1.0"`) is turned into this one.
    pub(crate) fn in_either_form(value: &Value) -> Result<(Self, Value), serde_json::Error> {
        if value.get("schema_version").is_some() {
            let job = Self::deserialize(value)?;
            let understood = serde_json::to_value(&job)?;
            return Ok((job, understood));
        }
        let legacy = LegacyJob::deserialize(value)?;
        let understood = serde_json::to_value(&legacy)?;
        Ok((legacy.into(), understood))
    }

    /// The lease id of a job that is handed over as a file: every writer of such files derives it so. `runner` is who
    /// it is for, if it is for one alone.
    pub fn derived_lease_id(proposal_id: &ProposalId, runner: Option<&str>) -> LeaseId {
        let named = runner.map(|runner| format!(":{runner}")).unwrap_or_default();
        let spoken = |c: char| if c.is_ascii_alphanumeric() || "_:-".contains(c) { c } else { '_' };
        let id: String = format!("{proposal_id}{named}").chars().map(spoken).collect();
        LeaseId::new(&format!("lease_{id}")).unwrap_or_else(|| {
            // Too long to be an id: its digest is not.
            LeaseId::new(&format!("lease_{}", Digest::of_bytes(id.as_bytes()).hex())).unwrap_or_else(LeaseId::generate)
        })
    }

    /// Checks the rules between the members.
    pub fn check_rules(&self) -> Result<(), ChangeSetError> {
        change_set::check_columns(&self.patch, &self.allowed_columns, &self.target.primary_key.column, &self.tenant_guard.column)
    }
}

/// The form before v1. Its `approval_id` is the proposal's hash. Written only to tell which members were understood.
#[derive(Serialize, Deserialize)]
struct LegacyJob {
    protocol_version: LegacyVersion,
    job_id: JobId,
    proposal_id: ProposalId,
    approval_id: Digest,
    source_id: String,
    engine: Engine,
    target: LegacyTarget,
    allowed_columns: Vec<Identifier>,
    patch: Columns,
    conflict_guard: ConflictGuard,
    idempotency_key: OperationId,
    lease_expires_at: LegacyTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt_count: Option<u32>,
}

#[derive(Serialize, Deserialize)]
enum LegacyVersion {
    #[serde(rename = "1.0")]
    V1,
}

#[derive(Serialize, Deserialize)]
struct LegacyTarget {
    schema: Identifier,
    table: Identifier,
    primary_key: ColumnValue,
    tenant_guard: ColumnValue,
}

/// A date-time, or milliseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "Scalar")]
struct LegacyTime(Timestamp);

impl TryFrom<Scalar> for LegacyTime {
    type Error = &'static str;

    fn try_from(value: Scalar) -> Result<Self, Self::Error> {
        let time = match value {
            Scalar::String(text) => Timestamp::parse(&text),
            Scalar::Number(number) => number.as_i64().and_then(|millis| Timestamp::from_micros(millis.checked_mul(1000)?)),
            Scalar::Null | Scalar::Bool(_) => None,
        };
        time.map(Self).ok_or("expected a date-time or milliseconds since 1970")
    }
}

impl From<LegacyJob> for WritebackJob {
    fn from(job: LegacyJob) -> Self {
        let LegacyVersion::V1 = job.protocol_version;
        let lease_id = Self::derived_lease_id(&job.proposal_id, None);
        Self {
            schema_version: SchemaVersion::V1,
            writeback_job_id: job.job_id,
            proposal_id: job.proposal_id,
            proposal_version: 1,
            proposal_hash: job.approval_id,
            runner_scope: RunnerScope { project_id: "local".into(), source_id: job.source_id },
            engine: job.engine,
            operation: Operation::SingleRowUpdate,
            target: JobTarget { schema: job.target.schema, table: job.target.table, primary_key: job.target.primary_key },
            tenant_guard: job.target.tenant_guard,
            allowed_columns: job.allowed_columns,
            patch: job.patch,
            conflict_guard: job.conflict_guard,
            idempotency_key: job.idempotency_key,
            lease: JobLease { lease_id, attempt: job.attempt_count.unwrap_or(1).max(1), expires_at: job.lease_expires_at.0 },
        }
    }
}
