//! Each signed request and each receipt of `fixtures/handler` is taken, or refused, as it says.
//!
//! Plain JSON, for handlers and senders in every language. `UPDATE_FIXTURES=1` writes the files.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_protocol::handler::signature::{SignatureError, verify};
use synapsor_protocol::handler::{Delivery, HandlerReceipt, HandlerRequest, Order, Presented, Signatures, SigningSecret, parse, request};
use synapsor_protocol::id::JobId;
use synapsor_protocol::{ChangeSet, OperationId, Secret, Timestamp};

const WEBHOOK: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PLAIN: &str = "a secret that is no base64";
const ISSUED_AT: &str = "2026-03-02T08:05:00.000000Z";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/handler").join(name)
}

#[expect(clippy::disallowed_methods, reason = "a person asks for the update through the environment")]
fn read_or_write(name: &str, made: impl FnOnce() -> Value) -> Value {
    if std::env::var("UPDATE_FIXTURES").is_ok() {
        fs::create_dir_all(file("")).unwrap();
        fs::write(file(name), serde_json::to_string_pretty(&made()).unwrap() + "\n").unwrap();
    }
    serde_json::from_slice(&fs::read(file(name)).unwrap()).unwrap()
}

fn secrets(texts: &[&str]) -> Vec<SigningSecret> {
    texts.iter().map(|text| SigningSecret::new(&Secret::new((*text).to_owned())).unwrap()).collect()
}

fn change_set() -> ChangeSet {
    let text = include_str!("../../../../fixtures/protocol/change-set.v1/valid/reference.json");
    serde_json::from_str::<ChangeSet>(text).unwrap().sealed().unwrap()
}

fn written() -> Value {
    let set = change_set();
    let delivery = Delivery {
        job_id: JobId::new("wbj_7a01").unwrap(),
        operation_id: OperationId::derive(&set.proposal_id, &set.scope.object_id),
        attempt: 1,
        issued_at: Timestamp::parse(ISSUED_AT).unwrap(),
        approved_by: Some("ada".to_owned()),
        runner: "edge-1".to_owned(),
        executor: "returns_service".to_owned(),
        dry_run: false,
    };
    serde_json::to_value(HandlerRequest::of(&set, delivery)).unwrap()
}

/// One request to come.
#[derive(Clone)]
struct Draft {
    body: Value,
    raw: Option<String>,
    signed_by: Vec<&'static str>,
    known: Vec<&'static str>,
    id: Option<&'static str>,
    now: &'static str,
}

impl Draft {
    fn new() -> Self {
        Self { body: written(), raw: None, signed_by: vec![WEBHOOK], known: vec![WEBHOOK], id: None, now: "2026-03-02T08:05:10Z" }
    }

    fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        *self.body.pointer_mut(pointer).unwrap() = value.into();
        self
    }

    /// The case, its headers and body changed once they are signed.
    fn case(&self, name: &str, verdict: &str, edit: impl FnOnce(&mut Value, &mut String)) -> Value {
        let mut body = self.raw.clone().unwrap_or_else(|| self.body.to_string());
        let operation = OperationId::new(self.id.unwrap_or("wrp_7a01:R-88")).unwrap();
        let issued_at = self.body["issued_at"].as_str().unwrap();
        let signed = Signatures::of(&secrets(&self.signed_by), &operation, issued_at, body.as_bytes()).unwrap();
        let mut headers: Value = signed.headers().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        edit(&mut headers, &mut body);
        let status = match verdict {
            "ADMITTED" => json!(null),
            "INVALID_SIGNATURE" | "INVALID_ISSUED_AT" => json!(401),
            _ => json!(400),
        };
        json!({"name": name, "secrets": self.known, "tolerance_seconds": 300, "now": self.now, "headers": headers, "body": body,
            "verdict": {"admitted": verdict == "ADMITTED", "code": (verdict != "ADMITTED").then_some(verdict), "status": status}})
    }
}

fn drop_header(names: &'static [&'static str]) -> impl FnOnce(&mut Value, &mut String) {
    move |headers, _| names.iter().for_each(|name| drop(headers.as_object_mut().unwrap().remove(*name)))
}

fn set_header(name: &'static str, value: &'static str) -> impl FnOnce(&mut Value, &mut String) {
    move |headers, _| headers[name] = json!(value)
}

const OLDER: &[&str] = &["x-synapsor-signature", "x-synapsor-issued-at"];
const STANDARD: &[&str] = &["webhook-id", "webhook-timestamp", "webhook-signature"];

fn requests() -> Value {
    let draft = Draft::new;
    let mut flat = draft();
    flat.body.as_object_mut().unwrap().remove("change_set");
    let mut nested = draft();
    nested.body = json!({"proposal_id": "wrp_7a01", "idempotency_key": "wrp_7a01:R-88", "issued_at": ISSUED_AT, "change_set": nested.body["change_set"]});
    let raw = |text: &str| Draft { raw: Some(text.to_owned()), ..draft() };
    let mut cases = vec![
        draft().case("both schemes", "ADMITTED", |_, _| ()),
        draft().case("standard webhooks alone", "ADMITTED", drop_header(OLDER)),
        draft().case("the older scheme alone", "ADMITTED", drop_header(STANDARD)),
        Draft { signed_by: vec![PLAIN], known: vec![PLAIN], ..draft() }.case("a secret that is no base64", "ADMITTED", |_, _| ()),
        Draft { signed_by: vec![WEBHOOK], known: vec![PLAIN, WEBHOOK], ..draft() }.case(
            "the old secret during a rotation",
            "ADMITTED",
            |_, _| (),
        ),
        Draft { signed_by: vec![PLAIN, WEBHOOK], known: vec![PLAIN], ..draft() }.case(
            "signed by both secrets of a rotation",
            "ADMITTED",
            |_, _| (),
        ),
        Draft { known: vec![PLAIN], ..draft() }.case("a secret that was retired", "INVALID_SIGNATURE", |_, _| ()),
        flat.case("the flat form alone", "ADMITTED", |_, _| ()),
        nested.case("the published form alone", "ADMITTED", |_, _| ()),
        draft().case("not signed", "INVALID_SIGNATURE", |headers, _| *headers = json!({})),
        draft().case("the body was changed", "INVALID_SIGNATURE", |_, body| *body = body.replace("checked", "lost")),
        draft().case("a blank was added to the body", "INVALID_SIGNATURE", |_, body| body.push(' ')),
        draft().case("the id was changed", "INVALID_SIGNATURE", set_header("webhook-id", "wrp_7a02:R-88")),
        draft().case("the moment was changed", "INVALID_SIGNATURE", set_header("webhook-timestamp", "1772438701")),
        draft().case("the id is missing", "INVALID_SIGNATURE", drop_header(&["webhook-id"])),
        draft().case("no version of a signature", "INVALID_SIGNATURE", set_header("webhook-signature", "AAAA")),
        draft().case("one scheme verifies and the other does not", "INVALID_SIGNATURE", set_header("x-synapsor-signature", "sha256=00")),
        draft().case("hex in capitals", "INVALID_SIGNATURE", |headers, _| {
            let shouted = headers["x-synapsor-signature"].as_str().unwrap().to_uppercase().replace("SHA256", "sha256");
            headers["x-synapsor-signature"] = json!(shouted);
        }),
        draft().case("a signature of an unknown version beside a good one", "ADMITTED", |headers, _| {
            let more = format!("v9,AAAA {} v1a,AAAA", headers["webhook-signature"].as_str().unwrap());
            headers["webhook-signature"] = json!(more);
        }),
        Draft { now: "2026-03-02T08:10:00Z", ..draft() }.case("just fresh", "ADMITTED", |_, _| ()),
        Draft { now: "2026-03-02T08:10:00.000001Z", ..draft() }.case("just stale", "INVALID_ISSUED_AT", |_, _| ()),
        Draft { now: "2026-03-02T08:00:00Z", ..draft() }.case("from a future that is near enough", "ADMITTED", |_, _| ()),
        Draft { now: "2026-03-02T07:59:59Z", ..draft() }.case("from the future", "INVALID_ISSUED_AT", |_, _| ()),
        draft().case(
            "a replay with a fresh header",
            "INVALID_ISSUED_AT",
            set_header("x-synapsor-issued-at", "2026-03-02T08:05:09.000000Z"),
        ),
        draft().case("the older scheme without its moment", "INVALID_ISSUED_AT", drop_header(&["x-synapsor-issued-at"])),
        Draft { id: Some("wrp_7a02:R-88"), ..draft() }.case("signed for another operation", "BAD_WRITEBACK_REQUEST", |_, _| ()),
        draft().case("the key in the header is another", "BAD_WRITEBACK_REQUEST", set_header("idempotency-key", "wrp_7a02:R-88")),
        draft().with("/change_set/scope/tenant_id", "store-5").case("the forms name two tenants", "BAD_WRITEBACK_REQUEST", |_, _| ()),
        draft().with("/change_set/patch/status", "lost").case("the forms have two patches", "BAD_WRITEBACK_REQUEST", |_, _| ()),
        draft().with("/protocol_version", "2.0").case("another version of the protocol", "UNSUPPORTED_PROTOCOL_VERSION", |_, _| ()),
    ];
    let twice = draft().body.to_string().replacen('{', "{\"proposal_id\":\"wrp_0\",", 1);
    cases.push(raw(&twice).case("a member stands there twice", "BAD_JSON", |_, _| ()));
    cases.push(raw("{\"issued_at\":").case("half a text", "BAD_JSON", |_, _| ()));
    json!({"about": "Signed requests, and what a handler that knows these secrets says to them at `now`.", "cases": cases})
}

/// `ADMITTED`, or the code of the refusal.
fn verdict(case: &Value) -> String {
    let known: Vec<&str> = case["secrets"].as_array().unwrap().iter().map(|secret| secret.as_str().unwrap()).collect();
    let (header, body) = (|name: &str| case["headers"][name].as_str().map(str::as_bytes), case["body"].as_str().unwrap());
    let presented = Presented {
        webhook_id: header("webhook-id"),
        webhook_timestamp: header("webhook-timestamp"),
        webhook_signature: header("webhook-signature"),
        synapsor_signature: header("x-synapsor-signature"),
        issued_at: header("x-synapsor-issued-at"),
    };
    let forged = |error: SignatureError| match error {
        SignatureError::Missing | SignatureError::Malformed | SignatureError::Wrong => "INVALID_SIGNATURE".to_owned(),
        SignatureError::Moment | SignatureError::Stale => "INVALID_ISSUED_AT".to_owned(),
    };
    let judged = || -> Result<(), String> {
        let proven = verify(&secrets(&known), &presented, body.as_bytes()).map_err(forged)?;
        let value = parse(body.as_bytes(), request::LIMITS).map_err(|error| error.code().to_string())?;
        let now = Timestamp::parse(case["now"].as_str().unwrap()).unwrap();
        let tolerance = Duration::from_secs(case["tolerance_seconds"].as_u64().unwrap());
        proven.check_fresh(value["issued_at"].as_str(), now, tolerance).map_err(forged)?;
        let order = Order::from_value(&value).map_err(|error| error.code().to_string())?;
        let same = |name| header(name).is_none_or(|given| given == order.operation_id.as_str().as_bytes());
        if same("webhook-id") && same("idempotency-key") { Ok(()) } else { Err("BAD_WRITEBACK_REQUEST".to_owned()) }
    };
    judged().err().unwrap_or_else(|| "ADMITTED".to_owned())
}

#[test]
fn each_signed_request_gets_its_verdict() {
    let cases = read_or_write("signed-requests.json", requests);
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() >= 30);
    for case in cases {
        let expected = case["verdict"]["code"].as_str().unwrap_or("ADMITTED");
        assert_eq!(verdict(case), expected, "{}", case["name"]);
    }
}

fn receipts() -> Value {
    let plain =
        |status: &str, mutated: bool, rows: u64| json!({"status": status, "rows_affected": rows, "source_database_mutated": mutated});
    let with = |mut receipt: Value, name: &str, value: Value| {
        receipt[name] = value;
        receipt
    };
    let case = |name: &str, dry_run: bool, body: String, outcome: Option<&str>| json!({"name": name, "dry_run": dry_run, "body": body, "outcome": outcome});
    let of = |name: &str, receipt: Value, outcome: Option<&str>| case(name, false, receipt.to_string(), outcome);
    let coded = |receipt, code: &str| with(receipt, "safe_error_code", json!(code));
    let cases = vec![
        of("applied", with(with(plain("applied", true, 2), "previous_version", json!(3)), "new_version", json!(4)), Some("applied")),
        of("applied with details", with(plain("applied", true, 1), "details", json!({"effects": ["db.insert", "event"]})), Some("applied")),
        of("applied before", plain("already_applied", false, 0), Some("already_applied")),
        of(
            "conflict",
            coded(with(plain("conflict", false, 0), "previous_version", json!(13)), "ROW_CHANGED_AFTER_PROPOSAL"),
            Some("conflict"),
        ),
        of("failed", coded(plain("failed", false, 0), "HANDLER_BUSINESS_ERROR"), Some("failed")),
        of("failed with a code of its own", coded(plain("failed", false, 0), "CREDIT_LIMIT"), Some("failed")),
        of("a code that is null", with(plain("applied", true, 1), "safe_error_code", json!(null)), Some("applied")),
        of("an exception says nothing of what happened", coded(plain("failed", false, 0), "HANDLER_EXCEPTION"), Some("unknown")),
        of("a member that is not known", with(plain("applied", true, 1), "later", json!(1)), Some("applied")),
        case("a rehearsal", true, plain("applied", false, 0).to_string(), Some("applied")),
        case("a rehearsal that changed something", true, plain("applied", true, 1).to_string(), None),
        case("nothing at all", false, String::new(), None),
        case("no json", false, "<html>bad gateway</html>".to_owned(), None),
        case("another object", false, "{}".to_owned(), None),
        case(
            "a member twice",
            false,
            r#"{"status":"failed","status":"applied","rows_affected":1,"source_database_mutated":true}"#.to_owned(),
            None,
        ),
        of("another word", plain("done", true, 1), None),
        of("no count", json!({"status": "applied", "source_database_mutated": true}), None),
        of("no word of the database", json!({"status": "applied", "rows_affected": 1}), None),
        of("applied, and nothing changed", plain("applied", false, 1), None),
        of("failed, and something changed", plain("failed", true, 1), None),
        of("conflict, and something changed", plain("conflict", true, 0), None),
        of("failed, and rows were affected", plain("failed", false, 1), None),
        of("fewer than no rows", with(plain("applied", true, 1), "rows_affected", json!(-1)), None),
        of("a code that is a sentence", coded(plain("failed", false, 0), "the driver said: no"), None),
    ];
    json!({"about": "Answers of handlers, and which outcome a sender reads in them; null is no receipt, so the outcome is unknown.", "cases": cases})
}

#[test]
fn each_receipt_means_what_it_says() {
    let cases = read_or_write("receipts.json", receipts);
    for case in cases["cases"].as_array().unwrap() {
        let read = HandlerReceipt::from_slice(case["body"].as_str().unwrap().as_bytes(), case["dry_run"].as_bool().unwrap());
        assert_eq!(read.ok().map(|receipt| receipt.report().outcome.as_str()), case["outcome"].as_str(), "{}", case["name"]);
    }
}

#[test]
fn what_we_send_is_both_published_forms_and_reads_as_one_order() {
    let schema = fs::read(file("../../schemas/synapsor.app-handler-request.v1.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    let both = written();
    let faults: Vec<String> = schema.iter_errors(&both).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let order = |value: &Value| Order::from_slice(value.to_string().as_bytes(), request::LIMITS).unwrap();
    let (mut flat, whole) = (both.clone(), order(&both));
    flat.as_object_mut().unwrap().remove("change_set");
    assert_eq!(order(&flat), whole);
    assert!(!schema.is_valid(&flat), "the published form has a change set");
    assert_eq!((whole.tenant_id.as_str(), whole.object_id.as_str(), whole.principal.as_str()), ("store-4", "R-88", "agent-7"));
    assert_eq!(both["approval"]["status"], "approved");
    // The example of the published documentation.
    let published = json!({"protocol_version": "1.0", "schema_version": "synapsor.handler-writeback.v1", "proposal_id": "wrp_7a01",
        "idempotency_key": "wrp_7a01:R-88", "issued_at": "2026-03-02T08:05:00.000Z", "dry_run": false, "action": "returns.propose_status",
        "change_set": {"action": "returns.propose_status", "scope": {"tenant_id": "store-4", "object_id": "R-88"},
            "principal": {"id": "agent-7"},
            "target": {"schema": "public", "table": "returns", "primary_key": {"column": "id", "value": "R-88"}},
            "patch": {"status": "checked"}, "guards": {"tenant": {"column": "store_id", "value": "store-4"},
            "expected_version": {"column": "version", "value": 12}}}});
    assert!(schema.is_valid(&published));
    assert_eq!(order(&published).key, whole.key);
}

#[test]
fn what_a_handler_writes_keeps_the_published_schema() {
    let schema = fs::read(file("../../schemas/synapsor.app-handler-receipt.v1.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    for case in read_or_write("receipts.json", receipts)["cases"].as_array().unwrap() {
        let Ok(receipt) = HandlerReceipt::from_slice(case["body"].as_str().unwrap().as_bytes(), case["dry_run"].as_bool().unwrap()) else {
            continue;
        };
        let written: Value = serde_json::from_slice(&receipt.to_body()).unwrap();
        assert!(schema.is_valid(&written), "{written}");
    }
    let open = json!({"status": "applied", "rows_affected": 1, "source_database_mutated": true, "later": 1});
    assert!(!schema.is_valid(&open), "it is closed when written");
}

#[test]
fn a_signature_is_that_of_the_published_vector() {
    // Of the documentation of Standard Webhooks.
    let (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "2021-02-25T15:02:10Z", "{\"test\": 2432232314}");
    let signed = Signatures::of(&secrets(&[WEBHOOK]), &OperationId::new(id).unwrap(), at, body.as_bytes()).unwrap();
    insta::assert_snapshot!(signed.webhook_timestamp, @"1614265330");
    insta::assert_snapshot!(signed.webhook_signature, @"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
