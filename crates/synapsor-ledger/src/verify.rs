//! Is the whole ledger still what was written?
//!
//! Two chains are walked: the commits of the store, each against the records that carry its number, and the events of
//! every proposal. What somebody recomputed from some point on is found only against a head that is kept elsewhere.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, Timestamp};

use crate::chain::Commit;
use crate::error::LedgerError;
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
        load(connection, &ProposalId::new(&id?).ok_or(LedgerError::AlteredCommit(0))?)?;
    }
    Ok(Verified { head: head(connection)?, records, proposals })
}

/// The digests of all records, by the commit whose number they carry.
fn written(connection: &Connection) -> Result<BTreeMap<i64, Vec<Digest>>, LedgerError> {
    let mut written: BTreeMap<i64, Vec<Digest>> = BTreeMap::new();
    for table in ["evidence", "query_audit", "diagnostics"] {
        let mut select = connection.prepare(&format!("SELECT commit_number, body_json FROM {table}"))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let body: String = row.get(1)?;
            written.entry(row.get(0)?).or_default().push(Digest::of_bytes(body.as_bytes()));
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
