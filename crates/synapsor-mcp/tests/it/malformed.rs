//! What is no message is told so, with the right code and status, and nothing else happens.

use serde_json::{Value, json};
use synapsor_mcp::McpOptions;

use crate::fixture::{Desk, Http, Pipes};

/// Texts that are no message, by a name, and the code that they get.
fn malformed() -> Vec<(&'static str, Vec<u8>, i64)> {
    let nested =
        |depth: usize| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}{}}}}}"#, "[".repeat(depth), "]".repeat(depth));
    vec![
        ("not JSON", b"hello".to_vec(), -32700),
        ("half an object", br#"{"jsonrpc":"2.0","#.to_vec(), -32700),
        ("invalid UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}".to_vec(), -32700),
        ("NaN", br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}"#.to_vec(), -32700),
        ("two messages", br#"{"jsonrpc":"2.0","id":1,"method":"ping"} {"jsonrpc":"2.0","id":2,"method":"ping"}"#.to_vec(), -32700),
        ("a batch", br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#.to_vec(), -32600),
        ("an empty batch", b"[]".to_vec(), -32600),
        ("a string", br#""ping""#.to_vec(), -32600),
        ("id null", br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_vec(), -32600),
        ("a fraction as id", br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#.to_vec(), -32600),
        ("no version", br#"{"id":1,"method":"ping"}"#.to_vec(), -32600),
        ("no method", br#"{"jsonrpc":"2.0","id":1}"#.to_vec(), -32600),
        ("duplicate members", br#"{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}"#.to_vec(), -32600),
        ("duplicate arguments", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"billing.inspect_invoice","arguments":{"invoice_id":"a","invoice_id":"b"}}}"#.to_vec(), -32600),
        ("deep nesting", nested(40).into_bytes(), -32600),
        ("very deep nesting", nested(100_000).into_bytes(), -32600),
        ("params that are a list", br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["x"]}"#.to_vec(), -32602),
    ]
}

/// Requests that are messages, but whose parameters do not fit their method.
fn unfit() -> Vec<(Value, i64)> {
    let request = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    vec![
        (request("tools/call", json!({})), -32602),
        (request("tools/call", json!({"name": 7})), -32602),
        (request("tools/call", json!({"name": "billing.inspect_invoice", "arguments": "x"})), -32602),
        (request("tools/call", json!({"name": "billing.inspect_invoice", "arguments": ["x"]})), -32602),
        (request("tools/sing", json!({})), -32601),
        (request("prompts/list", json!({"cursor": "x"})), -32602),
        (request("prompts/get", json!({})), -32602),
        (request("prompts/get", json!({"name": "x"})), -32602),
        (request("resources/list", json!({"cursor": "x"})), -32602),
        (request("resources/templates/list", json!({"cursor": "x"})), -32602),
        (request("resources/read", json!({})), -32602),
        (request("resources/read", json!({"uri": 7})), -32602),
        (request("resources/read", json!({"uri": "synapsor://proposals/wrp_1"})), -32002),
        (request("resources/read", json!({"uri": "file:///etc/passwd"})), -32002),
        (request("resources/subscribe", json!({"uri": "synapsor://proposals/wrp_1"})), -32601),
        (
            request("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}})),
            -32601,
        ),
        (request("logging/setLevel", json!({"level": "info"})), -32601),
    ]
}

#[tokio::test]
async fn a_line_that_is_no_message_is_answered_and_the_conversation_goes_on() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    for (name, text, code) in malformed() {
        client.send_line(&text).await;
        let answer = client.next().await.unwrap();
        assert_eq!(answer["error"]["code"], code, "{name}: {answer}");
        let knows_id = ["no version", "no method", "params that are a list", "deep nesting", "very deep nesting"].contains(&name);
        assert_eq!(answer["id"], if knows_id { json!(1) } else { Value::Null }, "{name}: {answer}");
    }
    for (request, code) in unfit() {
        let answer = client.ask(&request).await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &json!(1)), "{request}: {answer}");
    }
    assert_eq!(client.ask(&json!({"jsonrpc": "2.0", "id": 9, "method": "ping"})).await["id"], 9);
    assert_eq!(desk.recorded(), "0");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_answered_and_the_conversation_goes_on() {
    let desk = Desk::new("review");
    let mut client = Pipes::greeted(&desk).await;
    let long = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{}"}}}}"#, "x".repeat(10 << 20));
    client.send_line(long.as_bytes()).await;
    assert_eq!(client.next().await.unwrap()["error"]["code"], -32700);
    assert_eq!(client.ask(&json!({"jsonrpc": "2.0", "id": 9, "method": "ping"})).await["id"], 9);
}

#[tokio::test]
async fn a_body_that_is_no_message_gets_the_right_status() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    for (name, text, code) in malformed() {
        let answer = server.raw("POST", &[], &text).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!(code)), "{name}: {answer:?}");
    }
    let session = server.session().await;
    for (request, code) in unfit() {
        let answer = server.post(&[("Mcp-Session-Id", &session)], &request).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (200, &json!(code)), "{request}: {answer:?}");
        assert_eq!(answer.body["id"], 1);
    }
    assert_eq!(desk.recorded(), "0");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_without_being_read() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    // Only the head promises ten MiB; nothing of them is sent.
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 10485760\r\nConnection: close\r\n\r\n",
        server.address,
        crate::fixture::TOKEN
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let answer = crate::fixture::read_answer(stream).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (413, &json!(-32600)), "{answer:?}");
}

#[tokio::test]
async fn what_is_not_sent_as_json_is_refused() {
    let desk = Desk::new("review");
    let server = Http::start(&desk, McpOptions::default()).await;
    for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let mut head = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n", server.address, crate::fixture::TOKEN);
        head.push_str(&format!("Content-Type: {media}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"));
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        let answer = crate::fixture::read_answer(stream).await;
        assert_eq!((answer.status, &answer.body["error"]["code"]), (415, &json!(-32600)), "{media}: {answer:?}");
    }
}
