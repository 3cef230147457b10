//! How is MCP served over a pair of pipes?
//!
//! One message per line, in and out. The lines are read by `lines.rs` and checked by `rpc.rs`; what passes goes to the
//! protocol library. What does not is answered here, and the conversation goes on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ErrorCode, GetExtensions, RequestId, ServerJsonRpcMessage};
use rmcp::service::RoleServer;
use rmcp::transport::Transport;
use serde_json::Value;
use synapsor_agent::AgentPort;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::agent_server::AgentServer;
use crate::error::McpError;
use crate::lines::{Line, Lines};
use crate::options::McpOptions;
use crate::refused_call::{self, Reply};
use crate::rpc::{self, Fault, Kind, Message};

/// How many messages wait for the client to read them before nothing more is read from it.
const UNREAD: usize = 64;

/// Serves one conversation, until the input ends, the output breaks or it is told to end. Calls in flight may finish
/// within the drain time. Only messages of the protocol are written to `output`.
///
/// Whoever gives the process's own stdin should end the process afterwards without waiting for the reading thread:
/// a read of a terminal cannot be interrupted.
pub async fn serve_stdio<R, W>(
    port: AgentPort,
    options: &McpOptions,
    input: R,
    output: W,
    shutdown: CancellationToken,
) -> Result<(), McpError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let server = AgentServer::new(port, options);
    let transport = Pipes::new(server.clone(), options, input, output, shutdown);
    let ended = transport.ended.clone();
    match server.serve(transport).await {
        Ok(conversation) => conversation.waiting().await.map(drop).map_err(McpError::Broken),
        // A client that goes before it has said anything is not a fault.
        Err(_) if ended.is_cancelled() => Ok(()),
        Err(error) => Err(McpError::Handshake(Box::new(error))),
    }
}

/// A pair of pipes as the protocol library wants them.
struct Pipes<R> {
    server: AgentServer,
    lines: Lines<R>,
    message_bytes: usize,
    /// A place among the calls in flight; it goes with the request and comes back when nothing refers to it any more.
    room: Arc<Semaphore>,
    calls_in_flight: u32,
    drain_time: Duration,
    /// What was read and has not been handed on, because there was no room yet.
    next: Option<Step>,
    out: Option<mpsc::Sender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    shutdown: CancellationToken,
    /// Whether the input is over.
    ended: CancellationToken,
}

/// What becomes of a line.
enum Step {
    /// It goes to the protocol library.
    Pass(Box<ClientJsonRpcMessage>),
    /// It is answered here.
    Reply(Value),
}

impl<R: AsyncRead + Send + Unpin + 'static> Pipes<R> {
    fn new<W>(server: AgentServer, options: &McpOptions, input: R, output: W, shutdown: CancellationToken) -> Self
    where
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (out, messages) = mpsc::channel(UNREAD);
        Self {
            server,
            lines: Lines::new(input, options.message_bytes),
            message_bytes: options.message_bytes,
            room: Arc::new(Semaphore::new(options.calls_in_flight as usize)),
            calls_in_flight: options.calls_in_flight,
            drain_time: options.drain_time,
            next: None,
            out: Some(out),
            writer: Some(tokio::spawn(write_lines(output, messages))),
            shutdown,
            ended: CancellationToken::new(),
        }
    }

    /// The next message for the protocol library; nothing when the conversation is over.
    async fn next_message(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if self.next.is_none() {
                self.next = self.step().await;
            }
            match self.next.as_ref()? {
                Step::Reply(_) => {
                    let place = self.out.as_ref()?.reserve().await.ok()?;
                    if let Some(Step::Reply(message)) = self.next.take() {
                        place.send(line(&message));
                    }
                }
                Step::Pass(message) => {
                    let permit = match **message {
                        ClientJsonRpcMessage::Request(_) => Some(Arc::clone(&self.room).acquire_owned().await.ok()?),
                        _ => None,
                    };
                    if let Some(Step::Pass(message)) = self.next.take() {
                        return Some(accompanied(*message, permit));
                    }
                }
            }
        }
    }

    /// What becomes of the next line that means something; nothing at the end.
    async fn step(&mut self) -> Option<Step> {
        let output_broke = self.out.clone()?;
        loop {
            let line = tokio::select! {
                line = self.lines.next() => line,
                () = self.shutdown.cancelled() => Line::End,
                () = output_broke.closed() => Line::End,
            };
            let step = match line {
                Line::Text(text) => self.judge(&text),
                Line::TooLong => Some(Step::Reply(Fault::new(ErrorCode::PARSE_ERROR, "the line is too long").to_value())),
                Line::End => return None,
            };
            if step.is_some() {
                return step;
            }
        }
    }

    /// What becomes of one line; nothing of an empty one, or of an answer to what was never asked.
    fn judge(&self, text: &[u8]) -> Option<Step> {
        if text.trim_ascii().is_empty() {
            return None;
        }
        if let Err(error) = rpc::preparse(text, self.message_bytes) {
            return Some(Step::Reply(match refused_call::reply(text, error, self.server.tools()) {
                Reply::Refused(message) => message,
                Reply::Fault(fault) => fault.to_value(),
            }));
        }
        let message = match rpc::read(text) {
            Ok(message) => message,
            Err(fault) => return Some(Step::Reply(fault.to_value())),
        };
        if !self.matters(&message) {
            return None;
        }
        let (kind, method) = (message.kind.clone(), message.method().to_owned());
        match serde_json::from_value::<ClientJsonRpcMessage>(Value::Object(message.object)) {
            Ok(parsed) => Some(passed(parsed)),
            Err(_) => reply(&kind, &method),
        }
    }

    /// Whether a message has an effect: a request, or the cancellation of one that is in flight. The library would take
    /// any other message before the handshake for the end of the conversation.
    fn matters(&self, message: &Message) -> bool {
        match message.kind {
            Kind::Request(_) => true,
            Kind::Notification => message.cancels().is_some() && self.room.available_permits() < self.calls_in_flight as usize,
            Kind::Answer => false,
        }
    }

    /// Waits until the calls in flight have finished, at most for the drain time.
    async fn finish(&mut self) {
        self.ended.cancel();
        let all = Arc::clone(&self.room).acquire_many_owned(self.calls_in_flight);
        if tokio::time::timeout(self.drain_time, all).await.is_err() {
            tracing::warn!("calls were still in flight when the time to drain was over");
            self.server.stop();
        }
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> Transport<RoleServer> for Pipes<R> {
    type Error = io::Error;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let out = self.out.clone();
        async move {
            let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
            let mut text = serde_json::to_vec(&message)?;
            text.push(b'\n');
            out.ok_or_else(broken)?.send(text).await.map_err(|_closed| broken())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        if !self.ended.is_cancelled() {
            if let Some(message) = self.next_message().await {
                return Some(message);
            }
            self.ended.cancel();
        }
        self.finish().await;
        None
    }

    async fn close(&mut self) -> io::Result<()> {
        self.out = None;
        if let Some(writer) = self.writer.take() {
            // A client that does not read any more cannot keep us.
            let _ = tokio::time::timeout(self.drain_time, writer).await;
        }
        Ok(())
    }
}

/// A message that parsed. A request that only fits the library's type for unknown ones may be a known one gone wrong.
fn passed(message: ClientJsonRpcMessage) -> Step {
    let ClientJsonRpcMessage::Request(request) = &message else { return Step::Pass(Box::new(message)) };
    match &request.request {
        ClientRequest::CustomRequest(unknown) => Step::Reply(unserved(&unknown.method, &request.id)),
        _ => Step::Pass(Box::new(message)),
    }
}

fn reply(kind: &Kind, method: &str) -> Option<Step> {
    match kind {
        Kind::Request(id) => Some(Step::Reply(unserved(method, id))),
        Kind::Notification | Kind::Answer => None,
    }
}

fn unserved(method: &str, id: &RequestId) -> Value {
    let error = rpc::unserved(method);
    Fault::new(error.code, error.message).about(Some(id)).to_value()
}

/// The message, with its place among the calls in flight.
fn accompanied(mut message: ClientJsonRpcMessage, permit: Option<OwnedSemaphorePermit>) -> ClientJsonRpcMessage {
    if let (ClientJsonRpcMessage::Request(request), Some(permit)) = (&mut message, permit) {
        request.request.extensions_mut().insert(Arc::new(permit));
    }
    message
}

fn line(message: &Value) -> Vec<u8> {
    let mut text = message.to_string().into_bytes();
    text.push(b'\n');
    text
}

/// Writes what is sent, several lines at once when they wait, until nobody can send any more.
async fn write_lines<W: AsyncWrite + Unpin>(mut output: W, mut messages: mpsc::Receiver<Vec<u8>>) {
    let mut waiting = Vec::new();
    while messages.recv_many(&mut waiting, UNREAD).await > 0 {
        let text = waiting.concat();
        waiting.clear();
        if let Err(error) = async {
            output.write_all(&text).await?;
            output.flush().await
        }
        .await
        {
            tracing::debug!(%error, "the client does not read any more");
            return;
        }
    }
}
