//! Is the whole ledger still what was written?
//!
//! Two chains are walked: the commits of the store, and the events of every proposal. What somebody recomputed from some point on is found
//! only against a head that is kept elsewhere.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use synapsor_protocol::Digest;
use synapsor_protocol::id::ProposalId;

use crate::body::{Shelf, is_about, is_sound};
use crate::commits::chained;
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
    let records = chained(connection).map_err(|error| pinpointed(connection, error))?;
    let mut select = connection.prepare("SELECT proposal_id FROM proposals ORDER BY number")?;
    let ids = select.query_map([], |row| row.get::<_, String>(0))?;
    let mut proposals = 0;
    for id in ids {
        proposals += 1;
        load(connection, &named(&id?)?)?;
    }
    nothing_left_behind(connection)?;
    filed_where_it_belongs(connection)?;
    Ok(Verified { head: head(connection)?, records, proposals })
}

/// The record that made a commit fail, if one can be told: a proposal that does not verify, or a read or the cause of a refusal that is not
/// what its checksum was made of.
fn pinpointed(connection: &Connection, error: LedgerError) -> LedgerError {
    let LedgerError::AlteredCommit(commit) = error else { return error };
    match proposal_of(connection, commit).or_else(|_| read_of(connection, commit)) {
        Ok(found) => found,
        Err(_) => LedgerError::AlteredCommit(commit),
    }
}

/// A proposal with a record in this commit that does not verify.
fn proposal_of(connection: &Connection, commit: i64) -> Result<LedgerError, LedgerError> {
    let select = "SELECT proposal_id FROM proposals WHERE proposal_id IN (SELECT proposal_id FROM proposal_events WHERE commit_number = ?1) \
        OR evidence_id IN (SELECT evidence_id FROM evidence WHERE commit_number = ?1) \
        OR NOT EXISTS (SELECT 1 FROM proposal_events AS e WHERE e.proposal_id = proposals.proposal_id AND e.sequence = proposals.events) \
        OR events > (SELECT count(*) FROM proposal_events AS e WHERE e.proposal_id = proposals.proposal_id) ORDER BY number";
    let mut select = connection.prepare(select)?;
    let ids = select.query_map([commit], |row| row.get::<_, String>(0))?;
    for id in ids {
        if let Err(altered @ LedgerError::Altered { .. }) = load(connection, &named(&id?)?) {
            return Ok(altered);
        }
    }
    Err(LedgerError::AlteredCommit(commit))
}

/// A read, or the cause of a refusal, in this commit that does not verify.
fn read_of(connection: &Connection, commit: i64) -> Result<LedgerError, LedgerError> {
    for shelf in [Shelf::Evidence, Shelf::Audit, Shelf::Diagnostics] {
        let (id, table) = (shelf.id(), shelf.table());
        let select = format!("SELECT {id}, body_json, checksum, tenant_id FROM {table} WHERE commit_number = ?1 ORDER BY {id}");
        let mut select = connection.prepare(&select)?;
        let mut rows = select.query([commit])?;
        while let Some(row) = rows.next()? {
            let (id, body): (String, String) = (row.get(0)?, row.get(1)?);
            if !is_sound(&body, row.get(2)?) || !is_about(&body, shelf, &id, row.get(3)?) {
                return Ok(LedgerError::AlteredRecord { record: shelf.record(), id, commit });
            }
        }
    }
    Err(LedgerError::AlteredCommit(commit))
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

/// Checks that look-ups find every record where it belongs: the columns that they use repeat what the record says.
fn filed_where_it_belongs(connection: &Connection) -> Result<(), LedgerError> {
    for misfiled in [MISFILED_READ, MISFILED_DIAGNOSTIC] {
        if let Some(number) = connection.query_row(misfiled, [], |row| row.get(0)).optional()? {
            return Err(LedgerError::AlteredCommit(number));
        }
    }
    for (misfiled, record) in [(MISFILED_PROPOSAL, Altered::Projection("place in the lists")), (MISFILED_RECEIPT, Altered::Receipts)] {
        let id: Option<String> = connection.query_row(misfiled, [], |row| row.get(0)).optional()?;
        if let Some(id) = id {
            return Err(LedgerError::Altered { id: named(&id)?, record });
        }
    }
    Ok(())
}

const MISFILED_READ: &str = "SELECT a.commit_number FROM query_audit AS a LEFT JOIN shapes AS s ON s.shape = a.shape \
    WHERE s.tenant_id IS NOT a.tenant_id OR s.kind IS NOT iif(body_json ->> '$.evidence_id' IS NULL, 'missed', 'shown') \
      OR s.capability IS NOT body_json ->> '$.capability' OR s.principal IS NOT body_json ->> '$.principal' \
      OR s.source_id IS NOT body_json ->> '$.source_id' OR s.table_name IS NOT body_json ->> '$.table' \
      OR s.business_object IS NOT body_json ->> '$.business_object' OR s.query_fingerprint IS NOT body_json ->> '$.query_fingerprint' \
      OR a.object_id IS NOT body_json ->> '$.object_id' OR a.at_micros IS NOT unixepoch(substr(body_json ->> '$.created_at', 1, 19)) \
        * 1000000 + substr(body_json ->> '$.created_at', 21, 6) LIMIT 1";

const MISFILED_DIAGNOSTIC: &str = "SELECT commit_number FROM diagnostics WHERE capability IS NOT body_json ->> '$.capability' \
    OR at_micros IS NOT unixepoch(substr(body_json ->> '$.created_at', 1, 19)) * 1000000 + substr(body_json ->> '$.created_at', 21, 6) LIMIT 1";

const MISFILED_PROPOSAL: &str = "SELECT p.proposal_id FROM proposals AS p LEFT JOIN shapes AS s ON s.shape = p.shape \
    LEFT JOIN proposal_events AS e ON e.proposal_id = p.proposal_id AND e.kind = 'evidence_recorded' \
    WHERE s.tenant_id IS NOT p.tenant_id OR s.kind IS NOT p.mode OR s.capability IS NOT p.capability OR s.principal IS NOT p.principal \
      OR s.source_id IS NOT p.source_id OR s.business_object IS NOT p.business_object \
      OR s.table_name IS NOT (change_set_json ->> '$.source.schema') || '.' || (change_set_json ->> '$.source.table') \
      OR s.query_fingerprint IS NOT change_set_json ->> '$.evidence.query_fingerprint' \
      OR p.evidence_id IS NOT e.payload_json ->> '$.evidence_id' OR p.audit_id IS NOT e.payload_json ->> '$.audit_id' \
      OR p.at_micros IS NOT unixepoch(substr(p.created_at, 1, 19)) * 1000000 + substr(p.created_at, 21, 6) LIMIT 1";

const MISFILED_RECEIPT: &str = "SELECT r.proposal_id FROM writeback_receipts AS r JOIN proposals AS p ON p.proposal_id = r.proposal_id \
    WHERE r.shape IS NOT p.shape OR r.object_id IS NOT p.object_id \
      OR r.at_micros IS NOT unixepoch(substr(r.created_at, 1, 19)) * 1000000 + substr(r.created_at, 21, 6) LIMIT 1";

/// The id in a row. The ledger writes none that is not an id.
fn named(id: &str) -> Result<ProposalId, LedgerError> {
    ProposalId::new(id).ok_or(LedgerError::AlteredCommit(0))
}
