//! How is MCP served over HTTP?

use std::net::SocketAddr;
use std::sync::Arc;

use synapsor_agent::AgentPort;
use synapsor_http::{Endpoint, Server, Settings};
use tokio_util::sync::CancellationToken;

use crate::agent_server::AgentServer;
use crate::bridge::BridgeService;
use crate::error::McpError;
use crate::front::McpService;
use crate::options::McpOptions;

/// The path of the endpoint.
const PATH: &str = "/mcp";

/// The MCP endpoint as a service, for a server of another's.
pub fn http_service(port: AgentPort, options: &McpOptions) -> McpService {
    McpService::new(AgentServer::new(port, options), options)
}

/// A server over HTTP that has its address and serves nothing yet.
pub struct HttpServer {
    server: Server,
    service: Served,
}

enum Served {
    Mcp(McpService),
    Bridge(BridgeService),
}

impl HttpServer {
    /// An MCP server: checks the settings and takes the address. A body is bounded by the smaller of both limits.
    pub async fn bind(port: AgentPort, options: &McpOptions, settings: Settings) -> Result<Self, McpError> {
        let service = Served::Mcp(http_service(port, options));
        Ok(Self { server: server(options, settings).await?, service })
    }

    /// The same for the JSON-RPC bridge.
    pub async fn bind_bridge(port: AgentPort, options: &McpOptions, settings: Settings) -> Result<Self, McpError> {
        let service = Served::Bridge(BridgeService::new(port, options));
        Ok(Self { server: server(options, settings).await?, service })
    }

    /// The address that the server has.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where clients send their messages, if they reach the address itself.
    pub fn url(&self) -> String {
        format!("{}://{}{PATH}", self.server.scheme(), self.address())
    }

    /// Serves until it is told to end; answers that are under way may finish within the drain time.
    pub async fn serve(self, shutdown: CancellationToken) {
        match self.service {
            Served::Mcp(service) => self.server.serve(mcp_endpoint(service), shutdown).await,
            Served::Bridge(service) => self.server.serve(bridge_endpoint(service), shutdown).await,
        }
    }
}

async fn server(options: &McpOptions, mut settings: Settings) -> Result<Server, McpError> {
    settings.limits.body_bytes = settings.limits.body_bytes.min(options.message_bytes);
    Ok(Server::bind(settings).await?)
}

fn mcp_endpoint(service: McpService) -> Endpoint<McpService> {
    let health = service.clone();
    Endpoint {
        path: PATH,
        health: Arc::new(move || health.health()),
        ready: None,
        methods: "POST, GET, DELETE, OPTIONS",
        request_headers: "authorization, content-type, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, last-event-id",
        response_headers: "mcp-session-id, mcp-protocol-version, retry-after, www-authenticate",
        service,
    }
}

fn bridge_endpoint(service: BridgeService) -> Endpoint<BridgeService> {
    let health = service.clone();
    Endpoint {
        path: PATH,
        health: Arc::new(move || health.health()),
        ready: None,
        methods: "POST, OPTIONS",
        request_headers: "authorization, content-type",
        response_headers: "www-authenticate",
        service,
    }
}
