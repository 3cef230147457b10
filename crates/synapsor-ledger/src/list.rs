//! Which records are there?
//!
//! A list finds its records along an index and then looks at each, one by one: what is shown is what the record says, and
//! a record that says something else than the index does is not shown. Nothing is verified; whoever acts on one loads it.

use std::sync::LazyLock;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use synapsor_proposal::Status;
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::{AuditId, EvidenceId, JobId, ProposalId};
use synapsor_protocol::{ErrorCode, OperationId, Outcome, Timestamp};

use crate::body::{self, Shelf};
use crate::chain::checksum_of;
use crate::error::LedgerError;
use crate::filter::{Filter, Page};
use crate::find::{self, EVIDENCE, Hit, Kinds, PROPOSALS, READS, RECEIPTS, find};
use crate::lines::{Activity, AuditLine, EvidenceLine, ReadOf, ReceiptLine, Summary};
use crate::projection::{FIXED, MOVING, RECEIPT, mode_word};
use crate::rows;

/// The proposals that match.
pub(crate) fn proposals(connection: &Connection, filter: &Filter) -> Result<Page<Summary>, LedgerError> {
    let hits = find(connection, &PROPOSALS, Kinds::Changes, filter, filter.status.map(Status::as_str), filter.page_size() + 1)?;
    page(filter, hits, |hit| proposal(connection, filter, &hit.id))
}

/// The receipts that match.
pub(crate) fn receipts(connection: &Connection, filter: &Filter) -> Result<Page<ReceiptLine>, LedgerError> {
    let hits = find(connection, &RECEIPTS, Kinds::Changes, filter, filter.outcome.map(Outcome::as_str), filter.page_size() + 1)?;
    page(filter, hits, |hit| receipt(connection, filter, &hit.id, hit.sequence))
}

/// The evidence that matches; with a status, that of the proposals in it.
pub(crate) fn evidence(connection: &Connection, filter: &Filter) -> Result<Page<EvidenceLine>, LedgerError> {
    let hits = reads(connection, filter, Kinds::Shown)?;
    page(filter, hits, |hit| shown(connection, filter, hit))
}

/// The audit rows that match; with a status, those of the proposals in it.
pub(crate) fn audits(connection: &Connection, filter: &Filter) -> Result<Page<AuditLine>, LedgerError> {
    let hits = reads(connection, filter, Kinds::Reads)?;
    page(filter, hits, |hit| audit(connection, filter, &audit_of(connection, hit)?))
}

/// Everything that matches. A status leaves what has none out.
pub(crate) fn activity(connection: &Connection, filter: &Filter) -> Result<Page<Activity>, LedgerError> {
    let (size, any) = (filter.page_size() + 1, filter.status.is_none() && filter.outcome.is_none());
    let mut hits = Vec::new();
    if any || filter.status.is_some() {
        hits.extend(find(connection, &PROPOSALS, Kinds::Changes, filter, filter.status.map(Status::as_str), size)?);
    }
    if any || filter.outcome.is_some() {
        hits.extend(find(connection, &RECEIPTS, Kinds::Changes, filter, filter.outcome.map(Outcome::as_str), size)?);
    }
    if any && filter.mode.is_none() {
        hits.extend(find(connection, &EVIDENCE, Kinds::Shown, filter, None, size)?);
        hits.extend(find(connection, &READS, Kinds::Reads, filter, None, size)?);
        hits.extend(find::diagnostics(connection, filter, size)?);
    }
    hits.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
    page(filter, hits, |hit| any_of(connection, filter, hit))
}

/// Whether a line is what the filter asks for.
pub(crate) fn matches(filter: &Filter, line: &Activity) -> bool {
    let any = filter.status.is_none() && filter.outcome.is_none();
    let (of, at) = match line {
        Activity::Proposal(line) => (any || filter.status == Some(line.status), line.created_at),
        Activity::Receipt(line) => (any || filter.outcome == Some(line.status), line.created_at),
        Activity::Evidence(line) => (any && read_fits(filter, &line.of), line.created_at),
        Activity::QueryAudit(line) => (any && read_fits(filter, &line.of), line.created_at),
        Activity::Diagnostic(line) => {
            let tenant = filter.tenant_id.is_none() || filter.tenant_id == line.tenant_id;
            (
                any && tenant
                    && !find::names_what_diagnostics_lack(filter)
                    && filter.capability.as_ref().is_none_or(|named| *named == line.capability),
                line.created_at,
            )
        }
    };
    let named = match line {
        Activity::Proposal(line) => {
            let Summary { tenant_id, principal, capability, source_id, table, business_object, object_id, .. } = line;
            fits(filter, [tenant_id, principal, capability, source_id, table, business_object], Some(object_id))
        }
        Activity::Receipt(line) => {
            let ReceiptLine { tenant_id, principal, capability, source_id, table, business_object, object_id, .. } = line;
            fits(filter, [tenant_id, principal, capability, source_id, table, business_object], Some(object_id))
        }
        Activity::Evidence(_) | Activity::QueryAudit(_) | Activity::Diagnostic(_) => true,
    };
    of && named && filter.from.is_none_or(|from| at >= from) && filter.to.is_none_or(|to| at <= to)
}

/// The newest proposal.
pub(crate) fn latest(connection: &Connection) -> Result<Option<ProposalId>, LedgerError> {
    let newest = "SELECT proposal_id FROM proposals ORDER BY number DESC LIMIT 1";
    let id: Option<String> = connection.prepare_cached(newest)?.query_row([], |row| row.get(0)).optional()?;
    Ok(id.and_then(|id| ProposalId::new(&id)))
}

/// The first page of what was found, one more than fits if there is more.
fn page<T>(
    filter: &Filter,
    mut hits: Vec<Hit>,
    mut line: impl FnMut(&Hit) -> Result<Option<T>, LedgerError>,
) -> Result<Page<T>, LedgerError> {
    let more = hits.len() > filter.page_size();
    hits.truncate(filter.page_size());
    let mut page = Page { lines: Vec::new(), next: hits.last().filter(|_| more).map(Hit::cursor), unreadable: 0 };
    for hit in &hits {
        match line(hit)? {
            Some(line) => page.lines.push(line),
            None => page.unreadable += 1,
        }
    }
    Ok(page)
}

fn any_of(connection: &Connection, filter: &Filter, hit: &Hit) -> Result<Option<Activity>, LedgerError> {
    Ok(match hit.rank {
        rank if rank == PROPOSALS.rank => proposal(connection, filter, &hit.id)?.map(Activity::Proposal),
        rank if rank == RECEIPTS.rank => receipt(connection, filter, &hit.id, hit.sequence)?.map(Activity::Receipt),
        rank if rank == EVIDENCE.rank => shown(connection, filter, hit)?.map(Activity::Evidence),
        rank if rank == READS.rank => audit(connection, filter, &hit.id)?.map(Activity::QueryAudit),
        _ => parsed(connection, Shelf::Diagnostics, &hit.id)?.map(Activity::Diagnostic),
    })
}

/// Reads in the order of their lists. One in a status is found by its proposal.
fn reads(connection: &Connection, filter: &Filter, kinds: Kinds) -> Result<Vec<Hit>, LedgerError> {
    let size = filter.page_size() + 1;
    match filter.status {
        Some(status) => find(connection, &PROPOSALS, Kinds::Changes, filter, Some(status.as_str()), size),
        None if filter.mode.is_some() => find(connection, &PROPOSALS, Kinds::Changes, filter, None, size),
        None => find(connection, if kinds == Kinds::Shown { &EVIDENCE } else { &READS }, kinds, filter, None, size),
    }
}

/// The audit row that a hit leads to.
fn audit_of(connection: &Connection, hit: &Hit) -> Result<String, LedgerError> {
    if hit.rank != PROPOSALS.rank {
        return Ok(hit.id.clone());
    }
    let select = "SELECT audit_id FROM proposals WHERE proposal_id = ?1";
    let found: Option<Option<String>> = connection.prepare_cached(select)?.query_row([&hit.id], |row| row.get(0)).optional()?;
    Ok(found.flatten().unwrap_or_default())
}

/// One proposal, if it is what the filter asks for.
pub(crate) fn proposal(connection: &Connection, filter: &Filter, id: &str) -> Result<Option<Summary>, LedgerError> {
    if !is_sound(connection, &PROPOSAL_ROW, (id,))? {
        return Ok(None);
    }
    let mut select = connection.prepare_cached(SELECT_PROPOSAL)?;
    let line = select.query_row([id], |row| Ok(summary(row))).optional()?.transpose()?.flatten();
    let fits = |line: &Summary| {
        let Summary { tenant_id, principal, capability, source_id, table, business_object, object_id, .. } = line;
        let of = [tenant_id, principal, capability, source_id, table, business_object];
        fits(filter, of, Some(object_id)) && filter.status.is_none_or(|status| status == line.status)
    };
    Ok(line.filter(fits))
}

fn summary(row: &Row<'_>) -> Result<Option<Summary>, LedgerError> {
    let text = |at: usize| row.get::<_, String>(at);
    let (outcome, code, evidence): (Option<String>, Option<String>, Option<String>) = (row.get(12)?, row.get(13)?, row.get(9)?);
    let (Some(proposal_id), Some(status)) = (ProposalId::new(&text(0)?), Status::parse(&text(1)?)) else { return Ok(None) };
    let times = [text(14)?, text(15)?, text(16)?].map(|time| Timestamp::parse(&time));
    let ([Some(expires_at), Some(created_at), Some(updated_at)], Some(mode)) = (times, mode_of(&text(2)?)) else { return Ok(None) };
    Ok(Some(Summary {
        proposal_id,
        status,
        mode,
        capability: text(3)?,
        tenant_id: text(4)?,
        principal: text(5)?,
        source_id: text(6)?,
        business_object: text(7)?,
        object_id: text(8)?,
        evidence_id: evidence.as_deref().and_then(EvidenceId::new),
        events: row.get(10)?,
        attempts: row.get(11)?,
        outcome: outcome.and_then(|word| outcome_of(&word)),
        code: code.and_then(|code| ErrorCode::foreign(&code)),
        expires_at,
        parked_at: row.get::<_, Option<i64>>(18)?.and_then(Timestamp::from_micros),
        created_at,
        updated_at,
        table: row.get::<_, Option<String>>(17)?.unwrap_or_default(),
    }))
}

/// One receipt, if it is what the filter asks for.
pub(crate) fn receipt(connection: &Connection, filter: &Filter, id: &str, sequence: u32) -> Result<Option<ReceiptLine>, LedgerError> {
    if !is_sound(connection, &RECEIPT_ROW, (id, sequence))? || !is_sound(connection, &PROPOSAL_ROW, (id,))? {
        return Ok(None);
    }
    let mut select = connection.prepare_cached(SELECT_RECEIPT)?;
    let line = select.query_row((id, sequence), |row| Ok(receipt_line(row, sequence))).optional()?.transpose()?.flatten();
    let fits = |line: &ReceiptLine| {
        let ReceiptLine { tenant_id, principal, capability, source_id, table, business_object, object_id, .. } = line;
        let of = [tenant_id, principal, capability, source_id, table, business_object];
        fits(filter, of, Some(object_id)) && filter.outcome.is_none_or(|outcome| outcome == line.status)
    };
    Ok(line.filter(fits))
}

fn receipt_line(row: &Row<'_>, sequence: u32) -> Result<Option<ReceiptLine>, LedgerError> {
    let text = |at: usize| row.get::<_, String>(at);
    let (proposal, job, key) = (ProposalId::new(&text(0)?), JobId::new(&text(1)?), OperationId::new(&text(4)?));
    let code = row.get_ref(5)?.as_str().ok().and_then(ErrorCode::foreign);
    let (Some(proposal_id), Some(writeback_job_id), Some(idempotency_key)) = (proposal, job, key) else { return Ok(None) };
    let (Some(status), Some(created_at)) = (outcome_of(&text(3)?), Timestamp::parse(&text(6)?)) else { return Ok(None) };
    Ok(Some(ReceiptLine {
        receipt_id: receipt_id(sequence, &proposal_id),
        proposal_id,
        writeback_job_id,
        attempt: row.get(2)?,
        status,
        idempotency_key,
        safe_error_code: code,
        created_at,
        capability: text(7)?,
        tenant_id: text(8)?,
        principal: text(9)?,
        business_object: text(10)?,
        object_id: text(11)?,
        source_id: text(12)?,
        table: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
    }))
}

/// What a receipt is called.
pub(crate) fn receipt_id(sequence: u32, proposal: &ProposalId) -> String {
    format!("receipt_{sequence}_{proposal}")
}

/// The evidence that a hit leads to, if it is what the filter asks for.
fn shown(connection: &Connection, filter: &Filter, hit: &Hit) -> Result<Option<EvidenceLine>, LedgerError> {
    let Some(audit) = audit(connection, filter, &audit_of(connection, hit)?)? else { return Ok(None) };
    match audit.evidence_id {
        Some(id) => evidence_line(connection, filter, id.as_str()),
        None => Ok(None),
    }
}

/// One evidence bundle, if it is what the filter asks for.
pub(crate) fn evidence_line(connection: &Connection, filter: &Filter, id: &str) -> Result<Option<EvidenceLine>, LedgerError> {
    let Some(bundle) = parsed::<Bundle>(connection, Shelf::Evidence, id)?.filter(|bundle| read_fits(filter, &bundle.of)) else {
        return Ok(None);
    };
    let Bundle { evidence_id, of, items, created_at } = bundle;
    let proposal_id = made_of(connection, &evidence_id)?;
    Ok(Some(EvidenceLine { evidence_id, proposal_id, of, items: items.len() as u32, created_at }))
}

/// One audit row, if it is what the filter asks for.
pub(crate) fn audit(connection: &Connection, filter: &Filter, id: &str) -> Result<Option<AuditLine>, LedgerError> {
    let Some(asked) = parsed::<Asked>(connection, Shelf::Audit, id)?.filter(|asked| read_fits(filter, &asked.of)) else {
        return Ok(None);
    };
    let Asked { audit_id, evidence_id, of, row_count, created_at } = asked;
    let proposal_id = evidence_id.as_ref().map(|id| made_of(connection, id)).transpose()?.flatten();
    Ok(Some(AuditLine { audit_id, evidence_id, proposal_id, of, row_count, created_at }))
}

/// The proposal that was made of this evidence.
pub(crate) fn made_of(connection: &Connection, evidence: &EvidenceId) -> Result<Option<ProposalId>, LedgerError> {
    let select = "SELECT proposal_id FROM proposals WHERE evidence_id = ?1";
    let id: Option<String> = connection.prepare_cached(select)?.query_row([evidence.as_str()], |row| row.get(0)).optional()?;
    Ok(id.and_then(|id| ProposalId::new(&id)))
}

/// What a line shows of an evidence bundle.
#[derive(Deserialize)]
struct Bundle {
    evidence_id: EvidenceId,
    #[serde(flatten)]
    of: ReadOf,
    items: Vec<IgnoredAny>,
    created_at: Timestamp,
}

/// What a line shows of an audit row.
#[derive(Deserialize)]
struct Asked {
    audit_id: AuditId,
    evidence_id: Option<EvidenceId>,
    #[serde(flatten)]
    of: ReadOf,
    row_count: u64,
    created_at: Timestamp,
}

fn parsed<T: DeserializeOwned>(connection: &Connection, shelf: Shelf, id: &str) -> Result<Option<T>, LedgerError> {
    match body::find(connection, shelf, id) {
        Err(LedgerError::AlteredCommit(_)) => Ok(None),
        found => found,
    }
}

fn read_fits(filter: &Filter, of: &ReadOf) -> bool {
    let ReadOf { tenant_id, principal, capability, source_id, table, business_object, object_id, query_fingerprint } = of;
    let of = [tenant_id, principal, capability, source_id, table, business_object];
    let shape = filter.query_fingerprint.as_ref().is_none_or(|fingerprint| fingerprint == query_fingerprint);
    shape && fits(filter, of, object_id.as_ref())
}

/// Whether a record says of itself what the filter asks for; an index only said where to look.
fn fits(filter: &Filter, of: [&String; 6], object: Option<&String>) -> bool {
    let [tenant_id, principal, capability, source_id, table, business_object] = of;
    let same = |wanted: &Option<String>, found: &String| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let named = same(&filter.tenant_id, tenant_id) && same(&filter.principal, principal) && same(&filter.capability, capability);
    let placed = same(&filter.source_id, source_id) && filter.means_table(table) && filter.means_object(business_object, table);
    let keyed = filter.key().is_ok_and(|key| key.is_none_or(|key| object.is_some_and(|object| object == key)));
    named && placed && keyed
}

fn outcome_of(word: &str) -> Option<Outcome> {
    let all = [Outcome::Applied, Outcome::AlreadyApplied, Outcome::Conflict, Outcome::Failed, Outcome::Unknown];
    all.into_iter().find(|outcome| outcome.as_str() == word)
}

fn mode_of(word: &str) -> Option<Mode> {
    let all = [Mode::ReadOnly, Mode::Shadow, Mode::ReviewRequired, Mode::ApprovedForWriteback];
    all.into_iter().find(|mode| mode_word(*mode) == word)
}

/// Whether a row is what its checksum was made of. Those of older programs have none.
fn is_sound(connection: &Connection, select: &str, key: impl rusqlite::Params) -> Result<bool, LedgerError> {
    let mut select = connection.prepare_cached(select)?;
    let width = select.column_count();
    let row = select.query_row(key, |row| rows::values(row, width)).optional()?;
    Ok(row.is_some_and(|mut row| row.pop().is_some_and(|sum| sum == Value::Null || sum == Value::from(checksum_of(&row)))))
}

static PROPOSAL_ROW: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<&str> = FIXED.into_iter().chain(MOVING).chain(["checksum"]).collect();
    format!("SELECT {} FROM proposals WHERE proposal_id = ?1", columns.join(", "))
});

static RECEIPT_ROW: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {}, checksum FROM writeback_receipts WHERE proposal_id = ?1 AND sequence = ?2", RECEIPT.join(", ")));

const SELECT_PROPOSAL: &str = "SELECT p.proposal_id, p.status, p.mode, p.capability, p.tenant_id, p.principal, p.source_id, \
    p.business_object, p.object_id, p.evidence_id, p.events, p.attempts, p.outcome, p.code, p.expires_at, p.created_at, p.updated_at, \
    s.table_name, j.parked_at FROM proposals AS p LEFT JOIN shapes AS s ON s.shape = p.shape \
    LEFT JOIN writeback_jobs AS j ON j.proposal_id = p.proposal_id WHERE p.proposal_id = ?1";

const SELECT_RECEIPT: &str = "SELECT r.proposal_id, r.writeback_job_id, r.attempt, r.status, r.idempotency_key, \
    iif(json_valid(r.receipt_json), r.receipt_json ->> '$.safe_error_code', NULL), r.created_at, p.capability, p.tenant_id, p.principal, \
    p.business_object, p.object_id, p.source_id, s.table_name FROM writeback_receipts AS r JOIN proposals AS p ON p.proposal_id = r.proposal_id \
    LEFT JOIN shapes AS s ON s.shape = r.shape WHERE r.proposal_id = ?1 AND r.sequence = ?2";
