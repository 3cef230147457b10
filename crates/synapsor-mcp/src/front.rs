//! What stands between an HTTP request and the protocol library?
//!
//! The library serves each request by itself, answers JSON or, where progress is wanted, a stream, and knows both eras. In front of it stand: the checks of
//! `rpc.rs`, so that what is no message gets a JSON-RPC error; and the sessions of the handshake era, so that they are
//! bounded and a cancellation finds its call.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use rmcp::model::{CallToolRequestParams, ErrorCode, RequestId};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use synapsor_http::BoundedBody;
use tower_service::Service;

use crate::agent_server::AgentServer;
use crate::http_answer::{self, Answer, answer, empty, faulty, invalid, is_json};
use crate::options::McpOptions;
use crate::ordinary::{self, Call};
use crate::progress::OneMessage;
use crate::rpc::{Fault, Kind, Message};
use crate::sessions::{Full as NoRoom, Outside, Sessions};
use crate::streamed;

/// The header that names a session.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// The header that names the protocol's version.
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The first version without a handshake.
const MODERN: &str = "2026-07-28";
/// The code of the server's own errors about sessions.
const SESSION_FAULT: ErrorCode = ErrorCode(-32000);

/// The MCP endpoint, for any HTTP server. It checks neither Host, Origin nor token: the layers of `synapsor-http` do,
/// in front of it. Cheap to clone.
#[derive(Clone)]
pub struct McpService {
    front: Arc<Front>,
}

struct Front {
    protocol: StreamableHttpService<AgentServer, NeverSessionManager>,
    server: AgentServer,
    sessions: Arc<Sessions>,
    message_bytes: usize,
}

impl McpService {
    pub(crate) fn new(server: AgentServer, options: &McpOptions) -> Self {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_sse_keep_alive(None)
            .disable_allowed_hosts()
            .with_max_request_body_bytes(options.message_bytes);
        let each_request = server.clone();
        let protocol = StreamableHttpService::new(move || Ok(each_request.clone()), Arc::default(), config);
        let sessions = Arc::new(Sessions::new(options.sessions));
        Self { front: Arc::new(Front { protocol, server, sessions, message_bytes: options.message_bytes }) }
    }

    /// What `/healthz` says: whether it serves, and numbers; no names.
    pub fn health(&self) -> Value {
        let Front { server, sessions, .. } = &*self.front;
        serde_json::json!({
            "ok": true,
            "transport": "streamable-http",
            "sessions": sessions.count(),
            "tools": server.tools().len(),
            "mode": server.port().mode().as_str(),
        })
    }
}

impl std::fmt::Debug for McpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpService").field("sessions", &self.front.sessions.count()).finish_non_exhaustive()
    }
}

impl<B> Service<Request<BoundedBody<B>>> for McpService
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
        let front = Arc::clone(&self.front);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            Ok(match head.method {
                Method::POST => match http_answer::text(&head.headers, body).await {
                    Ok(text) => front.post(head, text).await,
                    Err(answer) => *answer,
                },
                Method::DELETE => front.end(&head.headers),
                _ => other_method(),
            })
        })
    }
}

impl Front {
    /// Any message of a client.
    async fn post(&self, head: Parts, text: Bytes) -> Answer {
        let message = match http_answer::message(&text, self.message_bytes, self.server.tools()) {
            Ok(message) => message,
            Err(answer) => return *answer,
        };
        match &message.kind {
            Kind::Answer => faulty(&invalid("this server asks nothing, so there is nothing to answer")),
            Kind::Request(id) if message.method() == "initialize" && message.names_version() => no_handshake(id),
            Kind::Request(id) if is_modern(&head.headers, &message) => match Call::of(&head.headers, &message) {
                Some(call) => self.call(id, call).await,
                None => self.forward(head, text).await,
            },
            Kind::Request(_) if message.method() == "initialize" => self.begin(head, text).await,
            Kind::Request(id) => self.converse(id, head, text).await,
            Kind::Notification => self.note(&head.headers, &message),
        }
    }

    /// An ordinary call. If the client leaves, this future is dropped, and the call with it.
    async fn call(&self, id: &RequestId, call: Call) -> Answer {
        let mut request = CallToolRequestParams::new(call.name);
        request.arguments = Some(call.arguments);
        http_answer::written(ordinary::reply(id, &self.server.call(request, &|_| ()).await))
    }

    /// The handshake: if it succeeds, there is a session.
    async fn begin(&self, head: Parts, text: Bytes) -> Answer {
        let response = self.forward(head, text).await;
        let (mut head, body) = response.into_parts();
        // The library's answers are whole already, so this does not wait.
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let succeeded = head.status.is_success() && serde_json::from_slice::<Value>(&bytes).is_ok_and(|body| body.get("result").is_some());
        if succeeded {
            match self.sessions.open().map(|id| HeaderValue::from_str(&id)) {
                Ok(Ok(id)) => drop(head.headers.insert(SESSION, id)),
                Ok(Err(_never)) => {}
                Err(NoRoom { retry_after }) => return no_room(retry_after),
            }
        }
        Response::from_parts(head, Full::new(bytes).boxed())
    }

    /// A request within a session.
    async fn converse(&self, id: &RequestId, head: Parts, text: Bytes) -> Answer {
        let Some(session) = session_of(&head.headers) else { return no_session(Some(id)) };
        let in_flight = match self.sessions.enter(session, id) {
            Ok(in_flight) => in_flight,
            Err(Outside::Unknown) => return unknown_session(Some(id)),
            Err(Outside::IdInUse) => return faulty(&invalid("a request with this id is in flight").about(Some(id))),
        };
        tokio::select! {
            response = self.forward(head, text) => streamed::held(response, in_flight),
            // The client asked not to be answered.
            () = in_flight.cancelled() => accepted(),
        }
    }

    /// A notification. Only one of them has an effect here.
    fn note(&self, headers: &HeaderMap, message: &Message) -> Answer {
        if is_modern(headers, message) {
            return accepted();
        }
        let Some(session) = session_of(headers) else { return no_session(None) };
        if !self.sessions.touch(session) {
            return unknown_session(None);
        }
        if let Some(call) = message.cancels() {
            self.sessions.cancel(session, &call);
        }
        accepted()
    }

    /// The end of a session, at the client's wish.
    fn end(&self, headers: &HeaderMap) -> Answer {
        let Some(session) = session_of(headers) else { return no_session(None) };
        if self.sessions.close(session) { empty(StatusCode::NO_CONTENT) } else { unknown_session(None) }
    }

    /// Hands a message to the protocol library. What it answers in words of its own becomes a JSON-RPC error.
    async fn forward(&self, mut head: Parts, text: Bytes) -> Answer {
        if !takes_stream(&head.headers) {
            head.extensions.insert(OneMessage);
        }
        // The library wants both to be accepted, though it mostly answers JSON.
        head.headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let response = self.protocol.handle(Request::from_parts(head, Full::new(text))).await;
        let status = response.status();
        if status.is_success() || is_json(response.headers()) {
            return response;
        }
        let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let words: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        answer(status, &Fault::new(ErrorCode::INVALID_REQUEST, words))
    }
}

/// Whether a message belongs to the era without handshake.
fn is_modern(headers: &HeaderMap, message: &Message) -> bool {
    let by_header = headers.get(VERSION).and_then(|version| version.to_str().ok()).is_some_and(|version| version >= MODERN);
    let handshake = message.method() == "initialize";
    !handshake && (by_header || message.names_version() || message.method() == "server/discover")
}

/// Whether a client takes an answer of several messages.
fn takes_stream(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok()).any(|accepted| accepted.contains("text/event-stream"))
}

fn session_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION).and_then(|session| session.to_str().ok())
}

fn no_handshake(id: &RequestId) -> Answer {
    let words = "a request that names its protocol version needs no handshake, and there is none in that version";
    answer(StatusCode::NOT_FOUND, &Fault::new(ErrorCode::METHOD_NOT_FOUND, words).about(Some(id)))
}

fn no_session(id: Option<&RequestId>) -> Answer {
    let words = "begin with `initialize` and send its Mcp-Session-Id, or name the protocol version 2026-07-28 in every request";
    answer(StatusCode::BAD_REQUEST, &Fault::new(SESSION_FAULT, words).about(id))
}

fn unknown_session(id: Option<&RequestId>) -> Answer {
    answer(StatusCode::NOT_FOUND, &Fault::new(SESSION_FAULT, "the session has ended: begin again with `initialize`").about(id))
}

fn no_room(retry_after: Duration) -> Answer {
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, &Fault::new(SESSION_FAULT, "there are too many sessions, try again later"));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
    response
}

fn other_method() -> Answer {
    // There is no stream to GET: every answer comes with its request, and the list of tools does not change.
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, &invalid("send messages with POST, end a session with DELETE"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, DELETE"));
    response
}

fn accepted() -> Answer {
    empty(StatusCode::ACCEPTED)
}
