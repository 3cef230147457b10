//! May this request be believed?
//!
//! # Invariants
//! - The token is compared before the body is read, and the signature before it is parsed.
//! - A header that names the request must name the request inside the body.
//! - Every comparison with a secret takes the same time, whichever of several it is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, request::Parts};
use serde_json::Value;
use synapsor_protocol::handler::signature::{
    self, Presented, SYNAPSOR_ISSUED_AT, SYNAPSOR_SIGNATURE, SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP,
};
use synapsor_protocol::handler::signature::{SignatureError, verify};
use synapsor_protocol::handler::{Order, RequestError, parse};
use synapsor_protocol::preparse::Limits;
use synapsor_protocol::{ErrorCode, Secret, Timestamp};

/// Secrets that are known now, or asked for whenever they are needed.
#[derive(Clone)]
pub(crate) enum Secrets<T> {
    None,
    Fixed(Arc<[T]>),
    Live(Arc<dyn Fn() -> Vec<T> + Send + Sync>),
}

impl<T: Clone> Secrets<T> {
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Those of this moment; `None` if none are meant to be.
    fn now(&self) -> Option<Arc<[T]>> {
        match self {
            Self::None => None,
            Self::Fixed(secrets) => Some(secrets.clone()),
            Self::Live(ask) => Some(ask().into()),
        }
    }
}

/// Who may ask, and when.
#[derive(Clone)]
pub(crate) struct Admission {
    pub(crate) tokens: Secrets<Secret>,
    pub(crate) secrets: Secrets<SigningSecret>,
    pub(crate) tolerance: Duration,
    pub(crate) body_limit: usize,
}

/// Why a request was not admitted: the code of the answer, and words for the log.
pub(crate) type Refusal = (ErrorCode, &'static str);

impl Admission {
    /// What can be said before the body is read.
    pub(crate) fn check_head(&self, head: &Parts) -> Result<(), Refusal> {
        // What an executor may be configured to send; the operation id makes each of them repeatable.
        if ![Method::POST, Method::PUT, Method::PATCH].contains(&head.method) {
            return Err((ErrorCode::METHOD_NOT_ALLOWED, "another method"));
        }
        let Some(tokens) = self.tokens.now() else { return Ok(()) };
        if tokens.is_empty() {
            return Err((ErrorCode::HANDLER_TOKEN_MISSING, "there is no token to compare with"));
        }
        let given = single(&head.headers, AUTHORIZATION.as_str())?.and_then(bearer).unwrap_or_default();
        let mut known = false;
        for token in tokens.iter() {
            known |= token.matches(given);
        }
        if known { Ok(()) } else { Err((ErrorCode::UNAUTHORIZED, "the token is missing or another one")) }
    }

    /// The request in the body, if it is its sender's and fresh.
    pub(crate) fn read(&self, head: &Parts, body: &Bytes) -> Result<Order, Refusal> {
        let proven = match self.secrets.now() {
            None => None,
            Some(secrets) if secrets.is_empty() => {
                return Err((ErrorCode::HANDLER_SIGNING_SECRET_MISSING, "there is no secret to verify with"));
            }
            Some(secrets) => Some(verify(&secrets, &presented(&head.headers)?, body).map_err(forged)?),
        };
        let limits = Limits { bytes: self.body_limit, ..Limits::DEFAULT };
        let value = parse(body, limits).map_err(malformed)?;
        if let Some(proven) = proven {
            let issued_at = value.get("issued_at").and_then(Value::as_str);
            proven.check_fresh(issued_at, Timestamp::now(), self.tolerance).map_err(forged)?;
        }
        let order = Order::from_value(&value).map_err(malformed)?;
        check_ids(&head.headers, &order)?;
        Ok(order)
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

/// The header, which may stand there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(http::HeaderValue::as_bytes)),
        _ => Err((ErrorCode::BAD_WRITEBACK_REQUEST, "a header stands there twice")),
    }
}

fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Refusal> {
    Ok(Presented {
        webhook_id: single(headers, WEBHOOK_ID)?,
        webhook_timestamp: single(headers, WEBHOOK_TIMESTAMP)?,
        webhook_signature: single(headers, WEBHOOK_SIGNATURE)?,
        synapsor_signature: single(headers, SYNAPSOR_SIGNATURE)?,
        issued_at: single(headers, SYNAPSOR_ISSUED_AT)?,
    })
}

fn check_ids(headers: &HeaderMap, order: &Order) -> Result<(), Refusal> {
    let operation = Some(order.operation_id.as_str());
    let same = [
        (signature::WEBHOOK_ID, operation),
        ("idempotency-key", operation),
        ("x-synapsor-proposal-id", Some(order.proposal_id.as_str())),
        ("x-synapsor-proposal-hash", order.given_hash.as_ref().map(synapsor_protocol::Digest::as_str)),
    ];
    for (name, inside) in same {
        if single(headers, name)?.is_some_and(|outside| Some(outside) != inside.map(str::as_bytes)) {
            return Err((ErrorCode::BAD_WRITEBACK_REQUEST, "a header names another request than the body"));
        }
    }
    Ok(())
}

fn forged(error: SignatureError) -> Refusal {
    match error {
        SignatureError::Missing => (ErrorCode::INVALID_SIGNATURE, "the request is not signed"),
        SignatureError::Malformed => (ErrorCode::INVALID_SIGNATURE, "the headers of the signature are not as they must be"),
        SignatureError::Wrong => (ErrorCode::INVALID_SIGNATURE, "a signature does not verify"),
        SignatureError::Moment => (ErrorCode::INVALID_ISSUED_AT, "the moment is missing or not the signed one"),
        SignatureError::Stale => (ErrorCode::INVALID_ISSUED_AT, "the request was sent too far from now"),
    }
}

fn malformed(error: RequestError) -> Refusal {
    let why = match &error {
        RequestError::Json(_) => "the body is not JSON that may be read",
        RequestError::Version => "another version of the protocol",
        RequestError::Shape(_) => "the request does not have the expected form",
        RequestError::Missing(_) => "the request lacks a member",
        RequestError::Contradiction(_) => "the request contradicts itself",
        RequestError::Invalid { .. } => "a member of the request cannot be what it says",
        RequestError::Hash(_) => "the request cannot be hashed",
    };
    (error.code(), why)
}
