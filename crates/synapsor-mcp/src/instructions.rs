//! What does a model learn about this server before its first call?

use synapsor_agent::Mode;

/// The `instructions` of the handshake, for a server in this mode.
pub(crate) fn instructions(mode: Mode) -> String {
    let changes = match mode {
        Mode::ReadOnly => "This server only reads: no tool here proposes a change.",
        Mode::Shadow => {
            "Proposals are recorded for comparison only and are never applied. Propose as you would if a person were going to decide."
        }
        Mode::Review | Mode::Cloud => {
            "To change something, read the row first, then call the matching proposal tool once. It records the exact change; \
             a person decides about it elsewhere, and only then is it carried out. You cannot approve or apply it, and no \
             argument makes it faster. Tell the user that it waits for review, with the proposal's id, and never say that it is done."
        }
    };
    format!("{READING}\n\n{changes}\n\n{ANSWERS}")
}

const READING: &str = "These tools reach one tenant's business records, one reviewed row at a time. Whose rows you see is fixed by the \
    server: do not ask the user for a tenant and do not pass one. There is no SQL and no search; use the identifiers you were given.";

const ANSWERS: &str = "Every answer is one object. `ok` says whether the call did what it was asked for; then either `data` holds the row \
    or `proposal` what was proposed. If `ok` is false, `error.code` says why: correct the arguments on INVALID_ARGUMENT; do not try the \
    same call again unless `error.retryable` is true; on NOT_FOUND_IN_TENANT ask the user for the right identifier instead of guessing.";

#[cfg(test)]
mod tests {
    use super::{Mode, instructions};

    #[test]
    fn only_a_server_that_takes_proposals_teaches_to_propose() {
        assert!(instructions(Mode::Review).contains("waits for review"));
        assert!(!instructions(Mode::ReadOnly).contains("proposal tool"));
        assert!(instructions(Mode::Shadow).contains("never applied"));
    }
}
