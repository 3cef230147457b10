//! When does a server end?

use tokio::signal::unix::{SignalKind, signal};

use crate::error::HttpError;

/// Waits for SIGINT or SIGTERM, and names it. From the first call on, these signals do not end the process by themselves.
pub async fn termination() -> Result<&'static str, HttpError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(HttpError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(HttpError::Signals)?;
    tokio::select! {
        _ = interrupt.recv() => Ok("SIGINT"),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}
