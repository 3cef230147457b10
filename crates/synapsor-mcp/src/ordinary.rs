//! Which call is so ordinary that it needs nothing of the protocol library?
//!
//! A tool call of the era without handshake whose headers and parameters are plainly what the protocol says. The library
//! reads every message again into types of its own, writes it back to compare it with the headers, and runs a service of
//! four tasks per request; for a call that is read and answered in well under a millisecond that is most of the work.
//!
//! # Invariants
//! - Only what the library would pass on unchanged is ordinary. A member, a header or a value that is not expected here is
//!   the library's: it decides what that means, and words the refusal.
//! - The answer is the library's, byte for byte; a test holds the two against each other.

use http::header::{HeaderMap, HeaderName};
use rmcp::model::{ClientCapabilities, Implementation, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use synapsor_envelope::Written;

use crate::rpc::Message;

/// The version of the protocol that is read here. A later one may mean something else by the same members.
const VERSION: &str = "2026-07-28";
/// What the header says that names the method.
const METHOD: &str = "tools/call";
/// The members of `_meta` that each request of that version has, and the one that it may have.
const NAMED_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT: &str = "io.modelcontextprotocol/clientInfo";

/// A call that can be answered at once.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
}

impl Call {
    /// The call that this message is, if it is an ordinary one.
    pub(crate) fn of(headers: &HeaderMap, message: &Message) -> Option<Self> {
        let params = message.object.get("params")?.as_object()?;
        let name = params.get("name")?.as_str()?;
        let ordinary = message.method() == METHOD
            && message.object.len() == 4
            && params.keys().all(|member| ["name", "arguments", "_meta"].contains(&member.as_str()))
            && is_declared(params.get("_meta")?.as_object()?)
            && agree(headers, name);
        let arguments = match params.get("arguments") {
            None => Map::new(),
            Some(Value::Object(arguments)) => arguments.clone(),
            Some(_) => return None,
        };
        ordinary.then(|| Self { name: name.to_owned(), arguments })
    }
}

/// Whether `_meta` says what each request must, in the form that it must have, and nothing else.
fn is_declared(meta: &Map<String, Value>) -> bool {
    let client = meta.get(CLIENT);
    meta.len() == 2 + usize::from(client.is_some())
        && meta.get(NAMED_VERSION).is_some_and(|version| version == VERSION)
        && meta.get(CAPABILITIES).is_some_and(is_a::<ClientCapabilities>)
        && client.is_none_or(is_a::<Implementation>)
}

/// Whether the headers say the same as the body, each once, in plain letters.
fn agree(headers: &HeaderMap, name: &str) -> bool {
    let says = |header: &'static str, wanted: &str| {
        let mut said = headers.get_all(HeaderName::from_static(header)).iter();
        said.next().is_some_and(|value| value.as_bytes() == wanted.as_bytes()) && said.next().is_none()
    };
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let others = headers.keys().all(|header| !header.as_str().starts_with("mcp-param-") && header != "mcp-session-id");
    plain && others && says("mcp-protocol-version", VERSION) && says("mcp-method", METHOD) && says("mcp-name", name)
}

/// Whether a value has the form that the protocol library gives it.
fn is_a<'de, T: Deserialize<'de>>(value: &'de Value) -> bool {
    T::deserialize(value).is_ok()
}

/// The answer to a call, as the protocol library writes it.
pub(crate) fn reply(id: &RequestId, answer: &Written) -> Vec<u8> {
    #[derive(Serialize)]
    struct Reply<'a> {
        jsonrpc: &'static str,
        id: &'a RequestId,
        result: Answer<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        result_type: &'static str,
        content: [Text; 1],
        structured_content: &'a Written,
        is_error: bool,
    }
    #[derive(Serialize)]
    struct Text {
        r#type: &'static str,
        text: String,
    }
    let content = [Text { r#type: "text", text: answer.to_text() }];
    let result = Answer { result_type: "complete", content, structured_content: answer, is_error: !answer.ok() };
    // Only strings, booleans and finite numbers are in it, so this cannot fail.
    serde_json::to_vec(&Reply { jsonrpc: "2.0", id, result }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{HeaderName, HeaderValue};
    use serde_json::{Value, json};

    use super::Call;
    use crate::rpc;

    fn check(edit: impl FnOnce(&mut Value, &mut Vec<(&'static str, &'static str)>)) -> bool {
        let mut request = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "a.b", "arguments": {"x": 1},
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "0"}}}});
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "a.b")];
        edit(&mut request, &mut headers);
        let message = rpc::read(request.to_string().as_bytes()).unwrap();
        let headers: HeaderMap =
            HeaderMap::from_iter(headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))));
        Call::of(&headers, &message).is_some()
    }

    #[test]
    fn a_call_is_ordinary_only_if_nothing_about_it_is_unusual() {
        assert!(check(|_, _| ()));
        assert!(check(|request, _| drop(request["params"].as_object_mut().unwrap().remove("arguments"))));
        assert!(check(|request, _| request["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"roots": {}})));
        type Edit = fn(&mut Value, &mut Vec<(&'static str, &'static str)>);
        let unusual: [(&str, Edit); 13] = [
            ("another method", |request, _| request["method"] = json!("tools/list")),
            ("a member beside", |request, _| request["extra"] = json!(1)),
            ("a parameter beside", |request, _| request["params"]["task"] = json!({})),
            ("arguments that are no object", |request, _| request["params"]["arguments"] = json!([])),
            ("a member of `_meta` beside", |request, _| request["params"]["_meta"]["progressToken"] = json!(1)),
            ("no `_meta`", |request, _| drop(request["params"].as_object_mut().unwrap().remove("_meta"))),
            ("no capabilities", |request, _| {
                drop(request["params"]["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/clientCapabilities"))
            }),
            ("capabilities that are none", |request, _| {
                request["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"roots": 5})
            }),
            ("a client that is none", |request, _| request["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": 1})),
            ("another version", |request, _| request["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2027-01-01")),
            ("another name in the header", |_, headers| headers[2].1 = "a.c"),
            ("a header twice", |_, headers| headers.push(("mcp-name", "a.b"))),
            ("a parameter in a header", |_, headers| headers.push(("mcp-param-x", "1"))),
        ];
        for (what, edit) in unusual {
            assert!(!check(edit), "{what}");
        }
        for missing in 0..3 {
            assert!(!check(|_, headers| _ = headers.remove(missing)), "header {missing}");
        }
    }
}
