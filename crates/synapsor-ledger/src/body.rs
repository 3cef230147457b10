//! How is a record of a read written, and found again?
//!
//! Evidence, audit rows and diagnostics are stored as their JSON, byte for byte as their digest was made: one row each.
//! An audit row is also filed where look-ups find it, and the evidence of its read with it. Making JSON and digest is the
//! caller's work, off the writer's thread.

use rusqlite::{Connection, OptionalExtension};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use synapsor_protocol::Digest;

use crate::chain::{checksum, json};
use crate::error::LedgerError;
use crate::record::{Diagnostic, Evidence, QueryAudit};
use crate::shape::Filed;
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
    place: Place,
    json: String,
    pub(crate) digest: Digest,
}

/// What look-ups find a record by.
#[derive(Debug)]
enum Place {
    /// The audit row of its read.
    WithItsAudit,
    /// Shape, object and time.
    Read(Box<Filed>),
    /// Capability and time.
    Diagnostic { capability: String, at_micros: i64 },
}

impl Body {
    pub(crate) fn of_evidence(evidence: &Evidence) -> Result<Self, LedgerError> {
        Self::of(Shelf::Evidence, evidence.evidence_id.as_str(), Some(&evidence.tenant_id), Place::WithItsAudit, evidence)
    }

    pub(crate) fn of_audit(audit: &QueryAudit) -> Result<Self, LedgerError> {
        Self::of(Shelf::Audit, audit.audit_id.as_str(), Some(&audit.tenant_id), Place::Read(Box::new(Filed::of_audit(audit))), audit)
    }

    pub(crate) fn of_diagnostic(diagnostic: &Diagnostic) -> Result<Self, LedgerError> {
        let tenant = diagnostic.tenant_id.as_deref();
        let place = Place::Diagnostic { capability: diagnostic.capability.clone(), at_micros: diagnostic.created_at.as_micros() };
        Self::of(Shelf::Diagnostics, diagnostic.diagnostic_id.as_str(), tenant, place, diagnostic)
    }

    fn of(shelf: Shelf, id: &str, tenant: Option<&str>, place: Place, record: &impl Serialize) -> Result<Self, LedgerError> {
        let name = shelf.record();
        let unrecordable = |why: &str| LedgerError::Unrecordable { record: name, why: why.to_owned() };
        let bytes = json(name, record)?;
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(unrecordable("it is larger than 8 MiB"));
        }
        let digest = Digest::of_bytes(&bytes);
        let json = String::from_utf8(bytes).map_err(|_| unrecordable("it is not UTF-8"))?;
        Ok(Self { shelf, id: id.to_owned(), tenant_id: tenant.map(str::to_owned), place, json, digest })
    }

    /// Writes it. The same record again is no error: whoever lost the answer to a commit may ask again.
    pub(crate) fn write(&self, batch: &mut Batch<'_>) -> Result<(), LedgerError> {
        if self.insert(batch)? == 1 {
            batch.cover(self.digest.clone());
            return Ok(());
        }
        match text(batch.connection, self.shelf, &self.id)? {
            Some(stored) if stored == self.json => Ok(()),
            _ => Err(LedgerError::Unrecordable { record: self.shelf.record(), why: "its id is taken".to_owned() }),
        }
    }

    fn insert(&self, batch: &mut Batch<'_>) -> Result<usize, LedgerError> {
        let shape = match &self.place {
            Place::Read(filed) => batch.number(&filed.shape)?,
            Place::WithItsAudit | Place::Diagnostic { .. } => 0,
        };
        let mut insert = batch.connection.prepare_cached(self.shelf.insert())?;
        let (id, tenant, commit, json, sum) = (&self.id, &self.tenant_id, batch.commit, &self.json, checksum(&self.digest));
        Ok(match &self.place {
            Place::WithItsAudit => insert.execute((id, tenant, commit, json, sum))?,
            Place::Read(filed) => insert.execute((id, tenant, commit, json, sum, shape, &filed.object_id, filed.at_micros))?,
            Place::Diagnostic { capability, at_micros } => insert.execute((id, tenant, commit, json, sum, capability, at_micros))?,
        })
    }
}

impl Shelf {
    pub(crate) fn record(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Audit => "query audit",
            Self::Diagnostics => "diagnostic",
        }
    }

    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Audit => "query_audit",
            Self::Diagnostics => "diagnostics",
        }
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Evidence => "evidence_id",
            Self::Audit => "audit_id",
            Self::Diagnostics => "diagnostic_id",
        }
    }

    fn insert(self) -> &'static str {
        match self {
            Self::Evidence => {
                "INSERT INTO evidence (evidence_id, tenant_id, commit_number, body_json, checksum) VALUES (?1, ?2, ?3, ?4, ?5) \
                    ON CONFLICT DO NOTHING"
            }
            Self::Audit => {
                "INSERT INTO query_audit (audit_id, tenant_id, commit_number, body_json, checksum, shape, object_id, at_micros) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING"
            }
            Self::Diagnostics => {
                "INSERT INTO diagnostics (diagnostic_id, tenant_id, commit_number, body_json, checksum, capability, at_micros) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"
            }
        }
    }
}

/// The stored JSON of a record, if there is one of this id.
pub(crate) fn text(connection: &Connection, shelf: Shelf, id: &str) -> Result<Option<String>, LedgerError> {
    let select = format!("SELECT body_json FROM {} WHERE {} = ?1", shelf.table(), shelf.id());
    Ok(connection.prepare_cached(&select)?.query_row([id], |row| row.get(0)).optional()?)
}

/// The record of this id. One that is no longer readable, or about something else than its row says, was altered.
pub(crate) fn find<T: DeserializeOwned>(connection: &Connection, shelf: Shelf, id: &str) -> Result<Option<T>, LedgerError> {
    let select = format!("SELECT body_json, tenant_id, commit_number, checksum FROM {} WHERE {} = ?1", shelf.table(), shelf.id());
    let stored = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?, row.get(3)?));
    let Some((json, tenant, commit, sum)) = connection.prepare_cached(&select)?.query_row([id], stored).optional()? else {
        return Ok(None);
    };
    let record = serde_json::from_str(&json).ok().filter(|_| is_about(&json, shelf, id, tenant) && is_sound(&json, sum));
    record.map(Some).ok_or(LedgerError::AlteredCommit(commit))
}

/// Whether a record is what its checksum was made of; those of older programs have none.
pub(crate) fn is_sound(json: &str, sum: Option<i64>) -> bool {
    sum.is_none_or(|sum| checksum(&Digest::of_bytes(json.as_bytes())) == sum)
}

/// Whether a record names the id and the tenant that its row is found by: digests cover the record alone.
pub(crate) fn is_about(body: &str, shelf: Shelf, id: &str, tenant: Option<String>) -> bool {
    let Ok(Names { tenant_id, evidence_id, audit_id, diagnostic_id }) = serde_json::from_str(body) else { return false };
    let named = match shelf {
        Shelf::Evidence => evidence_id,
        Shelf::Audit => audit_id,
        Shelf::Diagnostics => diagnostic_id,
    };
    named.as_deref() == Some(id) && tenant_id == tenant
}

/// The members of a record that columns repeat.
#[derive(Deserialize)]
struct Names {
    tenant_id: Option<String>,
    evidence_id: Option<String>,
    audit_id: Option<String>,
    diagnostic_id: Option<String>,
}
