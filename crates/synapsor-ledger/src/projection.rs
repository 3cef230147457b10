//! What do a proposal's events look like in the other tables?
//!
//! Each function here is pure: it says what a row must hold. Appending writes exactly that, loading compares with
//! exactly that, so an edited row cannot agree by accident.

use rusqlite::types::Value;
use synapsor_proposal::{Fact, Proposal, Status};
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::execution_receipt::Subject;
use synapsor_protocol::id::JobId;
use synapsor_protocol::{Digest, ExecutionReceipt, Report};

use crate::chain::json;
use crate::error::LedgerError;
use crate::record::RecordedEvent;

/// The columns of `proposals` that never change.
pub(crate) const FIXED: [&str; 15] = [
    "proposal_id",
    "proposal_version",
    "proposal_hash",
    "content_digest",
    "approval_digest",
    "capability_digest",
    "mode",
    "tenant_id",
    "principal",
    "capability",
    "business_object",
    "object_id",
    "source_id",
    "expires_at",
    "created_at",
];

/// The columns of `proposals` that move with its events.
pub(crate) const MOVING: [&str; 8] = ["status", "open", "attempts", "outcome", "code", "updated_at", "events", "head_hash"];

/// The columns of `approvals`.
pub(crate) const APPROVAL: [&str; 11] = [
    "proposal_id",
    "status",
    "proposal_version",
    "proposal_hash",
    "approval_digest",
    "approver",
    "approver_uid",
    "note",
    "role",
    "reason",
    "created_at",
];

/// The columns of `writeback_receipts`.
pub(crate) const RECEIPT: [&str; 8] =
    ["proposal_id", "sequence", "writeback_job_id", "attempt", "status", "idempotency_key", "receipt_json", "created_at"];

/// The columns of `writeback_jobs` that the events decide. The lease's end and the moment at which it is due are scheduling: of
/// the latter, the events decide whether there is one at all ([`is_due`]).
pub(crate) const JOB: [&str; 7] = ["proposal_id", "writeback_job_id", "attempt", "holder", "lease_id", "created_at", "parked_at"];

/// The values of [`FIXED`].
pub(crate) fn fixed(proposal: &Proposal) -> [Value; 15] {
    let terms = &proposal.terms;
    [
        text(&terms.proposal_id),
        Value::from(terms.proposal_version),
        text(&terms.proposal_hash),
        text(&terms.content_digest),
        text(&terms.approval_digest),
        text(&terms.capability_digest),
        text(mode_word(terms.mode)),
        text(&terms.tenant_id),
        text(&terms.principal),
        text(&terms.capability),
        text(&terms.business_object),
        text(&terms.object_id),
        text(&terms.source_id),
        text(terms.expires_at),
        text(proposal.created_at),
    ]
}

/// The values of [`MOVING`].
pub(crate) fn moving(proposal: &Proposal, head: &Digest) -> [Value; 8] {
    [
        text(proposal.status),
        Value::from(proposal.status.is_open()),
        Value::from(proposal.attempts.len() as i64),
        proposal.outcome().map_or(Value::Null, text),
        proposal.code().map_or(Value::Null, text),
        text(proposal.updated_at),
        Value::from(proposal.events),
        text(head),
    ]
}

/// The row of `approvals` that an event makes, if it makes one.
pub(crate) fn approval(proposal: &Proposal, event: &RecordedEvent) -> Option<[Value; 11]> {
    let version = Value::from(proposal.terms.proposal_version);
    let (status, hash, digest, operator, role, reason) = match &event.event.fact {
        Fact::Approved(a) => ("approved", &a.proposal_hash, Some(&a.approval_digest), &a.operator, a.role.as_ref(), &a.reason),
        Fact::Rejected(c) => ("rejected", &c.proposal_hash, None, &c.operator, None, &c.reason),
        _ => return None,
    };
    Some([
        text(proposal.id()),
        text(status),
        version,
        text(hash),
        maybe(digest),
        text(&operator.account),
        Value::from(operator.uid),
        maybe(operator.note.as_ref()),
        maybe(role),
        maybe(reason.as_ref()),
        text(event.event.at),
    ])
}

/// The receipt that an event makes, if it makes one: every report but an unknown one does, also one that contradicts.
pub(crate) fn receipt(proposal: &Proposal, event: &RecordedEvent) -> Result<Option<ExecutionReceipt>, LedgerError> {
    let Some((attempt, report)) = reported(&event.event.fact) else { return Ok(None) };
    let runner_id = proposal.attempt(attempt).map(|attempt| attempt.holder.clone()).unwrap_or_default();
    let Some(writeback_job_id) = proposal.writeback_job_id.clone() else { return Ok(None) };
    let subject =
        Subject { writeback_job_id, proposal_id: proposal.id().clone(), runner_id, idempotency_key: proposal.terms.operation_id.clone() };
    ExecutionReceipt::of(subject, report, event.event.at)
        .map_err(|error| LedgerError::Unrecordable { record: "receipt", why: error.to_string() })
}

/// The row of `writeback_receipts` for a receipt.
pub(crate) fn receipt_row(event: &RecordedEvent, receipt: &ExecutionReceipt) -> Result<[Value; 8], LedgerError> {
    let attempt = reported(&event.event.fact).map_or(0, |(attempt, _)| attempt);
    let status = reported(&event.event.fact).map_or("", |(_, report)| report.outcome.as_str());
    let body = String::from_utf8_lossy(&json("receipt", receipt)?).into_owned();
    Ok([
        text(&receipt.proposal_id),
        Value::from(event.sequence),
        text(&receipt.writeback_job_id),
        Value::from(attempt),
        text(status),
        text(&receipt.idempotency_key),
        Value::from(body),
        text(event.event.at),
    ])
}

/// The row of `writeback_jobs`, once there is a job.
pub(crate) fn job(proposal: &Proposal, events: &[RecordedEvent]) -> Option<[Value; 7]> {
    let (writeback_job_id, at) = events.iter().find_map(recorded_job)?;
    let last = proposal.current_attempt();
    Some([
        text(proposal.id()),
        text(writeback_job_id),
        Value::from(last.map_or(0, |attempt| attempt.number)),
        maybe(last.map(|attempt| &attempt.holder)),
        maybe(last.map(|attempt| &attempt.lease_id)),
        text(at),
        parked_at(proposal),
    ])
}

/// Since when it is a dead letter.
pub(crate) fn parked_at(proposal: &Proposal) -> Value {
    proposal.dead_letter.as_ref().map_or(Value::Null, |parked| Value::from(parked.at.as_micros()))
}

/// Whether a job is due at some moment: it is approved and not settled, and no dead letter.
pub(crate) fn is_due(proposal: &Proposal) -> bool {
    matches!(proposal.status, Status::Approved | Status::PendingWorker) && proposal.dead_letter.is_none()
}

/// The attempt that an event reports on, and its report.
pub(crate) fn reported(fact: &Fact) -> Option<(u32, &Report)> {
    match fact {
        Fact::Applied(r) | Fact::AlreadyApplied(r) | Fact::Conflict(r) | Fact::Failed(r) | Fact::Unknown(r) => Some((r.attempt, &r.report)),
        Fact::Contradicted(contradiction) => Some((contradiction.attempt, &contradiction.report)),
        Fact::Created(_)
        | Fact::EvidenceRecorded(_)
        | Fact::Approved(_)
        | Fact::JobRecorded { .. }
        | Fact::Rejected(_)
        | Fact::Canceled(_)
        | Fact::Expired { .. }
        | Fact::Superseded { .. }
        | Fact::AttemptClaimed(_)
        | Fact::Tombstoned(_)
        | Fact::DeadLettered(_)
        | Fact::Attested(_)
        | Fact::HumanActed(_) => None,
    }
}

fn recorded_job(event: &RecordedEvent) -> Option<(&JobId, synapsor_protocol::Timestamp)> {
    match &event.event.fact {
        Fact::JobRecorded { writeback_job_id } => Some((writeback_job_id, event.event.at)),
        _ => None,
    }
}

fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

fn maybe(value: Option<impl ToString>) -> Value {
    value.map_or(Value::Null, |value| text(value))
}

pub(crate) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::ReadOnly => "read_only",
        Mode::Shadow => "shadow",
        Mode::ReviewRequired => "review_required",
        Mode::ApprovedForWriteback => "approved_for_writeback",
    }
}
