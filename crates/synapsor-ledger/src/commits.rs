//! Do the commits of the store hold the records that they were made of?
//!
//! Each commit's hash is computed anew from the records that carry its number and the commit before it. Where records are missing, a record
//! of upkeep must say so; a gap that nobody recorded is found.

use std::collections::BTreeMap;

use rusqlite::Connection;
use synapsor_protocol::{Digest, Timestamp};

use crate::body::{Shelf, is_about};
use crate::chain::Commit;
use crate::error::LedgerError;
use crate::upkeep::{self, Gaps};

/// Checks the file, and every commit of the store; says how many records there are. Layouts of older programs are read too.
pub(crate) fn chained(connection: &Connection) -> Result<u64, LedgerError> {
    sound(connection)?;
    let (mut written, gaps) = written(connection)?;
    let records = written.values().map(Vec::len).sum::<usize>() as u64;
    commits(connection, &mut written, gaps)?;
    match written.into_keys().next() {
        Some(number) => Err(LedgerError::AlteredCommit(number)),
        None => Ok(records),
    }
}

/// Checks the file itself: that every page and every index agree. Lists find records by indexes, and no hash covers those.
fn sound(connection: &Connection) -> Result<(), LedgerError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(corrupt, Some(found)).into())
}

/// The digests of all records, by the commit whose number they carry, and the gaps that some of them explain.
fn written(connection: &Connection) -> Result<(BTreeMap<i64, Vec<Digest>>, Gaps), LedgerError> {
    let mut written: BTreeMap<i64, Vec<Digest>> = BTreeMap::new();
    for shelf in [Shelf::Evidence, Shelf::Audit, Shelf::Diagnostics] {
        let mut select =
            connection.prepare(&format!("SELECT commit_number, body_json, {}, tenant_id FROM {}", shelf.id(), shelf.table()))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (number, body): (i64, String) = (row.get(0)?, row.get(1)?);
            if !is_about(&body, shelf, &row.get::<_, String>(2)?, row.get(3)?) {
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
    let (gaps, stored) = match has_upkeep(connection)? {
        true => upkeep::gaps(connection)?,
        false => Default::default(),
    };
    for (number, digest) in stored {
        written.entry(number).or_default().push(digest);
    }
    Ok((written, gaps))
}

/// Whether the layout has a place for upkeep.
fn has_upkeep(connection: &Connection) -> Result<bool, LedgerError> {
    Ok(connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'upkeep'")?.exists([])?)
}

/// Checks every commit against its records and the commit before it; takes what it finds out of `written`. Commits that are gone, and
/// records of others, must be gaps that a record of upkeep explains.
fn commits(connection: &Connection, written: &mut BTreeMap<i64, Vec<Digest>>, mut gaps: Gaps) -> Result<(), LedgerError> {
    let remaining = if has_upkeep(connection)? { "remaining" } else { "NULL" };
    let mut select = connection.prepare(&format!("SELECT number, hash, created_at, records, {remaining} FROM commits ORDER BY number"))?;
    let mut rows = select.query([])?;
    let mut previous: Option<String> = None;
    let mut next = 1;
    while let Some(row) = rows.next()? {
        let (number, hash, created_at): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        while next < number
            && let Some((last, hash)) = gaps.emptied.remove(&next)
        {
            previous = Some(hash.to_string());
            next = last.saturating_add(1);
        }
        let altered = || LedgerError::AlteredCommit(next);
        if number != next {
            return Err(altered());
        }
        let mut records = written.remove(&number).unwrap_or_default();
        // Pruning goes by what is counted here.
        let (wrote, remaining): (i64, Option<i64>) = (row.get(3)?, row.get(4)?);
        if remaining.unwrap_or(wrote) != records.len() as i64 {
            return Err(altered());
        }
        records.extend(gaps.thinned.remove(&number).unwrap_or_default());
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
