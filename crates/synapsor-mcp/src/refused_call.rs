//! What does a model hear when the text of its call cannot be read exactly?
//!
//! A number that no double holds, or the NUL character, is well-formed JSON that a model may well write into an
//! argument. So such a call is answered like any other wrong argument: by an envelope. Nothing of it is carried out.

use rmcp::model::RequestId;
use serde_json::{Map, Value, json};
use synapsor_envelope::{Refusal, SafeCode};
use synapsor_protocol::Scalar;
use synapsor_protocol::preparse::{PreparseError, Reason};

use crate::rpc;
use crate::tool_list::ToolList;

/// The answer, if the refused text is a tool call whose arguments are at fault; the request's id and the whole message.
pub(crate) fn answer(text: &[u8], error: &PreparseError, tools: &ToolList) -> Option<(RequestId, Value)> {
    if !matches!(error.reason, Reason::Nul | Reason::InexactNumber) {
        return None;
    }
    let Value::Object(object) = serde_json::from_slice(text).ok()? else { return None };
    let id = rpc::id(object.get("id")?)?;
    let params = object.get("params").filter(|_| object.get("method").is_some_and(|method| method == "tools/call"))?;
    let name = params.get("name")?.as_str()?;
    let culprit = culprit(params.get("arguments")?.as_object()?);
    let argument = culprit.map_or_else(|| "An argument".to_owned(), |name| format!("The argument `{name}`"));
    let refusal = Refusal::new(SafeCode::InvalidArgument, &format!("{argument} is refused: {}.", error.reason));
    let envelope = tools.refused(name, refusal);
    let result = json!({
        "content": [{"type": "text", "text": envelope.to_text()}],
        "structuredContent": envelope.to_value(),
        "isError": true,
        "resultType": "complete",
    });
    Some((id.clone(), json!({"jsonrpc": "2.0", "id": id.into_json_value(), "result": result})))
}

/// The argument that cannot be read exactly, cut to 64 characters.
fn culprit(arguments: &Map<String, Value>) -> Option<String> {
    let found = arguments.iter().find(|(_, value)| !is_exact(value));
    found.map(|(name, _)| name.chars().take(64).filter(|c| !c.is_control()).collect())
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
