//! What does each answer mean?

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_executor::{Executor, HttpHandler, HttpMethod, HttpSettings, Rehearsal};
use synapsor_protocol::{Digest, Report};

use crate::sample::{SECRET, TOKEN, handler, job, settings, told};
use crate::scripted::{APPLIED, Act, Server, answer, failed};

/// What is reported of an attempt that gets this answer.
async fn report(bytes: Vec<u8>) -> Report {
    let server = Server::start(vec![Act::Say(bytes)]).await;
    handler(&server.url()).run(&job(1)).await
}

async fn check(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    told(&report(answer(status, headers, body)).await)
}

#[tokio::test]
async fn a_valid_receipt_says_what_happened_whatever_the_status_is() {
    for status in [200, 201, 302, 401, 404, 409, 418, 500, 503] {
        assert_eq!(check(status, &[], APPLIED).await, "applied", "{status}");
        let conflict =
            r#"{"status":"conflict","rows_affected":0,"source_database_mutated":false,"safe_error_code":"ROW_CHANGED_AFTER_PROPOSAL"}"#;
        assert_eq!(check(status, &[], conflict).await, "conflict ROW_CHANGED_AFTER_PROPOSAL", "{status}");
        let unsure = check(status, &[], &failed("HANDLER_EXCEPTION")).await;
        assert_eq!(unsure, "unknown HANDLER_EXCEPTION, again: the handler answered that it cannot say what happened", "{status}");
    }
    for status in [200, 400, 409, 500] {
        assert_eq!(check(status, &[], &failed("HANDLER_BUSINESS_ERROR")).await, "failed HANDLER_BUSINESS_ERROR", "{status}");
        assert_eq!(check(status, &[], &failed("FENCED")).await, "failed FENCED", "{status}");
    }
}

#[tokio::test]
async fn what_a_receipt_adds_is_kept_within_bounds() {
    let kept = report(answer(200, &[], APPLIED)).await;
    assert_snapshot!(serde_json::to_string(&kept).unwrap(), @r#"{"outcome":"applied","rows_affected":2,"previous_version":3,"new_version":4,"transient":false,"details":{"effects":["db.insert"]}}"#);
    let receipt = |details: usize, version: usize| {
        let (details, version) = ("x".repeat(details), "9".repeat(version));
        format!(
            r#"{{"status":"applied","rows_affected":1,"source_database_mutated":true,"new_version":"{version}","details":{{"note":"{details}"}}}}"#
        )
    };
    let long = report(answer(200, &[], &receipt(70_000, 1025))).await;
    assert_snapshot!(serde_json::to_string(&long).unwrap(), @r#"{"outcome":"applied","rows_affected":1,"transient":false,"details":{"left_out":"the details of the receipt are longer than 64 KiB"}}"#);
    let short = report(answer(200, &[], &receipt(60_000, 1024))).await;
    assert!(short.new_version.is_some() && short.details.contains_key("note"));
}

#[tokio::test]
async fn the_shared_receipts_are_read_as_they_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/handler/receipts.json");
    let shared: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for case in shared["cases"].as_array().unwrap() {
        let (body, expected) = (case["body"].as_str().unwrap(), case["outcome"].as_str().unwrap_or("unknown"));
        let server = Server::start(vec![Act::Say(answer(200, &[], body))]).await;
        let desk = handler(&server.url());
        let report = if case["dry_run"] == true {
            let Rehearsal::Handler(report) = desk.rehearse(&job(1)).await else { panic!("the handler is asked") };
            report
        } else {
            desk.run(&job(1)).await
        };
        assert_eq!(report.outcome.as_str(), expected, "{}", case["name"]);
    }
}

#[tokio::test]
async fn without_a_receipt_the_outcome_is_unknown_and_the_words_say_where_to_look() {
    let mut lines = String::new();
    for status in [200, 204, 301, 307, 400, 401, 403, 404, 405, 408, 409, 413, 415, 418, 429, 500, 502, 503, 599] {
        let told = check(status, &[("location", "http://127.0.0.1:1/canary")], "<html>canary</html>").await;
        lines += &format!("{status} {told}\n");
    }
    assert_snapshot!(lines, @"
    200 unknown HANDLER_INVALID_RECEIPT, again: the handler answered 200, and no receipt: the text is not JSON (line 1, column 1)
    204 unknown HANDLER_INVALID_RECEIPT, again: the handler answered 204, and no receipt: the text is not JSON (line 1, column 1)
    301 unknown HANDLER_HTTP_301: the handler answered 301, and no receipt; a redirect is not followed: `DESK_URL` must hold the address itself
    307 unknown HANDLER_HTTP_307: the handler answered 307, and no receipt; a redirect is not followed: `DESK_URL` must hold the address itself
    400 unknown HANDLER_HTTP_400, again: the handler answered 400, and no receipt: the text is not JSON (line 1, column 1)
    401 unknown HANDLER_HTTP_401: the handler answered 401, and no receipt; it does not accept the runner: look at the token in `DESK_TOKEN`, at the signing secret in `DESK_SECRET`, and at the clocks of both
    403 unknown HANDLER_HTTP_403: the handler answered 403, and no receipt; it does not accept the runner: look at the token in `DESK_TOKEN`, at the signing secret in `DESK_SECRET`, and at the clocks of both
    404 unknown HANDLER_HTTP_404: the handler answered 404, and no receipt; nothing is served there: look at the path in `DESK_URL`
    405 unknown HANDLER_HTTP_405: the handler answered 405, and no receipt; it is not asked this way: look at `method` of the executor `desk` and at the path in `DESK_URL`
    408 unknown HANDLER_HTTP_408, again: the handler answered 408, and no receipt: the text is not JSON (line 1, column 1)
    409 unknown HANDLER_HTTP_409, again: the handler answered 409, and no receipt: the text is not JSON (line 1, column 1)
    413 unknown HANDLER_HTTP_413: the handler answered 413, and no receipt; the request is longer than it takes: look at the limit of the service, or of what stands before it
    415 unknown HANDLER_HTTP_415: the handler answered 415, and no receipt; it takes no JSON: look whether `DESK_URL` holds the address of the handler
    418 unknown HANDLER_HTTP_418, again: the handler answered 418, and no receipt: the text is not JSON (line 1, column 1)
    429 unknown HANDLER_HTTP_429, again: the handler answered 429, and no receipt: the text is not JSON (line 1, column 1)
    500 unknown HANDLER_HTTP_500, again: the handler answered 500, and no receipt: the text is not JSON (line 1, column 1)
    502 unknown HANDLER_HTTP_502, again: the handler answered 502, and no receipt: the text is not JSON (line 1, column 1)
    503 unknown HANDLER_HTTP_503, again: the handler answered 503, and no receipt: the text is not JSON (line 1, column 1)
    599 unknown HANDLER_HTTP_599, again: the handler answered 599, and no receipt: the text is not JSON (line 1, column 1)
    ");
}

#[tokio::test]
async fn a_failure_is_transient_only_if_a_moment_later_may_be_better() {
    let mut lines = String::new();
    for (status, code) in [
        (503, "DATABASE_UNAVAILABLE"),
        (200, "DATABASE_UNAVAILABLE"),
        (500, "TRANSACTION_FAILED"),
        (500, "STATEMENT_TIMEOUT"),
        (429, "CREDIT_LIMIT"),
        (500, "HANDLER_BUSINESS_ERROR"),
        (409, "IDEMPOTENCY_KEY_REUSED"),
        (400, "UNSUPPORTED_ACTION"),
        (401, "UNAUTHORIZED"),
        (401, "INVALID_SIGNATURE"),
        (401, "INVALID_ISSUED_AT"),
    ] {
        lines += &format!("{status} {}\n", check(status, &[], &failed(code)).await);
    }
    assert_snapshot!(lines, @"
    503 failed DATABASE_UNAVAILABLE, again
    200 failed DATABASE_UNAVAILABLE, again
    500 failed TRANSACTION_FAILED, again
    500 failed STATEMENT_TIMEOUT, again
    429 failed CREDIT_LIMIT, again
    500 failed HANDLER_BUSINESS_ERROR
    409 failed IDEMPOTENCY_KEY_REUSED
    400 failed UNSUPPORTED_ACTION
    401 failed UNAUTHORIZED: the handler does not accept the runner: look at the token in `DESK_TOKEN`, at the signing secret in `DESK_SECRET`, and at the clocks of both
    401 failed INVALID_SIGNATURE: the handler does not accept the runner: look at the token in `DESK_TOKEN`, at the signing secret in `DESK_SECRET`, and at the clocks of both
    401 failed INVALID_ISSUED_AT: the handler does not accept the runner: look at the token in `DESK_TOKEN`, at the signing secret in `DESK_SECRET`, and at the clocks of both
    ");
}

#[tokio::test]
async fn words_name_what_the_configuration_does_not_name() {
    let server = Server::start(vec![Act::Say(answer(401, &[], ""))]).await;
    let open = HttpHandler::open(HttpSettings { token: None, signing_secret: None, ..settings(&server.url()) }).unwrap();
    assert_snapshot!(told(&open.run(&job(1)).await), @"unknown HANDLER_HTTP_401: the handler answered 401, and no receipt; it does not accept the runner: look at `auth` of the executor `desk`, which names no token, at `signing_secret_env`, which names no secret, and at the clocks of both");
    let sent = &server.sent()[0];
    assert_eq!([sent.header("authorization"), sent.header("webhook-signature"), sent.header("x-synapsor-signature")], [None, None, None]);
}

#[tokio::test]
async fn the_pause_that_a_handler_asks_for_is_handed_on() {
    assert_snapshot!(check(503, &[("retry-after", "30")], &failed("DATABASE_UNAVAILABLE")).await, @"failed DATABASE_UNAVAILABLE, again after 30 s");
    assert_snapshot!(check(429, &[("retry-after", "90000")], "").await, @"unknown HANDLER_HTTP_429, again after 3600 s: the handler answered 429, and no receipt: the text is not JSON (line 1, column 1)");
    assert_snapshot!(check(200, &[("retry-after", "30")], APPLIED).await, @"applied");
}

#[tokio::test]
async fn an_answer_about_something_else_is_no_answer() {
    let (job, right) = (job(1), |name: &'static str, value: String| (name, value));
    let hash = job.change_set.integrity.proposal_hash.to_string();
    let mut lines = String::new();
    for (name, headers) in [
        ("both right", vec![right("idempotency-key", job.operation_id.to_string()), right("X-Synapsor-Proposal-Hash", hash.clone())]),
        ("another key", vec![right("Idempotency-Key", "wrp_other:INV-1".to_owned())]),
        ("another hash", vec![right("x-synapsor-proposal-hash", Digest::of_bytes(b"another").to_string())]),
        ("an empty key", vec![right("idempotency-key", String::new())]),
        ("right and wrong", vec![right("idempotency-key", job.operation_id.to_string()), right("idempotency-key", "wrp_other".to_owned())]),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for body in [APPLIED, &failed("HANDLER_BUSINESS_ERROR")] {
            let server = Server::start(vec![Act::Say(answer(200, &headers, body))]).await;
            lines += &format!("{name}: {}\n", told(&handler(&server.url()).run(&job).await));
        }
    }
    assert_snapshot!(lines, @"
    both right: applied
    both right: failed HANDLER_BUSINESS_ERROR
    another key: unknown HANDLER_ECHO_DIFFERS, again: the header `idempotency-key` of the answer is not that of the request, so the receipt is about something else
    another key: unknown HANDLER_ECHO_DIFFERS, again: the header `idempotency-key` of the answer is not that of the request, so the receipt is about something else
    another hash: unknown HANDLER_ECHO_DIFFERS, again: the header `x-synapsor-proposal-hash` of the answer is not that of the request, so the receipt is about something else
    another hash: unknown HANDLER_ECHO_DIFFERS, again: the header `x-synapsor-proposal-hash` of the answer is not that of the request, so the receipt is about something else
    an empty key: unknown HANDLER_ECHO_DIFFERS, again: the header `idempotency-key` of the answer is not that of the request, so the receipt is about something else
    an empty key: unknown HANDLER_ECHO_DIFFERS, again: the header `idempotency-key` of the answer is not that of the request, so the receipt is about something else
    right and wrong: unknown HANDLER_ECHO_DIFFERS, again: the header `idempotency-key` of the answer is not that of the request, so the receipt is about something else
    right and wrong: unknown HANDLER_ECHO_DIFFERS, again: the header `idempotency-key` of the answer is not that of the request, so the receipt is about something else
    ");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_nobody_else_gets_the_request() {
    let elsewhere = Server::start(vec![Act::Say(answer(200, &[], APPLIED))]).await;
    for status in [301, 302, 303, 307, 308] {
        let told = check(status, &[("location", &elsewhere.url())], "").await;
        assert_eq!(
            told,
            format!(
                "unknown HANDLER_HTTP_{status}: the handler answered {status}, and no receipt; a redirect is not followed: `DESK_URL` must hold the address itself"
            )
        );
    }
    assert!(elsewhere.sent().is_empty());
}

#[tokio::test]
async fn every_method_of_the_configuration_is_sent() {
    for method in [HttpMethod::POST, HttpMethod::PUT, HttpMethod::PATCH] {
        let server = Server::start(vec![Act::Say(answer(200, &[], APPLIED))]).await;
        let desk = HttpHandler::open(HttpSettings { method: method.clone(), ..settings(&server.url()) }).unwrap();
        assert_eq!(told(&desk.run(&job(1)).await), "applied");
        assert!(server.sent()[0].head.starts_with(&format!("{method} /canary/writeback?key=canary HTTP/1.1\r\n")));
    }
}

#[tokio::test]
async fn a_dry_run_reaches_only_a_handler_that_rehearses() {
    let server =
        Server::start(vec![Act::Say(answer(200, &[], r#"{"status":"applied","rows_affected":0,"source_database_mutated":false}"#))]).await;
    let mut quiet = settings(&server.url());
    quiet.terms.rehearses = false;
    let quiet = HttpHandler::open(quiet).unwrap();
    assert!(matches!(quiet.rehearse(&job(1)).await, Rehearsal::Local));
    assert!(server.sent().is_empty(), "nobody was asked");
    let Rehearsal::Handler(report) = handler(&server.url()).rehearse(&job(1)).await else { panic!("the handler is asked") };
    assert_eq!(told(&report), "applied");
    assert_eq!(server.sent()[0].json()["dry_run"], true);
}

#[tokio::test]
async fn an_answer_that_repeats_the_request_tells_the_ledger_no_secret() {
    let echoing = json!({"status": "applied", "rows_affected": 1, "source_database_mutated": true, "new_version": "HEAD", "previous_version": 3,
        "details": {"HEAD": 1, "nested": [{"Bearer HEAD": "HEAD"}], "secret": SECRET, "effects": ["db.update"]}});
    let coded = failed(&TOKEN.to_uppercase().replace('-', "_"));
    let server = Server::start(vec![Act::Echo(echoing.to_string()), Act::Echo(coded), Act::Echo(echoing.to_string())]).await;
    let desk = handler(&server.url());
    let repeated = desk.run(&job(1)).await;
    let refused = desk.run(&job(1)).await;
    let Rehearsal::Handler(rehearsed) = desk.rehearse(&job(1)).await else { panic!("the handler is asked") };
    for report in [&repeated, &refused, &rehearsed] {
        let recorded = serde_json::to_string(report).unwrap();
        assert!(!recorded.to_lowercase().contains("canary"), "{recorded}");
    }
    assert_eq!(repeated.details["effects"], json!(["db.update"]));
    assert_snapshot!(told(&repeated), @"applied: the new version in the answer held a secret and was left out");
    assert_snapshot!(told(&refused), @"failed HANDLER_INVALID_RECEIPT: the code in the answer held a secret and was left out");
}
