//! How does a test ask a handler, and what does it hear?

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_protocol::handler::{HandlerReceipt, Signatures, SigningSecret};
use synapsor_protocol::{OperationId, Secret, Timestamp};

/// The token that an [`Ask`] carries unless it is told otherwise.
pub const TOKEN: &str = "the token of the shop's executor";

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request to come: a credit of 500 on the invoice `INV-1` of `acme` at version 3, unless said otherwise.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: &'static str,
    /// The headers, those of a signature included once it is signed.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Value,
    /// Sent instead of the body.
    pub raw: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The status.
    pub status: u16,
    /// The headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
}

impl Ask {
    /// The flat form, of a row in this schema.
    #[must_use]
    pub fn flat(schema: impl AsRef<str>) -> Self {
        let body = json!({
            "protocol_version": "1.0", "schema_version": "synapsor.handler-writeback.v1",
            "proposal_id": "wrp_1", "proposal_version": 1, "proposal_hash": "sha256:0101", "action": "billing.credit",
            "idempotency_key": "wrp_1:INV-1", "attempt": 1,
            "target": target(schema.as_ref()), "tenant_guard": {"column": "tenant_id", "value": "acme"},
            "allowed_columns": ["credit_cents"], "patch": {"credit_cents": 500},
            "before": {"id": "INV-1", "status": "overdue", "version": 3, "credit_cents": null},
            "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "allowed_columns": ["credit_cents"],
                "expected_version": {"column": "version", "value": 3}},
            "approval": {"status": "approved", "approved_by": "ada"},
            "source_database_mutated": false, "issued_at": Timestamp::now().to_string(), "dry_run": false,
        });
        Self { method: "POST", headers: bearer(), body, raw: None }
    }

    /// The published form.
    #[must_use]
    pub fn nested(schema: impl AsRef<str>) -> Self {
        let body = json!({
            "protocol_version": "1.0", "proposal_id": "wrp_1", "idempotency_key": "wrp_1:INV-1", "proposal_hash": "sha256:0101",
            "issued_at": Timestamp::now().to_string(),
            "change_set": {"action": "billing.credit", "scope": {"tenant_id": "acme", "object_id": "INV-1"},
                "principal": {"id": "agent-7"}, "target": target(schema.as_ref()), "patch": {"credit_cents": 500},
                "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "expected_version": {"column": "version", "value": 3}}},
        });
        Self { method: "POST", headers: bearer(), body, raw: None }
    }

    /// The same with another member, by its JSON pointer; a member that is not there is made.
    ///
    /// # Panics
    /// If there is nothing that could have it.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a slash");
        self.body.pointer_mut(parent).expect("the parent is there")[name] = value.into();
        self
    }

    /// The same without a member.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn without(mut self, pointer: &str) -> Self {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a slash");
        let parent = self.body.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is there");
        assert!(parent.remove(name).is_some(), "{pointer} is not there");
        self
    }

    /// The same for another attempt.
    #[must_use]
    pub fn attempt(self, attempt: u32) -> Self {
        self.with("/attempt", attempt)
    }

    /// Another proposal of the same change.
    #[must_use]
    pub fn proposal(self, id: &str) -> Self {
        self.with("/proposal_id", id).with("/idempotency_key", format!("{id}:INV-1"))
    }

    /// The same at another version of the row.
    #[must_use]
    pub fn version(self, version: i64) -> Self {
        self.with("/guards/expected_version/value", version)
    }

    /// The same of another row.
    #[must_use]
    pub fn object(self, id: &str) -> Self {
        self.with("/target/primary_key/value", id)
    }

    /// The same of another tenant.
    #[must_use]
    pub fn tenant(self, tenant: &str) -> Self {
        self.with("/tenant_guard/value", tenant).with("/guards/tenant/value", tenant)
    }

    /// The same with another amount.
    #[must_use]
    pub fn cents(self, cents: i64) -> Self {
        self.with("/patch/credit_cents", cents)
    }

    /// The same with another patch altogether.
    #[must_use]
    pub fn patch(self, patch: Value) -> Self {
        let columns: Vec<Value> = patch.as_object().into_iter().flat_map(|patch| patch.keys().cloned().map(Value::from)).collect();
        self.with("/patch", patch).with("/allowed_columns", columns.clone()).with("/guards/allowed_columns", columns)
    }

    /// The same with this header alone of its name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(held, _)| held != name);
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// The same without a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(held, _)| held != name);
        self
    }

    /// What is sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| self.body.to_string().into_bytes())
    }

    /// Signed with these secrets, both schemes.
    ///
    /// # Panics
    /// If a secret is none, or the request says neither its operation nor when it was issued.
    #[must_use]
    pub fn signed(self, secrets: &[&str]) -> Self {
        let key = |text: &&str| SigningSecret::new(&Secret::new((*text).to_owned())).expect("the secret of a test can be used");
        let keys: Vec<SigningSecret> = secrets.iter().map(key).collect();
        let operation = self.body["idempotency_key"].as_str().and_then(OperationId::new).expect("the request names its operation");
        let issued_at = self.body["issued_at"].as_str().expect("the request says when it was issued");
        let signed = Signatures::of(&keys, &operation, issued_at, &self.bytes()).expect("there is a secret and a moment");
        signed.headers().into_iter().fold(self, |ask, (name, value)| ask.header(name, value))
    }

    /// Sends it to `127.0.0.1:8090` or wherever, on a connection of its own; nothing if no whole answer came.
    #[must_use]
    pub fn post(&self, address: &str, path: &str) -> Option<Heard> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let body = self.bytes();
        let mut request = format!("{} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", self.method, body.len());
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request += &format!("host: {address}\r\n");
        }
        for (name, value) in &self.headers {
            request += &format!("{name}: {}\r\n", String::from_utf8_lossy(value));
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).ok()?;
        // Whoever refuses a large body may have answered, and closed, before it was whole.
        let _refused = stream.write_all(&body);
        heard(stream)
    }
}

/// Asks for a path with GET, on a connection of its own; nothing if no whole answer came.
#[must_use]
pub fn get(address: &str, path: &str) -> Option<Heard> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    heard(stream)
}

fn heard(mut stream: TcpStream) -> Option<Heard> {
    let mut answer = Vec::new();
    // A connection that is reset after the answer was read has answered.
    let _reset = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, text) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Some(Heard { status, headers: headers.collect(), text: text.to_owned() })
}

impl Heard {
    /// The value of a header, which is there.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str());
        found.unwrap_or_else(|| panic!("there is no header {name}: {self:?}"))
    }

    /// The receipt, which every answer of a handler is.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn receipt(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8");
        assert!(self.text.ends_with("}\n"), "{}", self.text);
        let read = HandlerReceipt::from_slice(self.text.as_bytes(), self.text.contains("dry_run"));
        read.unwrap_or_else(|error| panic!("{error}: {}", self.text));
        serde_json::from_str(&self.text).expect("a receipt is JSON")
    }

    /// What came of it, on one line.
    ///
    /// # Panics
    /// If it is no receipt.
    #[must_use]
    pub fn said(&self) -> String {
        let receipt = self.receipt();
        let mut line = format!("{} {}", self.status, receipt["status"].as_str().expect("a receipt has a status"));
        if let Some(code) = receipt["safe_error_code"].as_str() {
            line += &format!(" {code}");
        }
        line += &format!(", {} rows", receipt["rows_affected"]);
        if receipt["source_database_mutated"] == true {
            line += ", mutated";
        }
        match (receipt.get("previous_version"), receipt.get("new_version")) {
            (Some(old), Some(new)) => line += &format!(", version {old} -> {new}"),
            (Some(old), None) => line += &format!(", version {old}"),
            _ => {}
        }
        if let Some(details) = receipt.get("details") {
            line += &format!(", {details}");
        }
        line
    }
}

fn target(schema: &str) -> Value {
    json!({"schema": schema, "table": "invoices", "primary_key": {"column": "id", "value": "INV-1"}})
}

fn bearer() -> Vec<(String, Vec<u8>)> {
    vec![("authorization".to_owned(), format!("Bearer {TOKEN}").into_bytes())]
}
