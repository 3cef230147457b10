//! What can a client ask?
//!
//! The handshake, the list of tools, a call; the records that calls left; one prompt. Completion, logging and the rest are
//! not served and say so.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestMethod, CompleteRequestParams, CompleteResult, ContentBlock,
    CustomRequest, CustomResult, GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use synapsor_agent::{AgentPort, Watch};
use synapsor_envelope::{Refusal, SafeCode, Written};
use tokio_util::sync::CancellationToken;

use crate::instructions::instructions;
use crate::options::McpOptions;
use crate::tool_list::ToolList;
use crate::{progress, prompts, resources, rpc};

/// The agent plane as an MCP server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AgentServer {
    port: AgentPort,
    tools: Arc<ToolList>,
    about: Arc<ServerConfig>,
    /// What a model learns before its first call.
    instructions: Arc<str>,
    /// Cancelled when calls may be answered.
    may_begin: CancellationToken,
    /// Cancelled when calls may not go on, whoever waits for them.
    stopped: CancellationToken,
}

impl AgentServer {
    pub(crate) fn new(port: AgentPort, options: &McpOptions) -> Self {
        let this = Implementation::new("synapsor-runner", env!("CARGO_PKG_VERSION")).with_title("Synapsor");
        let instructions = instructions(port.mode(), options.format);
        let about = ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build())
            .with_server_info(this)
            .with_instructions(instructions.clone());
        Self {
            tools: Arc::new(ToolList::of(&port, options.aliases, options.format)),
            about: Arc::new(about),
            instructions: instructions.into(),
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

    /// Calls the capability behind a tool's name. A fault of our own is an answer, too.
    pub(crate) async fn call(&self, request: CallToolRequestParams, watch: &Watch<'_>) -> Written {
        let name = self.tools.canonical(&request.name);
        let arguments = request.arguments.unwrap_or_default();
        self.may_begin.cancelled().await;
        // Boxed: on top of the library's own future the port's is too deep for the compiler's default limits.
        let call = AssertUnwindSafe(Box::pin(self.port.answer(name, &arguments, watch)));
        match call.catch_unwind().await {
            Ok(answer) => answer.written(self.tools.format()),
            Err(_panic) => {
                tracing::error!(capability = name, "a call panicked");
                let refusal = Refusal::new(SafeCode::Internal, "The call could not be answered. Nothing was changed in the database.");
                self.tools.refused(&request.name, "MCP_TOOL_FAILED", refusal)
            }
        }
    }

    /// The same, telling the client how far it has come, if it wants to know.
    async fn call_within(&self, request: CallToolRequestParams, context: &RequestContext<RoleServer>) -> Written {
        match progress::wanted(context) {
            Some(token) => progress::telling(context, token, async |watch| self.call(request, watch).await).await,
            None => self.call(request, &|_| ()).await,
        }
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
        one_page(request)?;
        Ok(self.tools.listed())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.bare(name)
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        tokio::select! {
            answer = self.call_within(request, &context) => Ok(result(&answer).into()),
            // Nobody waits any more; dropping the call cancels what it asked of the database.
            () = context.ct.cancelled() => Err(ErrorData::internal_error("the call was cancelled", None)),
            () = self.stopped.cancelled() => Err(ErrorData::internal_error("the server ended before the call did", None)),
        }
    }

    /// None: a record is found by its id, which the answers have.
    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        one_page(request)?;
        Ok(ListResourcesResult::with_all_items(Vec::new()))
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        one_page(request)?;
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::read(&self.port, &request.uri).await?.into())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        one_page(request)?;
        Ok(ListPromptsResult::with_all_items(prompts::prompts()))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: RequestContext<RoleServer>) -> Result<GetPromptResponse, ErrorData> {
        Ok(prompts::prompt(&request.name, &self.instructions)?.into())
    }

    async fn on_custom_request(&self, request: CustomRequest, _: RequestContext<RoleServer>) -> Result<CustomResult, ErrorData> {
        Err(rpc::unserved(&request.method))
    }

    async fn complete(&self, _: CompleteRequestParams, _: RequestContext<RoleServer>) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }
}

/// Every list has one page, so no cursor can be one of ours.
fn one_page(request: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor) {
        Some(_) => Err(ErrorData::invalid_params("the list has one page, so there is no such cursor", None)),
        None => Ok(()),
    }
}

/// The answer as structured content and as text. `isError` says that the call was refused.
pub(crate) fn result(answer: &Written) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(answer.to_text())]);
    result.structured_content = Some(answer.to_value());
    result.is_error = Some(!answer.ok());
    result
}
