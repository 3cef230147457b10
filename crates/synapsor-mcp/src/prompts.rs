//! Which prompts can a client offer its user?
//!
//! One: what the handshake tells a model about this server, for clients that do not hand the handshake's instructions on.

use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, Prompt, PromptMessage, Role};

/// The name of the one prompt.
const NAME: &str = "agent_instructions";
const ABOUT: &str = "How to work with the tools of this server.";

/// The prompts.
pub(crate) fn prompts() -> Vec<Prompt> {
    vec![Prompt::new(NAME, Some(ABOUT), None).with_title("Agent instructions")]
}

/// The prompt of that name; it takes no arguments.
pub(crate) fn prompt(name: &str, instructions: &str) -> Result<GetPromptResult, ErrorData> {
    if name != NAME {
        return Err(ErrorData::invalid_params("there is no such prompt", None));
    }
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, instructions)]).with_description(ABOUT))
}
