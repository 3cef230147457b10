//! A handler in memory that can be made to do any one thing wrong.
//!
//! Without a fault it keeps the contract. Each fault is one branch here, at the place where a careless author would have made it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use serde_json::{Value, json};
use synapsor_handler::conformance::{Acting, Observation, Sending, Stage, Transport};
use synapsor_protocol::handler::signature::{Presented, verify};
use synapsor_protocol::handler::{Expected, Order, SigningSecret, parse};
use synapsor_protocol::preparse::Limits;
use synapsor_protocol::{ErrorCode, Scalar, Secret, Timestamp};

use crate::conformance::{NEXT, SECRET};
use crate::shop::TOKEN;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    PostOnly,
    AnyMethod,
    NoToken,
    TokenByPrefix,
    TokenOfAnyScheme,
    NoSignature,
    OptionalSignature,
    WebhooksUnverified,
    OlderUnverified,
    NoWebhooks,
    NoOlder,
    FirstSecretOnly,
    FirstPartOnly,
    NoFreshness,
    FreshByHeader,
    FreshByTimestampOnly,
    FutureIsFresh,
    LenientJson,
    NoBodyLimit,
    FlatOnly,
    NestedOnly,
    IdsUncompared,
    AnyVersion,
    AnyAction,
    TrustsTenantColumn,
    TrustsTable,
    IgnoresTenant,
    TenantInAnyCase,
    TenantIsTrimmed,
    KeyInAnyCase,
    TellsTenantsApart,
    TellsTenantsApartByHeader,
    IgnoresVersion,
    /// None: only its versions are moments.
    VersionsAreMoments,
    VersionsByMillisecond,
    VersionsAreParsed,
    NoPreviousVersion,
    NoLock,
    VersionStays,
    ForgetsOperations,
    RepeatsEffect,
    NoClaimFirst,
    ForgetsConflicts,
    IgnoresHash,
    NoFence,
    FailureIsFinal,
    KeepsHalf,
    FailureIsConflict,
    AppliesDryRun,
    RemembersDryRun,
    LeaksDriverText,
    LeaksStackTrace,
    LeaksToken,
    PlainText,
    ExtraMember,
    BareUnauthorized,
    Contradicts,
    WrongEcho,
    DropsConnection,
}

pub(crate) struct Faulty {
    fault: Fault,
    state: Mutex<State>,
    /// What a database's lock would be.
    lock: tokio::sync::Mutex<()>,
    /// What a unique key of operations would be.
    claims: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone)]
struct State {
    rows: BTreeMap<(String, String), (i64, String)>,
    effects: u64,
    operations: BTreeMap<String, Kept>,
}

#[derive(Clone)]
struct Kept {
    hash: String,
    attempt: u32,
    /// The answer; none of an attempt that was closed.
    answer: Option<Answer>,
}

/// A receipt to be, and its status.
#[derive(Clone)]
struct Answer {
    http: u16,
    status: &'static str,
    code: Option<&'static str>,
    previous: Option<Scalar>,
    new: Option<Scalar>,
    details: Value,
}

impl Answer {
    fn of(http: u16, status: &'static str, code: Option<&'static str>) -> Self {
        Self { http, status, code, previous: None, new: None, details: json!({}) }
    }

    fn refused(http: u16, code: &'static str) -> Self {
        Self::of(http, "failed", Some(code))
    }
}

impl Faulty {
    pub(crate) fn with(fault: Fault) -> Self {
        let row = |tenant: &str, id: &str| ((tenant.to_owned(), id.to_owned()), (3, "overdue".to_owned()));
        let rows = [row("acme", "INV-1"), row("globex", "INV-9")].into();
        Self {
            fault,
            state: Mutex::new(State { rows, effects: 0, operations: BTreeMap::new() }),
            lock: tokio::sync::Mutex::default(),
            claims: Mutex::default(),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Lets everything else that is ready run: where a real handler waits for its database.
    async fn pause(&self) {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    async fn respond(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let order = self.admitted(&head.method, &head.headers, &body);
        let answer = match &order {
            Ok(order) => self.carry_out(order).await,
            Err(refused) => Answer::clone(refused),
        };
        self.written(&answer, order.as_ref().ok(), &head.headers)
    }

    fn admitted(&self, method: &Method, headers: &HeaderMap, body: &Bytes) -> Result<Order, Box<Answer>> {
        let allowed = if self.is(Fault::PostOnly) { vec![Method::POST] } else { vec![Method::POST, Method::PUT, Method::PATCH] };
        if !allowed.contains(method) && !self.is(Fault::AnyMethod) {
            return Err(refuse(405, "METHOD_NOT_ALLOWED"));
        }
        if !self.knows(headers) {
            return Err(refuse(401, "UNAUTHORIZED"));
        }
        if body.len() > 1 << 20 && !self.is(Fault::NoBodyLimit) {
            return Err(refuse(500, "HANDLER_EXCEPTION"));
        }
        self.verified(headers, body)?;
        let mut value = self.parsed(body)?;
        self.fresh(headers, &value)?;
        match self.fault {
            Fault::FlatOnly => drop(value.as_object_mut().and_then(|members| members.remove("change_set"))),
            Fault::NestedOnly => {
                let kept = [
                    "protocol_version",
                    "proposal_id",
                    "proposal_hash",
                    "idempotency_key",
                    "attempt",
                    "dry_run",
                    "issued_at",
                    "change_set",
                ];
                value.as_object_mut().into_iter().for_each(|members| members.retain(|name, _| kept.contains(&name.as_str())));
            }
            Fault::AnyVersion => value["protocol_version"] = "1.0".into(),
            _ => {}
        }
        let order = Order::from_value(&value).map_err(|error| match error.code() {
            code if code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION => refuse(400, "UNSUPPORTED_PROTOCOL_VERSION"),
            _ => refuse(400, "BAD_WRITEBACK_REQUEST"),
        })?;
        self.agreeing(headers, &order)?;
        self.meant(&order)?;
        Ok(order)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = text(headers, "authorization").unwrap_or_default();
        match self.fault {
            Fault::NoToken => true,
            Fault::TokenByPrefix => given.strip_prefix("Bearer ").is_some_and(|token| TOKEN.starts_with(token)),
            Fault::TokenOfAnyScheme => given.split_once(' ').is_some_and(|(_, token)| token == TOKEN),
            _ => given == format!("Bearer {TOKEN}"),
        }
    }

    fn verified(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Box<Answer>> {
        let bytes = |name: &str| headers.get(name).map(http::HeaderValue::as_bytes);
        let first = bytes("webhook-signature").and_then(|all| all.split(|byte| *byte == b' ').next());
        let mut presented = Presented {
            webhook_id: bytes("webhook-id"),
            webhook_timestamp: bytes("webhook-timestamp"),
            webhook_signature: if self.is(Fault::FirstPartOnly) { first } else { bytes("webhook-signature") },
            synapsor_signature: bytes("x-synapsor-signature"),
            issued_at: bytes("x-synapsor-issued-at"),
        };
        let both = presented.webhook_signature.is_some() && presented.synapsor_signature.is_some();
        let none = presented.webhook_signature.is_none() && presented.synapsor_signature.is_none();
        let without_webhooks = |presented| Presented { webhook_id: None, webhook_timestamp: None, webhook_signature: None, ..presented };
        match self.fault {
            Fault::NoSignature => return Ok(()),
            Fault::OptionalSignature if none => return Ok(()),
            Fault::WebhooksUnverified if both => presented = without_webhooks(presented),
            Fault::OlderUnverified if both => presented.synapsor_signature = None,
            Fault::NoWebhooks => presented = without_webhooks(presented),
            Fault::NoOlder => presented.synapsor_signature = None,
            _ => {}
        }
        let known: &[&str] = if self.is(Fault::FirstSecretOnly) { &[SECRET] } else { &[SECRET, NEXT] };
        let keys: Vec<_> = known.iter().map(|text| SigningSecret::new(&Secret::new((*text).to_owned())).unwrap()).collect();
        verify(&keys, &presented, body).map(drop).map_err(|_| refuse(401, "INVALID_SIGNATURE"))
    }

    fn parsed(&self, body: &[u8]) -> Result<Value, Box<Answer>> {
        let limits = Limits { bytes: 16 << 20, ..Limits::DEFAULT };
        let parsed = match self.fault {
            Fault::LenientJson => serde_json::from_slice(body).ok(),
            _ => parse(body, limits).ok(),
        };
        parsed.ok_or_else(|| refuse(400, "BAD_JSON"))
    }

    fn fresh(&self, headers: &HeaderMap, body: &Value) -> Result<(), Box<Answer>> {
        let now = Timestamp::now();
        let tolerance = Duration::from_secs(300);
        let within = |moment: &Option<Timestamp>| {
            moment.is_some_and(|moment| now.since(moment) <= tolerance && (moment.since(now) <= tolerance || self.is(Fault::FutureIsFresh)))
        };
        let (header, inside) = (text(headers, "x-synapsor-issued-at"), body["issued_at"].as_str());
        let seconds = text(headers, "webhook-timestamp").and_then(|text| text.parse::<i64>().ok());
        let timestamp = seconds.and_then(|seconds| Timestamp::from_micros(seconds * 1_000_000));
        let older = headers.contains_key("x-synapsor-signature");
        let equal = header == inside || (header.is_none() && !older);
        let webhooks = timestamp.is_none() || within(&timestamp);
        let moment = inside.and_then(Timestamp::parse);
        let fresh = match self.fault {
            Fault::NoFreshness => true,
            Fault::FreshByHeader => within(&header.and_then(Timestamp::parse)) || (header.is_none() && webhooks && !older),
            Fault::FreshByTimestampOnly if timestamp.is_some() => equal && webhooks,
            _ => equal && webhooks && within(&moment),
        };
        if fresh { Ok(()) } else { Err(refuse(401, "INVALID_ISSUED_AT")) }
    }

    fn agreeing(&self, headers: &HeaderMap, order: &Order) -> Result<(), Box<Answer>> {
        let hash = order.proposal_hash.to_string();
        let (operation, proposal) = (order.operation_id.as_str(), order.proposal_id.as_str());
        let inside = [
            ("idempotency-key", operation),
            ("webhook-id", operation),
            ("x-synapsor-proposal-id", proposal),
            ("x-synapsor-proposal-hash", &hash),
        ];
        let differs = inside.iter().any(|(name, inside)| text(headers, name).is_some_and(|outside| outside != *inside));
        if differs && !self.is(Fault::IdsUncompared) { Err(refuse(400, "BAD_WRITEBACK_REQUEST")) } else { Ok(()) }
    }

    /// Whether the request asks for what this handler was made for.
    fn meant(&self, order: &Order) -> Result<(), Box<Answer>> {
        if order.action != "billing.credit" && !self.is(Fault::AnyAction) {
            return Err(refuse(400, "UNSUPPORTED_ACTION"));
        }
        let tenant = order.tenant.as_ref();
        let column = tenant.is_some_and(|tenant| tenant.column.as_str() == "tenant_id") || self.is(Fault::TrustsTenantColumn);
        let same =
            tenant.is_some_and(|tenant| tenant.value.plain_text() == order.tenant_id) && order.key.value.plain_text() == order.object_id;
        let table = order.table.as_str() == "invoices" || self.is(Fault::TrustsTable);
        if column && same && table { Ok(()) } else { Err(refuse(400, "BAD_WRITEBACK_REQUEST")) }
    }

    async fn carry_out(&self, order: &Order) -> Answer {
        let claim = self.claims.lock().unwrap().entry(order.operation_id.to_string()).or_default().clone();
        let _claimed = if self.is(Fault::NoClaimFirst) { None } else { Some(claim.lock().await) };
        let _locked = if self.is(Fault::NoLock) || self.is(Fault::NoClaimFirst) { None } else { Some(self.lock.lock().await) };
        if let Some(answer) = self.known(order) {
            return answer;
        }
        let before = self.state.lock().unwrap().clone();
        if self.is(Fault::NoClaimFirst) {
            self.pause().await;
        }
        let answer = self.changed(order).await;
        let mut state = self.state.lock().unwrap();
        let rolls_back = answer.status == "failed" || (order.dry_run && !self.is(Fault::AppliesDryRun));
        if rolls_back {
            let effects = if self.is(Fault::KeepsHalf) && !order.dry_run { state.effects } else { before.effects };
            *state = State { effects, ..before };
        }
        if !order.dry_run || self.is(Fault::AppliesDryRun) || self.is(Fault::RemembersDryRun) {
            self.keep(&mut state, order, &answer);
        }
        answer
    }

    /// What was answered before, if that is the answer now.
    fn known(&self, order: &Order) -> Option<Answer> {
        let state = self.state.lock().unwrap();
        let kept = state.operations.get(order.operation_id.as_str())?;
        if kept.hash != order.proposal_hash.to_string() && !self.is(Fault::IgnoresHash) {
            return Some(Answer::refused(409, "IDEMPOTENCY_KEY_REUSED"));
        }
        match &kept.answer {
            Some(Answer { status: "conflict", .. }) if self.is(Fault::ForgetsConflicts) => None,
            Some(_) if self.is(Fault::RepeatsEffect) => None,
            Some(answer @ Answer { status: "applied", .. }) => Some(Answer { status: "already_applied", ..answer.clone() }),
            Some(answer) => Some(answer.clone()),
            None if kept.attempt >= order.attempt && !self.is(Fault::NoFence) => Some(Answer::refused(409, "FENCED")),
            None => None,
        }
    }

    fn keep(&self, state: &mut State, order: &Order, answer: &Answer) {
        if self.is(Fault::ForgetsOperations) {
            return;
        }
        let closed = answer.status == "failed" && !self.is(Fault::FailureIsFinal);
        let kept = Kept { hash: order.proposal_hash.to_string(), attempt: order.attempt, answer: (!closed).then(|| answer.clone()) };
        state.operations.insert(order.operation_id.to_string(), kept);
    }

    async fn changed(&self, order: &Order) -> Answer {
        let (mut key, mut tenant) = (order.key.value.plain_text(), order.tenant_id.clone());
        match self.fault {
            Fault::TenantInAnyCase => tenant = tenant.to_lowercase(),
            Fault::TenantIsTrimmed => tenant = tenant.trim().to_owned(),
            Fault::KeyInAnyCase => key = key.to_uppercase(),
            _ => {}
        }
        let place = {
            let state = self.state.lock().unwrap();
            let others = state.rows.keys().find(|(_, id)| *id == key).cloned();
            let trusted = self.is(Fault::IgnoresTenant)
                || (self.is(Fault::TrustsTenantColumn) && tenant == key)
                || order.table.as_str() != "invoices";
            let place = if trusted { others.clone() } else { Some((tenant, key)).filter(|place| state.rows.contains_key(place)) };
            match place {
                Some(place) => place,
                None if self.is(Fault::TellsTenantsApart) && others.is_some() => return Answer::of(200, "conflict", Some("WRONG_TENANT")),
                None if self.is(Fault::TellsTenantsApartByHeader) && others.is_some() => {
                    return Answer { details: json!("other"), ..Answer::of(200, "conflict", Some("ROW_NOT_FOUND_OR_WRONG_TENANT")) };
                }
                None => return Answer::of(200, "conflict", Some("ROW_NOT_FOUND_OR_WRONG_TENANT")),
            }
        };
        let version = self.state.lock().unwrap().rows[&place].0;
        let shown = self.version(version);
        let Expected::Version(expected) = &order.expected else { return Answer::refused(400, "BAD_WRITEBACK_REQUEST") };
        let near = |version: &Scalar| version.as_str().and_then(|text| text.get(..23).map(str::to_owned));
        let same = expected.value == shown || (self.is(Fault::VersionsByMillisecond) && near(&expected.value) == near(&shown));
        let parsed =
            expected.value.plain_text().parse::<f64>().is_ok_and(|number| number.trunc() == f64::from(i32::try_from(version).unwrap()));
        let same = same || (self.is(Fault::VersionsAreParsed) && parsed);
        let again = self.is(Fault::RepeatsEffect) && self.state.lock().unwrap().operations.contains_key(order.operation_id.as_str());
        if !same && !self.is(Fault::IgnoresVersion) && !again {
            let previous = (!self.is(Fault::NoPreviousVersion)).then_some(shown);
            return Answer { previous, ..Answer::of(200, "conflict", Some("ROW_CHANGED_AFTER_PROPOSAL")) };
        }
        if self.is(Fault::NoLock) {
            self.pause().await;
        }
        let mut state = self.state.lock().unwrap();
        state.effects += 1;
        let new = if self.is(Fault::VersionStays) { version } else { version + 1 };
        state.rows.insert(place, (new, "credited".to_owned()));
        match order.patch.iter().next().map(|(_, value)| value) {
            Some(Scalar::Number(cents)) if cents.as_f64() > 0.0 => {}
            _ if self.is(Fault::FailureIsConflict) => return Answer::of(200, "conflict", Some("HANDLER_BUSINESS_ERROR")),
            _ => return Answer { details: self.reason(), ..Answer::refused(500, "HANDLER_BUSINESS_ERROR") },
        }
        Answer { previous: Some(shown), new: Some(self.version(new)), ..Answer::of(200, "applied", None) }
    }

    /// Whole milliseconds between two versions, so that only almost the same one is near.
    fn version(&self, version: i64) -> Scalar {
        match self.fault {
            Fault::VersionsAreMoments | Fault::VersionsByMillisecond => format!("2026-03-02T08:05:00.{version:03}000Z").into(),
            _ => version.into(),
        }
    }

    fn reason(&self) -> Value {
        match self.fault {
            Fault::LeaksDriverText => json!({"reason": "ERROR: new row for relation \"credits\" violates check constraint"}),
            Fault::LeaksStackTrace => json!({"reason": "Error\n    at apply (/srv/app/handler.js:12:3)"}),
            Fault::LeaksToken => json!({"reason": format!("called with {TOKEN}")}),
            _ => json!({"reason": "a credit is more than nothing"}),
        }
    }

    fn written(&self, answer: &Answer, order: Option<&Order>, headers: &HeaderMap) -> Response<Bytes> {
        let dry_run = order.is_some_and(|order| order.dry_run) && !self.is(Fault::AppliesDryRun);
        let mutated = answer.status == "applied" && !dry_run && !self.is(Fault::Contradicts);
        let mut receipt = json!({
            "status": answer.status, "rows_affected": u8::from(mutated), "source_database_mutated": mutated, "safe_error_code": answer.code,
        });
        if let Some(previous) = &answer.previous {
            receipt["previous_version"] = json!(previous);
        }
        if let Some(new) = &answer.new {
            receipt["new_version"] = json!(new);
        }
        if answer.details.as_object().is_some_and(|details| !details.is_empty()) {
            receipt["details"] = answer.details.clone();
        }
        if self.is(Fault::ExtraMember) {
            receipt["took_ms"] = 3.into();
        }
        if self.is(Fault::BareUnauthorized) && answer.code == Some("UNAUTHORIZED") {
            receipt = json!({"detail": "no"});
        }
        let mut response = Response::new(Bytes::from(receipt.to_string()));
        *response.status_mut() = http::StatusCode::from_u16(answer.http).unwrap();
        let kind = if self.is(Fault::PlainText) { "text/plain" } else { "application/json; charset=utf-8" };
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(kind));
        if answer.details == "other" {
            response.headers_mut().insert("x-reason", http::HeaderValue::from_static("another tenant"));
        }
        let key = if self.is(Fault::WrongEcho) { Some("wrp_1:INV-1") } else { text(headers, "idempotency-key") };
        if let Some(key) = key.filter(|_| order.is_some()) {
            response.headers_mut().insert("idempotency-key", http::HeaderValue::from_str(key).unwrap());
        }
        response
    }
}

impl Transport for Faulty {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        Box::pin(async {
            let drops = self.is(Fault::DropsConnection) && !request.headers().contains_key("authorization");
            let response = self.respond(request).await;
            let cut = || synapsor_handler::conformance::TransportError::Broken("cut".into());
            if drops { Err(cut()) } else { Ok(response) }
        })
    }
}

impl Stage for Faulty {
    fn reset(&self) -> Acting<'_, ()> {
        Box::pin(async {
            let mut state = self.state.lock().unwrap();
            state.rows.values_mut().for_each(|row| *row = (3, "overdue".to_owned()));
            Ok(())
        })
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            let state = self.state.lock().unwrap();
            let version = self.version(state.rows[&("acme".to_owned(), "INV-1".to_owned())].0);
            let row = state.rows.iter().map(|((tenant, id), (version, status))| format!("{tenant} {id} {version} {status}"));
            Ok(Observation { version, effects: state.effects, row: row.collect::<Vec<_>>().into() })
        })
    }
}

fn refuse(http: u16, code: &'static str) -> Box<Answer> {
    Box::new(Answer::refused(http, code))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
