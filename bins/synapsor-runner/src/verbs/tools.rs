//! `tools list`: what would a client be offered?

use std::process::ExitCode;

use synapsor_mcp::describe_tools;

use super::mcp::{self, aliases};
use crate::cli::{AliasMode, Format, Place};
use crate::compose::Setup;
use crate::failure::Answer;
use crate::output;

pub(super) fn list(place: &Place, format: Format, alias_mode: AliasMode) -> Answer<ExitCode> {
    let setup = Setup::load_served(place)?;
    let listed = describe_tools(&setup.agent_port()?, aliases(alias_mode), mcp::format(None, &setup.config));
    if format.json {
        output::json(&listed);
        return Ok(ExitCode::SUCCESS);
    }
    for tool in listed["tools"].as_array().into_iter().flatten() {
        let text = |member: &str| output::visible(tool[member].as_str().unwrap_or_default());
        output::line(output::bold(&text("name")));
        for line in tool["description"].as_str().unwrap_or_default().lines() {
            output::line(format_args!("  {}", output::visible(line)));
        }
        for (name, argument) in tool["inputSchema"]["properties"].as_object().into_iter().flatten() {
            let kind = argument["type"].as_str().unwrap_or_default();
            let required = tool["inputSchema"]["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name));
            let optional = if required { "" } else { ", optional" };
            output::line(format_args!("  - {} ({kind}{optional})", output::visible(name)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
