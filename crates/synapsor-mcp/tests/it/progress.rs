//! A client that gave a token learns how far its call has come, before the answer.

use std::time::Duration;

use serde_json::{Value, json};
use synapsor_mcp::McpOptions;

use crate::fixture::{Answer, Desk, Http, Pipes, call, modern, read_answer};

const STREAM: (&str, &str) = ("Accept", "application/json, text/event-stream");

fn read(id: u64, invoice: &str) -> Value {
    let mut read = call(id, "billing.inspect_invoice", json!({"invoice_id": invoice}));
    read["params"]["_meta"] = json!({"progressToken": "t-1"});
    read
}

/// The messages of a stream.
fn messages(answer: &Answer) -> Vec<Value> {
    let text = if answer.headers.contains_key("transfer-encoding") { dechunked(&answer.text) } else { answer.text.clone() };
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn dechunked(text: &str) -> String {
    let (mut rest, mut whole) = (text, String::new());
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&after[..length]);
        rest = after.get(length + 2..).unwrap_or_default();
    }
    whole
}

fn told(message: &Value) -> String {
    let params = &message["params"];
    format!("{} {} {}/{} {}", message["method"], params["progressToken"], params["progress"], params["total"], params["message"])
}

const FIRST: &str = r#""notifications/progress" "t-1" 1.0/3.0 "reading the row""#;
const SECOND: &str = r#""notifications/progress" "t-1" 2.0/3.0 "recording what was read""#;

#[tokio::test]
async fn over_pipes_each_stage_comes_once_and_before_the_answer() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    assert_eq!(told(&client.ask(&read(1, "INV-1")).await), FIRST);
    assert_eq!(told(&client.next().await.unwrap()), SECOND);
    assert_eq!(client.next().await.unwrap()["result"]["structuredContent"]["ok"], true);
    let mut refused = read(2, "INV-1");
    refused["params"]["arguments"] = json!({});
    assert_eq!(client.ask(&refused).await["result"]["structuredContent"]["error"]["code"], "INVALID_ARGUMENT", "nothing was begun");
    assert_eq!(client.ask(&call(3, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}))).await["id"], 3, "nobody asked");
}

/// Were a stage told within the call, the pipes would fill up and calls would stay in the middle of their read.
#[tokio::test]
async fn a_client_that_reads_nothing_keeps_no_call_waiting() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    for id in 1..=64 {
        let mut read = read(id, "INV-1");
        // A long token: the pipe takes the progress of a few calls, and the queue behind it one message of each.
        read["params"]["_meta"]["progressToken"] = json!(format!("t-{id}-{}", "x".repeat(200_000)));
        client.send(&read).await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while desk.recorded() != "64" {
        assert!(tokio::time::Instant::now() < deadline, "{} of 64 are on record", desk.recorded());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn over_http_the_answer_is_a_stream_in_both_eras() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let session = server.session().await;
    let earlier = server.post(&[("Mcp-Session-Id", &session), STREAM], &read(1, "INV-1")).await;
    let mut request = modern(read(1, "INV-1"));
    request["params"]["_meta"]["progressToken"] = json!("t-1");
    let name = ("Mcp-Name", "billing.inspect_invoice");
    let later = server.post(&[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), name, STREAM], &request).await;
    for answer in [earlier, later] {
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "text/event-stream"), "{answer:?}");
        let [first, second, last] = messages(&answer).try_into().unwrap();
        assert_eq!((told(&first), told(&second)), (FIRST.to_owned(), SECOND.to_owned()));
        assert_eq!((&last["id"], &last["result"]["structuredContent"]["ok"]), (&json!(1), &json!(true)));
    }
}

#[tokio::test]
async fn a_client_that_takes_one_message_gets_one() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let session = server.session().await;
    let answer = server.post(&[("Mcp-Session-Id", &session), ("Accept", "application/json")], &read(1, "INV-1")).await;
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"), "{answer:?}");
    assert_eq!(answer.body["result"]["structuredContent"]["ok"], true);
}

#[tokio::test]
async fn a_call_can_be_cancelled_while_its_progress_is_told() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    let session = server.session().await;
    let lock = desk.lock();
    let within = [("Mcp-Session-Id", session.as_str()), STREAM];
    let waiting = server.begin("POST", &within, read(1, "INV-1").to_string().as_bytes()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.post(&within, &read(1, "INV-1")).await.status, 400, "the id is in use while the stream is");
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(server.post(&within, &cancel).await.status, 202);
    let answer = read_answer(waiting).await;
    let told_before: Vec<_> = messages(&answer).iter().map(told).collect();
    assert_eq!(told_before, [FIRST], "the stream ends without an answer");
    drop(lock);
    assert_eq!(server.post(&within, &read(1, "INV-1")).await.status, 200, "the id is free again");
}
