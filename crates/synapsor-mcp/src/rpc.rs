//! What must a message look like before it goes any further?
//!
//! One pass of the pre-parser, then one look at the head: JSON-RPC 2.0, one message at a time, an id that is a string
//! or an integer, parameters that are an object. What fails gets the JSON-RPC error that says why.

use std::borrow::Cow;

use rmcp::ErrorData;
use rmcp::model::{ErrorCode, RequestId};
use serde_json::{Map, Value, json};
use synapsor_protocol::preparse::{self, Limits, PreparseError, Reason};

/// In `_meta`, the version of the protocol that a message of the era without handshake names.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// The methods that are served. Their parameters are known, so a request that did not parse has wrong ones.
const SERVED: [&str; 10] = [
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
];

/// One message that is JSON-RPC.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) object: Map<String, Value>,
    pub(crate) kind: Kind,
}

/// What a message wants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// An answer, under this id.
    Request(RequestId),
    /// None.
    Notification,
    /// It answers something. We never ask.
    Answer,
}

impl Message {
    /// The method; empty for an answer.
    pub(crate) fn method(&self) -> &str {
        self.object.get("method").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it names the protocol version itself, as the era without handshake does.
    pub(crate) fn names_version(&self) -> bool {
        self.param("_meta").and_then(|meta| meta.get(VERSION_KEY)).is_some()
    }

    /// The request that this notification cancels.
    pub(crate) fn cancels(&self) -> Option<RequestId> {
        let cancels = self.kind == Kind::Notification && self.method() == "notifications/cancelled";
        self.param("requestId").filter(|_| cancels).and_then(id)
    }

    fn param(&self, name: &str) -> Option<&Value> {
        self.object.get("params").and_then(|params| params.get(name))
    }
}

/// Why a message goes no further, as a JSON-RPC error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: ErrorCode,
    message: Cow<'static, str>,
    data: Option<Box<Value>>,
    id: Value,
    /// The text was too large, which HTTP has a status of its own for.
    pub(crate) too_large: bool,
}

impl Fault {
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None, id: Value::Null, too_large: false }
    }

    pub(crate) fn too_large() -> Self {
        Self { too_large: true, ..Self::new(ErrorCode::INVALID_REQUEST, "the message is too large") }
    }

    /// An error of the protocol library's form, about nothing yet.
    pub(crate) fn of(error: ErrorData) -> Self {
        Self { data: error.data.map(Box::new), ..Self::new(error.code, error.message) }
    }

    /// The same, about the request with this id.
    #[must_use]
    pub(crate) fn about(mut self, id: Option<&RequestId>) -> Self {
        self.id = id.map_or(Value::Null, |id| id.clone().into_json_value());
        self
    }

    /// The message that says so.
    pub(crate) fn to_value(&self) -> Value {
        let mut error = json!({"code": self.code.0, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = Value::clone(data);
        }
        json!({"jsonrpc": "2.0", "id": self.id, "error": error})
    }
}

impl From<PreparseError> for Fault {
    fn from(error: PreparseError) -> Self {
        match error.reason {
            Reason::TooLarge => Self::too_large(),
            Reason::Syntax | Reason::InvalidUtf8 => Self::new(ErrorCode::PARSE_ERROR, error.to_string()),
            Reason::TooDeep | Reason::DuplicateMember | Reason::Nul | Reason::InexactNumber => {
                Self::new(ErrorCode::INVALID_REQUEST, error.to_string())
            }
        }
    }
}

/// Checks a text with the pre-parser.
pub(crate) fn preparse(text: &[u8], message_bytes: usize) -> Result<(), PreparseError> {
    preparse::check(text, Limits { bytes: message_bytes, ..Limits::DEFAULT })
}

/// Reads a text that passed the pre-parser.
pub(crate) fn read(text: &[u8]) -> Result<Message, Fault> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => look(object),
        Ok(Value::Array(_)) => Err(invalid("batches are not served: send one message at a time")),
        Ok(_) => Err(invalid("a message is an object")),
        Err(_not_json) => Err(Fault::new(ErrorCode::PARSE_ERROR, "the text is not JSON")),
    }
}

/// The answer to a request that the protocol library has no type for: an unknown method, or a known one with
/// parameters that do not fit.
pub(crate) fn unserved(method: &str) -> ErrorData {
    if SERVED.contains(&method) {
        return ErrorData::invalid_params(format!("the params of `{method}` do not have the form that it takes"), None);
    }
    let shown: String = method.chars().take(100).collect();
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method `{shown}`"), None)
}

fn look(object: Map<String, Value>) -> Result<Message, Fault> {
    let named = match object.get("id") {
        None => None,
        Some(value) => Some(id(value).ok_or_else(|| invalid("`id` is a string or an integer"))?),
    };
    let refuse = |fault: Fault| Err(fault.about(named.as_ref()));
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return refuse(invalid("`jsonrpc` is \"2.0\""));
    }
    let kind = match object.get("method") {
        Some(Value::String(_)) => named.clone().map_or(Kind::Notification, Kind::Request),
        None if object.contains_key("result") || object.contains_key("error") => Kind::Answer,
        Some(_) | None => return refuse(invalid("`method` is a string")),
    };
    if object.get("params").is_some_and(|params| !params.is_object()) {
        return refuse(Fault::new(ErrorCode::INVALID_PARAMS, "`params` is an object"));
    }
    Ok(Message { object, kind })
}

/// An id as the protocol library holds it.
pub(crate) fn id(value: &Value) -> Option<RequestId> {
    match value {
        Value::String(text) => Some(RequestId::String(text.as_str().into())),
        Value::Number(number) => number.as_i64().map(RequestId::Number),
        _ => None,
    }
}

fn invalid(message: &'static str) -> Fault {
    Fault::new(ErrorCode::INVALID_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use super::{Fault, preparse, read};

    fn check(text: &str) -> String {
        let read = preparse(text.as_bytes(), 200).map_err(Fault::from).and_then(|()| read(text.as_bytes()));
        match read {
            Ok(message) => format!("{:?} {:?} modern {}", message.kind, message.method(), message.names_version()),
            Err(fault) => fault.to_value().to_string(),
        }
    }

    #[test]
    fn a_message_is_told_by_its_head() {
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), @r#"Request(Number(1)) "ping" modern false"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{}}"#), @r#"Request(String("a")) "tools/list" modern false"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#), @r#"Notification "notifications/initialized" modern false"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), @r#"Answer "" modern false"#);
        insta::assert_snapshot!(
            check(r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#),
            @r#"Request(Number(1)) "ping" modern true"#
        );
    }

    #[test]
    fn what_is_no_message_is_answered_with_the_right_code() {
        insta::assert_snapshot!(check("{"), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the text is not JSON (line 1, column 2)"}}"#);
        insta::assert_snapshot!(check("hello"), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the text is not JSON (line 1, column 1)"}}"#);
        insta::assert_snapshot!(check(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not served: send one message at a time"}}"#);
        insta::assert_snapshot!(check("7"), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a message is an object"}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"`id` is a string or an integer"}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"`id` is a string or an integer"}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"`id` is a string or an integer"}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#), @r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"`jsonrpc` is \"2.0\""}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":7}"#), @r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"`method` is a string"}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":7,"method":5}"#), @r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"`method` is a string"}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}"#), @r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"`params` is an object"}}"#);
        insta::assert_snapshot!(check(r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"an object names a member twice (line 1, column 25)"}}"#);
        insta::assert_snapshot!(check(&format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{}"}}"#, "x".repeat(200))), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the message is too large"}}"#);
        insta::assert_snapshot!(check(&format!("{}{}", "[".repeat(40), "]".repeat(40))), @r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"arrays and objects nest too deeply (line 1, column 33)"}}"#);
    }
}
