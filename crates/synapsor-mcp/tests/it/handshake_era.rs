//! The era with a handshake, over HTTP: sessions, their bounds and their end.

use std::time::Duration;

use serde_json::{Value, json};
use synapsor_mcp::{McpOptions, SessionLimits};

use crate::fixture::{Desk, Http, call, initialize, read_answer};

const ID: &str = "Mcp-Session-Id";

fn read(id: u64) -> Value {
    call(id, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}))
}

#[tokio::test]
async fn a_session_goes_from_its_handshake_to_its_end() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let greeting = server.post(&[], &initialize()).await;
    assert_eq!((greeting.status, greeting.headers["content-type"].as_str()), (200, "application/json"));
    let session = greeting.headers["mcp-session-id"].as_str();
    assert!(session.len() >= 32 && session.bytes().all(|b| b.is_ascii_alphanumeric()));
    let within = [(ID, session), ("MCP-Protocol-Version", "2025-11-25")];
    let noted = server.post(&within, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    assert_eq!(noted.status, 202);
    let answer = server.post(&within, &read(7)).await;
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"));
    assert_eq!(answer.body["id"], 7);
    assert_eq!(answer.body["result"]["structuredContent"]["ok"], true);
    assert_eq!(server.raw("DELETE", &within, b"").await.status, 204);
    let after = server.post(&within, &read(8)).await;
    assert_eq!((after.status, &after.body["error"]["code"], &after.body["id"]), (404, &json!(-32000), &json!(8)));
    assert_eq!(server.raw("DELETE", &within, b"").await.status, 404);
}

#[tokio::test]
async fn without_a_session_there_is_nothing_but_a_handshake() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let stray = server.post(&[], &read(1)).await;
    assert_eq!((stray.status, &stray.body["error"]["code"]), (400, &json!(-32000)));
    let unknown = server.post(&[(ID, "guessed")], &read(1)).await;
    assert_eq!((unknown.status, &unknown.body["error"]["code"]), (404, &json!(-32000)));
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(server.post(&[], &note).await.status, 400);
    assert_eq!(server.raw("DELETE", &[], b"").await.status, 400);
    assert_eq!(desk.recorded(), "0");
}

#[tokio::test]
async fn a_handshake_that_fails_opens_no_session() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let answer = server.post(&[], &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": 5}})).await;
    assert_eq!(answer.body["error"]["code"], -32602, "{answer:?}");
    assert!(!answer.headers.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn sessions_are_bounded_and_a_refused_client_learns_when_to_come_back() {
    let desk = Desk::new("review");
    let sessions = SessionLimits { count: 2, idle: Duration::from_secs(1000) };
    let server = Http::start(&desk, McpOptions { sessions, ..McpOptions::default() }).await;
    let first = server.session().await;
    server.session().await;
    let refused = server.post(&[], &initialize()).await;
    assert_eq!((refused.status, refused.headers["retry-after"].as_str(), &refused.body["error"]["code"]), (503, "60", &json!(-32000)));
    assert_eq!(server.raw("DELETE", &[(ID, &first)], b"").await.status, 204);
    assert_eq!(server.post(&[], &initialize()).await.status, 200);
}

#[tokio::test]
async fn an_idle_session_ends() {
    let desk = Desk::new("review");
    let sessions = SessionLimits { count: 2, idle: Duration::from_millis(50) };
    let server = Http::start(&desk, McpOptions { sessions, ..McpOptions::default() }).await;
    let session = server.session().await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(server.post(&[(ID, &session)], &read(1)).await.status, 404);
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_and_gets_no_answer() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let session = server.session().await;
    let lock = desk.lock();
    let waiting = server.begin("POST", &[(ID, &session)], read(1).to_string().as_bytes()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let twin = server.post(&[(ID, &session)], &read(1)).await;
    assert_eq!((twin.status, &twin.body["error"]["code"]), (400, &json!(-32600)), "the id is in use");
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(server.post(&[(ID, &session)], &cancel).await.status, 202);
    let answer = read_answer(waiting).await;
    assert_eq!((answer.status, &answer.body), (202, &Value::Null));
    drop(lock);
    assert_eq!(server.post(&[(ID, &session)], &read(1)).await.status, 200, "the id is free again");
}

#[tokio::test]
async fn there_is_no_stream_to_listen_to() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let session = server.session().await;
    let answer = server.raw("GET", &[(ID, &session), ("Accept", "text/event-stream")], b"").await;
    assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "POST, DELETE"));
}

#[tokio::test]
async fn older_versions_of_the_protocol_are_spoken_too() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut greeting = initialize();
        greeting["params"]["protocolVersion"] = json!(version);
        let answer = server.post(&[], &greeting).await;
        assert_eq!(answer.body["result"]["protocolVersion"], version);
    }
    let mut greeting = initialize();
    greeting["params"]["protocolVersion"] = json!("2099-01-01");
    assert_eq!(server.post(&[], &greeting).await.body["result"]["protocolVersion"], "2025-11-25");
}
