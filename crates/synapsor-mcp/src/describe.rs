//! What would a client be told when it asks for the tools? For people who want to see that before a client does.

use serde_json::Value;
use synapsor_agent::AgentPort;
use synapsor_envelope::Format;

use crate::options::AliasMode;
use crate::tool_list::ToolList;

/// The answer to `tools/list`, as a client gets it.
pub fn describe_tools(port: &AgentPort, aliases: AliasMode, format: Format) -> Value {
    serde_json::to_value(ToolList::of(port, aliases, format).listed()).unwrap_or_default()
}
