//! What is in the log, and what never is?

use serde_json::{Value, json};
use synapsor_testkit::asking::TOKEN;

use crate::shop::{NEXT_SECRET, SECRET, Serving, Shop};

fn without_time(mut line: Value) -> String {
    let members = line.as_object_mut().unwrap();
    assert!(members.remove("timestamp").is_some() && members.remove("took_ms").is_some_and(|took| took.is_u64()));
    line.to_string()
}

#[test]
fn each_request_is_one_line() {
    let shop = Shop::sqlite();
    let serving = shop.serve();
    serving.said(&shop.ask());
    serving.said(&shop.ask().attempt(2));
    serving.said(&shop.ask().proposal("wrp_2").version(1));
    serving.said(&shop.ask().proposal("wrp_3").version(4).cents(0));
    serving.said(&shop.ask().proposal("wrp_4").with("/action", "billing.else"));
    serving.said_as_it_is(&shop.ask());
    let lines = serving.running.stderr();
    let requests = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let requests: Vec<String> = requests.filter(|line| line["target"] == "synapsor_handler::request").map(without_time).collect();
    insta::assert_snapshot!(requests.join("\n"), @r#"
    {"target":"synapsor_handler::request","level":"INFO","message":"carried out","proposal":"wrp_1","operation":"wrp_1:INV-1","action":"billing.credit","attempt":1,"rehearsal":false,"status":200,"outcome":"applied"}
    {"target":"synapsor_handler::request","level":"INFO","message":"carried out","proposal":"wrp_1","operation":"wrp_1:INV-1","action":"billing.credit","attempt":2,"rehearsal":false,"status":200,"outcome":"already_applied"}
    {"target":"synapsor_handler::request","level":"INFO","message":"carried out","proposal":"wrp_2","operation":"wrp_2:INV-1","action":"billing.credit","attempt":1,"rehearsal":false,"status":200,"code":"VERSION_CONFLICT","outcome":"conflict"}
    {"target":"synapsor_handler::request","level":"WARN","message":"failed","proposal":"wrp_3","operation":"wrp_3:INV-1","action":"billing.credit","attempt":1,"rehearsal":false,"status":500,"reason":"a credit is more than nothing","outcome":"failed","code":"HANDLER_BUSINESS_ERROR"}
    {"target":"synapsor_handler::request","level":"WARN","message":"refused","proposal":"wrp_4","operation":"wrp_4:INV-1","action":"billing.else","attempt":1,"rehearsal":false,"status":400,"why":"there is no effect of that name","code":"UNSUPPORTED_ACTION"}
    {"target":"synapsor_handler::request","level":"WARN","message":"refused","status":401,"why":"the request is not signed","code":"INVALID_SIGNATURE"}
    "#);
}

#[test]
fn no_secret_and_no_value_is_ever_logged() {
    for engine in [Some(Shop::sqlite()), Shop::postgres(), Shop::mysql()] {
        let Some(shop) = engine else { continue };
        shop.execute("update invoices set due_cents = 5000000 where tenant_id = 'acme' and id = 'INV-1'");
        let serving = Serving::of(shop.program().env("SYNAPSOR_LOG_LEVEL", "trace"));
        let canary = json!({"credit_cents": 1_000_001, "reason": "canary-of-the-patch"});
        // The database refuses the amount, and says why; a text is none; a key is there twice.
        serving.said(&shop.ask().patch(canary.clone()));
        serving.said(&shop.ask().proposal("wrp_2").patch(json!({"credit_cents": "canary-of-an-amount"})));
        serving.said(&shop.ask().proposal("wrp_3").patch(json!({"credit_cents": 1, "reason": "canary-of-a-reason"})));
        shop.execute("delete from synapsor_handler_receipts; create unique index once on credits (reason);");
        serving.said(&shop.ask().proposal("wrp_3").version(4).patch(json!({"credit_cents": 2, "reason": "canary-of-a-reason"})));
        serving.said(&shop.ask().proposal("wrp_5").object("canary-of-a-key").with("/idempotency_key", "wrp_5:1"));
        serving.said_as_it_is(&shop.ask().header("authorization", "Bearer canary-of-a-wrong-token"));
        serving.terminate();
        let said = serving.running.wait_for_stderr("\"ended\"");
        for secret in [TOKEN, SECRET, NEXT_SECRET, "canary", "1000001", "5000000"] {
            assert!(!said.contains(secret), "`{secret}` is in\n{said}");
        }
    }
}

#[test]
fn what_the_database_said_is_told_to_whoever_asks_for_it() {
    let shop = Shop::sqlite();
    shop.execute("update invoices set due_cents = 5000000 where tenant_id = 'acme' and id = 'INV-1'");
    let serving = Serving::of(shop.program().arg("--log-details"));
    serving.said(&shop.ask().cents(1_000_000));
    let said = serving.running.wait_for_stderr("synapsor_handler::detail");
    assert!(said.contains("CHECK constraint failed"), "{said}");
}
