//! How is a record of a read written, and found again?
//!
//! Evidence, audit rows and diagnostics are stored as their JSON, byte for byte as their digest was made: one row each,
//! no index but the id. Making JSON and digest is the caller's work, off the writer's thread.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use serde::de::DeserializeOwned;
use synapsor_protocol::Digest;

use crate::chain::json;
use crate::error::LedgerError;
use crate::record::{Diagnostic, Evidence, QueryAudit};
use crate::writer::Batch;

/// The largest record, in bytes.
pub(crate) const MAX_RECORD_BYTES: usize = 8 << 20;

/// Which table a record goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelf {
    Evidence,
    Audit,
    Diagnostics,
}

/// A record, ready to be written.
#[derive(Debug)]
pub(crate) struct Body {
    shelf: Shelf,
    id: String,
    tenant_id: Option<String>,
    json: String,
    pub(crate) digest: Digest,
}

impl Body {
    pub(crate) fn of_evidence(evidence: &Evidence) -> Result<Self, LedgerError> {
        Self::of(Shelf::Evidence, evidence.evidence_id.as_str(), Some(&evidence.tenant_id), evidence)
    }

    pub(crate) fn of_audit(audit: &QueryAudit) -> Result<Self, LedgerError> {
        Self::of(Shelf::Audit, audit.audit_id.as_str(), Some(&audit.tenant_id), audit)
    }

    pub(crate) fn of_diagnostic(diagnostic: &Diagnostic) -> Result<Self, LedgerError> {
        let tenant = diagnostic.tenant_id.as_deref();
        Self::of(Shelf::Diagnostics, diagnostic.diagnostic_id.as_str(), tenant, diagnostic)
    }

    fn of(shelf: Shelf, id: &str, tenant: Option<&str>, record: &impl Serialize) -> Result<Self, LedgerError> {
        let name = shelf.record();
        let unrecordable = |why: &str| LedgerError::Unrecordable { record: name, why: why.to_owned() };
        let bytes = json(name, record)?;
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(unrecordable("it is larger than 8 MiB"));
        }
        let digest = Digest::of_bytes(&bytes);
        let json = String::from_utf8(bytes).map_err(|_| unrecordable("it is not UTF-8"))?;
        Ok(Self { shelf, id: id.to_owned(), tenant_id: tenant.map(str::to_owned), json, digest })
    }

    /// Writes it. The same record again is no error: whoever lost the answer to a commit may ask again.
    pub(crate) fn write(&self, batch: &mut Batch<'_>) -> Result<(), LedgerError> {
        let row = (&self.id, &self.tenant_id, batch.commit, &self.json);
        if batch.connection.prepare_cached(self.shelf.insert())?.execute(row)? == 1 {
            batch.cover(self.digest.clone());
            return Ok(());
        }
        match text(batch.connection, self.shelf, &self.id)? {
            Some(stored) if stored == self.json => Ok(()),
            _ => Err(LedgerError::Unrecordable { record: self.shelf.record(), why: "its id is taken".to_owned() }),
        }
    }
}

impl Shelf {
    fn record(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Audit => "query audit",
            Self::Diagnostics => "diagnostic",
        }
    }

    fn insert(self) -> &'static str {
        match self {
            Self::Evidence => {
                "INSERT INTO evidence (evidence_id, tenant_id, commit_number, body_json) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
            }
            Self::Audit => {
                "INSERT INTO query_audit (audit_id, tenant_id, commit_number, body_json) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
            }
            Self::Diagnostics => {
                "INSERT INTO diagnostics (diagnostic_id, tenant_id, commit_number, body_json) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
            }
        }
    }

    fn select(self) -> &'static str {
        match self {
            Self::Evidence => "SELECT body_json FROM evidence WHERE evidence_id = ?1",
            Self::Audit => "SELECT body_json FROM query_audit WHERE audit_id = ?1",
            Self::Diagnostics => "SELECT body_json FROM diagnostics WHERE diagnostic_id = ?1",
        }
    }
}

/// The stored JSON of a record, if there is one of this id.
pub(crate) fn text(connection: &Connection, shelf: Shelf, id: &str) -> Result<Option<String>, LedgerError> {
    Ok(connection.prepare_cached(shelf.select())?.query_row([id], |row| row.get(0)).optional()?)
}

/// The record of this id. One that is no longer readable is no record.
pub(crate) fn find<T: DeserializeOwned>(connection: &Connection, shelf: Shelf, id: &str) -> Result<Option<T>, LedgerError> {
    Ok(text(connection, shelf, id)?.and_then(|json| serde_json::from_str(&json).ok()))
}
