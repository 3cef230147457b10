//! When does a server end?

use tokio::signal::unix::{SignalKind, signal};

use crate::error::HttpError;

/// From this call on SIGINT and SIGTERM do not end the process by themselves; the future waits for one and names it.
///
/// Call it before anybody is told that the server runs: whoever is told may end it at once.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn termination() -> Result<impl Future<Output = &'static str>, HttpError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(HttpError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(HttpError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    })
}
