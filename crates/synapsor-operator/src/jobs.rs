//! How does an approved change travel as a file, and how is a file that came back held against what was approved?
//!
//! # Invariants
//! - A file has no authority. What runs is the record of the ledger; the file must say the same, member by member, or nothing runs.
//! - The job that it must say is made of the change set whose hash was computed again, not of anything in the file.
//! - No job is handed out, or taken, without a guard of the row.
//!
//! Start reading at [`OperatorPort::apply_job`].

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use synapsor_ledger::Dossier;
use synapsor_protocol::change_set::{ROW_HASH_COLUMN, SourceKind};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::writeback_job::{ConflictGuard, Engine, JobLease, JobTarget, Operation, RunnerScope, SchemaVersion};
use synapsor_protocol::{ChangeSet, Digest, Timestamp, WritebackJob};

use crate::apply::{Application, Waiting};
use crate::error::OperatorError;
use crate::port::{OperatorPort, not_applicable};
use crate::{JobRefusal, Rehearsal};

/// The shortest and the longest time that a job may be handed over for.
const LEASES: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(3600));

/// The executor that jobs in files are for, as a change set names it; absent means the same.
const DIRECT: &str = "sql_update";

/// To whom a job is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The project; `local` without a control plane.
    pub project: String,
    /// The one runner that it is for, if it is for one alone.
    pub runner: Option<String>,
}

impl Default for Handover {
    fn default() -> Self {
        Self { project: "local".to_owned(), runner: None }
    }
}

/// One member of a job that is not as it was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: `$.patch.status`.
    pub path: String,
    /// What the job says, as JSON; absent if it says nothing.
    pub given: Option<String>,
    /// What was approved, as JSON; absent if there is no such member.
    pub approved: Option<String>,
}

impl OperatorPort {
    /// The job of an approved proposal, to be handed over as a file. It is a copy: nothing is claimed by it, and nothing in the ledger
    /// changes. `lease` says how long the file may be used; it is brought within 15 seconds and an hour.
    pub async fn writeback_job(&self, id: &ProposalId, to: &Handover, lease: Duration) -> Result<WritebackJob, OperatorError> {
        let dossier = self.ledger.load(id).await?;
        self.ready(&dossier)?;
        let attempt = dossier.proposal.next_attempt();
        approved_job(&dossier, to, attempt, Timestamp::now().after(lease.clamp(LEASES.0, LEASES.1)))
    }

    /// Applies the proposal of a job that somebody handed over, if the job says exactly what was approved; otherwise nothing runs and
    /// nothing changes anywhere. After a crash it is as with [`OperatorPort::apply`].
    pub async fn apply_job(
        &self,
        job: &WritebackJob,
        to: &Handover,
        waiting: &mut (dyn FnMut(&Waiting) + Send),
    ) -> Result<Application, OperatorError> {
        self.admit(job, to).await?;
        self.apply(&job.proposal_id, waiting).await
    }

    /// Does everything that applying the job would, and undoes it.
    pub async fn rehearse_job(&self, job: &WritebackJob, to: &Handover) -> Result<Rehearsal, OperatorError> {
        self.admit(job, to).await?;
        self.rehearse(&job.proposal_id).await
    }

    /// Holds a job against the ledger's own record.
    async fn admit(&self, job: &WritebackJob, to: &Handover) -> Result<(), OperatorError> {
        let dossier = self.ledger.load(&job.proposal_id).await?;
        let next = dossier.proposal.next_attempt();
        // A job whose attempt was claimed before may come again: that is how its outcome is found out.
        let attempt = if job.lease.attempt < next { job.lease.attempt } else { next };
        let approved = approved_job(&dossier, to, attempt, job.lease.expires_at)?;
        let refused = |refusal| OperatorError::Job { id: job.proposal_id.clone(), refusal };
        if *job != approved {
            return Err(refused(JobRefusal::Differs(differences(&approved, job))));
        }
        in_time(job.lease.expires_at, Timestamp::now()).map_err(refused)
    }
}

/// Whether a file may still be used.
fn in_time(expires_at: Timestamp, now: Timestamp) -> Result<(), JobRefusal> {
    if now >= expires_at {
        return Err(JobRefusal::Over { at: expires_at });
    }
    if expires_at > now.after(LEASES.1) {
        return Err(JobRefusal::TooLong { at: expires_at });
    }
    Ok(())
}

/// The job that the record of the ledger makes.
fn approved_job(dossier: &Dossier, to: &Handover, attempt: u32, expires_at: Timestamp) -> Result<WritebackJob, OperatorError> {
    let (proposal, set) = (&dossier.proposal, &dossier.change_set);
    let refused = |refusal| OperatorError::Job { id: proposal.id().clone(), refusal };
    if let Some(executor) = set.writeback.executor.as_deref().filter(|executor| *executor != DIRECT) {
        return Err(refused(JobRefusal::Handler { executor: executor.to_owned() }));
    }
    let approved = proposal.writeback_job_id.clone().zip(proposal.approval.as_ref());
    let (writeback_job_id, _) = approved.ok_or_else(|| not_applicable(proposal))?;
    Ok(WritebackJob {
        schema_version: SchemaVersion::V1,
        writeback_job_id,
        proposal_id: proposal.id().clone(),
        proposal_version: set.proposal_version,
        proposal_hash: set.proposal_hash()?,
        runner_scope: RunnerScope { project_id: to.project.clone(), source_id: set.source.source_id.clone() },
        engine: engine(set.source.kind).ok_or_else(|| refused(JobRefusal::NoEngine))?,
        operation: Operation::SingleRowUpdate,
        target: JobTarget {
            schema: set.source.schema.clone(),
            table: set.source.table.clone(),
            primary_key: set.source.primary_key.clone(),
        },
        tenant_guard: set.guards.tenant.clone(),
        allowed_columns: set.guards.allowed_columns.clone(),
        patch: set.patch.clone(),
        conflict_guard: guard(set).ok_or_else(|| refused(JobRefusal::Unguarded))?,
        idempotency_key: proposal.terms.operation_id.clone(),
        lease: JobLease { lease_id: WritebackJob::derived_lease_id(proposal.id(), to.runner.as_deref()), attempt, expires_at },
    })
}

fn engine(kind: SourceKind) -> Option<Engine> {
    match kind {
        SourceKind::ExternalPostgres => Some(Engine::Postgres),
        SourceKind::ExternalMysql => Some(Engine::Mysql),
        SourceKind::ExternalSqlite => Some(Engine::Sqlite),
        SourceKind::SynapsorTable => None,
    }
}

/// The guard of the change set; none where nothing would be compared.
fn guard(set: &ChangeSet) -> Option<ConflictGuard> {
    let expected = &set.guards.expected_version;
    if expected.column.as_str() == ROW_HASH_COLUMN {
        let expected_hash = expected.value.as_str().and_then(Digest::new)?;
        return Some(ConflictGuard::RowHash { expected_hash });
    }
    let column = ConflictGuard::Column { column: expected.column.clone(), expected_value: expected.value.clone() };
    (!expected.value.is_null()).then_some(column)
}

/// Every member in which two jobs differ.
fn differences(approved: &WritebackJob, given: &WritebackJob) -> Vec<Difference> {
    let json = |job| serde_json::to_value(job).unwrap_or_default();
    let mut found = Vec::new();
    compare(&json(approved), &json(given), "$", &mut found);
    found
}

fn compare(approved: &Value, given: &Value, path: &str, found: &mut Vec<Difference>) {
    let (Value::Object(approved_members), Value::Object(given_members)) = (approved, given) else {
        if approved != given {
            found.push(Difference { path: path.to_owned(), given: Some(given.to_string()), approved: Some(approved.to_string()) });
        }
        return;
    };
    for (name, approved) in approved_members {
        let path = format!("{path}.{name}");
        match given_members.get(name) {
            Some(given) => compare(approved, given, &path, found),
            None => found.push(Difference { path, given: None, approved: Some(approved.to_string()) }),
        }
    }
    for (name, given) in given_members.iter().filter(|(name, _)| !approved_members.contains_key(*name)) {
        found.push(Difference { path: format!("{path}.{name}"), given: Some(given.to_string()), approved: None });
    }
}

impl Difference {
    /// The published code of a difference at this place.
    fn code(&self) -> &'static str {
        let member = self.path.split('.').nth(1).unwrap_or_default();
        match member {
            "proposal_version" => "PROPOSAL_VERSION_MISMATCH",
            "proposal_hash" => "PROPOSAL_HASH_MISMATCH",
            "runner_scope" => "RUNNER_SCOPE_MISMATCH",
            "tenant_guard" => "TENANT_GUARD_MISMATCH",
            "allowed_columns" => "PATCH_COLUMN_NOT_ALLOWED",
            _ => "WRITEBACK_SAFETY_FAILURE",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, given, approved } = self;
        match (given, approved) {
            (Some(given), Some(approved)) => write!(f, "`{path}` is {given} and was approved as {approved}"),
            (None, Some(approved)) => write!(f, "`{path}` is missing and was approved as {approved}"),
            (Some(given), None) => write!(f, "`{path}` is {given} and was not approved"),
            (None, None) => write!(f, "`{path}` differs"),
        }
    }
}

impl JobRefusal {
    /// The code of this refusal, of the published list, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Differs(found) => found.first().map_or("WRITEBACK_SAFETY_FAILURE", Difference::code),
            Self::Over { .. } | Self::TooLong { .. } => "WRITEBACK_LEASE_EXPIRED",
            Self::Handler { .. } | Self::NoEngine | Self::Unguarded => "WRITEBACK_SAFETY_FAILURE",
        }
    }
}
