//! Which answer does each outcome get?
//!
//! One table for everything: a status, and a receipt that says whether something happened. What happened inside has many words;
//! a caller learns few of them, and none of a driver.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use synapsor_protocol::handler::{HandlerReceipt, HandlerStatus, Order};
use synapsor_protocol::{ErrorCode, Outcome, Report};

use crate::body::ResponseBody;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PROPOSAL_HASH: HeaderName = HeaderName::from_static("x-synapsor-proposal-hash");

/// A request that was refused before anything was done with it.
pub(crate) fn refused(code: ErrorCode) -> Response<ResponseBody> {
    let status = status_of_refusal(&code);
    let mut response = receipt(status, &HandlerReceipt::unchanged(HandlerStatus::Failed, Some(code)));
    let (name, value) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (ALLOW, "POST, PUT, PATCH"),
        StatusCode::UNAUTHORIZED => (WWW_AUTHENTICATE, "Bearer"),
        _ => return response,
    };
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// What came of a request that was carried out, or could not be.
pub(crate) fn carried(order: &Order, report: &Report, rehearsal: bool) -> Response<ResponseBody> {
    let receipt_of = told(report, rehearsal);
    let mut response = receipt(status(report, &receipt_of), &receipt_of);
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    echo(&mut response, order);
    response
}

/// A request that was understood, and refused all the same.
pub(crate) fn refused_order(order: &Order, code: ErrorCode) -> Response<ResponseBody> {
    let mut response = refused(code);
    echo(&mut response, order);
    response
}

/// The answer's headers say which request it belongs to.
fn echo(response: &mut Response<ResponseBody>, order: &Order) {
    let hash = order.given_hash.as_ref().map(|hash| (PROPOSAL_HASH, hash.as_str()));
    for (name, value) in [(IDEMPOTENCY_KEY, order.operation_id.as_str())].into_iter().chain(hash) {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            response.headers_mut().insert(name, value);
        }
    }
}

fn receipt(status: StatusCode, receipt: &HandlerReceipt) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::new(receipt.to_body()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The receipt, in the words that callers know.
fn told(report: &Report, rehearsal: bool) -> HandlerReceipt {
    let status = match report.outcome {
        Outcome::Applied => HandlerStatus::Applied,
        Outcome::AlreadyApplied => HandlerStatus::AlreadyApplied,
        Outcome::Conflict => HandlerStatus::Conflict,
        Outcome::Failed | Outcome::Unknown => HandlerStatus::Failed,
    };
    let applied = report.outcome == Outcome::Applied && !rehearsal;
    let mut details = report.details.clone();
    if rehearsal {
        details.insert("dry_run".to_owned(), true.into());
    }
    HandlerReceipt {
        status,
        rows_affected: if applied { report.rows_affected } else { 0 },
        source_database_mutated: applied,
        previous_version: report.previous_version.clone(),
        new_version: report.new_version.clone(),
        safe_error_code: code(report),
        details,
    }
}

fn code(report: &Report) -> Option<ErrorCode> {
    if report.outcome == Outcome::Unknown {
        return Some(ErrorCode::HANDLER_EXCEPTION);
    }
    let code = report.code.clone()?;
    Some(match code.as_str() {
        // A row that is not there and one of another tenant get the same bytes.
        "ROW_NOT_FOUND" | "TENANT_GUARD_MISMATCH" => ErrorCode::ROW_NOT_FOUND_OR_WRONG_TENANT,
        "VERSION_CONFLICT" => ErrorCode::ROW_CHANGED_AFTER_PROPOSAL,
        _ => code,
    })
}

fn status(report: &Report, receipt: &HandlerReceipt) -> StatusCode {
    match report.outcome {
        Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict => StatusCode::OK,
        Outcome::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        Outcome::Failed if report.transient => StatusCode::SERVICE_UNAVAILABLE,
        Outcome::Failed => receipt.safe_error_code.as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, status_of_refusal),
    }
}

fn status_of_refusal(code: &ErrorCode) -> StatusCode {
    match code.as_str() {
        "METHOD_NOT_ALLOWED" => StatusCode::METHOD_NOT_ALLOWED,
        "UNAUTHORIZED" | "INVALID_SIGNATURE" | "INVALID_ISSUED_AT" => StatusCode::UNAUTHORIZED,
        "BAD_JSON" | "BAD_WRITEBACK_REQUEST" | "UNSUPPORTED_PROTOCOL_VERSION" | "UNSUPPORTED_ACTION" | "DRY_RUN_UNSUPPORTED" => {
            StatusCode::BAD_REQUEST
        }
        "FENCED" | "IDEMPOTENCY_KEY_REUSED" => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
