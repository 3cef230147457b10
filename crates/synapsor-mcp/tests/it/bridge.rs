//! JSON-RPC over HTTP without MCP: ids, statuses, and the same checks in front.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Answer, Desk, Http, TOKEN, call, scrub};

fn told(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body)
}

#[tokio::test]
async fn trap_29_each_answer_has_the_id_of_its_request_and_the_status_that_it_means() {
    let desk = Desk::new("review");
    let bridge = Http::bridge(&desk).await;
    let mut seen = String::new();
    for request in [
        json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": 7}}),
        json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call"}),
        json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "x", "arguments": []}}),
        json!({"jsonrpc": "2.0", "id": "a", "method": "resources/read", "params": {}}),
        json!({"jsonrpc": "2.0", "id": "a", "method": "resources/read", "params": {"uri": "synapsor://proposals/wrp_1"}}),
        json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {}}),
        json!({"jsonrpc": "2.0", "id": "a", "method": "proposals/approve", "params": {}}),
        json!({"jsonrpc": "2.0", "id": "a"}),
        json!({"jsonrpc": "2.0", "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "id": "a", "result": {}}),
        json!({"id": "a", "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "id": {}, "method": "tools/list"}),
        json!([{"jsonrpc": "2.0", "id": "a", "method": "tools/list"}]),
        json!(7),
    ] {
        seen.push_str(&format!("{request}\n  {}\n", told(&bridge.post(&[], &request).await)));
    }
    seen.push_str(&format!("{{\n  {}\n", told(&bridge.raw("POST", &[], b"{").await)));
    insta::assert_snapshot!(seen, @r#"
    {"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":7}}
      400 {"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"`name` is the name of a tool"}}
    {"jsonrpc":"2.0","id":"a","method":"tools/call"}
      400 {"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"`name` is the name of a tool"}}
    {"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x","arguments":[]}}
      400 {"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"`arguments` is an object"}}
    {"jsonrpc":"2.0","id":"a","method":"resources/read","params":{}}
      400 {"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"`uri` is the URI of a record"}}
    {"jsonrpc":"2.0","id":"a","method":"resources/read","params":{"uri":"synapsor://proposals/wrp_1"}}
      404 {"jsonrpc":"2.0","id":"a","error":{"code":-32002,"message":"there is no such record of yours"}}
    {"jsonrpc":"2.0","id":"a","method":"initialize","params":{}}
      404 {"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"this is the JSON-RPC bridge; an MCP client uses `mcp serve-streamable-http`"}}
    {"jsonrpc":"2.0","id":"a","method":"proposals/approve","params":{}}
      404 {"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"the methods are `tools/list`, `tools/call` and `resources/read`"}}
    {"jsonrpc":"2.0","id":"a"}
      400 {"jsonrpc":"2.0","id":"a","error":{"code":-32600,"message":"`method` is a string"}}
    {"jsonrpc":"2.0","method":"tools/list"}
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a request has an `id`"}}
    {"jsonrpc":"2.0","id":"a","result":{}}
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"this server asks nothing, so there is nothing to answer"}}
    {"id":"a","method":"tools/list"}
      400 {"jsonrpc":"2.0","id":"a","error":{"code":-32600,"message":"`jsonrpc` is \"2.0\""}}
    {"jsonrpc":"2.0","id":{},"method":"tools/list"}
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"`id` is a string or an integer"}}
    [{"jsonrpc":"2.0","id":"a","method":"tools/list"}]
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not served: send one message at a time"}}
    7
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a message is an object"}}
    {
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the text is not JSON (line 1, column 2)"}}
    "#);
    assert_eq!(desk.recorded(), "0");
}

#[tokio::test]
async fn a_call_is_answered_as_over_mcp_and_a_refused_one_is_an_answer() {
    let desk = Desk::new("review");
    let bridge = Http::bridge(&desk).await;
    let read = bridge.post(&[], &call(7, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}))).await;
    assert_eq!((read.status, &read.body["id"], &read.body["result"]["isError"]), (200, &json!(7), &json!(false)));
    assert_eq!(read.body["result"]["structuredContent"]["data"]["id"], "INV-1");
    let mut other_word = call(8, "billing.inspect_invoice", json!({}));
    other_word["params"] = json!({"name": "billing.inspect_invoice", "args": {"invoice_id": "INV-1"}});
    assert_eq!(bridge.post(&[], &other_word).await.body["result"]["structuredContent"]["ok"], true);
    for (name, arguments, code) in [
        ("billing.inspect_invoice", json!({"invoice_id": "INV-9"}), "NOT_FOUND_IN_TENANT"),
        ("billing.inspect_invoice", json!({"invoice_id": "INV-1", "tenant_id": "globex"}), "INVALID_ARGUMENT"),
        ("billing.inspect_invoice", json!({"invoice_id": "a\u{0}"}), "INVALID_ARGUMENT"),
        ("billing__inspect_invoice", json!({"invoice_id": "INV-1"}), "CAPABILITY_NOT_FOUND"),
    ] {
        let answer = bridge.post(&[], &call(9, name, arguments)).await;
        assert_eq!((answer.status, &answer.body["result"]["isError"]), (200, &json!(true)), "{answer:?}");
        assert_eq!(answer.body["result"]["structuredContent"]["error"]["code"], code);
    }
    let proposed = bridge.post(&[], &call(1, "billing.propose_status", json!({"invoice_id": "INV-1", "status": "paid"}))).await;
    let id = proposed.body["result"]["structuredContent"]["proposal"]["id"].as_str().unwrap().to_owned();
    let uri = format!("synapsor://proposals/{id}");
    let found = bridge.post(&[], &json!({"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": uri}})).await;
    let record: Value = serde_json::from_str(found.body["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((found.status, &record["proposal"]["proposal_id"]), (200, &json!(id)));
}

#[tokio::test]
async fn trap_27_tools_are_listed_with_real_schemas_and_their_own_names() {
    let desk = Desk::new("review");
    let bridge = Http::bridge(&desk).await;
    let listed = bridge.post(&[], &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    let tools = listed.body["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.iter().map(|tool| &tool["name"]).collect::<Vec<_>>(), ["billing.inspect_invoice", "billing.propose_status"]);
    assert_eq!(tools[1]["inputSchema"]["properties"]["status"]["enum"], json!(["paid", "overdue"]));
    assert!(!scrub(&listed.body).contains("invoices"), "no table is named");
}

#[tokio::test]
async fn nobody_learns_which_methods_there_are_without_the_token() {
    let desk = Desk::new("review");
    let bridge = Http::bridge(&desk).await;
    for (method, headers) in
        [("GET", ("Authorization", "Bearer wrong")), ("POST", ("Authorization", "Bearer wrong")), ("POST", ("Host", "evil.example"))]
    {
        let answer = without_token(&bridge, method, headers).await;
        assert!(matches!(answer.status, 401 | 403 | 421), "{answer:?}");
    }
    let get = bridge.raw("GET", &[], b"").await;
    assert_eq!((get.status, get.headers["allow"].as_str()), (405, "POST"));
}

/// A request whose usual header is replaced by this one.
async fn without_token(bridge: &Http, method: &str, (name, value): (&str, &str)) -> Answer {
    let host = if name == "Host" { value.to_owned() } else { bridge.address.to_string() };
    let authorization = if name == "Authorization" { value.to_owned() } else { format!("Bearer {TOKEN}") };
    let head = format!(
        "{method} /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    );
    let mut stream = tokio::net::TcpStream::connect(bridge.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    crate::fixture::read_answer(stream).await
}

#[tokio::test]
async fn a_call_whose_client_has_gone_is_dropped() {
    let desk = Desk::new("review");
    let bridge = Http::bridge(&desk).await;
    let lock = desk.lock();
    let request = call(1, "billing.inspect_invoice", json!({"invoice_id": "INV-1"}));
    let waiting = bridge.begin("POST", &[], request.to_string().as_bytes()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(waiting);
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(lock);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(desk.recorded(), "0", "it never came to a record");
}
