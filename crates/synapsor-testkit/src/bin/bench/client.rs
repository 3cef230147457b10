//! How does a client call over HTTP? One keep-alive connection, one request at a time, as many connections as callers.
//!
//! The era of the protocol is 2026-07-28: no handshake and no session, the version and the client's abilities in every request, and the
//! headers that go with it. The floor's echo is asked by the same client with the same requests.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::load::Load;
use crate::shop::INVOICES;

/// The token of the run's server.
pub(crate) const TOKEN: &str = "bench-2b0f6d1c-7a01";

/// Part of every answer to a call that did what it was asked for; within the text content the quotes are escaped.
const OK: &[u8] = br#""isError":false"#;

/// Makes every proposal of a run another one.
static CALLS: AtomicU64 = AtomicU64::new(1);

/// Which tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Read,
    Propose,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answerer {
    Runner,
    Echo,
}

/// One keep-alive connection.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// One client with its connection.
pub(crate) struct Caller {
    sender: Connection,
    headers: HeaderMap,
    tool: Tool,
    answerer: Answerer,
}

/// This many clients of one server, all connected.
pub(crate) async fn callers(address: SocketAddr, count: usize, tool: Tool, answerer: Answerer) -> Vec<Caller> {
    let mut callers = Vec::new();
    for _ in 0..count {
        callers.push(Caller { sender: connect(address).await, headers: headers(address, "tools/call", Some(tool.name())), tool, answerer });
    }
    callers
}

/// Asks a server for its tools.
pub(crate) async fn list_tools(address: SocketAddr) {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta()}});
    let mut sender = connect(address).await;
    let answer = send(&mut sender, headers(address, "tools/list", None), Bytes::from(body.to_string())).await;
    assert!(find(&answer, b"billing.inspect_invoice"), "the list of tools is not the expected one: {}", String::from_utf8_lossy(&answer));
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "billing.inspect_invoice",
            Self::Propose => "billing.propose_waiver",
        }
    }

    /// The body of the next call.
    fn request(self) -> Bytes {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        // Neighbouring calls ask for rows far from each other.
        let invoice = format!("INV-{}", call.wrapping_mul(7919) % INVOICES as u64);
        let arguments = match self {
            Self::Read => json!({"invoice_id": invoice}),
            Self::Propose => json!({"invoice_id": invoice, "reason": format!("the customer asked, case {call}")}),
        };
        let params = json!({"name": self.name(), "arguments": arguments, "_meta": meta()});
        Bytes::from(json!({"jsonrpc": "2.0", "id": call, "method": "tools/call", "params": params}).to_string())
    }
}

impl Load for Caller {
    async fn once(&mut self) -> bool {
        let answer = send(&mut self.sender, self.headers.clone(), self.tool.request()).await;
        let fine = self.answerer == Answerer::Echo || find(&answer, OK);
        assert!(fine, "a call was refused: {}", String::from_utf8_lossy(&answer));
        true
    }
}

fn meta() -> Value {
    json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"}})
}

fn headers(address: SocketAddr, method: &'static str, tool: Option<&'static str>) -> HeaderMap {
    let bearer = HeaderValue::from_str(&format!("Bearer {TOKEN}")).expect("the token fits a header");
    let named = [
        (HOST, HeaderValue::from_str(&address.to_string()).expect("an address fits a header")),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
        (AUTHORIZATION, bearer),
        (HeaderName::from_static("mcp-protocol-version"), HeaderValue::from_static("2026-07-28")),
        (HeaderName::from_static("mcp-method"), HeaderValue::from_static(method)),
    ];
    let tool = tool.map(|tool| (HeaderName::from_static("mcp-name"), HeaderValue::from_static(tool)));
    named.into_iter().chain(tool).collect()
}

/// Connects.
pub(crate) async fn connect(address: SocketAddr) -> Connection {
    let stream = TcpStream::connect(address).await.expect("the server accepts connections");
    stream.set_nodelay(true).expect("a connection sends at once");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("an HTTP/1.1 connection needs no more");
    // It ends when its sender does; an error of it reaches the sender.
    tokio::spawn(async move { drop(connection.await) });
    sender
}

/// Posts a body; the answer must be 200.
pub(crate) async fn send(sender: &mut Connection, headers: HeaderMap, body: Bytes) -> Bytes {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "/mcp".parse().expect("the path is one");
    *request.headers_mut() = headers;
    sender.ready().await.expect("the connection stays open");
    let response = sender.send_request(request).await.expect("the server answers");
    let status = response.status();
    let body = response.into_body().collect().await.expect("an answer is whole").to_bytes();
    assert!(status == StatusCode::OK, "a call was answered with {status}: {}", String::from_utf8_lossy(&body));
    body
}

/// Whether the text has this part; it stands near the end, so the search begins there.
pub(crate) fn find(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).rev().any(|window| window == part)
}
