//! What does a model learn about this server before its first call?

use synapsor_agent::Mode;
use synapsor_envelope::Format;

/// The `instructions` of the handshake, for a server in this mode that answers in this format.
pub(crate) fn instructions(mode: Mode, format: Format) -> String {
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
    let answers = match format {
        Format::One => ANSWERS_ONE,
        Format::Two => ANSWERS,
    };
    format!("{READING}\n\n{changes}\n\n{answers}")
}

const READING: &str = "These tools reach one tenant's business records, one reviewed row at a time. Whose rows you see is fixed by the \
    server: do not ask the user for a tenant and do not pass one. There is no SQL and no search; use the identifiers you were given.";

const ANSWERS: &str = "Every answer is one object. `ok` says whether the call did what it was asked for; then either `data` holds the row \
    or `proposal` what was proposed. If `ok` is false, `error.code` says why: correct the arguments on INVALID_ARGUMENT; do not try the \
    same call again unless `error.retryable` is true; on NOT_FOUND_IN_TENANT ask the user for the right identifier instead of guessing.";

const ANSWERS_ONE: &str = "Every answer is one object. A refused call has `ok: false`, and `code` and `error` say why; otherwise `status` is `ok` \
    and `data` holds the row, or `status` says where the proposal stands and `diff` what it would change. Correct the arguments on a \
    code that begins with ARGUMENT_; do not try the same call again unless the code is TEMPORARILY_UNAVAILABLE; on ROW_NOT_FOUND ask the \
    user for the right identifier instead of guessing.";

#[cfg(test)]
mod tests {
    use super::{Format, Mode, instructions};

    #[test]
    fn only_a_server_that_takes_proposals_teaches_to_propose() {
        assert!(instructions(Mode::Review, Format::Two).contains("waits for review"));
        assert!(!instructions(Mode::ReadOnly, Format::Two).contains("proposal tool"));
        assert!(instructions(Mode::Shadow, Format::One).contains("never applied"));
    }
}
