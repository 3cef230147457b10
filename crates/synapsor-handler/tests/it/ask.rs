//! How does a test ask a handler, and what does it hear?

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use synapsor_handler::{Handler, SigningSecret};
use synapsor_protocol::handler::Signatures;
use synapsor_protocol::{OperationId, Secret, Timestamp};
use tower::ServiceExt;

use crate::shop::{Shop, TOKEN};

/// One request to come: a credit of 500 on the invoice `INV-1` of `acme` at version 3, unless said otherwise.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Value,
    /// Sent instead of the body.
    pub(crate) raw: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Ask {
    /// The flat form.
    pub(crate) fn flat(shop: &Shop) -> Self {
        let body = json!({
            "protocol_version": "1.0", "schema_version": "synapsor.handler-writeback.v1",
            "proposal_id": "wrp_1", "proposal_version": 1, "proposal_hash": "sha256:0101", "action": "billing.credit",
            "idempotency_key": "wrp_1:INV-1", "attempt": 1,
            "target": target(shop.schema()), "tenant_guard": {"column": "tenant_id", "value": "acme"},
            "allowed_columns": ["credit_cents"], "patch": {"credit_cents": 500},
            "before": {"id": "INV-1", "status": "overdue", "version": 3, "credit_cents": null},
            "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "allowed_columns": ["credit_cents"],
                "expected_version": {"column": "version", "value": 3}},
            "approval": {"status": "approved", "approved_by": "ada"},
            "source_database_mutated": false, "issued_at": Timestamp::now().to_string(), "dry_run": false,
        });
        Self { method: Method::POST, headers: bearer(), body, raw: None }
    }

    /// The published form.
    pub(crate) fn nested(shop: &Shop) -> Self {
        let body = json!({
            "protocol_version": "1.0", "proposal_id": "wrp_1", "idempotency_key": "wrp_1:INV-1", "proposal_hash": "sha256:0101",
            "issued_at": Timestamp::now().to_string(),
            "change_set": {"action": "billing.credit", "scope": {"tenant_id": "acme", "object_id": "INV-1"},
                "principal": {"id": "agent-7"}, "target": target(shop.schema()), "patch": {"credit_cents": 500},
                "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "expected_version": {"column": "version", "value": 3}}},
        });
        Self { method: Method::POST, headers: bearer(), body, raw: None }
    }

    /// The same with another member, by its JSON pointer; a member that is not there is made.
    pub(crate) fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.body.pointer_mut(parent).unwrap()[name] = value.into();
        self
    }

    pub(crate) fn without(mut self, pointer: &str) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    pub(crate) fn attempt(self, attempt: u32) -> Self {
        self.with("/attempt", attempt)
    }

    /// Another proposal of the same change.
    pub(crate) fn proposal(self, id: &str) -> Self {
        self.with("/proposal_id", id).with("/idempotency_key", format!("{id}:INV-1"))
    }

    pub(crate) fn version(self, version: i64) -> Self {
        self.with("/guards/expected_version/value", version)
    }

    pub(crate) fn object(self, id: &str) -> Self {
        self.with("/target/primary_key/value", id)
    }

    pub(crate) fn cents(self, cents: i64) -> Self {
        self.with("/patch/credit_cents", cents)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(held, _)| held != name);
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(held, _)| held != name);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.raw.clone().unwrap_or_else(|| serde_json::to_vec(&self.body).unwrap())
    }

    /// Signed with these secrets, both schemes.
    pub(crate) fn signed(self, secrets: &[&str]) -> Self {
        let keys: Vec<SigningSecret> = secrets.iter().map(|text| SigningSecret::new(&Secret::new((*text).to_owned())).unwrap()).collect();
        let operation = OperationId::new(self.body["idempotency_key"].as_str().unwrap()).unwrap();
        let signed = Signatures::of(&keys, &operation, self.body["issued_at"].as_str().unwrap(), &self.bytes()).unwrap();
        signed.headers().into_iter().fold(self, |ask, (name, value)| ask.header(name, value))
    }

    pub(crate) async fn send(&self, handler: &Handler) -> Heard {
        let mut request = Request::builder().method(self.method.clone()).uri("/synapsor/writeback");
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        let request = request.body(Full::new(bytes::Bytes::from(self.bytes()))).unwrap();
        let (head, body) = handler.clone().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Heard { status: head.status.as_u16(), headers: head.headers, text }
    }

    /// What came of it, on one line.
    pub(crate) async fn said(&self, handler: &Handler) -> String {
        self.send(handler).await.said()
    }
}

impl Heard {
    pub(crate) fn receipt(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json; charset=utf-8");
        assert!(self.text.ends_with("}\n"), "{}", self.text);
        let read = synapsor_handler::HandlerReceipt::from_slice(self.text.as_bytes(), self.text.contains("dry_run"));
        read.unwrap_or_else(|error| panic!("{error}: {}", self.text));
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn said(&self) -> String {
        let receipt = self.receipt();
        let mut line = format!("{} {}", self.status, receipt["status"].as_str().unwrap());
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
