//! How does a test speak to `mcp serve-streamable-http`? In bytes over a socket of its own, so that it can also say what no
//! client would.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_testkit::Running;

use crate::desk::Desk;

/// The token that the servers of the tests want.
pub(crate) const TOKEN: &str = "canary-token-4711";

/// A running server.
pub(crate) struct Server {
    pub(crate) running: Running,
    /// `127.0.0.1:port`.
    pub(crate) address: String,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By name in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Server {
    /// Starts a server on a port that the system chooses.
    pub(crate) fn start(desk: &mut Desk, words: &str) -> Self {
        Self::run(desk, "mcp serve-streamable-http --port 0", words)
    }

    /// The same for the JSON-RPC bridge.
    pub(crate) fn bridge(desk: &mut Desk, words: &str) -> Self {
        Self::run(desk, "mcp serve-http --port 0", words)
    }

    fn run(desk: &mut Desk, verb: &str, words: &str) -> Self {
        desk.set("SYNAPSOR_RUNNER_HTTP_TOKEN", TOKEN);
        desk.set("SYNAPSOR_LOG_LEVEL", "info");
        let running = desk.program(verb).args(words.split_whitespace()).start();
        let said = running.wait_for_stderr("/mcp");
        let address = said.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("{said}")).to_owned();
        Self { running, address }
    }

    /// Shakes hands and gives the session.
    pub(crate) fn session(&self) -> String {
        let about = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let answer = self.post(&[], &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}));
        answer.headers.get("mcp-session-id").unwrap_or_else(|| panic!("{answer:?}")).clone()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::to(&self.address)
    }

    /// Sends a message with the right headers and these besides, and gives the connection, on which the answer would come.
    pub(crate) fn send(&self, headers: &[(&str, &str)], message: &Value) -> TcpStream {
        let mut connection = self.connect();
        let body = message.to_string();
        connection.write("POST /mcp", &usual(&self.address, headers, &format!("Bearer {TOKEN}"), &body.len().to_string()), &body);
        connection.stream.into_inner()
    }

    /// Posts a message to `/mcp` with the right headers and these besides.
    pub(crate) fn post(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.connect().post(&self.address, headers, &message.to_string())
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Posts a message with the usual headers; one in `headers` takes the place of the usual one, an empty one leaves it out.
    pub(crate) fn post(&mut self, address: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (bearer, length) = (format!("Bearer {TOKEN}"), body.len().to_string());
        self.ask("POST /mcp", &usual(address, headers, &bearer, &length), body)
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, what: &str, headers: &BTreeMap<&str, &str>, body: &str) -> Answer {
        self.write(what, headers, body);
        self.answer()
    }

    fn write(&mut self, what: &str, headers: &BTreeMap<&str, &str>, body: &str) {
        let given = headers.iter().filter(|(_, value)| !value.is_empty());
        let head: String = given.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("{what} HTTP/1.1\r\n{head}\r\n{body}");
        // A server that refuses early closes while we still write; its answer is there all the same.
        let _closed = self.stream.get_mut().write_all(request.as_bytes());
    }

    fn answer(&mut self) -> Answer {
        let mut first = String::new();
        self.stream.read_line(&mut first).unwrap();
        let status = first.split(' ').nth(1).unwrap_or_else(|| panic!("no answer, but {first:?}")).parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer { status, headers, body: String::from_utf8(body).unwrap() }
    }
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Status and body as one line.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status, self.body)
    }
}

/// The headers of a message; one in `headers` takes the place of the usual one.
fn usual<'a>(address: &'a str, headers: &[(&'a str, &'a str)], bearer: &'a str, length: &'a str) -> BTreeMap<&'a str, &'a str> {
    let usual = [
        ("host", address),
        ("authorization", bearer),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("content-length", length),
    ];
    let mut all: BTreeMap<&str, &str> = usual.into_iter().collect();
    all.extend(headers.iter().copied());
    all
}
