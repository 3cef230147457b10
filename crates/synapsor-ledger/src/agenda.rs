//! What is there to do for a worker at this moment, and what waits for a person?
//!
//! # Invariants
//! - Every statement seeks in an index that holds only what is not settled: a million finished jobs cost nothing.
//! - A lane is asked by itself, so that the jobs of a source that is down do not stand before those of another.
//! - What this says decides only when somebody tries; whoever acts loads, verifies and claims.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use synapsor_proposal::{DeadLetter, Status};
use synapsor_protocol::Timestamp;
use synapsor_protocol::id::ProposalId;

use crate::error::LedgerError;
use crate::filter::{Cursor, Filter, Page};
use crate::lease::{MAX_LEASE, micros};
use crate::lines::Summary;
use crate::list;
use crate::pause::{Pause, paused};

/// Where jobs are carried out: those of one lane succeed or wait together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Lane {
    /// The source.
    pub source_id: String,
    /// The executor.
    pub executor: String,
}

/// The jobs of one lane that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueIn {
    /// The lane.
    pub lane: Lane,
    /// The proposals, the one that has been due for the longest time first.
    pub jobs: Vec<ProposalId>,
}

/// What there is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agenda {
    /// Set while workers must not begin anything.
    pub paused: Option<Pause>,
    /// What is due, lane by lane: never tried, to be tried again, or left by somebody whose lease lapsed.
    pub due: Vec<DueIn>,
    /// When the next job is due that is not due yet.
    pub next_due_at: Option<Timestamp>,
    /// Proposals whose time passed before anybody claimed them.
    pub lapsed: Vec<ProposalId>,
}

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetterLine {
    /// The proposal.
    #[serde(flatten)]
    pub proposal: Summary,
    /// Why.
    pub reason: String,
}

/// Everything at one moment.
pub(crate) fn agenda(connection: &Connection, limit: u32) -> Result<Agenda, LedgerError> {
    let now = Timestamp::now();
    let mut agenda = Agenda { paused: paused(connection)?, lapsed: lapsed(connection, now, limit)?, ..Agenda::default() };
    for lane in lanes(connection)? {
        let jobs = due(connection, &lane, now, limit)?;
        let next = next_due_at(connection, &lane, now)?;
        agenda.next_due_at = [agenda.next_due_at, next].into_iter().flatten().min();
        if !jobs.is_empty() {
            agenda.due.push(DueIn { lane: Lane::of(&lane), jobs });
        }
    }
    Ok(agenda)
}

impl Lane {
    fn of(text: &str) -> Self {
        let (source_id, executor) = text.split_once('/').unwrap_or((text, ""));
        Self { source_id: source_id.to_owned(), executor: executor.to_owned() }
    }
}

/// The lanes in which something is not settled: one seek each.
fn lanes(connection: &Connection) -> Result<Vec<String>, LedgerError> {
    let next = "SELECT min(lane) FROM writeback_jobs INDEXED BY writeback_jobs_due WHERE due_at IS NOT NULL AND lane > ?1";
    let mut next = connection.prepare_cached(next)?;
    let mut lanes: Vec<String> = Vec::new();
    loop {
        let after = lanes.last().map_or("", String::as_str);
        match next.query_row([after], |row| row.get::<_, Option<String>>(0))? {
            Some(lane) => lanes.push(lane),
            None => return Ok(lanes),
        }
    }
}

/// The jobs of a lane that are due. A moment further ahead than any was ever put was written by a clock that was wrong, or by hand:
/// it holds nothing up.
fn due(connection: &Connection, lane: &str, now: Timestamp, limit: u32) -> Result<Vec<ProposalId>, LedgerError> {
    let from = |condition: &str| {
        format!(
            "SELECT proposal_id FROM writeback_jobs INDEXED BY writeback_jobs_due WHERE lane = ?1 AND {condition} ORDER BY due_at LIMIT ?3"
        )
    };
    let mut found = Vec::new();
    for (condition, bound) in [("due_at <= ?2", now.as_micros()), ("due_at > ?2", furthest(now))] {
        let mut select = connection.prepare_cached(&from(condition))?;
        let left = i64::from(limit).saturating_sub(found.len() as i64);
        let ids = select.query_map((lane, bound, left), |row| row.get::<_, String>(0))?;
        found.extend(ids.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found.iter().filter_map(|id| ProposalId::new(id)).collect())
}

fn next_due_at(connection: &Connection, lane: &str, now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
    let next = "SELECT min(due_at) FROM writeback_jobs INDEXED BY writeback_jobs_due WHERE lane = ?1 AND due_at > ?2 AND due_at <= ?3";
    let next: Option<i64> = connection.prepare_cached(next)?.query_row((lane, now.as_micros(), furthest(now)), |row| row.get(0))?;
    Ok(next.and_then(Timestamp::from_micros))
}

fn furthest(now: Timestamp) -> i64 {
    now.as_micros().saturating_add(micros(MAX_LEASE))
}

/// Proposals that nobody claimed in time.
fn lapsed(connection: &Connection, now: Timestamp, limit: u32) -> Result<Vec<ProposalId>, LedgerError> {
    let past = "SELECT proposal_id FROM proposals INDEXED BY proposals_open_until \
        WHERE open = 1 AND status = ?1 AND expires_at <= ?2 ORDER BY expires_at LIMIT ?3";
    let mut past = connection.prepare_cached(past)?;
    let mut found = Vec::new();
    for status in [Status::PendingReview, Status::Approved] {
        let ids = past.query_map((status.as_str(), now.to_string(), limit), |row| row.get::<_, String>(0))?;
        found.extend(ids.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(found.iter().filter_map(|id| ProposalId::new(id)).collect())
}

/// Claimed proposals of whose effect nothing certain is known, while nobody is at work on them.
pub(crate) fn unresolved(connection: &Connection) -> Result<Vec<ProposalId>, LedgerError> {
    let select = "SELECT p.proposal_id FROM proposals AS p INDEXED BY proposals_open_until \
        JOIN writeback_jobs AS j ON j.proposal_id = p.proposal_id \
        WHERE p.open = 1 AND p.status = 'pending_worker' AND p.outcome = 'unknown' \
        AND (j.lease_expires_at IS NULL OR j.lease_expires_at <= ?1 OR j.lease_expires_at > ?2) ORDER BY p.number";
    let now = Timestamp::now();
    let mut select = connection.prepare_cached(select)?;
    let ids = select.query_map((now.as_micros(), furthest(now)), |row| row.get::<_, String>(0))?;
    let ids = ids.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(ids.iter().filter_map(|id| ProposalId::new(id)).collect())
}

/// The dead letters that match.
pub(crate) fn dead_letters(connection: &Connection, filter: &Filter) -> Result<Page<DeadLetterLine>, LedgerError> {
    let select = "SELECT proposal_id, parked_at FROM writeback_jobs INDEXED BY writeback_jobs_parked \
        WHERE parked_at IS NOT NULL AND (parked_at, proposal_id) < (?1, ?2) ORDER BY parked_at DESC, proposal_id DESC";
    let (at, id) = filter.before.as_ref().map_or((i64::MAX, ""), |cursor| (cursor.at_micros, &cursor.id));
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query((at, id))?;
    let mut page = Page { lines: Vec::new(), next: None, unreadable: 0 };
    while let Some(row) = rows.next()? {
        let (id, at): (String, i64) = (row.get(0)?, row.get(1)?);
        if let Some(line) = dead_letter(connection, filter, &id, at)? {
            if page.lines.len() == filter.page_size() {
                page.next = page.lines.last().map(DeadLetterLine::cursor);
                return Ok(page);
            }
            page.lines.push(line);
        }
    }
    Ok(page)
}

fn dead_letter(connection: &Connection, filter: &Filter, id: &str, at: i64) -> Result<Option<DeadLetterLine>, LedgerError> {
    let (Some(proposal), Some(parked_at)) = (list::proposal(connection, filter, id)?, Timestamp::from_micros(at)) else { return Ok(None) };
    let in_time = filter.from.is_none_or(|from| parked_at >= from) && filter.to.is_none_or(|to| parked_at <= to);
    let of_mode =
        filter.mode.is_none_or(|mode| mode == proposal.mode) && filter.outcome.is_none_or(|outcome| Some(outcome) == proposal.outcome);
    let select = "SELECT payload_json FROM proposal_events WHERE proposal_id = ?1 AND kind = 'writeback_dead_lettered' \
        ORDER BY sequence DESC LIMIT 1";
    let payload: Option<String> = connection.prepare_cached(select)?.query_row([id], |row| row.get(0)).optional()?;
    let letter = payload.and_then(|payload| serde_json::from_str::<DeadLetter>(&payload).ok());
    let reason = letter.map(|letter| letter.reason).unwrap_or_default();
    Ok((in_time && of_mode).then_some(DeadLetterLine { proposal: Summary { parked_at: Some(parked_at), ..proposal }, reason }))
}

impl DeadLetterLine {
    fn cursor(&self) -> Cursor {
        let at_micros = self.proposal.parked_at.map_or(0, Timestamp::as_micros);
        Cursor { at_micros, rank: 0, sequence: 0, id: self.proposal.proposal_id.to_string() }
    }
}
