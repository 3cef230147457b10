//! Why does serving end early?

use synapsor_http::HttpError;

/// Why MCP is not, or no longer, served. Calls that were answered before keep their effect.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    /// The HTTP server did not start. Nothing was served.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The client's first messages are no MCP handshake. It was told so.
    #[error("the client did not open an MCP conversation")]
    Handshake(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The task that serves the conversation broke. Calls in flight were dropped.
    #[error("the conversation broke")]
    Broken(#[source] tokio::task::JoinError),
}
