//! Which requests are believed? Every refusal says that nothing happened, and nothing has.

use std::time::Duration;

use synapsor_handler::{Handler, HandlerError};
use synapsor_protocol::Timestamp;

use crate::ask::{Ask, Asking, Heard};
use crate::shop::{Shop, TOKEN, credit};

const SECRET: &str = "whsec_bm90IGEgc2VjcmV0IGFueSBtb3Jl";
const NEXT: &str = "an older secret that is no base64";

fn signed_handler(shop: &Shop, secrets: &[&str]) -> Handler {
    let builder = secrets.iter().fold(shop.bare().bearer_token(TOKEN), |builder, secret| builder.signing_secret(*secret));
    builder.effect("billing.credit", credit).build().unwrap()
}

/// The answer to what is refused, and that nothing happened.
async fn check(shop: &Shop, handler: &Handler, ask: &Ask) -> String {
    let before = shop.shown();
    let heard = ask.send(handler).await;
    assert_eq!(shop.shown(), before);
    assert_eq!(heard.receipt()["source_database_mutated"], false);
    line(&heard)
}

fn line(heard: &Heard) -> String {
    heard.said().split(',').next().unwrap().to_owned()
}

#[tokio::test]
async fn each_bad_request_gets_its_row_of_the_table_of_answers() {
    let shop = Shop::sqlite();
    let handler = signed_handler(&shop, &[SECRET]);
    let good = || Ask::flat(&shop);
    let ask = |edit: fn(Ask) -> Ask| edit(good()).signed(&[SECRET]);
    let raw = |bytes: &[u8]| Ask { raw: Some(bytes.to_vec()), ..good() }.signed(&[SECRET]);
    let rows: Vec<(&str, Ask, &str)> = vec![
        ("another method", Ask { method: "GET", ..good() }, "405 failed METHOD_NOT_ALLOWED"),
        ("no token", good().without_header("authorization"), "401 failed UNAUTHORIZED"),
        ("another token", good().header("authorization", "Bearer the token of somebody else"), "401 failed UNAUTHORIZED"),
        ("another scheme", good().header("authorization", &format!("Basic {TOKEN}")), "401 failed UNAUTHORIZED"),
        ("no signature", good(), "401 failed INVALID_SIGNATURE"),
        ("another secret", good().signed(&[NEXT]), "401 failed INVALID_SIGNATURE"),
        ("half of a scheme", ask(|ask| ask).without_header("webhook-id"), "401 failed INVALID_SIGNATURE"),
        (
            "one scheme wrong",
            ask(|ask| ask).header("x-synapsor-signature", &format!("sha256={}", "0".repeat(64))),
            "401 failed INVALID_SIGNATURE",
        ),
        ("the other wrong", ask(|ask| ask).header("webhook-signature", "v1,AAAA"), "401 failed INVALID_SIGNATURE"),
        (
            "another moment in the header",
            ask(|ask| ask).header("x-synapsor-issued-at", &Timestamp::now().to_string()),
            "401 failed INVALID_ISSUED_AT",
        ),
        ("too old", ask(|ask| ask.with("/issued_at", "2026-01-01T00:00:00Z")), "401 failed INVALID_ISSUED_AT"),
        ("from the future", ask(|ask| ask.with("/issued_at", "2096-01-01T00:00:00Z")), "401 failed INVALID_ISSUED_AT"),
        ("no json", raw(b"{\"proposal_id\": "), "400 failed BAD_JSON"),
        ("a member twice", raw(b"{\"a\": 1, \"a\": 2}"), "400 failed BAD_JSON"),
        ("a number that is none", raw(b"{\"a\": 12345678901234567890}"), "400 failed BAD_JSON"),
        ("too deep", raw(&[b'['; 40]), "400 failed BAD_JSON"),
        ("no text", raw(b"{\"a\": \"\xff\"}"), "400 failed BAD_JSON"),
        ("no object", raw(b"[]"), "401 failed INVALID_ISSUED_AT"),
        ("nothing", raw(b""), "401 failed INVALID_ISSUED_AT"),
        ("no proposal", ask(|ask| ask.without("/proposal_id")), "400 failed BAD_WRITEBACK_REQUEST"),
        ("no patch", ask(|ask| ask.with("/patch", serde_json::json!({}))), "400 failed BAD_WRITEBACK_REQUEST"),
        ("a patch outside the list", ask(|ask| ask.with("/patch/status", "x")), "400 failed BAD_WRITEBACK_REQUEST"),
        ("no guard", ask(|ask| ask.without("/guards")), "400 failed BAD_WRITEBACK_REQUEST"),
        (
            "a null version",
            ask(|ask| ask.with("/guards/expected_version/value", serde_json::Value::Null)),
            "400 failed BAD_WRITEBACK_REQUEST",
        ),
        ("two tenants", ask(|ask| ask.with("/tenant_guard/value", "globex")), "400 failed BAD_WRITEBACK_REQUEST"),
        ("a name that is none", ask(|ask| ask.with("/target/table", "invoices; drop")), "400 failed BAD_WRITEBACK_REQUEST"),
        ("attempt zero", ask(|ask| ask.with("/attempt", 0)), "400 failed BAD_WRITEBACK_REQUEST"),
        ("another key in the header", ask(|ask| ask).header("idempotency-key", "wrp_2:INV-1"), "400 failed BAD_WRITEBACK_REQUEST"),
        ("another proposal in the header", ask(|ask| ask).header("x-synapsor-proposal-id", "wrp_2"), "400 failed BAD_WRITEBACK_REQUEST"),
        ("another hash in the header", ask(|ask| ask).header("x-synapsor-proposal-hash", "sha256:02"), "400 failed BAD_WRITEBACK_REQUEST"),
        ("another version", ask(|ask| ask.with("/protocol_version", "2.0")), "400 failed UNSUPPORTED_PROTOCOL_VERSION"),
        (
            "another form",
            ask(|ask| ask.with("/schema_version", "synapsor.handler-writeback.v2")),
            "400 failed UNSUPPORTED_PROTOCOL_VERSION",
        ),
        ("another action", ask(|ask| ask.with("/action", "billing.other")), "400 failed UNSUPPORTED_ACTION"),
        ("a large body", Ask { raw: Some(vec![b' '; (1 << 20) + 1]), ..good() }, "500 failed HANDLER_EXCEPTION"),
    ];
    for (what, ask, expected) in rows {
        assert_eq!(check(&shop, &handler, &ask).await, expected, "{what}");
    }
    let unsigned = shop.bare().bearer_token(TOKEN).effect("billing.credit", credit).build().unwrap();
    for bytes in [&b""[..], b"[]", b"{}", b"null"] {
        let ask = Ask { raw: Some(bytes.to_vec()), ..good() };
        assert_eq!(check(&shop, &unsigned, &ask).await, "400 failed BAD_WRITEBACK_REQUEST");
    }
    for method in ["GET", "DELETE", "HEAD"] {
        assert_eq!(Ask { method, ..good() }.send(&handler).await.header("allow"), "POST, PUT, PATCH");
    }
    let fine = Ask { method: "PATCH", ..good() }
        .signed(&[SECRET])
        .header("idempotency-key", "wrp_1:INV-1")
        .header("x-synapsor-proposal-id", "wrp_1");
    assert_eq!(line(&fine.send(&handler).await), "200 applied");
}

#[tokio::test]
async fn either_scheme_alone_is_enough_and_a_replay_with_a_fresh_header_is_not() {
    let shop = Shop::sqlite();
    let handler = signed_handler(&shop, &[SECRET]);
    let signed = Ask::flat(&shop).signed(&[SECRET]);
    let webhook = ["x-synapsor-signature", "x-synapsor-issued-at"].iter().fold(signed.clone(), |ask, name| ask.without_header(name));
    let older = ["webhook-id", "webhook-timestamp", "webhook-signature"].iter().fold(signed, |ask, name| ask.without_header(name));
    assert_eq!(line(&webhook.send(&handler).await), "200 applied");
    assert_eq!(line(&older.send(&handler).await), "200 already_applied");
    // The older scheme signs the body alone: its moment is the body's, whatever a header says.
    let captured = Ask::flat(&shop).with("/issued_at", "2026-01-01T00:00:00.000Z").signed(&[SECRET]);
    let captured = ["webhook-id", "webhook-timestamp", "webhook-signature"].iter().fold(captured, |ask, name| ask.without_header(name));
    for dressed in [
        captured.clone(),
        captured.clone().header("x-synapsor-issued-at", &Timestamp::now().to_string()),
        captured.clone().without_header("x-synapsor-issued-at"),
    ] {
        assert_eq!(line(&dressed.send(&handler).await), "401 failed INVALID_ISSUED_AT");
    }
    // Of Standard Webhooks id and moment are signed.
    let moved = webhook.clone().header("webhook-timestamp", "4000000000");
    let renamed = webhook.header("webhook-id", "wrp_2:INV-1");
    assert_eq!(line(&moved.send(&handler).await), "401 failed INVALID_SIGNATURE");
    assert_eq!(line(&renamed.send(&handler).await), "401 failed INVALID_SIGNATURE");
}

#[tokio::test]
async fn during_a_rotation_either_secret_is_good_and_afterwards_the_old_one_is_not() {
    let shop = Shop::sqlite();
    let (during, after) = (signed_handler(&shop, &[SECRET, NEXT]), signed_handler(&shop, &[NEXT]));
    for secrets in [&[SECRET][..], &[NEXT], &[SECRET, NEXT], &[NEXT, SECRET]] {
        let said = line(&Ask::flat(&shop).signed(secrets).send(&during).await);
        assert!(said.starts_with("200"), "{said}");
    }
    assert_eq!(line(&Ask::flat(&shop).signed(&[SECRET]).send(&after).await), "401 failed INVALID_SIGNATURE");
    assert_eq!(line(&Ask::flat(&shop).signed(&[NEXT]).send(&after).await), "200 already_applied");
}

#[tokio::test]
async fn ten_thousand_forged_and_replayed_requests_change_nothing() {
    let shop = Shop::sqlite();
    let handler = signed_handler(&shop, &[SECRET]);
    let good = Ask::flat(&shop).signed(&[SECRET]);
    assert_eq!(line(&good.send(&handler).await), "200 applied");
    let applied = shop.shown();
    for at in 0..10_000 {
        let (request, expected) = hostile(&good, at);
        assert_eq!(line(&request.send(&handler).await), expected, "request {at}");
    }
    assert_eq!(shop.shown(), applied);
}

/// A request that somebody caught and changed, or sends again.
fn hostile(good: &Ask, at: usize) -> (Ask, &'static str) {
    let mut forged = good.clone();
    match at % 5 {
        0 => {
            let mut bytes = good.bytes();
            let place = at * 7 % bytes.len();
            bytes[place] ^= 1;
            forged.raw = Some(bytes);
        }
        1 => flip(&mut forged, "webhook-signature", |value| 3 + at % (value.len() - 4)),
        2 => flip(&mut forged, "x-synapsor-signature", |_| 7 + at % 64),
        3 => return (forged, "200 already_applied"),
        _ => return (forged.header("x-synapsor-issued-at", &Timestamp::now().to_string()), "401 failed INVALID_ISSUED_AT"),
    }
    (forged, "401 failed INVALID_SIGNATURE")
}

fn flip(request: &mut Ask, header: &str, place: impl Fn(&[u8]) -> usize) {
    let (_, value) = request.headers.iter_mut().find(|(name, _)| name == header).unwrap();
    let place = place(value);
    value[place] = if value[place] == b'0' { b'1' } else { b'0' };
}

#[tokio::test]
async fn a_handler_that_lost_its_secrets_does_not_open_the_door() {
    let shop = Shop::sqlite();
    let without_token = shop.bare().bearer_tokens_from(Vec::new).effect("billing.credit", credit).build().unwrap();
    assert_eq!(check(&shop, &without_token, &Ask::flat(&shop)).await, "500 failed HANDLER_TOKEN_MISSING");
    let without_secret = shop.bare().signing_secrets_from(|| vec![String::new()]).effect("billing.credit", credit).build().unwrap();
    assert_eq!(check(&shop, &without_secret, &Ask::flat(&shop)).await, "500 failed HANDLER_SIGNING_SECRET_MISSING");
    let live = shop.bare().bearer_tokens_from(|| vec![TOKEN.to_owned()]).effect("billing.credit", credit).build().unwrap();
    assert_eq!(line(&Ask::flat(&shop).send(&live).await), "200 applied");
}

#[tokio::test]
async fn tolerance_and_limit_are_what_the_builder_says() {
    let shop = Shop::sqlite();
    let strict = shop.bare().signing_secret(SECRET).tolerance(Duration::from_secs(2)).body_limit(100).effect("billing.credit", credit);
    let strict = strict.build().unwrap();
    assert_eq!(check(&shop, &strict, &Ask::flat(&shop).signed(&[SECRET])).await, "500 failed HANDLER_EXCEPTION");
    let patient = shop.bare().signing_secret(SECRET).tolerance(Duration::from_secs(60 * 60 * 24 * 36_500)).effect("billing.credit", credit);
    let old = Ask::flat(&shop).with("/issued_at", "2026-01-01T00:00:00Z").signed(&[SECRET]);
    assert_eq!(line(&old.send(&patient.build().unwrap()).await), "200 applied");
}

#[test]
fn what_is_wrong_with_a_handler_is_said_before_it_serves() {
    let shop = Shop::sqlite();
    let refused = |builder: synapsor_handler::Builder| builder.build().map_or_else(|e| e.to_string(), |_| "built".to_owned());
    let bare = || shop.bare().effect("billing.credit", credit);
    insta::assert_snapshot!(refused(bare()), @"a handler needs a bearer token or a signing secret; `without_authentication` says that none is meant");
    insta::assert_snapshot!(refused(bare().without_authentication()), @"built");
    insta::assert_snapshot!(refused(bare().bearer_token("short")), @"a bearer token needs at least 16 bytes");
    insta::assert_snapshot!(refused(bare().signing_secret("whsec_!!")), @"a signing secret cannot be used: the signing secret begins with `whsec_`, and no base64 follows");
    insta::assert_snapshot!(refused(bare().signing_secret("")), @"a signing secret cannot be used: the signing secret is empty");
    insta::assert_snapshot!(refused(bare().bearer_token(TOKEN).effect("billing.credit", credit)), @"the effect `billing.credit` is registered twice");
    insta::assert_snapshot!(refused(shop.bare().bearer_token(TOKEN)), @"a handler needs at least one effect");
    insta::assert_snapshot!(refused(Handler::builder().bearer_token(TOKEN)), @"a handler needs a database or a store");
    insta::assert_snapshot!(refused(bare().bearer_token(TOKEN).receipt_table("a b")), @"`a b` is no name of a table or a column");
    let receipts = |table: synapsor_handler::Table| refused(bare().bearer_token(TOKEN).receipt_table("kept").table(table));
    insta::assert_snapshot!(receipts(synapsor_handler::Table::shared("kept")), @"the table `kept` keeps the receipts, and no effect may touch it");
    insta::assert_snapshot!(receipts(synapsor_handler::Table::new("Kept", "tenant_id").schema("main")), @"the table `Kept` keeps the receipts, and no effect may touch it");
}

#[tokio::test]
async fn a_table_that_does_not_fit_is_found_at_start() {
    let shop = Shop::sqlite();
    let lacking = synapsor_handler::Table::new("payments", "tenant_id");
    let handler = shop.bare().table(lacking).bearer_token(TOKEN).effect("billing.credit", credit).build().unwrap();
    let Err(HandlerError::Unfit { findings }) = handler.check().await else { panic!("it fits") };
    insta::assert_snapshot!(findings, @"UNKNOWN_TABLE: there is no table `main.payments` that the account can see");
    assert_eq!(check(&shop, &handler, &Ask::flat(&shop)).await, "500 failed WRITEBACK_SAFETY_FAILURE");
}
