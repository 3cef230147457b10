//! How does an MCP client talk to the agent plane?
//!
//! Over stdio or Streamable HTTP, in the protocol's two eras: with an `initialize` handshake (2025-11-25 and before) and
//! without (2026-07-28). Both end at the same [`AgentPort`]; nothing else can be reached from here.
//!
//! # Invariants
//! - Every tool call that is one gets one answer in one format, as text and as structured content: unknown tools, wrong
//!   arguments and faults of our own included.
//! - What is no JSON-RPC request never reaches the protocol library: a pre-parser answers it.
//! - Nothing a client sends makes memory grow without a bound: lines, bodies, sessions and calls in flight are limited.
//! - A call that nobody waits for any more is dropped.
//! - No name of a table, a source or a column is in `_meta`, and no secret is in a message or a log.
//!
//! Programs that speak plain JSON-RPC have the bridge, with the same answers.
//!
//! Start reading at `agent_server.rs`: it is what the protocol can ask. `rpc.rs` is what it must look like.

mod agent_server;
mod bridge;
mod describe;
mod error;
mod front;
mod http;
mod http_answer;
mod instructions;
mod lines;
mod options;
mod ordinary;
mod progress;
mod prompts;
mod refused_call;
mod resources;
mod rpc;
mod sessions;
mod stdio;
mod streamed;
mod tool;
mod tool_list;

pub use bridge::BridgeService;
pub use describe::describe_tools;
pub use error::McpError;
pub use front::McpService;
pub use http::{HttpServer, http_service};
pub use options::{AliasMode, McpOptions, SessionLimits};
pub use stdio::serve_stdio;
pub use synapsor_agent::AgentPort;
pub use synapsor_envelope::Format;
