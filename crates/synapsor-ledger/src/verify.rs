//! Is the whole ledger still what was written?
//!
//! Two chains are walked: the commits of the store, each against the records that carry its number, and the events of
//! every proposal. What somebody recomputed from some point on is found only against a head that is kept elsewhere.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, Timestamp};

use crate::chain::Commit;
use crate::error::{Altered, LedgerError};
use crate::load::load;

/// The last group commit. Keep it elsewhere to find later what was changed before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number, from 1.
    pub commit: u64,
    /// Its hash.
    pub hash: Digest,
}

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The last group commit; `None` if nothing was ever recorded.
    pub head: Option<Head>,
    /// How many records the commits cover.
    pub records: u64,
    /// How many proposals there are.
    pub proposals: u64,
}

/// The last group commit.
pub(crate) fn head(connection: &Connection) -> Result<Option<Head>, LedgerError> {
    let last = "SELECT number, hash FROM commits ORDER BY number DESC LIMIT 1";
    let row: Option<(i64, String)> = connection.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((number, hash)) = row else { return Ok(None) };
    let hash = Digest::new(&hash).ok_or(LedgerError::AlteredCommit(number))?;
    Ok(Some(Head { commit: number.unsigned_abs(), hash }))
}

/// Walks everything.
pub(crate) fn verify(connection: &Connection) -> Result<Verified, LedgerError> {
    let mut written = written(connection)?;
    let records = written.values().map(Vec::len).sum::<usize>() as u64;
    commits(connection, &mut written)?;
    if let Some(number) = written.into_keys().next() {
        return Err(LedgerError::AlteredCommit(number));
    }
    let mut select = connection.prepare("SELECT proposal_id FROM proposals ORDER BY number")?;
    let ids = select.query_map([], |row| row.get::<_, String>(0))?;
    let mut proposals = 0;
    for id in ids {
        proposals += 1;
        load(connection, &named(&id?)?)?;
    }
    nothing_left_behind(connection)?;
    Ok(Verified { head: head(connection)?, records, proposals })
}

/// The digests of all records, by the commit whose number they carry.
fn written(connection: &Connection) -> Result<BTreeMap<i64, Vec<Digest>>, LedgerError> {
    let mut written: BTreeMap<i64, Vec<Digest>> = BTreeMap::new();
    for (table, id) in [("evidence", "evidence_id"), ("query_audit", "audit_id"), ("diagnostics", "diagnostic_id")] {
        let mut select = connection.prepare(&format!("SELECT commit_number, body_json, {id}, tenant_id FROM {table}"))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (number, body): (i64, String) = (row.get(0)?, row.get(1)?);
            if !is_about(&body, id, row.get(2)?, row.get(3)?) {
                return Err(LedgerError::AlteredCommit(number));
            }
            written.entry(number).or_default().push(Digest::of_bytes(body.as_bytes()));
        }
    }
    let mut select = connection.prepare("SELECT commit_number, hash FROM proposal_events")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (number, hash): (i64, String) = (row.get(0)?, row.get(1)?);
        written.entry(number).or_default().push(Digest::new(&hash).ok_or(LedgerError::AlteredCommit(number))?);
    }
    Ok(written)
}

/// Whether a record names the id and the tenant that its row is found by: the commit covers the record alone.
fn is_about(body: &str, member: &str, id: String, tenant: Option<String>) -> bool {
    let Ok(Names { tenant_id, evidence_id, audit_id, diagnostic_id }) = serde_json::from_str(body) else { return false };
    let named = match member {
        "evidence_id" => evidence_id,
        "audit_id" => audit_id,
        _ => diagnostic_id,
    };
    named == Some(id) && tenant_id == tenant
}

/// The members of a record that columns repeat.
#[derive(Deserialize)]
struct Names {
    tenant_id: Option<String>,
    evidence_id: Option<String>,
    audit_id: Option<String>,
    diagnostic_id: Option<String>,
}

/// Checks that no row is about a proposal whose own row was removed: nothing else would miss it.
fn nothing_left_behind(connection: &Connection) -> Result<(), LedgerError> {
    for table in ["proposal_events", "approvals", "writeback_jobs", "writeback_receipts"] {
        let orphan = format!("SELECT proposal_id FROM {table} WHERE proposal_id NOT IN (SELECT proposal_id FROM proposals) LIMIT 1");
        let orphan: Option<String> = connection.query_row(&orphan, [], |row| row.get(0)).optional()?;
        if let Some(id) = orphan {
            return Err(LedgerError::Altered { id: named(&id)?, record: Altered::Removed });
        }
    }
    Ok(())
}

/// The id in a row. The ledger writes none that is not an id.
fn named(id: &str) -> Result<ProposalId, LedgerError> {
    ProposalId::new(id).ok_or(LedgerError::AlteredCommit(0))
}

/// Checks every commit against its records and the commit before it; takes what it finds out of `written`.
fn commits(connection: &Connection, written: &mut BTreeMap<i64, Vec<Digest>>) -> Result<(), LedgerError> {
    let mut select = connection.prepare("SELECT number, hash, created_at FROM commits ORDER BY number")?;
    let mut rows = select.query([])?;
    let mut previous: Option<String> = None;
    let mut next = 1;
    while let Some(row) = rows.next()? {
        let (number, hash, created_at): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let altered = || LedgerError::AlteredCommit(next);
        if number != next {
            return Err(altered());
        }
        let mut records = written.remove(&number).unwrap_or_default();
        records.sort_unstable();
        let created_at = Timestamp::parse(&created_at).ok_or_else(altered)?;
        let computed = Commit { created_at, number, previous: previous.as_deref(), records: &records }.hash()?;
        if computed.as_str() != hash {
            return Err(altered());
        }
        previous = Some(hash);
        next += 1;
    }
    Ok(())
}
