//! What belongs to an id that somebody has in hand?

use rusqlite::{Connection, OptionalExtension};
use synapsor_protocol::id::ProposalId;

use crate::body::{self, Shelf};
use crate::error::LedgerError;
use crate::filter::Filter;
use crate::find::{Kinds, READS, find};
use crate::lines::{Activity, EvidenceLine};
use crate::list;
use crate::record::Evidence;

/// How far from its evidence an audit row may lie, and how many rows of one object are looked through.
const AROUND: (i64, usize) = (60_000_000, 10_000);

/// Everything about the record of this id, newest first; nothing if there is none. Proposals, replays, receipts, jobs,
/// operation ids, evidence, audit rows and diagnostics have ids.
pub(crate) fn related(connection: &Connection, id: &str, filter: &Filter) -> Result<Vec<Activity>, LedgerError> {
    let all = Filter::default();
    let mut found = match proposal_of(connection, id)? {
        // Neither a proposal nor a receipt says of itself which query was behind it.
        Some(proposal) if !is_of_shape(connection, &proposal, filter)? => Vec::new(),
        Some(proposal) => of_proposal(connection, &proposal)?,
        None => of_read(connection, id)?,
    };
    if let Some(diagnostic) = body::find(connection, Shelf::Diagnostics, id)? {
        found.push(Activity::Diagnostic(diagnostic));
    }
    if let (true, Some(audit)) = (found.is_empty(), list::audit(connection, &all, id)?) {
        found.push(Activity::QueryAudit(audit));
    }
    found.retain(|one| list::matches(filter, one));
    Ok(found)
}

/// The proposal that an id leads to.
fn proposal_of(connection: &Connection, id: &str) -> Result<Option<ProposalId>, LedgerError> {
    let bare = id.strip_prefix("replay_").unwrap_or(id);
    let of_receipt = id.strip_prefix("receipt_").and_then(|rest| rest.split_once('_')).map(|(_, proposal)| proposal);
    let of_operation = id.split_once(':').map(|(proposal, _)| proposal);
    for candidate in [Some(bare), of_receipt, of_operation].into_iter().flatten() {
        if let Some(found) = one(connection, "SELECT proposal_id FROM proposals WHERE proposal_id = ?1", candidate)? {
            return Ok(Some(found));
        }
    }
    if let Some(found) = one(connection, "SELECT proposal_id FROM writeback_jobs WHERE writeback_job_id = ?1", id)? {
        return Ok(Some(found));
    }
    let evidence = match list::audit(connection, &Filter::default(), id)? {
        Some(audit) => audit.evidence_id.map(|evidence| evidence.to_string()),
        None => Some(id.to_owned()),
    };
    evidence.map_or(Ok(None), |id| one(connection, "SELECT proposal_id FROM proposals WHERE evidence_id = ?1", &id))
}

/// Whether the query behind a proposal is the one that the filter names.
fn is_of_shape(connection: &Connection, id: &ProposalId, filter: &Filter) -> Result<bool, LedgerError> {
    let Some(wanted) = &filter.query_fingerprint else { return Ok(true) };
    let select = "SELECT 1 FROM proposals AS p JOIN shapes AS s ON s.shape = p.shape WHERE p.proposal_id = ?1 AND s.query_fingerprint = ?2";
    Ok(connection.prepare_cached(select)?.exists([id.as_str(), wanted.as_str()])?)
}

fn one(connection: &Connection, select: &str, id: &str) -> Result<Option<ProposalId>, LedgerError> {
    let found: Option<String> = connection.prepare_cached(select)?.query_row([id], |row| row.get(0)).optional()?;
    Ok(found.and_then(|id| ProposalId::new(&id)))
}

fn of_proposal(connection: &Connection, id: &ProposalId) -> Result<Vec<Activity>, LedgerError> {
    let all = Filter::default();
    let mut found = Vec::new();
    let mut sequences =
        connection.prepare_cached("SELECT sequence FROM writeback_receipts WHERE proposal_id = ?1 ORDER BY sequence DESC")?;
    for sequence in sequences.query_map([id.as_str()], |row| row.get(0))? {
        found.extend(list::receipt(connection, &all, id.as_str(), sequence?)?.map(Activity::Receipt));
    }
    found.extend(list::proposal(connection, &all, id.as_str())?.map(Activity::Proposal));
    let select = "SELECT evidence_id, audit_id FROM proposals WHERE proposal_id = ?1";
    let (evidence, audit): (Option<String>, Option<String>) =
        connection.prepare_cached(select)?.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(evidence) = evidence {
        found.extend(list::evidence_line(connection, &all, &evidence)?.map(Activity::Evidence));
    }
    if let Some(audit) = audit {
        found.extend(list::audit(connection, &all, &audit)?.map(Activity::QueryAudit));
    }
    Ok(found)
}

/// A read of which no proposal was made.
fn of_read(connection: &Connection, id: &str) -> Result<Vec<Activity>, LedgerError> {
    let all = Filter::default();
    let (evidence, audit) = match list::audit(connection, &all, id)? {
        Some(audit) => (audit.evidence_id.as_ref().map(ToString::to_string), Some(id.to_owned())),
        None => (Some(id.to_owned()), None),
    };
    let line = evidence.map_or(Ok(None), |id| list::evidence_line(connection, &all, &id))?;
    let audit = match (&line, audit) {
        (_, Some(audit)) => Some(audit),
        (Some(line), None) => audit_near(connection, line)?,
        (None, None) => None,
    };
    let audit = audit.map_or(Ok(None), |id| list::audit(connection, &all, &id))?;
    Ok(line.map(Activity::Evidence).into_iter().chain(audit.map(Activity::QueryAudit)).collect())
}

/// The audit row of the read that gave this evidence.
pub(crate) fn audit_id_of(connection: &Connection, evidence: &Evidence) -> Result<Option<String>, LedgerError> {
    let select = "SELECT audit_id FROM proposals WHERE evidence_id = ?1";
    let found: Option<Option<String>> =
        connection.prepare_cached(select)?.query_row([evidence.evidence_id.as_str()], |row| row.get(0)).optional()?;
    if let Some(Some(id)) = found {
        return Ok(Some(id));
    }
    let line = list::evidence_line(connection, &Filter::default(), evidence.evidence_id.as_str())?;
    line.map_or(Ok(None), |line| audit_near(connection, &line))
}

fn audit_near(connection: &Connection, line: &EvidenceLine) -> Result<Option<String>, LedgerError> {
    let moment = |micros| synapsor_protocol::Timestamp::from_micros(line.created_at.as_micros().saturating_add(micros));
    let filter = Filter {
        tenant_id: Some(line.of.tenant_id.clone()),
        capability: Some(line.of.capability.clone()),
        object_id: line.of.object_id.clone(),
        from: moment(-AROUND.0),
        to: moment(AROUND.0),
        ..Filter::default()
    };
    for hit in find(connection, &READS, Kinds::Shown, &filter, None, AROUND.1)? {
        let audit = list::audit(connection, &Filter::default(), &hit.id)?;
        if audit.is_some_and(|audit| audit.evidence_id.as_ref() == Some(&line.evidence_id)) {
            return Ok(Some(hit.id));
        }
    }
    Ok(None)
}
