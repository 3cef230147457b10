//! What is the durable proof of one final outcome? `synapsor.execution-receipt.v1`.
//!
//! Its list of statuses has no word for an unknown outcome: while one is unknown, no receipt is written.

use serde::{Deserialize, Serialize};

use crate::canonical::CanonicalError;
use crate::digest::{Digest, digest_without};
use crate::id::{JobId, ProposalId};
use crate::operation::OperationId;
use crate::report::{ErrorCode, Outcome, Report};
use crate::scalar::Scalar;
use crate::time::Timestamp;

/// The proof of what came of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct ExecutionReceipt {
    /// Always `synapsor.execution-receipt.v1`.
    pub schema_version: SchemaVersion,
    /// The job.
    pub writeback_job_id: JobId,
    /// The proposal.
    pub proposal_id: ProposalId,
    /// Who carried it out.
    #[cfg_attr(feature = "schemas", schemars(length(min = 1)))]
    pub runner_id: String,
    /// What came of it.
    pub status: ReceiptStatus,
    /// Rows that were changed.
    pub rows_affected: u64,
    /// The operation id.
    pub idempotency_key: OperationId,
    /// The version before, or the one that was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<Scalar>,
    /// The version after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_version: Option<Scalar>,
    /// Whether this attempt changed the source.
    pub source_database_mutated: bool,
    /// When.
    pub executed_at: Timestamp,
    /// Why, if it did not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_error_code: Option<ErrorCode>,
    /// The hash of everything above.
    pub receipt_hash: Digest,
}

/// The tag of [`ExecutionReceipt`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum SchemaVersion {
    /// The only version.
    #[default]
    #[serde(rename = "synapsor.execution-receipt.v1")]
    V1,
}

/// What came of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub enum ReceiptStatus {
    /// The change was made.
    Applied,
    /// The source refused it.
    Conflict,
    /// It is proved that nothing was done.
    Failed,
    /// It was taken back.
    Canceled,
    /// It had been made before.
    AlreadyApplied,
}

impl ReceiptStatus {
    /// The status of an outcome; an unknown one has none.
    pub fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Applied => Some(Self::Applied),
            Outcome::AlreadyApplied => Some(Self::AlreadyApplied),
            Outcome::Conflict => Some(Self::Conflict),
            Outcome::Failed => Some(Self::Failed),
            Outcome::Unknown => None,
        }
    }
}

/// Whose receipt it is.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The job.
    pub writeback_job_id: JobId,
    /// The proposal.
    pub proposal_id: ProposalId,
    /// Who carried it out.
    pub runner_id: String,
    /// The operation id.
    pub idempotency_key: OperationId,
}

impl ExecutionReceipt {
    /// The receipt of a report, with its hash; none for an unknown outcome.
    pub fn of(subject: Subject, report: &Report, executed_at: Timestamp) -> Result<Option<Self>, CanonicalError> {
        let Some(status) = ReceiptStatus::of(report.outcome) else { return Ok(None) };
        let mut receipt = Self {
            schema_version: SchemaVersion::V1,
            writeback_job_id: subject.writeback_job_id,
            proposal_id: subject.proposal_id,
            runner_id: subject.runner_id,
            status,
            rows_affected: report.rows_affected,
            idempotency_key: subject.idempotency_key,
            previous_version: report.previous_version.clone(),
            new_version: report.new_version.clone(),
            source_database_mutated: report.outcome == Outcome::Applied,
            executed_at,
            safe_error_code: report.code.clone(),
            receipt_hash: Digest::of_bytes(b""),
        };
        receipt.receipt_hash = receipt.hash()?;
        Ok(Some(receipt))
    }

    /// The hash of everything but the hash.
    pub fn hash(&self) -> Result<Digest, CanonicalError> {
        digest_without("receipt_hash", self)
    }
}
