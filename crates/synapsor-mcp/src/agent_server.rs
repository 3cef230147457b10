//! What can a client ask?
//!
//! The handshake, the list of tools, and a call. Prompts, resources, completion and the rest are not served and say so.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestMethod, CompleteRequestParams, CompleteResult, ContentBlock,
    CustomRequest, CustomResult, Implementation, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
    ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use synapsor_agent::AgentPort;
use synapsor_envelope::{Envelope, Refusal, SafeCode};
use tokio_util::sync::CancellationToken;

use crate::instructions::instructions;
use crate::options::McpOptions;
use crate::rpc;
use crate::tool_list::ToolList;

/// The agent plane as an MCP server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AgentServer {
    port: AgentPort,
    tools: Arc<ToolList>,
    about: Arc<ServerConfig>,
    /// Cancelled when calls may be answered.
    may_begin: CancellationToken,
    /// Cancelled when calls may not go on, whoever waits for them.
    stopped: CancellationToken,
}

impl AgentServer {
    pub(crate) fn new(port: AgentPort, options: &McpOptions) -> Self {
        let this = Implementation::new("synapsor-runner", env!("CARGO_PKG_VERSION")).with_title("Synapsor");
        let about = ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(this)
            .with_instructions(instructions(port.mode()));
        Self {
            tools: Arc::new(ToolList::of(&port, options.aliases)),
            about: Arc::new(about),
            may_begin: options.calls_may_begin.clone(),
            stopped: CancellationToken::new(),
            port,
        }
    }

    /// Drops every call that is in flight.
    pub(crate) fn stop(&self) {
        self.stopped.cancel();
    }

    pub(crate) fn tools(&self) -> &ToolList {
        &self.tools
    }

    pub(crate) fn port(&self) -> &AgentPort {
        &self.port
    }

    /// Calls the capability behind a tool's name. A fault of our own is an envelope, too.
    pub(crate) async fn call(&self, request: CallToolRequestParams) -> Envelope {
        let name = self.tools.canonical(&request.name);
        let arguments = request.arguments.unwrap_or_default();
        self.may_begin.cancelled().await;
        // Boxed: on top of the library's own future the port's is too deep for the compiler's default limits.
        let call = AssertUnwindSafe(Box::pin(self.port.call(name, &arguments)));
        call.catch_unwind().await.unwrap_or_else(|_panic| {
            tracing::error!(capability = name, "a call panicked");
            let refusal = Refusal::new(SafeCode::Internal, "The call could not be answered. Nothing was changed in the database.");
            self.tools.refused(&request.name, refusal)
        })
    }
}

impl ServerHandler for AgentServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::clone(&self.about)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.is_some_and(|request| request.cursor.is_some()) {
            return Err(ErrorData::invalid_params("the list has one page, so there is no such cursor", None));
        }
        Ok(self.tools.listed())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.bare(name)
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        tokio::select! {
            envelope = self.call(request) => Ok(answer(&envelope).into()),
            // Nobody waits any more; dropping the call cancels what it asked of the database.
            () = context.ct.cancelled() => Err(ErrorData::internal_error("the call was cancelled", None)),
            () = self.stopped.cancelled() => Err(ErrorData::internal_error("the server ended before the call did", None)),
        }
    }

    async fn on_custom_request(&self, request: CustomRequest, _: RequestContext<RoleServer>) -> Result<CustomResult, ErrorData> {
        Err(rpc::unserved(&request.method))
    }

    async fn complete(&self, _: CompleteRequestParams, _: RequestContext<RoleServer>) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    async fn list_prompts(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>())
    }
}

/// The envelope as structured content and as text. `isError` is what `ok` is not.
fn answer(envelope: &Envelope) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(envelope.to_text())]);
    result.structured_content = Some(envelope.to_value());
    result.is_error = Some(!envelope.ok());
    result
}
