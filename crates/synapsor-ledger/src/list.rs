//! Which proposals are there?
//!
//! A list reads one narrow index, then the rows it shows: a hundred thousand proposals cost a few milliseconds, with
//! any combination of filters. It shows projections and verifies nothing; whoever acts on one loads it.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use synapsor_proposal::Status;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ErrorCode, Outcome, Timestamp};

use crate::error::LedgerError;
use crate::record::{Filter, Summary};

/// The most that one list shows.
pub(crate) const MAX_LIMIT: u32 = 200;

/// What a list shows when nobody says how many.
const DEFAULT_LIMIT: u32 = 20;

const COLUMNS: &str = "number, proposal_id, status, capability, tenant_id, principal, business_object, object_id, \
    attempts, outcome, code, expires_at, created_at, updated_at";

/// The proposals that match, newest first.
pub(crate) fn list(connection: &Connection, filter: &Filter) -> Result<Vec<Summary>, LedgerError> {
    let (conditions, mut values) = conditions(filter);
    let limit = if filter.limit == 0 { DEFAULT_LIMIT } else { filter.limit.min(MAX_LIMIT) };
    values.push(Value::from(limit));
    let numbers = if conditions.is_empty() {
        "SELECT number FROM proposals ORDER BY number DESC LIMIT ?".to_owned()
    } else {
        // The planner would rather walk the wide table backwards and hope to find matches soon.
        let matching = conditions.join(" AND ");
        format!("SELECT number FROM proposals INDEXED BY proposals_filter WHERE {matching} ORDER BY number DESC LIMIT ?")
    };
    let select = format!("SELECT {COLUMNS} FROM proposals WHERE number IN ({numbers}) ORDER BY number DESC");
    let mut select = connection.prepare_cached(&select)?;
    let rows = select.query_map(params_from_iter(values), |row| Ok(summary(row)))?;
    let mut found = Vec::new();
    for row in rows {
        // A row that cannot be read was edited; loading it by its id says so.
        found.extend(row??);
    }
    Ok(found)
}

/// The newest proposal.
pub(crate) fn latest(connection: &Connection) -> Result<Option<ProposalId>, LedgerError> {
    let newest = "SELECT proposal_id FROM proposals ORDER BY number DESC LIMIT 1";
    let id: Option<String> = connection.prepare_cached(newest)?.query_row([], |row| row.get(0)).optional()?;
    Ok(id.and_then(|id| ProposalId::new(&id)))
}

fn conditions(filter: &Filter) -> (Vec<&'static str>, Vec<Value>) {
    let text = |text: &Option<String>| text.clone().map(Value::from);
    let all = [
        ("status = ?", filter.status.map(|status| Value::from(status.as_str().to_owned()))),
        ("tenant_id = ?", text(&filter.tenant_id)),
        ("capability = ?", text(&filter.capability)),
        ("business_object = ?", text(&filter.business_object)),
        ("object_id = ?", text(&filter.object_id)),
        ("number < ?", filter.before.map(|number| Value::from(i64::try_from(number).unwrap_or(i64::MAX)))),
    ];
    all.into_iter().filter_map(|(condition, value)| value.map(|value| (condition, value))).unzip()
}

fn summary(row: &Row<'_>) -> Result<Option<Summary>, LedgerError> {
    let text = |at: usize| row.get::<_, String>(at);
    let (outcome, code): (Option<String>, Option<String>) = (row.get(9)?, row.get(10)?);
    let (Some(proposal_id), Some(status)) = (ProposalId::new(&text(1)?), Status::parse(&text(2)?)) else { return Ok(None) };
    let times = [text(11)?, text(12)?, text(13)?].map(|time| Timestamp::parse(&time));
    let [Some(expires_at), Some(created_at), Some(updated_at)] = times else { return Ok(None) };
    Ok(Some(Summary {
        cursor: row.get::<_, i64>(0)?.unsigned_abs(),
        proposal_id,
        status,
        capability: text(3)?,
        tenant_id: text(4)?,
        principal: text(5)?,
        business_object: text(6)?,
        object_id: text(7)?,
        attempts: row.get(8)?,
        outcome: outcome.and_then(|word| outcome_of(&word)),
        code: code.and_then(|code| ErrorCode::foreign(&code)),
        expires_at,
        created_at,
        updated_at,
    }))
}

fn outcome_of(word: &str) -> Option<Outcome> {
    let all = [Outcome::Applied, Outcome::AlreadyApplied, Outcome::Conflict, Outcome::Failed, Outcome::Unknown];
    all.into_iter().find(|outcome| outcome.as_str() == word)
}
