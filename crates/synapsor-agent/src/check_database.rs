//! Does each database have what the configuration names?
//!
//! Run by `config validate --check-db` and when a server starts.

use synapsor_source::{CatalogFinding, Severity};

use crate::error::AgentError;
use crate::port::AgentPort;

/// What was found about one capability's table.
#[derive(Debug)]
pub struct DatabaseFinding {
    /// The capability.
    pub capability: String,
    /// The source that it reads.
    pub source: String,
    /// What was found, or why nothing could be.
    pub finding: Result<CatalogFinding, AgentError>,
}

impl DatabaseFinding {
    /// Whether the capability cannot work, however often it is tried.
    pub fn is_definite(&self) -> bool {
        match &self.finding {
            Ok(finding) => finding.severity == Severity::Error,
            Err(AgentError::Source(error)) => !error.is_transient(),
            Err(_) => true,
        }
    }
}

/// Asks every catalog. Capabilities are asked one after the other; nothing is written.
pub async fn check_database(port: &AgentPort) -> Vec<DatabaseFinding> {
    let mut found = Vec::new();
    for offer in port.offers() {
        let capability = offer.capability();
        let about = |finding| DatabaseFinding { capability: capability.name.to_string(), source: capability.source.to_string(), finding };
        match offer.check().await {
            Ok(check) => found.extend(check.findings.into_iter().map(|finding| about(Ok(finding)))),
            Err(error) => found.push(about(Err(error))),
        }
    }
    found
}
