//! What do thousands of records have in common that people look for?
//!
//! Whose rows, on whose behalf, through which capability, from which table: a ledger holds few such combinations, and a
//! number for each. A record carries the number beside its time, so one narrow index answers every combination of
//! filters, and a read costs no more for being found again.
//!
//! # Invariants
//! - A number is given once and never to another shape; so whoever knows one may keep it.
//! - What a list shows is checked against the record itself; a number only says where to look.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use synapsor_protocol::ChangeSet;

use crate::error::LedgerError;
use crate::projection::mode_word;
use crate::record::QueryAudit;

/// The kind of a read that showed something.
pub(crate) const SHOWN: &str = "shown";

/// The kind of a read that showed nothing: no row, or too many.
pub(crate) const MISSED: &str = "missed";

/// How many numbers a writer keeps in mind.
const KEPT: usize = 10_000;

/// One combination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    /// [`SHOWN`] or [`MISSED`] for a read; the mode for a proposal and what follows from it.
    pub(crate) kind: &'static str,
    pub(crate) tenant_id: String,
    pub(crate) principal: String,
    pub(crate) capability: String,
    pub(crate) source_id: String,
    pub(crate) table: String,
    pub(crate) business_object: String,
    pub(crate) query_fingerprint: String,
}

/// Where a record is filed, beside its id.
#[derive(Debug, Clone)]
pub(crate) struct Filed {
    pub(crate) shape: Shape,
    pub(crate) object_id: Option<String>,
    pub(crate) at_micros: i64,
}

/// The numbers that a writer knows.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    known: HashMap<Shape, i64>,
    /// Those that stand in no commit yet, oldest first.
    fresh: Vec<Shape>,
}

impl Filed {
    pub(crate) fn of_audit(audit: &QueryAudit) -> Self {
        let shape = Shape {
            kind: if audit.evidence_id.is_some() { SHOWN } else { MISSED },
            tenant_id: audit.tenant_id.clone(),
            principal: audit.principal.clone(),
            capability: audit.capability.clone(),
            source_id: audit.source_id.clone(),
            table: audit.table.clone(),
            business_object: audit.business_object.clone(),
            query_fingerprint: audit.query_fingerprint.to_string(),
        };
        Self { shape, object_id: audit.object_id.clone(), at_micros: audit.created_at.as_micros() }
    }

    pub(crate) fn of_change_set(set: &ChangeSet, at_micros: i64) -> Self {
        let shape = Shape {
            kind: mode_word(set.mode),
            tenant_id: set.scope.tenant_id.clone(),
            principal: set.principal.id.clone(),
            capability: set.action.clone(),
            source_id: set.source.source_id.clone(),
            table: format!("{}.{}", set.source.schema, set.source.table),
            business_object: set.scope.business_object.clone(),
            query_fingerprint: set.evidence.query_fingerprint.to_string(),
        };
        Self { shape, object_id: Some(set.scope.object_id.clone()), at_micros }
    }
}

impl Numbers {
    /// The number of a shape, given now if it has none.
    pub(crate) fn number(&mut self, connection: &Connection, shape: &Shape) -> Result<i64, LedgerError> {
        if let Some(number) = self.known.get(shape) {
            return Ok(*number);
        }
        let number = match stored(connection, shape)? {
            Some(number) => number,
            None => insert(connection, shape)?,
        };
        if self.known.len() >= KEPT && self.fresh.is_empty() {
            self.known.clear();
        }
        self.known.insert(shape.clone(), number);
        self.fresh.push(shape.clone());
        Ok(number)
    }

    /// How many stand in no commit yet.
    pub(crate) fn uncommitted(&self) -> usize {
        self.fresh.len()
    }

    /// Forgets those that came after the first `kept`: they were taken back.
    pub(crate) fn forget(&mut self, kept: usize) {
        for shape in self.fresh.drain(kept.min(self.fresh.len())..) {
            self.known.remove(&shape);
        }
    }

    /// All of them are committed.
    pub(crate) fn commit(&mut self) {
        self.fresh.clear();
    }
}

fn stored(connection: &Connection, shape: &Shape) -> Result<Option<i64>, LedgerError> {
    let select = "SELECT shape FROM shapes WHERE tenant_id = ?1 AND kind = ?2 AND capability = ?3 AND principal = ?4 \
        AND source_id = ?5 AND table_name = ?6 AND business_object = ?7 AND query_fingerprint = ?8";
    Ok(connection.prepare_cached(select)?.query_row(values(shape), |row| row.get(0)).optional()?)
}

fn insert(connection: &Connection, shape: &Shape) -> Result<i64, LedgerError> {
    let insert = "INSERT INTO shapes (tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.prepare_cached(insert)?.execute(values(shape))?;
    Ok(connection.last_insert_rowid())
}

fn values(shape: &Shape) -> [&str; 8] {
    let Shape { kind, tenant_id, principal, capability, source_id, table, business_object, query_fingerprint } = shape;
    [tenant_id, kind, capability, principal, source_id, table, business_object, query_fingerprint]
}
