//! A support desk on SQLite, and clients that speak raw MCP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use synapsor_agent::{AgentParts, AgentPort};
use synapsor_config::Environment;
use synapsor_http::{Access, Listen, Protection, Settings};
use synapsor_ledger::{Ledger, OpenOptions};
use synapsor_mcp::{HttpServer, McpError, McpOptions, serve_stdio};
use synapsor_protocol::Secret;
use synapsor_source::{Location, Source, SourceSettings};
use synapsor_testkit::Folder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const TOKEN: &str = "canary-6a";

const PATIENCE: Duration = Duration::from_secs(10);

/// A desk of the tenant `acme`, and whatever a test does to its database.
pub(crate) struct Desk {
    folder: Folder,
    pub(crate) port: AgentPort,
}

impl Desk {
    pub(crate) fn new(mode: &str) -> Self {
        let folder = Folder::new();
        let business = synapsor_testkit::sqlite::support_desk(&folder);
        let text = config(mode).to_string();
        let checked = synapsor_config::check(text.as_bytes(), folder.path());
        assert!(checked.is_ok(), "{:?}", checked.findings);
        let config = checked.config.unwrap();
        let source = Source::open(SourceSettings {
            name: "desk".to_owned(),
            location: Location::Sqlite(business),
            statement_timeout: Duration::from_secs(8),
            pool_size: 4,
            acquire_timeout: Duration::from_secs(8),
        });
        let sources = BTreeMap::from([("desk".parse().unwrap(), source.unwrap())]);
        let ledger = Ledger::open(&folder.ledger(), OpenOptions::default()).unwrap();
        let environment = Environment::of::<String, String>([]);
        let parts = AgentParts { config: &config, environment: &environment, sources: &sources, ledger: ledger.agent() };
        Self { port: AgentPort::new(parts).unwrap(), folder }
    }

    /// Makes every read of the business wait until what is returned is dropped.
    pub(crate) fn lock(&self) -> Connection {
        let connection = Connection::open(self.folder.join("business.db")).unwrap();
        connection.execute_batch("begin exclusive").unwrap();
        connection
    }

    /// What the ledger recorded of reads and proposals, as counts.
    pub(crate) fn recorded(&self) -> String {
        synapsor_testkit::sqlite::table(&self.folder.ledger(), "select count(*) from query_audit")
    }
}

fn config(mode: &str) -> Value {
    let invoices = json!({"schema": "main", "table": "invoices", "primary_key": "id", "tenant_key": "tenant_id"});
    json!({
        "version": 1, "mode": mode, "result_format": 2,
        "sources": {"desk": {"engine": "sqlite", "path": "./business.db"}},
        "trusted_context": {"provider": "static_dev", "values": {"tenant_id": "acme", "principal": "clerk-7"}},
        "capabilities": [
            {"name": "billing.inspect_invoice", "kind": "read", "source": "desk", "target": invoices,
             "description": "Look at one invoice.", "returns_hint": "Amounts are in cents.",
             "args": {"invoice_id": {"type": "string", "max_length": 20, "description": "Such as INV-1"}},
             "lookup": {"id_from_arg": "invoice_id"}, "visible_columns": ["id", "status", "amount_cents"]},
            {"name": "billing.propose_status", "kind": "proposal", "source": "desk", "target": invoices,
             "args": {
                "status": {"type": "string", "enum": ["paid", "overdue"]},
                "invoice_id": {"type": "string"},
                "fee": {"type": "number", "minimum": 0, "maximum": 5000, "required": false},
                "urgent": {"type": "boolean", "required": false}},
             "lookup": {"id_from_arg": "invoice_id"}, "visible_columns": ["id", "status"],
             "patch": {"status": {"from_arg": "status"}}, "allowed_columns": ["status"],
             "conflict_guard": {"column": "version"}}
        ]
    })
}

/// Ids and times replaced, keys kept.
pub(crate) fn scrub(value: &Value) -> String {
    synapsor_testkit::filters::scrub(&serde_json::to_string_pretty(value).unwrap())
}

pub(crate) fn call(id: u64, name: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
}

pub(crate) fn initialize() -> Value {
    let about = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": about})
}

/// The request with what the era without handshake says in each.
pub(crate) fn modern(mut request: Value) -> Value {
    request["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    request
}

/// A client at the other end of two pipes.
pub(crate) struct Pipes {
    input: Option<DuplexStream>,
    output: Lines<BufReader<DuplexStream>>,
    pub(crate) shutdown: CancellationToken,
    served: JoinHandle<Result<(), McpError>>,
}

impl Pipes {
    pub(crate) fn open(desk: &Desk, options: McpOptions) -> Self {
        let (input, of_server) = tokio::io::duplex(1 << 20);
        let (to_client, output) = tokio::io::duplex(1 << 20);
        let (port, shutdown) = (desk.port.clone(), CancellationToken::new());
        let told = shutdown.clone();
        let served = tokio::spawn(async move { serve_stdio(port, &options, of_server, to_client, told).await });
        Self { input: Some(input), output: BufReader::new(output).lines(), shutdown, served }
    }

    /// A client that has shaken hands.
    pub(crate) async fn greeted(desk: &Desk) -> Self {
        let mut pipes = Self::open(desk, McpOptions::default());
        let answer = pipes.ask(&initialize()).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
        pipes.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        pipes
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_line(message.to_string().as_bytes()).await;
    }

    pub(crate) async fn send_line(&mut self, line: &[u8]) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(line).await.unwrap();
        input.write_all(b"\n").await.unwrap();
    }

    /// The next line that the server writes; each one must be a message.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await.expect("the server answers in time");
        line.unwrap().map(|line| serde_json::from_str(&line).unwrap())
    }

    pub(crate) async fn ask(&mut self, message: &Value) -> Value {
        self.send(message).await;
        self.next().await.expect("the server answers")
    }

    /// Closes the input.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// What serving ended with.
    pub(crate) async fn ended(self) -> Result<(), McpError> {
        tokio::time::timeout(PATIENCE, self.served).await.expect("the server ends in time").unwrap()
    }
}

/// A server on a socket.
pub(crate) struct Http {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
}

/// One answer of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
}

impl Http {
    pub(crate) async fn start(desk: &Desk, options: McpOptions) -> Self {
        Self::serve(HttpServer::bind(desk.port.clone(), &options, settings()).await.unwrap())
    }

    /// The JSON-RPC bridge.
    pub(crate) async fn bridge(desk: &Desk) -> Self {
        Self::serve(HttpServer::bind_bridge(desk.port.clone(), &McpOptions::default(), settings()).await.unwrap())
    }

    fn serve(server: HttpServer) -> Self {
        let (address, shutdown) = (server.address(), CancellationToken::new());
        tokio::spawn(server.serve(shutdown.clone()));
        Self { address, shutdown }
    }

    /// Sends a request with the token and gives the connection, on which the answer will come.
    pub(crate) async fn begin(&self, method: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
        let mut head = format!("{method} /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n", self.address);
        for (name, value) in [("Content-Type", "application/json"), ("Connection", "close")].iter().chain(headers) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // A server that has heard enough may hang up before it has read all.
        let _refused_early = stream.write_all(body).await;
        stream
    }

    pub(crate) async fn raw(&self, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let stream = self.begin(method, headers, body).await;
        read_answer(stream).await
    }

    pub(crate) async fn post(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.raw("POST", headers, message.to_string().as_bytes()).await
    }

    /// A request of the era without handshake, with the headers that it takes.
    pub(crate) async fn modern(&self, message: Value) -> Answer {
        let message = modern(message);
        let method = message["method"].as_str().unwrap().to_owned();
        let name = message["params"]["name"].as_str().map(str::to_owned);
        let mut headers = vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method.as_str())];
        headers.extend(name.as_deref().map(|name| ("Mcp-Name", name)));
        self.post(&headers, &message).await
    }

    /// Shakes hands and gives the session.
    pub(crate) async fn session(&self) -> String {
        let answer = self.post(&[], &initialize()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.headers["mcp-session-id"].clone()
    }
}

fn settings() -> Settings {
    let listen = Listen::on("127.0.0.1", 0, Protection::None).unwrap();
    Settings::new(listen, Access::Bearer(Secret::new(TOKEN.to_owned())))
}

pub(crate) async fn read_answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server answers in time").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: serde_json::from_str(body).unwrap_or(Value::Null), text: body.to_owned() }
}
