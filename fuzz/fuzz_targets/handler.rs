//! Does whoever believes a request or a receipt believe only what was signed, and only what is consistent?
//!
//! An input is headers, one in each line, an empty line, and a body, as in HTTP. The body is read as a request by whoever
//! receives one, and as a receipt by whoever sent one.
//!
//! # Invariants
//! - Nothing panics.
//! - A signature that verifies is the HMAC of exactly these bytes, by an implementation of its own; no other secret verifies.
//! - What we sign verifies, and with one bit changed it does not.
//! - An order that was accepted, written anew, is the same order.
//! - A receipt that was accepted, written anew, is the same receipt. It never says `failed` or `conflict` of something that
//!   changed, nor `applied` of something that did not, and an exception is unknown.
#![no_main]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use ring::hmac;
use serde::Deserialize as _;
use synapsor_protocol::handler::signature::verify;
use synapsor_protocol::handler::{HandlerReceipt, HandlerRequest, HandlerStatus, Order, Presented, Signatures, SigningSecret, parse, request};
use synapsor_protocol::preparse::Limits;
use synapsor_protocol::{ErrorCode, OperationId, Outcome, Secret, Timestamp};

/// The secrets of `fixtures/handler`, so that its requests are seeds that verify; with the key of the first one, decoded.
const WEBHOOK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PLAIN: &str = "a secret that is no base64";
const NEVER_USED: &str = "a secret that signed nothing";
const NOW: &str = "2026-03-02T08:05:10Z";

fuzz_target!(|input: &[u8]| {
    let (headers, body) = split(input);
    let presented = presented(headers);
    signatures(&presented, body);
    order(body);
    receipt(body);
});

/// Where the headers end and the body begins; without an empty line everything is body.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (b"", input),
    }
}

fn presented(headers: &[u8]) -> Presented<'_> {
    let mut presented = Presented::default();
    for line in headers.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].trim_ascii();
        match &line[..colon] {
            b"webhook-id" => presented.webhook_id = Some(value),
            b"webhook-timestamp" => presented.webhook_timestamp = Some(value),
            b"webhook-signature" => presented.webhook_signature = Some(value),
            b"x-synapsor-signature" => presented.synapsor_signature = Some(value),
            b"x-synapsor-issued-at" => presented.issued_at = Some(value),
            _ => (),
        }
    }
    presented
}

fn secrets(texts: &[&str]) -> Vec<SigningSecret> {
    texts.iter().map(|text| SigningSecret::new(&Secret::new((*text).to_owned())).expect("a secret that can be used")).collect()
}

fn signatures(presented: &Presented<'_>, body: &[u8]) {
    assert!(verify(&secrets(&[NEVER_USED]), presented, body).is_err(), "a secret that signed nothing verifies");
    assert!(verify(&[], presented, body).is_err(), "no secret at all verifies");
    let Ok(proven) = verify(&secrets(&[PLAIN, WEBHOOK]), presented, body) else { return };
    let by_webhook = presented.webhook_signature.is_some_and(|given| standard_webhooks(presented, given, body));
    let by_body = presented.synapsor_signature.is_some_and(|given| older_scheme(given, body));
    assert_eq!(by_webhook, presented.webhook_signature.is_some(), "a webhook signature was believed that is none");
    assert_eq!(by_body, presented.synapsor_signature.is_some(), "an older signature was believed that is none");
    assert!(by_webhook || by_body, "nothing was signed");
    let (now, tolerance) = (Timestamp::parse(NOW).expect("a moment"), Duration::from_secs(300));
    let inside = parse(body, Limits::DEFAULT).ok();
    let issued_at = inside.as_ref().and_then(|body| body.get("issued_at")).and_then(|moment| moment.as_str());
    if proven.check_fresh(issued_at, now, tolerance).is_ok() && presented.webhook_signature.is_none() {
        assert_eq!(presented.issued_at, issued_at.map(str::as_bytes), "a moment was believed that was not signed");
    }
}

/// Whether one of the signatures is that of one of the secrets, computed once more from the specification.
fn standard_webhooks(presented: &Presented<'_>, given: &[u8], body: &[u8]) -> bool {
    let (Some(id), Some(timestamp)) = (presented.webhook_id, presented.webhook_timestamp) else { return false };
    let signed = [id, b".", timestamp, b".", body].concat();
    let decoded = STANDARD.decode(&WEBHOOK["whsec_".len()..]).expect("base64");
    let tags = [PLAIN.as_bytes(), &decoded].map(|key| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed));
    let expected = tags.map(|tag| format!("v1,{}", STANDARD.encode(tag)));
    given.split(|byte| *byte == b' ').any(|part| expected.iter().any(|tag| tag.as_bytes() == part))
}

fn older_scheme(given: &[u8], body: &[u8]) -> bool {
    let tags = [PLAIN, WEBHOOK].map(|secret| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body));
    let hex = |tag: hmac::Tag| tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    tags.into_iter().any(|tag| format!("sha256={}", hex(tag)).as_bytes() == given)
}

fn order(body: &[u8]) {
    let Ok(order) = Order::from_slice(body, request::LIMITS) else { return };
    assert!(order.attempt > 0 && !order.patch.is_empty() && !order.key.value.is_null(), "an order that orders nothing");
    assert!(!order.patch.contains_key(&order.key.column), "an order that changes the key");
    let value = parse(body, request::LIMITS).expect("what became an order is JSON");
    let written = HandlerRequest::deserialize(&value).and_then(|request| request.to_body()).expect("an order can be written");
    if written.len() <= request::LIMITS.bytes {
        assert_eq!(order, Order::from_slice(&written, request::LIMITS).expect("an order that we wrote"), "an order that changed when written");
    }
    ours_verifies(&order.operation_id, order.issued_at.as_deref().unwrap_or(NOW), &written);
}

fn ours_verifies(operation: &OperationId, issued_at: &str, body: &[u8]) {
    let Some(signed) = Signatures::of(&secrets(&[WEBHOOK]), operation, issued_at, body) else { return };
    let presented = Presented {
        webhook_id: Some(signed.webhook_id.as_bytes()),
        webhook_timestamp: Some(signed.webhook_timestamp.as_bytes()),
        webhook_signature: Some(signed.webhook_signature.as_bytes()),
        synapsor_signature: Some(signed.synapsor_signature.as_bytes()),
        issued_at: Some(signed.issued_at.as_bytes()),
    };
    // A year outside of what the header can say is refused by both sides.
    if !signed.webhook_timestamp.starts_with('-') {
        verify(&secrets(&[PLAIN, WEBHOOK]), &presented, body).expect("what we signed verifies");
    }
    let mut changed = body.to_vec();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    assert!(verify(&secrets(&[PLAIN, WEBHOOK]), &presented, &changed).is_err(), "a changed body verifies");
}

fn receipt(body: &[u8]) {
    for dry_run in [false, true] {
        let Ok(receipt) = HandlerReceipt::from_slice(body, dry_run) else { continue };
        let written = receipt.to_body();
        if written.len() <= Limits::DEFAULT.bytes {
            assert_eq!(receipt, HandlerReceipt::from_slice(&written, dry_run).expect("a receipt that we wrote"), "a receipt changed");
        }
        let report = receipt.report();
        let mutated = receipt.source_database_mutated;
        let exception = receipt.safe_error_code == Some(ErrorCode::HANDLER_EXCEPTION);
        let consistent = match report.outcome {
            Outcome::Failed | Outcome::Conflict => !mutated && (dry_run || report.rows_affected == 0),
            Outcome::Applied => mutated != dry_run,
            Outcome::AlreadyApplied => !mutated,
            Outcome::Unknown => exception && receipt.status == HandlerStatus::Failed,
        };
        assert!(consistent, "a receipt that contradicts itself was believed");
        assert!(!(exception && report.outcome == Outcome::Failed), "an exception was taken for a proof");
    }
}
