//! The era without a handshake, over HTTP: each request stands alone.

use serde_json::json;
use synapsor_mcp::McpOptions;

use crate::fixture::{Answer, Desk, Http, call, modern};

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

/// What came back, with the ids and times replaced that no two calls share; all but the date.
fn told(answer: &Answer) -> String {
    let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| *name != "date").collect();
    synapsor_testkit::filters::scrub(&format!("{} {headers:?} {}", answer.status, answer.text))
}

#[tokio::test]
async fn an_ordinary_call_is_answered_byte_for_byte_as_the_protocol_library_answers_it() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let calls = [
        ("billing.inspect_invoice", json!({"invoice_id": "INV-1"})),
        ("billing.propose_status", json!({"invoice_id": "INV-1", "status": "paid", "fee": 1.50e2, "urgent": false})),
        ("billing.inspect_invoice", json!({"invoice_id": "INV-9"})),
        ("billing.inspect_invoice", json!({"invoice_id": "\u{1f600}\"\\\n\u{1}\u{2028}"})),
        ("billing.inspect_invoice", json!({"invoice_id": "x".repeat(5000)})),
        ("billing.inspect_invoice", json!({"invoice_id": 1e300})),
        ("billing.inspect_invoice", json!({"invoice_id": {"deep": [1, {}]}, "tenant_id": "globex"})),
        ("billing.inspect_invoice", json!({})),
        ("billing.propose_status", json!({"invoice_id": "INV-1", "status": "gone"})),
        ("billing.propose_status", json!({"invoice_id": "INV-1", "status": "paid", "fee": 5001})),
        ("billing.nothing", json!({})),
        ("-._", json!({"a": null})),
    ];
    let ids = [json!(7), json!(0), json!(-1), json!(i64::MAX), json!(i64::MIN), json!("seven"), json!(""), json!("7"), json!("\"\u{e9}\n")];
    for (name, arguments) in calls {
        let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", name)];
        for id in &ids {
            let mut request = modern(call(0, name, arguments.clone()));
            request["id"] = id.clone();
            let ordinary = server.post(&headers, &request).await;
            // What the library does not know it ignores; an ordinary call has none of it.
            request["params"]["_meta"]["org.example/trace"] = json!(1);
            let by_library = server.post(&headers, &request).await;
            assert_eq!(told(&ordinary), told(&by_library), "{name} {arguments}");
        }
    }
}

#[tokio::test]
async fn other_headers_make_no_difference_to_an_ordinary_call() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let name = "billing.inspect_invoice";
    let ours = [("mcp-protocol-version", "2026-07-28"), ("MCP-METHOD", "tools/call"), ("mcp-Name", name)];
    let host = format!("http://{}", server.address);
    for others in [
        vec![],
        vec![("Accept", "application/json")],
        vec![("Accept", "text/html")],
        vec![("Origin", host.as_str())],
        vec![("Origin", "https://evil.example")],
        vec![("Content-Type", "text/plain")],
        vec![("Mcp-Session-Id", "guessed")],
        vec![("Mcp-Param-Invoice-Id", "INV-1")],
        vec![("Mcp-Name", name)],
        vec![("Mcp-Name", "billing.propose_status")],
        vec![("MCP-Protocol-Version", "2025-11-25")],
        vec![("Mcp-Method", "tools/list")],
    ] {
        let headers: Vec<_> = others.iter().chain(&ours).copied().collect();
        let mut request = modern(call(1, name, json!({"invoice_id": "INV-1"})));
        let ordinary = server.post(&headers, &request).await;
        request["params"]["_meta"]["org.example/trace"] = json!(1);
        let by_library = server.post(&headers, &request).await;
        assert_eq!(told(&ordinary), told(&by_library), "{others:?}");
    }
}
