//! What the HTTP layers mean for MCP.

use std::time::Duration;

use serde_json::json;
use synapsor_mcp::McpOptions;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::fixture::{Answer, Desk, Http, call, modern, read_answer};

async fn plain(server: &Http, request: &str) -> Answer {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_answer(stream).await
}

#[tokio::test]
async fn health_tells_numbers_and_no_names() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    server.session().await;
    let answer = plain(&server, &format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address)).await;
    insta::assert_snapshot!(format!("{} {}", answer.status, answer.body), @r#"200 {"ok":true,"transport":"streamable-http","sessions":1,"tools":2,"mode":"review"}"#);
}

#[tokio::test]
async fn without_the_token_nothing_is_read_or_recorded() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let body = modern(call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}))).to_string();
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nConnection: close\r\n", server.address);
    let answer = plain(&server, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    assert_eq!((answer.status, answer.body["error"].as_str()), (401, Some("unauthorized")));
    assert!(answer.headers["www-authenticate"].starts_with("Bearer"));
    assert_eq!(desk.recorded(), "0");
}

#[tokio::test]
async fn a_page_that_rebinds_a_name_is_refused() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    for header in ["Host: evil.example".to_owned(), format!("Host: {}\r\nOrigin: http://evil.example", server.address)] {
        let request = format!("POST /mcp HTTP/1.1\r\n{header}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(plain(&server, &request).await.status, 403, "{header}");
    }
}

#[tokio::test]
async fn a_call_whose_client_has_gone_is_dropped() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let lock = desk.lock();
    let request = modern(call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"})));
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "billing.inspect_invoice")];
    let stream = server.begin("POST", &headers, request.to_string().as_bytes()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(lock);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(desk.recorded(), "0", "a call that went on would have been recorded");
}

#[tokio::test]
async fn an_answer_under_way_is_finished_when_the_server_is_told_to_end() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let session = server.session().await;
    let lock = desk.lock();
    let body = call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"})).to_string();
    let waiting = server.begin("POST", &[("Mcp-Session-Id", &session)], body.as_bytes()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(lock);
    assert_eq!(read_answer(waiting).await.body["result"]["structuredContent"]["ok"], true);
}
