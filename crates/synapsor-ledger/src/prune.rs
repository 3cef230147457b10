//! Which old records may go, and how do they go?
//!
//! # Invariants
//! - A proposal goes only when it is final, nothing contradicts it, and it did not move since the cutoff. What waits, is approved, is
//!   claimed, unknown or a dead letter is open, and stays, whatever its age.
//! - It goes whole: events, approval, job, receipts, evidence and audit row, and what it is replaced by is a record of upkeep.
//! - A read goes only when no proposal was made of it.
//! - Nothing goes that does not verify: it would take the evidence of what happened to it along.
//! - What keeps an effect from happening twice is the receipt in the source, which no pruning touches, and which never comes back: a new
//!   proposal of the same content has another id.
//! - A batch holds the writer up for a few milliseconds, and is one commit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, Timestamp};

use crate::body::{Shelf, is_sound};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::load::load;
use crate::upkeep::{self, Deed, Emptied, Removal, RemovedChain, Thinned};
use crate::writer::Batch;

/// How long a batch removes.
const BATCH: Duration = Duration::from_millis(8);

/// How long the writer is left to others between two batches.
const PAUSE: Duration = Duration::from_millis(2);

/// How many records are looked at for a batch.
const PAGE: usize = 256;

/// Before which moment what is old. What is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cutoffs {
    /// Reads that no proposal was made of, and the causes of refusals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<Timestamp>,
    /// Final proposals, by their last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposals: Option<Timestamp>,
}

/// What was pruned, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Rows by table.
    pub deleted: BTreeMap<String, u64>,
    /// Old records that stay because they do not verify.
    pub altered: u64,
}

/// What is looked at in order, each from its oldest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Proposals,
    Reads,
    Diagnostics,
}

/// A record that may be old enough.
type Candidate = String;

/// The place after which candidates are looked for.
type After = (i64, String);

/// Removes what is old, batch by batch, so that nobody waits for it. Dropped in between, what was removed is removed, and the next call
/// goes on.
pub(crate) async fn prune(ledger: &Ledger, cutoffs: Cutoffs, by: &str, dry_run: bool) -> Result<Pruned, LedgerError> {
    let mut pruned = Pruned::default();
    for (kind, before) in [(Kind::Proposals, cutoffs.proposals), (Kind::Reads, cutoffs.reads), (Kind::Diagnostics, cutoffs.reads)] {
        let Some(before) = before else { continue };
        let mut after = (i64::MIN, String::new());
        loop {
            let from = after.clone();
            let page = ledger.readers.read(move |connection| candidates(connection, kind, before, &from)).await?;
            let Some(last) = page.last().cloned() else { break };
            let ids: Vec<Candidate> = page.into_iter().map(|(_, id)| id).collect();
            pruned.add(if dry_run { preview(ledger, kind, before, ids).await? } else { remove(ledger, kind, before, by, ids).await? });
            after = last;
        }
    }
    Ok(pruned)
}

async fn preview(ledger: &Ledger, kind: Kind, before: Timestamp, ids: Vec<Candidate>) -> Result<Pruned, LedgerError> {
    let count = move |connection: &Connection| {
        let mut pruned = Pruned::default();
        for id in &ids {
            pruned.add(Taken::look(connection, kind, before, id)?.pruned());
        }
        Ok(pruned)
    };
    ledger.readers.read(count).await
}

async fn remove(ledger: &Ledger, kind: Kind, before: Timestamp, by: &str, mut ids: Vec<Candidate>) -> Result<Pruned, LedgerError> {
    let mut pruned = Pruned::default();
    ids.reverse();
    while !ids.is_empty() {
        let (by, left) = (by.to_owned(), ids);
        let batch = ledger.writer.write(move |batch| remove_some(batch, kind, before, &by, left)).await?;
        pruned.add(batch.0);
        ids = batch.1;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(pruned)
}

/// Removes from the end of `ids` for as long as a batch may take; answers with what is left of them.
fn remove_some(
    batch: &mut Batch<'_>,
    kind: Kind,
    before: Timestamp,
    by: &str,
    mut ids: Vec<Candidate>,
) -> Result<(Pruned, Vec<Candidate>), LedgerError> {
    let started = Instant::now();
    let (mut pruned, mut removal, mut gone) = (Pruned::default(), Removal::default(), BTreeMap::<i64, Vec<Digest>>::new());
    while started.elapsed() < BATCH
        && let Some(id) = ids.pop()
    {
        let taken = Taken::look(batch.connection, kind, before, &id)?;
        pruned.add(taken.pruned());
        if let Taken::Whole { records, chain, .. } = taken {
            delete(batch.connection, kind, &id, chain.is_some())?;
            removal.proposals.extend(chain);
            for (commit, digest) in records {
                gone.entry(commit).or_default().push(digest);
            }
        }
    }
    if !gone.is_empty() {
        removal.rows = pruned.deleted.clone();
        (removal.emptied, removal.thinned) = thin(batch, gone)?;
        upkeep::record(batch, by, Deed::Pruned(removal))?;
    }
    Ok((pruned, ids))
}

/// What of a candidate may go.
enum Taken {
    /// Nothing: it is not old, or not final, or something is made of it.
    Nothing,
    /// Nothing, because it does not verify.
    Altered,
    /// All of it.
    Whole {
        /// Rows by table.
        rows: BTreeMap<&'static str, u64>,
        /// The digests that commits cover, with the numbers of those.
        records: Vec<(i64, Digest)>,
        /// The chain of its events, if it is a proposal.
        chain: Option<RemovedChain>,
    },
}

impl Taken {
    fn look(connection: &Connection, kind: Kind, before: Timestamp, id: &str) -> Result<Self, LedgerError> {
        let taken = match kind {
            Kind::Proposals => proposal(connection, before, id),
            Kind::Reads => read(connection, before, id),
            Kind::Diagnostics => shelved(connection, Shelf::Diagnostics, id).map(|record| Self::of("diagnostics", record)),
        };
        match taken {
            Err(LedgerError::Altered { .. } | LedgerError::AlteredCommit(_) | LedgerError::Corrupt { .. }) => Ok(Self::Altered),
            other => other,
        }
    }

    fn of(table: &'static str, record: Option<(i64, Digest)>) -> Self {
        record.map_or(Self::Nothing, |record| Self::Whole { rows: BTreeMap::from([(table, 1)]), records: vec![record], chain: None })
    }

    fn pruned(&self) -> Pruned {
        match self {
            Self::Nothing => Pruned::default(),
            Self::Altered => Pruned { altered: 1, ..Pruned::default() },
            Self::Whole { rows, .. } => {
                Pruned { deleted: rows.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect(), altered: 0 }
            }
        }
    }
}

fn proposal(connection: &Connection, before: Timestamp, id: &str) -> Result<Taken, LedgerError> {
    let Some(id) = ProposalId::new(id) else { return Ok(Taken::Altered) };
    let case = match load(connection, &id) {
        Err(LedgerError::NoProposal(_)) => return Ok(Taken::Nothing),
        other => other?,
    };
    let state = &case.proposal;
    if state.status.is_open() || !state.contradictions.is_empty() || state.updated_at >= before {
        return Ok(Taken::Nothing);
    }
    let mut rows = BTreeMap::from([("proposals", 1), ("proposal_events", case.events.len() as u64)]);
    for table in ["approvals", "writeback_jobs", "writeback_receipts"] {
        let count = format!("SELECT count(*) FROM {table} WHERE proposal_id = ?1");
        rows.insert(table, connection.prepare_cached(&count)?.query_row([id.as_str()], |row| row.get::<_, i64>(0))?.unsigned_abs());
    }
    let mut records = Vec::new();
    let mut events = connection.prepare_cached("SELECT commit_number, hash FROM proposal_events WHERE proposal_id = ?1")?;
    let mut events = events.query([id.as_str()])?;
    while let Some(row) = events.next()? {
        let commit = row.get(0)?;
        records.push((commit, Digest::new(&row.get::<_, String>(1)?).ok_or(LedgerError::AlteredCommit(commit))?));
    }
    if !is_evidence_of_others(connection, case.evidence.evidence_id.as_str(), id.as_str())? {
        for (shelf, id) in [(Shelf::Evidence, case.evidence.evidence_id.as_str()), (Shelf::Audit, case.audit.audit_id.as_str())] {
            records.extend(shelved(connection, shelf, id)?);
            rows.insert(shelf.table(), 1);
        }
    }
    rows.retain(|_, rows| *rows > 0);
    let chain = Some(RemovedChain { proposal_id: id, events: state.events, head: case.head });
    Ok(Taken::Whole { rows, records, chain })
}

fn read(connection: &Connection, before: Timestamp, id: &str) -> Result<Taken, LedgerError> {
    let select = "SELECT at_micros, iif(json_valid(body_json), body_json ->> '$.evidence_id', NULL) FROM query_audit WHERE audit_id = ?1";
    let row: Option<(Option<i64>, Option<String>)> =
        connection.prepare_cached(select)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((Some(at), evidence)) = row else { return Ok(Taken::Nothing) };
    if at >= before.as_micros() || evidence.as_ref().is_some_and(|id| is_evidence(connection, id).unwrap_or(true)) {
        return Ok(Taken::Nothing);
    }
    let Some(audit) = shelved(connection, Shelf::Audit, id)? else { return Ok(Taken::Nothing) };
    let mut taken = (BTreeMap::from([("query_audit", 1)]), vec![audit]);
    if let Some(evidence) = evidence
        && let Some(record) = shelved(connection, Shelf::Evidence, &evidence)?
    {
        taken.0.insert("evidence", 1);
        taken.1.push(record);
    }
    Ok(Taken::Whole { rows: taken.0, records: taken.1, chain: None })
}

/// The commit and the digest of a record, if it is there and sound.
fn shelved(connection: &Connection, shelf: Shelf, id: &str) -> Result<Option<(i64, Digest)>, LedgerError> {
    let select = format!("SELECT commit_number, body_json, checksum FROM {} WHERE {} = ?1", shelf.table(), shelf.id());
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<i64>>(2)?));
    let Some((commit, body, sum)) = connection.prepare_cached(&select)?.query_row([id], row).optional()? else { return Ok(None) };
    if !is_sound(&body, sum) {
        return Err(LedgerError::AlteredCommit(commit));
    }
    Ok(Some((commit, Digest::of_bytes(body.as_bytes()))))
}

fn is_evidence(connection: &Connection, id: &str) -> Result<bool, LedgerError> {
    Ok(connection.prepare_cached("SELECT 1 FROM proposals WHERE evidence_id = ?1")?.exists([id])?)
}

fn is_evidence_of_others(connection: &Connection, id: &str, proposal: &str) -> Result<bool, LedgerError> {
    Ok(connection.prepare_cached("SELECT 1 FROM proposals WHERE evidence_id = ?1 AND proposal_id <> ?2")?.exists((id, proposal))?)
}

/// Removes every row of a candidate that may go.
fn delete(connection: &Connection, kind: Kind, id: &str, is_proposal: bool) -> Result<(), LedgerError> {
    let gone = |sql: &str| connection.prepare_cached(sql)?.execute([id]);
    match kind {
        Kind::Proposals if is_proposal => {
            let of = "(SELECT p.{} FROM proposals AS p WHERE p.proposal_id = ?1 AND NOT EXISTS \
                (SELECT 1 FROM proposals AS o WHERE o.evidence_id = p.evidence_id AND o.proposal_id <> p.proposal_id))";
            for (table, column) in [("evidence", "evidence_id"), ("query_audit", "audit_id")] {
                gone(&format!("DELETE FROM {table} WHERE {column} = {}", of.replace("{}", column)))?;
            }
            for table in ["writeback_receipts", "writeback_jobs", "approvals", "proposal_events", "proposals"] {
                gone(&format!("DELETE FROM {table} WHERE proposal_id = ?1"))?;
            }
        }
        Kind::Proposals => {}
        Kind::Reads => {
            gone("DELETE FROM evidence WHERE evidence_id = (SELECT body_json ->> '$.evidence_id' FROM query_audit WHERE audit_id = ?1)")?;
            gone("DELETE FROM query_audit WHERE audit_id = ?1")?;
        }
        Kind::Diagnostics => {
            gone("DELETE FROM diagnostics WHERE diagnostic_id = ?1")?;
        }
    }
    Ok(())
}

/// Takes what is gone off the commits that covered it, and says which of them hold nothing any more.
fn thin(batch: &Batch<'_>, gone: BTreeMap<i64, Vec<Digest>>) -> Result<(Vec<Emptied>, Vec<Thinned>), LedgerError> {
    let (mut emptied, mut thinned) = (Vec::<Emptied>::new(), Vec::new());
    let take = "UPDATE commits SET remaining = coalesce(remaining, records) - ?2 WHERE number = ?1 RETURNING remaining, hash";
    for (commit, mut records) in gone {
        let altered = || LedgerError::AlteredCommit(commit);
        let row = (commit, records.len() as i64);
        let taken = batch.connection.prepare_cached(take)?.query_row(row, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
        let (remaining, hash) = taken.optional()?.ok_or_else(altered)?;
        let hash = Digest::new(&hash).filter(|_| remaining >= 0).ok_or_else(altered)?;
        if remaining > 0 || commit + 1 == batch.commit {
            records.sort_unstable();
            thinned.push(Thinned { commit, records });
            continue;
        }
        batch.connection.prepare_cached("DELETE FROM commits WHERE number = ?1")?.execute([commit])?;
        match emptied.last_mut() {
            Some(range) if range.last + 1 == commit => (range.last, range.hash) = (commit, hash),
            _ => emptied.push(Emptied { first: commit, last: commit, hash }),
        }
    }
    Ok((emptied, thinned))
}

/// The next records that may be old enough, oldest first. Nothing after the last one that is.
fn candidates(connection: &Connection, kind: Kind, before: Timestamp, after: &After) -> Result<Vec<(i64, Candidate)>, LedgerError> {
    let select = match kind {
        Kind::Proposals => {
            "SELECT at_micros, proposal_id FROM proposals WHERE (at_micros, proposal_id) > (?1, ?2) AND at_micros < ?3 \
                ORDER BY at_micros, proposal_id LIMIT ?4"
        }
        Kind::Diagnostics => {
            "SELECT at_micros, diagnostic_id FROM diagnostics WHERE (at_micros, diagnostic_id) > (?1, ?2) AND at_micros < ?3 \
                ORDER BY at_micros, diagnostic_id LIMIT ?4"
        }
        // Ids sort by creation, and reads have no index by time alone.
        Kind::Reads => {
            "SELECT coalesce(at_micros, 0), audit_id FROM query_audit WHERE ?1 <= ?3 AND audit_id > ?2 ORDER BY audit_id LIMIT ?4"
        }
    };
    let mut select = connection.prepare_cached(select)?;
    let found = select.query_map((after.0, &after.1, before.as_micros(), PAGE as i64), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(i64, Candidate)> = found.collect::<rusqlite::Result<_>>()?;
    let any = found.iter().any(|(at, _)| *at < before.as_micros());
    Ok(if any { found } else { Vec::new() })
}

impl Pruned {
    fn add(&mut self, more: Self) {
        for (table, rows) in more.deleted {
            *self.deleted.entry(table).or_default() += rows;
        }
        self.altered += more.altered;
    }
}
