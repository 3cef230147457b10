//! The same answers in format 1, over every transport.

use serde_json::{Value, json};
use synapsor_mcp::{Format, McpOptions};

use crate::fixture::{Desk, Http, Pipes, call, initialize, modern};

fn one() -> McpOptions {
    McpOptions { format: Format::One, ..McpOptions::default() }
}

/// What a result says; as text it says the same.
fn said(result: &Value) -> String {
    let structured = &result["structuredContent"];
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((&text, &result["isError"]), (structured, &json!(structured["ok"] == false)), "{result:#}");
    // The filter knows an id by the blank or sign before it.
    synapsor_testkit::filters::scrub(&serde_json::to_string_pretty(structured).unwrap().replace("replay_wrp", "replay_:wrp"))
}

#[tokio::test]
async fn a_read_a_proposal_and_a_refusal_look_as_clients_of_format_one_expect() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, one());
    client.ask(&initialize()).await;
    let read = client.ask(&call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}))).await;
    insta::assert_snapshot!(said(&read["result"]), @r#"
    {
      "status": "ok",
      "action": "billing.inspect_invoice",
      "mode": "review",
      "business_object": {
        "type": "invoices",
        "id": "INV-1"
      },
      "data": {
        "amount_cents": 12900,
        "id": "INV-1",
        "status": "overdue"
      },
      "trusted_context": {
        "tenant_id": "acme",
        "principal": "clerk-7",
        "provenance": "static_dev"
      },
      "evidence_bundle_id": "ev_#1",
      "evidence_resource": "synapsor://evidence/ev_#1",
      "source_database_changed": false,
      "source_database_mutated": false
    }
    "#);
    let proposed = client.ask(&call(2, "billing.propose_status", json!({"invoice_id": "INV-1", "status": "paid"}))).await;
    insta::assert_snapshot!(said(&proposed["result"]), @r#"
    {
      "status": "review_required",
      "action": "billing.propose_status",
      "proposal_id": "wrp_#1",
      "proposal_version": 1,
      "proposal_hash": "sha256:#1",
      "target": {
        "type": "invoices",
        "id": "INV-1",
        "tenant_id": "acme"
      },
      "diff": {
        "status": {
          "before": "overdue",
          "proposed": "paid"
        }
      },
      "evidence_bundle_id": "ev_#1",
      "evidence_resource": "synapsor://evidence/ev_#1",
      "proposal_resource": "synapsor://proposals/wrp_#1",
      "replay_resource": "synapsor://replay/replay_:wrp_#1",
      "approval_required": true,
      "writeback": {
        "status": "not_applied",
        "mode": "trusted_worker_required",
        "executor": "sql_update",
        "version_advance": "auto"
      },
      "source_database_changed": false,
      "source_database_mutated": false
    }
    "#);
    let refused = client.ask(&call(3, "billing.inspect_invoice", json!({"invoice_id": "INV-9"}))).await;
    insta::assert_snapshot!(said(&refused["result"]), @r#"
    {
      "ok": false,
      "code": "ROW_NOT_FOUND",
      "error": "No such row is visible to this tenant; check the id and try again with another one."
    }
    "#);
    let nul = client.ask(&call(4, "billing.inspect_invoice", json!({"invoice_id": "a\u{0}b"}))).await;
    assert_eq!(nul["result"]["structuredContent"]["code"], "ARGUMENT_TYPE_INVALID");
}

#[tokio::test]
async fn both_eras_over_http_answer_in_the_same_format() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, one()).await;
    let request = call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}));
    let session = server.session().await;
    let earlier = server.post(&[("Mcp-Session-Id", &session)], &request).await;
    let ordinary = server.modern(request.clone()).await;
    let mut unusual = modern(request);
    unusual["params"]["_meta"]["org.example/trace"] = json!(1);
    let name = ("Mcp-Name", "billing.inspect_invoice");
    let by_library = server.post(&[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), name], &unusual).await;
    let told = said(&earlier.body["result"]);
    assert!(told.contains("\"status\": \"ok\""), "{told}");
    assert_eq!((said(&ordinary.body["result"]), said(&by_library.body["result"])), (told.clone(), told));
}

#[tokio::test]
async fn tools_promise_no_schema_that_their_answers_do_not_keep_and_the_instructions_fit_them() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, one());
    let greeting = client.ask(&initialize()).await;
    assert!(greeting["result"]["instructions"].as_str().unwrap().contains("ROW_NOT_FOUND"));
    let listed = client.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    for tool in listed["result"]["tools"].as_array().unwrap() {
        assert_eq!(tool.get("outputSchema"), None);
    }
}
