//! What does an operator read about a request?
//!
//! # Invariants
//! - One line for each, whatever became of it, with the target `synapsor_handler::request`. No value of the request is in it: only
//!   ids, the capability, and what the answer says.
//! - What a database said about it may name values. That is another line, with the target `synapsor_handler::detail`, so that whoever
//!   must not keep values can leave it out.

use std::time::Instant;

use http::Response;
use synapsor_protocol::{ErrorCode, Outcome, Report};

use crate::answer;
use crate::body::ResponseBody;
use crate::job::Job;

/// The line of one request, from its first byte on.
pub(crate) struct Line {
    begun: Instant,
    /// The request, once it was understood.
    pub(crate) job: Option<Job>,
}

/// The line at a level of its own.
macro_rules! tell {
    ($level:ident, $line:expr, $response:expr, $($field:tt)*) => {{
        let (line, job) = ($line, $line.job.as_ref());
        tracing::$level!(
            target: "synapsor_handler::request",
            proposal = job.map(Job::proposal_id),
            operation = job.map(Job::operation_id),
            action = job.map(Job::action),
            attempt = job.map(Job::attempt),
            rehearsal = job.map(Job::is_rehearsal),
            status = $response.status().as_u16(),
            took_ms = u64::try_from(line.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            $($field)*
        )
    }};
}

impl Line {
    /// A request has come.
    pub(crate) fn begun() -> Self {
        Self { begun: Instant::now(), job: None }
    }

    /// It was refused before anything was done with it: the answer.
    pub(crate) fn refused(self, code: ErrorCode, why: &'static str) -> Response<ResponseBody> {
        let text = code.as_str().to_owned();
        let response = match &self.job {
            Some(job) => answer::refused_order(job.order(), code),
            None => answer::refused(code),
        };
        tell!(warn, &self, response, code = text, why, "refused");
        response
    }

    /// It was carried out, or could not be: the answer.
    pub(crate) fn carried(self, job: &Job, report: &Report) -> Response<ResponseBody> {
        let response = answer::carried(job.order(), report, job.is_rehearsal());
        let (outcome, code) = (report.outcome.as_str(), report.code.as_ref().map(ErrorCode::as_str));
        let reason = report.details.get("reason").and_then(serde_json::Value::as_str);
        match report.outcome {
            Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict => {
                tell!(info, &self, response, outcome, code, "carried out");
            }
            Outcome::Failed => tell!(warn, &self, response, outcome, code, reason, "failed"),
            Outcome::Unknown => tell!(error, &self, response, outcome, code, "the outcome is not known"),
        }
        if let Some(detail) = &report.detail {
            tracing::warn!(target: "synapsor_handler::detail", proposal = job.proposal_id(), attempt = job.attempt(), detail);
        }
        response
    }
}
