//! How do programs call tools that speak JSON-RPC over HTTP, and no MCP?
//!
//! Three methods, one message per POST, one answer: `tools/list`, `tools/call`, `resources/read`. No handshake, no session.
//! It is for programs that were written for it; an MCP client uses the other endpoint.
//!
//! # Invariants
//! - Every answer to a request carries its id; `null` stands only where no id could be read.
//! - An answer with an error never has status 200: 400 for what is no request of ours, 404 for a method or a record that is
//!   not there. A call that was refused is an answer, with status 200.
//! - Tools have their own names only.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body::Body;
use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, ErrorCode, RequestId};
use serde_json::{Map, Value, json};
use synapsor_agent::AgentPort;
use synapsor_http::{BoundedBody, json_answer};
use tower_service::Service;

use crate::agent_server::AgentServer;
use crate::http_answer::{self, Answer, answer, faulty, invalid};
use crate::options::{AliasMode, McpOptions};
use crate::resources;
use crate::rpc::{Fault, Kind, Message};

/// The bridge, for any HTTP server. It checks neither Host, Origin nor token: the layers of `synapsor-http` do, in front of
/// it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BridgeService {
    bridge: Arc<Bridge>,
}

#[derive(Debug)]
struct Bridge {
    server: AgentServer,
    message_bytes: usize,
}

/// What a request comes to: its result, or an error with the status that goes with it.
type Outcome = Result<Value, Box<(StatusCode, ErrorData)>>;

impl BridgeService {
    /// A bridge to this port; whatever the options say, tools have their own names.
    pub fn new(port: AgentPort, options: &McpOptions) -> Self {
        let options = McpOptions { aliases: AliasMode::Canonical, ..options.clone() };
        let message_bytes = options.message_bytes;
        Self { bridge: Arc::new(Bridge { server: AgentServer::new(port, &options), message_bytes }) }
    }

    /// What `/healthz` says: whether it serves, and numbers; no names.
    pub fn health(&self) -> Value {
        let server = &self.bridge.server;
        json!({"ok": true, "transport": "json-rpc-http", "tools": server.tools().len(), "mode": server.port().mode().as_str()})
    }
}

impl<B> Service<Request<BoundedBody<B>>> for BridgeService
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<BoundedBody<B>>) -> Self::Future {
        let bridge = Arc::clone(&self.bridge);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            if head.method != Method::POST {
                return Ok(other_method());
            }
            Ok(match http_answer::text(&head.headers, body).await {
                Ok(text) => bridge.post(&text).await,
                Err(answer) => *answer,
            })
        })
    }
}

impl Bridge {
    /// One message. If the client leaves, this future is dropped, and the call with it.
    async fn post(&self, text: &[u8]) -> Answer {
        let message = match http_answer::message(text, self.message_bytes, self.server.tools()) {
            Ok(message) => message,
            Err(answer) => return *answer,
        };
        match &message.kind {
            Kind::Request(id) => self.answer(id, &message).await,
            Kind::Notification => faulty(&invalid("a request has an `id`")),
            Kind::Answer => faulty(&invalid("this server asks nothing, so there is nothing to answer")),
        }
    }

    async fn answer(&self, id: &RequestId, message: &Message) -> Answer {
        let nothing = Map::new();
        let params = message.object.get("params").and_then(Value::as_object).unwrap_or(&nothing);
        let outcome = match message.method() {
            "tools/list" => Ok(json!({"tools": self.server.tools().listed().tools})),
            "tools/call" => self.call(params).await,
            "resources/read" => self.read(params).await,
            other => Err(Box::new((StatusCode::NOT_FOUND, unserved(other)))),
        };
        match outcome {
            Ok(result) => json_answer(StatusCode::OK, &json!({"jsonrpc": "2.0", "id": id.clone().into_json_value(), "result": result})),
            Err(refused) => {
                let (status, error) = *refused;
                answer(status, &Fault::of(error).about(Some(id)))
            }
        }
    }

    async fn call(&self, params: &Map<String, Value>) -> Outcome {
        let name = params.get("name").and_then(Value::as_str).ok_or_else(|| unfit("`name` is the name of a tool"))?;
        // Programs that were written for the bridge use either word.
        let arguments = match params.get("arguments").or_else(|| params.get("args")) {
            None => Map::new(),
            Some(Value::Object(arguments)) => arguments.clone(),
            Some(_) => return Err(unfit("`arguments` is an object")),
        };
        let answer = self.server.call(CallToolRequestParams::new(name.to_owned()).with_arguments(arguments), &|_| ()).await;
        let content = json!([{"type": "text", "text": answer.to_text()}]);
        Ok(json!({"content": content, "structuredContent": answer.to_value(), "isError": !answer.ok()}))
    }

    async fn read(&self, params: &Map<String, Value>) -> Outcome {
        let uri = params.get("uri").and_then(Value::as_str).ok_or_else(|| unfit("`uri` is the URI of a record"))?;
        match resources::read(self.server.port(), uri).await {
            Ok(found) => Ok(json!({"contents": found.contents})),
            Err(error) if error.code == ErrorCode::RESOURCE_NOT_FOUND => Err(Box::new((StatusCode::NOT_FOUND, error))),
            Err(error) => Err(Box::new((StatusCode::INTERNAL_SERVER_ERROR, error))),
        }
    }
}

fn unfit(message: &'static str) -> Box<(StatusCode, ErrorData)> {
    Box::new((StatusCode::BAD_REQUEST, ErrorData::invalid_params(message, None)))
}

fn unserved(method: &str) -> ErrorData {
    let words = match method {
        "initialize" | "server/discover" => "this is the JSON-RPC bridge; an MCP client uses `mcp serve-streamable-http`",
        _ => "the methods are `tools/list`, `tools/call` and `resources/read`",
    };
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, words, None)
}

fn other_method() -> Answer {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, &invalid("send messages with POST"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}
