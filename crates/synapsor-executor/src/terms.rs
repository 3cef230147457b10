//! What do all handlers have in common?
//!
//! What they are told of a job, what may follow an outcome that is unknown, and how much of what they answer is kept.

use std::time::Duration;

use synapsor_protocol::handler::signature::DEFAULT_TOLERANCE;
use synapsor_protocol::handler::{Delivery, HandlerReceipt, HandlerRequest};
use synapsor_protocol::{ErrorCode, Outcome, Report, Scalar, Timestamp};
use synapsor_source::guarded::Fence;

use crate::AfterUnknown;
use crate::job::Job;

/// How much of a handler's answer is read.
pub(crate) const MAX_ANSWER_BYTES: usize = 1 << 20;

/// How much of a receipt's `details` is kept.
const MAX_DETAILS_BYTES: usize = 64 << 10;

/// How much of a version is kept: no column that guards a row is longer.
const MAX_VERSION_BYTES: usize = 1024;

/// Codes of a receipt that say that nothing was done, and that it may well go better a moment later.
const PASSING: [ErrorCode; 3] = [ErrorCode::DATABASE_UNAVAILABLE, ErrorCode::TRANSACTION_FAILED, ErrorCode::STATEMENT_TIMEOUT];

/// What was agreed on with a handler.
#[derive(Debug, Clone)]
pub struct HandlerTerms {
    /// The executor's name in the configuration.
    pub executor: String,
    /// How long one call may take, from the look-up of a name to the last byte of the answer.
    pub timeout: Duration,
    /// Whether the handler keeps the operation id, so that sending again finds out and never acts twice (`redelivery: safe`).
    pub keeps_operation_id: bool,
    /// Whether the handler answers dry runs (`dry_run: handler`). Otherwise it is not called for one.
    pub rehearses: bool,
}

impl HandlerTerms {
    /// What is said if the sender was held up for so long that its request is too old to be handed over. By then a person may have been
    /// told that nothing can be under way.
    pub(crate) fn too_late(&self, job: &Job) -> Option<Report> {
        let late = Timestamp::now().since(job.issued_at) > DEFAULT_TOLERANCE;
        late.then(|| unreachable("the sender was held up for longer than a request may be old; nothing was handed over").transient())
    }

    /// What is handed over for one attempt at a job.
    pub(crate) fn request(&self, job: &Job, dry_run: bool) -> HandlerRequest {
        HandlerRequest::of(
            &job.change_set,
            Delivery {
                job_id: job.job_id.clone(),
                operation_id: job.operation_id.clone(),
                attempt: job.attempt,
                issued_at: job.issued_at,
                approved_by: job.approved_by.clone(),
                runner: job.runner.clone(),
                executor: self.executor.clone(),
                dry_run,
            },
        )
    }

    pub(crate) fn after_unknown(&self) -> AfterUnknown {
        if self.keeps_operation_id { AfterUnknown::FindOut } else { AfterUnknown::Person }
    }

    /// No message stops a handler from outside: whatever was sent may still arrive.
    pub(crate) fn not_fenced(&self) -> Fence {
        let detail = format!(
            "nothing that can be sent stops the handler of `{}`, and what was sent may still be acted on; `dead-letters resolve` ends \
             this with the word of a person who looked",
            self.executor
        );
        Fence::Unresolved(Report::because(Outcome::Unknown, ErrorCode::HANDLER_NOT_FENCED).with_detail(detail))
    }
}

/// What a receipt says of the attempt, bounded for the ledger.
pub(crate) fn reported(receipt: &HandlerReceipt) -> Report {
    let mut report = receipt.report();
    report.transient = match report.outcome {
        Outcome::Unknown => true,
        Outcome::Failed => report.code.as_ref().is_some_and(|code| PASSING.contains(code)),
        Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict => false,
    };
    if report.outcome == Outcome::Unknown {
        report = report.with_detail("the handler answered that it cannot say what happened");
    }
    report.previous_version = report.previous_version.filter(is_short);
    report.new_version = report.new_version.filter(is_short);
    if serde_json::to_vec(&report.details).map_or(usize::MAX, |text| text.len()) > MAX_DETAILS_BYTES {
        report.details.clear();
        report.details.insert("left_out".to_owned(), "the details of the receipt are longer than 64 KiB".into());
    }
    report
}

fn is_short(version: &Scalar) -> bool {
    version.as_str().is_none_or(|text| text.len() <= MAX_VERSION_BYTES)
}

/// It is not known what happened, and whether asking again may find it out.
pub(crate) fn unknown(code: ErrorCode, detail: impl std::fmt::Display) -> Report {
    Report::because(Outcome::Unknown, code).with_detail(detail)
}

/// Nothing of the request was handed over.
pub(crate) fn unreachable(detail: impl std::fmt::Display) -> Report {
    Report::because(Outcome::Failed, ErrorCode::HANDLER_UNREACHABLE).with_detail(detail)
}
