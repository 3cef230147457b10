//! What is answered to a text that the pre-parser refuses?
//!
//! Mostly a JSON-RPC error. But a number that no double holds, or the NUL character, is well-formed JSON that a model may
//! well write into an argument; such a call is answered like any other wrong argument. Nothing of it
//! is carried out either way.

use rmcp::model::RequestId;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use synapsor_envelope::{Refusal, SafeCode};
use synapsor_protocol::Scalar;
use synapsor_protocol::preparse::{PreparseError, Reason};

use crate::rpc::{self, Fault};
use crate::tool_list::ToolList;

/// The answer to a refused text.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It is a tool call: the whole message, with a refusal in it.
    Refused(Value),
    /// Anything else.
    Fault(Fault),
}

/// The answer to a text that was refused for this reason.
pub(crate) fn reply(text: &[u8], error: PreparseError, tools: &ToolList) -> Reply {
    match error.reason {
        Reason::Nul => about_argument(text, error, "holds the NUL character, which no database takes", tools),
        Reason::InexactNumber => about_argument(text, error, "is a number that cannot be held exactly; round it", tools),
        // The client waits for an answer with this id.
        Reason::TooDeep => Reply::Fault(Fault::from(error).about(object(text).as_ref().and_then(request).as_ref())),
        // Which of two ids would be the right one?
        Reason::DuplicateMember | Reason::Syntax | Reason::InvalidUtf8 | Reason::TooLarge => Reply::Fault(error.into()),
    }
}

fn about_argument(text: &[u8], error: PreparseError, fault: &str, tools: &ToolList) -> Reply {
    let Some(message) = object(text) else { return Reply::Fault(error.into()) };
    let id = request(&message);
    match (id, call(&message)) {
        (Some(id), Some((name, arguments))) => Reply::Refused(refused(&id, name, arguments, fault, tools)),
        (id, _) => Reply::Fault(Fault::from(error).about(id.as_ref())),
    }
}

fn refused(id: &RequestId, name: &str, arguments: &Map<String, Value>, fault: &str, tools: &ToolList) -> Value {
    let argument = culprit(arguments).map_or_else(|| "An argument".to_owned(), |name| format!("Argument `{name}`"));
    let refusal = Refusal::new(SafeCode::InvalidArgument, &format!("{argument} {fault}."));
    let answer = tools.refused(name, "ARGUMENT_TYPE_INVALID", refusal);
    let result = json!({
        "content": [{"type": "text", "text": answer.to_text()}],
        "structuredContent": answer.to_value(),
        "isError": true,
        "resultType": "complete",
    });
    json!({"jsonrpc": "2.0", "id": id.clone().into_json_value(), "result": result})
}

/// The message, if it can be read at all; what it says is only told back. Of one with a number beyond every double, or deeper than
/// any reader goes, only its outline is read.
fn object(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(text).ok().or_else(|| serde_json::from_slice::<Outline>(text).ok().map(Map::from))
}

/// What an answer needs of a message.
#[derive(Deserialize)]
struct Outline {
    id: Option<Value>,
    method: Option<String>,
    params: Option<OutlinedParams>,
}

#[derive(Deserialize)]
struct OutlinedParams {
    name: Option<String>,
    /// Whatever they are; reading past them takes no depth and minds no number.
    arguments: Option<IgnoredAny>,
}

impl From<Outline> for Map<String, Value> {
    fn from(outline: Outline) -> Self {
        let params = outline.params.map(|params| json!({"name": params.name, "arguments": params.arguments.map(|_| json!({}))}));
        Self::from_iter([
            ("id".to_owned(), json!(outline.id)),
            ("method".to_owned(), json!(outline.method)),
            ("params".to_owned(), json!(params)),
        ])
    }
}

fn request(message: &Map<String, Value>) -> Option<RequestId> {
    message.get("id").and_then(rpc::id)
}

/// The name and the arguments, if the message is a tool call.
fn call(message: &Map<String, Value>) -> Option<(&str, &Map<String, Value>)> {
    let params = message.get("params").filter(|_| message.get("method").is_some_and(|method| method == "tools/call"))?;
    Some((params.get("name")?.as_str()?, params.get("arguments")?.as_object()?))
}

/// The argument that is at fault, cut to 64 characters; not every number that was refused can be told afterwards.
fn culprit(arguments: &Map<String, Value>) -> Option<String> {
    let found = arguments.iter().find(|(_, value)| !is_exact(value));
    found.map(|(name, _)| name.chars().filter(|c| !c.is_control()).take(64).collect())
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(_) => Scalar::from_json(value).is_some(),
        Value::String(text) => !text.contains('\0'),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
    }
}
