//! The era without a handshake, over HTTP: each request stands alone.

use serde_json::json;
use synapsor_mcp::McpOptions;

use crate::fixture::{Desk, Http, call, modern};

#[tokio::test]
async fn a_client_discovers_lists_and_calls_without_a_session() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let discovered = server.modern(json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}})).await;
    assert_eq!(discovered.status, 200, "{discovered:?}");
    assert!(discovered.body["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")));
    assert!(!discovered.headers.contains_key("mcp-session-id"));
    let listed = server.modern(json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}})).await;
    assert_eq!(listed.body["result"]["tools"].as_array().unwrap().len(), 2, "{listed:?}");
    let answer = server.modern(call(3, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}))).await;
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"));
    assert_eq!(answer.body["result"]["structuredContent"]["ok"], true);
    assert_eq!(answer.body["result"]["resultType"], "complete");
}

#[tokio::test]
async fn every_refusal_of_a_call_is_an_envelope_here_too() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    for (name, arguments, code) in [
        ("billing.nothing", json!({}), "CAPABILITY_NOT_FOUND"),
        ("billing.inspect_invoice", json!({"tenant_id": "globex"}), "INVALID_ARGUMENT"),
        ("billing.inspect_invoice", json!({"invoice_id": "INV-9"}), "NOT_FOUND_IN_TENANT"),
    ] {
        let answer = server.modern(call(1, name, arguments)).await;
        assert_eq!((answer.status, &answer.body["result"]["isError"]), (200, &json!(true)), "{answer:?}");
        assert_eq!(answer.body["result"]["structuredContent"]["error"]["code"], code);
    }
}

#[tokio::test]
async fn headers_that_contradict_the_body_are_refused() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let request = modern(call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"})));
    let version = ("MCP-Protocol-Version", "2026-07-28");
    for headers in [
        vec![version, ("Mcp-Method", "tools/list"), ("Mcp-Name", "billing.inspect_invoice")],
        vec![version, ("Mcp-Method", "tools/call"), ("Mcp-Name", "billing.propose_status")],
        vec![version, ("Mcp-Method", "tools/call")],
        vec![version],
        vec![("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "billing.inspect_invoice")],
        vec![],
    ] {
        let answer = server.post(&headers, &request).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(-32020)), "{headers:?}: {answer:?}");
    }
    assert_eq!(desk.recorded(), "0");
}

#[tokio::test]
async fn a_version_that_nobody_speaks_is_refused() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let mut request = modern(call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"})));
    request["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let headers = [("MCP-Protocol-Version", "2099-01-01"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "billing.inspect_invoice")];
    let answer = server.post(&headers, &request).await;
    assert_eq!((answer.status, answer.body["error"]["code"].as_i64()), (400, Some(-32022)), "{answer:?}");
}

#[tokio::test]
async fn there_is_no_handshake_in_this_era() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let answer = server.modern(crate::fixture::initialize()).await;
    assert_eq!((answer.status, &answer.body["error"]["code"], &answer.body["id"]), (404, &json!(-32601), &json!(0)));
}
