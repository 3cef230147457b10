//! A conversation over pipes: how it begins, goes on and ends.

use std::time::Duration;

use serde_json::{Value, json};
use synapsor_mcp::McpOptions;

use crate::fixture::{Desk, Pipes, call, initialize, modern};

fn read(id: u64) -> Value {
    call(id, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}))
}

#[tokio::test]
async fn both_eras_are_served() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, McpOptions::default());
    let discovered = client.ask(&modern(json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}}))).await;
    assert!(discovered["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{discovered}");
    let answer = client.ask(&modern(read(2))).await;
    assert_eq!(answer["result"]["structuredContent"]["ok"], true);
    assert_eq!(answer["result"]["resultType"], "complete");

    let mut client = Pipes::greeted(&desk).await;
    let answer = client.ask(&read(2)).await;
    assert_eq!(answer["result"]["structuredContent"]["ok"], true);
    assert_eq!(answer["result"].get("resultType"), None);
}

#[tokio::test]
async fn what_comes_before_the_handshake_does_not_end_the_conversation() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, McpOptions::default());
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}})).await;
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    client.send(&json!({"jsonrpc": "2.0", "id": 5, "result": {}})).await;
    client.send_line(b"").await;
    assert_eq!(client.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await["result"], json!({}));
    let early = client.ask(&read(2)).await;
    assert_eq!(early["error"]["code"], -32602, "{early}");
    assert_eq!(client.ask(&initialize()).await["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn a_client_that_says_nothing_and_goes_is_not_a_fault() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, McpOptions::default());
    client.hang_up();
    client.ended().await.unwrap();
}

#[tokio::test]
async fn calls_in_flight_are_answered_after_the_input_has_ended() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let lock = desk.lock();
    for id in 1..=3 {
        client.send(&read(id)).await;
    }
    client.hang_up();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(lock);
    let mut answered = Vec::new();
    while let Some(answer) = client.next().await {
        assert_eq!(answer["result"]["structuredContent"]["ok"], true, "{answer}");
        answered.push(answer["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3]);
    client.ended().await.unwrap();
}

#[tokio::test]
async fn a_conversation_that_is_told_to_end_finishes_its_calls_first() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let lock = desk.lock();
    client.send(&read(1)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(lock);
    assert_eq!(client.next().await.unwrap()["result"]["structuredContent"]["ok"], true);
    assert_eq!(client.next().await, None);
    client.ended().await.unwrap();
}

#[tokio::test]
async fn calls_that_do_not_finish_in_time_do_not_keep_the_server() {
    let desk = Desk::new("review");
    let options = McpOptions { drain_time: Duration::from_millis(100), ..McpOptions::default() };
    let mut client = Pipes::open(&desk, options);
    client.ask(&initialize()).await;
    let _lock = desk.lock();
    client.send(&read(1)).await;
    client.hang_up();
    assert_eq!(client.next().await.unwrap()["error"]["message"], "the server ended before the call did");
    client.ended().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_and_not_answered() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let lock = desk.lock();
    client.send(&read(1)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    assert_eq!(client.ask(&json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})).await["id"], 2);
    drop(lock);
    assert_eq!(client.ask(&read(3)).await["id"], 3, "the first call is never answered");
}

#[tokio::test]
async fn calls_in_flight_are_bounded_and_each_is_answered() {
    let desk = Desk::new("review");
    let mut client = Pipes::open(&desk, McpOptions { calls_in_flight: 2, ..McpOptions::default() });
    client.ask(&initialize()).await;
    for id in 1..=50 {
        client.send(&read(id)).await;
    }
    let mut answered = Vec::new();
    for _ in 1..=50 {
        answered.push(client.next().await.unwrap()["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_reads_nothing_stops_being_read() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let flood = async {
        loop {
            client.send_line(b"not JSON at all").await;
        }
    };
    // 64 answers wait, then the pipes fill up; were it unbounded, this would go on for ever.
    assert!(tokio::time::timeout(Duration::from_secs(1), flood).await.is_err());
}
