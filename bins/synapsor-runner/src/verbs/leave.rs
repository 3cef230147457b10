//! How does a verb end that makes attempts, when its process is told to end?
//!
//! The first signal lets what has begun come to its end; the second one leaves it, claimed and unreported, with its lease given back.

use synapsor_http::termination;
use synapsor_mcp::McpError;
use synapsor_operator::Leave;

use crate::failure::Answer;
use crate::output;

/// Cancelled, one after the other, as the process is told to end.
pub(super) fn until_told() -> Answer<Leave> {
    let first = termination().map_err(McpError::from)?;
    let leave = Leave::default();
    let told = leave.clone();
    tokio::spawn(async move {
        let signal = first.await;
        let second = termination();
        output::note(format_args!("{signal}: finishing what has begun; once more to leave it"));
        told.soon.cancel();
        if let Ok(second) = second {
            second.await;
            told.now.cancel();
        }
    });
    Ok(leave)
}
