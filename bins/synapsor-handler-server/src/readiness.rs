//! May requests be sent here?
//!
//! The database is asked every few seconds, not for every question: nobody who may ask `/readyz`, which is anybody, makes work
//! for it. A database that is merely busy changes nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_handler::Handler;
use synapsor_handler::declared::{Finding, HandlerConfig, Severity};

/// How often a database that is in order is asked.
const WHILE_READY: Duration = Duration::from_secs(5);
/// How often one that is not is asked.
const WHILE_NOT: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is known about it. Clones share it.
#[derive(Clone)]
pub(crate) struct Readiness(Arc<Mutex<Known>>);

/// Nothing, or the code of what is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Ready,
    Not(&'static str),
    Draining,
}

impl Readiness {
    /// What the check at the start found.
    pub(crate) fn new(found: &[Finding]) -> Self {
        Self(Arc::new(Mutex::new(known(found).unwrap_or(Known::Ready))))
    }

    /// What `/readyz` says.
    pub(crate) fn told(&self) -> Result<Value, Value> {
        match self.now() {
            Known::Ready => Ok(json!({"ready": true})),
            Known::Not(code) => Err(json!({"ready": false, "code": code})),
            Known::Draining => Err(json!({"ready": false, "code": "DRAINING"})),
        }
    }

    /// The end was announced: from here on it is not ready any more.
    pub(crate) fn drain(&self) {
        self.set(Known::Draining);
    }

    /// Asks the database again and again.
    pub(crate) async fn watch(self, config: HandlerConfig, handler: Handler) {
        loop {
            tokio::time::sleep(if self.now() == Known::Ready { WHILE_READY } else { WHILE_NOT }).await;
            let found = tokio::time::timeout(PATIENCE, config.inspect(&handler)).await;
            let found = found.as_deref().map_or(Some(Known::Not("DATABASE_UNAVAILABLE")), known);
            if let Some(known) = found {
                self.set(known);
            }
        }
    }

    fn now(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, known: Known) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *held == known || *held == Known::Draining {
            return;
        }
        match known {
            Known::Ready => tracing::info!("ready"),
            Known::Not(code) => tracing::warn!(code, "not ready"),
            Known::Draining => {}
        }
        *held = known;
    }
}

/// `None` if the database had no time to say.
fn known(found: &[Finding]) -> Option<Known> {
    let mut errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    match errors.next() {
        None => Some(Known::Ready),
        Some(finding) if finding.code == "DATABASE_BUSY" => None,
        Some(finding) => Some(Known::Not(finding.code)),
    }
}

/// Tells what was found at the start, as far as it is no reason not to start.
pub(crate) fn tell(found: &[Finding]) {
    for Finding { severity, code, path, message, .. } in found {
        match severity {
            Severity::Error | Severity::Warning => tracing::warn!(code, path, "{message}"),
            Severity::Notice => tracing::info!(code, path, "{message}"),
        }
    }
}
