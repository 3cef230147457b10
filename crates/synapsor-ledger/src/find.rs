//! Where are the newest records that match?
//!
//! A list takes one of three ways, each along one index in the order of the list, from the cursor on:
//!
//! 1. an object is named: the records of that object; few, so the other conditions are checked along the way;
//! 2. the conditions single out shapes: the newest of each shape, merged;
//! 3. neither, or too many shapes to ask one by one: the newest of all, by time. Reads, which have no index by time alone, go the
//!    second way with all their shapes.
//!
//! # Invariants
//! - Every statement names its index and seeks in it: nothing is scanned for want of one, nothing is sorted, there is no
//!   OFFSET. The statements are the same for all values.

use rusqlite::{Connection, Row, params_from_iter, types::Value};
use synapsor_protocol::Timestamp;

use crate::error::LedgerError;
use crate::filter::{Cursor, Filter};
use crate::projection::mode_word;
use crate::shape::{MISSED, SHOWN};

/// Shapes, times statuses, that are asked one by one. Beyond that the matches are dense enough to walk by time.
const LANES: usize = 4096;

/// What a table selects that needs nothing beside its id.
const NO_SEQUENCE: &str = "0";

/// A table that lists are made of.
#[derive(Debug)]
pub(crate) struct Drawer {
    table: &'static str,
    id: &'static str,
    /// What tells records of one id apart.
    sequence: &'static str,
    /// The words that its status may be; none for a table without one.
    statuses: &'static [&'static str],
    /// Whether it has an index by time alone.
    by_time: bool,
    /// Its place among records of the same moment.
    pub(crate) rank: u8,
}

/// Proposals.
pub(crate) static PROPOSALS: Drawer = Drawer {
    table: "proposals",
    id: "proposal_id",
    sequence: NO_SEQUENCE,
    statuses: &["pending_review", "approved", "rejected", "canceled", "expired", "pending_worker", "applied", "conflict", "failed"],
    by_time: true,
    rank: 1,
};

/// Receipts; they come before their proposal in a list, because they are its end.
pub(crate) static RECEIPTS: Drawer = Drawer {
    table: "writeback_receipts",
    id: "proposal_id",
    sequence: "sequence",
    statuses: &["applied", "already_applied", "conflict", "failed"],
    by_time: true,
    rank: 0,
};

/// Evidence, by the audit rows of the reads that gave it.
pub(crate) static EVIDENCE: Drawer =
    Drawer { table: "query_audit", id: "audit_id", sequence: NO_SEQUENCE, statuses: &[], by_time: false, rank: 2 };

/// Audit rows.
pub(crate) static READS: Drawer = Drawer { rank: 3, ..EVIDENCE };

/// Diagnostics; they have no shape.
static DIAGNOSTICS: Drawer =
    Drawer { table: "diagnostics", id: "diagnostic_id", sequence: NO_SEQUENCE, statuses: &[], by_time: true, rank: 4 };

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) at_micros: i64,
    pub(crate) rank: u8,
    pub(crate) id: String,
    pub(crate) sequence: u32,
}

impl Hit {
    /// The place of this record in a list.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor { at_micros: self.at_micros, rank: self.rank, sequence: self.sequence, id: self.id.clone() }
    }

    /// What lists are sorted by.
    pub(crate) fn order(&self) -> impl Ord + use<'_> {
        use std::cmp::Reverse;
        (Reverse(self.at_micros), self.rank, Reverse(&self.id), Reverse(self.sequence))
    }
}

/// A condition on the shapes: which kinds of records, beside what the filter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Reads that showed something.
    Shown,
    /// All reads.
    Reads,
    /// Proposals and receipts.
    Changes,
}

/// Finds up to `limit` records.
pub(crate) fn find(
    connection: &Connection,
    drawer: &'static Drawer,
    kinds: Kinds,
    filter: &Filter,
    status: Option<&'static str>,
    limit: usize,
) -> Result<Vec<Hit>, LedgerError> {
    let Ok(key) = filter.key() else { return Ok(Vec::new()) };
    let range = Range::of(drawer, filter);
    let shapes = if restricts(filter) || kinds == Kinds::Shown { Some(shapes(connection, kinds, filter)?) } else { None };
    let lanes = match &shapes {
        Some(shapes) => Some(shapes.clone()),
        None if status.is_some() || !drawer.by_time => Some(self::shapes(connection, kinds, filter)?),
        None => None,
    };
    if let Some(key) = key {
        return walk(connection, drawer, Way::Object(key), shapes.as_deref(), status, &range, limit);
    }
    let statuses: &[&str] = status.as_slice();
    let statuses = if statuses.is_empty() { drawer.statuses } else { statuses };
    match lanes {
        Some(lanes) if !drawer.by_time || lanes.len() * statuses.len().max(1) <= LANES => {
            merge(connection, drawer, &lanes, statuses, range, limit)
        }
        _ => walk(connection, drawer, Way::Time, shapes.as_deref(), status, &range, limit),
    }
}

/// From where to where, newest first.
#[derive(Debug, Clone)]
struct Range {
    from: i64,
    to: i64,
    /// Records must come after this place.
    after: (i64, String, u32),
}

impl Range {
    fn of(drawer: &Drawer, filter: &Filter) -> Self {
        let moment = |time: Option<Timestamp>, otherwise| time.map_or(otherwise, Timestamp::as_micros);
        let after = match &filter.before {
            None => (i64::MAX, String::new(), 0),
            Some(cursor) if cursor.rank == drawer.rank => (cursor.at_micros, cursor.id.clone(), cursor.sequence),
            // Records of other kinds at the cursor's moment come before it, or all after it.
            Some(cursor) if cursor.rank > drawer.rank => (cursor.at_micros, String::new(), 0),
            Some(cursor) => (cursor.at_micros.saturating_add(1), String::new(), 0),
        };
        Self { from: moment(filter.from, i64::MIN), to: moment(filter.to, i64::MAX).min(after.0), after }
    }

    fn values(&self, drawer: &Drawer) -> Vec<Value> {
        let (at, id, sequence) = &self.after;
        let mut values = vec![self.from.into(), self.to.into(), (*at).into(), id.clone().into()];
        if drawer.sequence != NO_SEQUENCE {
            values.push((*sequence).into());
        }
        values
    }
}

/// The condition of [`Range::values`] and the order of every list.
fn in_range(drawer: &Drawer) -> (String, String) {
    let Drawer { id, sequence, .. } = drawer;
    let (key, order) = match *sequence {
        NO_SEQUENCE => (format!("(at_micros, {id}) < (?, ?)"), format!("at_micros DESC, {id} DESC")),
        column => (format!("(at_micros, {id}, {column}) < (?, ?, ?)"), format!("at_micros DESC, {id} DESC, {column} DESC")),
    };
    (format!("at_micros >= ? AND at_micros <= ? AND {key}"), order)
}

/// The newest of each lane, merged.
fn merge(
    connection: &Connection,
    drawer: &'static Drawer,
    shapes: &[i64],
    statuses: &[&str],
    mut range: Range,
    limit: usize,
) -> Result<Vec<Hit>, LedgerError> {
    let mut select = connection.prepare_cached(&lane(drawer))?;
    let mut found: Vec<Hit> = Vec::new();
    let statuses: Vec<Option<&str>> = if statuses.is_empty() { vec![None] } else { statuses.iter().copied().map(Some).collect() };
    for (shape, status) in shapes.iter().flat_map(|shape| statuses.iter().map(move |status| (*shape, *status))) {
        let status = status.map(|word| Value::from(word.to_owned()));
        let values = [Value::from(shape)].into_iter().chain(status).chain(range.values(drawer)).chain([Value::from(limit as i64)]);
        let hits = select.query_map(params_from_iter(values), |row| hit(drawer, row))?;
        for hit in hits {
            found.push(hit?);
        }
        found.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        found.truncate(limit);
        // What is older than a full page need not be looked at.
        if let Some(last) = found.last().filter(|_| found.len() == limit) {
            range.from = range.from.max(last.at_micros);
        }
    }
    Ok(found)
}

fn lane(drawer: &Drawer) -> String {
    let Drawer { table, id, sequence, statuses, .. } = drawer;
    let (range, order) = in_range(drawer);
    let status = if statuses.is_empty() { "" } else { " AND status = ?" };
    format!(
        "SELECT at_micros, {id}, {sequence} FROM {table} INDEXED BY {table}_by_shape \
         WHERE shape = ?{status} AND {range} ORDER BY {order} LIMIT ?"
    )
}

/// Along which index to walk.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    Time,
    Object(&'a str),
}

fn walk(
    connection: &Connection,
    drawer: &'static Drawer,
    way: Way<'_>,
    shapes: Option<&[i64]>,
    status: Option<&str>,
    range: &Range,
    limit: usize,
) -> Result<Vec<Hit>, LedgerError> {
    let mut select = connection.prepare_cached(&along(drawer, way, shapes.is_some(), status.is_some()))?;
    let object = match way {
        Way::Time => None,
        Way::Object(id) => Some(Value::from(id.to_owned())),
    };
    let shapes = shapes.map(|shapes| Value::from(serde_json::Value::from(shapes.to_vec()).to_string()));
    let status = status.map(|word| Value::from(word.to_owned()));
    let values = object.into_iter().chain(range.values(drawer)).chain(shapes).chain(status).chain([Value::from(limit as i64)]);
    let hits = select.query_map(params_from_iter(values), |row| hit(drawer, row))?;
    Ok(hits.collect::<rusqlite::Result<_>>()?)
}

fn along(drawer: &Drawer, way: Way<'_>, by_shape: bool, by_status: bool) -> String {
    let Drawer { table, id, sequence, .. } = drawer;
    let (range, order) = in_range(drawer);
    let (index, object) = match way {
        Way::Time => ("by_time", ""),
        Way::Object(_) => ("by_object", "object_id = ? AND "),
    };
    let shapes = if by_shape { " AND shape IN (SELECT value FROM json_each(?))" } else { "" };
    let status = if by_status { " AND status = ?" } else { "" };
    format!(
        "SELECT at_micros, {id}, {sequence} FROM {table} INDEXED BY {table}_{index} \
         WHERE {object}{range}{shapes}{status} ORDER BY {order} LIMIT ?"
    )
}

fn hit(drawer: &Drawer, row: &Row<'_>) -> rusqlite::Result<Hit> {
    Ok(Hit { at_micros: row.get(0)?, rank: drawer.rank, id: row.get(1)?, sequence: row.get(2)? })
}

/// Finds up to `limit` diagnostics. They know a tenant and a capability and nothing else that a filter names.
pub(crate) fn diagnostics(connection: &Connection, filter: &Filter, limit: usize) -> Result<Vec<Hit>, LedgerError> {
    if names_what_diagnostics_lack(filter) {
        return Ok(Vec::new());
    }
    let range = Range::of(&DIAGNOSTICS, filter);
    let mut select = connection.prepare_cached(&diagnosed(filter.tenant_id.is_some(), filter.capability.is_some()))?;
    let named = [&filter.capability, &filter.tenant_id].into_iter().flatten().map(|text| Value::from(text.clone()));
    let values = named.chain(range.values(&DIAGNOSTICS)).chain([Value::from(limit as i64)]);
    let hits = select.query_map(params_from_iter(values), |row| hit(&DIAGNOSTICS, row))?;
    Ok(hits.collect::<rusqlite::Result<_>>()?)
}

/// Whether the filter says something that no diagnostic says of itself, so that none matches.
pub(crate) fn names_what_diagnostics_lack(filter: &Filter) -> bool {
    let others = Filter { tenant_id: None, capability: None, ..filter.clone() };
    restricts(&others) || filter.object_id.is_some() || filter.primary_key.is_some()
}

fn diagnosed(by_tenant: bool, by_capability: bool) -> String {
    let (range, order) = in_range(&DIAGNOSTICS);
    let (index, named) = match (by_capability, by_tenant) {
        (true, true) => ("capability", "capability = ? AND tenant_id = ? AND "),
        (true, false) => ("capability", "capability = ? AND "),
        (false, true) => ("tenant", "tenant_id = ? AND "),
        (false, false) => ("time", ""),
    };
    format!(
        "SELECT at_micros, diagnostic_id, 0 FROM diagnostics INDEXED BY diagnostics_by_{index} WHERE {named}{range} ORDER BY {order} LIMIT ?"
    )
}

/// Whether the filter says anything about shapes.
fn restricts(filter: &Filter) -> bool {
    let Filter { tenant_id, principal, capability, business_object, source_id, table, .. } = filter;
    let named = [tenant_id, principal, capability, business_object, source_id, table].iter().any(|member| member.is_some());
    named || filter.query_fingerprint.is_some() || filter.mode.is_some()
}

/// The numbers of the shapes that match.
fn shapes(connection: &Connection, kinds: Kinds, filter: &Filter) -> Result<Vec<i64>, LedgerError> {
    let text = |text: &Option<String>| text.clone();
    let conditions = [
        ("tenant_id", text(&filter.tenant_id)),
        ("principal", text(&filter.principal)),
        ("capability", text(&filter.capability)),
        ("source_id", text(&filter.source_id)),
        ("query_fingerprint", filter.query_fingerprint.as_ref().map(ToString::to_string)),
    ];
    let given: Vec<(&str, String)> = conditions.into_iter().filter_map(|(column, value)| Some((column, value?))).collect();
    let conditions: String = given.iter().map(|(column, _)| format!(" AND {column} = ?")).collect();
    let select = format!("SELECT shape, kind, table_name, business_object FROM shapes WHERE 1{conditions} ORDER BY shape DESC");
    let mut select = connection.prepare_cached(&select)?;
    let mut rows = select.query(params_from_iter(given.iter().map(|(_, value)| value)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, table, object): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        if is_of(kinds, filter, &kind) && filter.means_table(&table) && filter.means_object(&object, &table) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

fn is_of(kinds: Kinds, filter: &Filter, kind: &str) -> bool {
    match kinds {
        Kinds::Shown => kind == SHOWN && filter.mode.is_none(),
        Kinds::Reads => (kind == SHOWN || kind == MISSED) && filter.mode.is_none(),
        Kinds::Changes => kind != SHOWN && kind != MISSED && filter.mode.is_none_or(|mode| mode_word(mode) == kind),
    }
}

#[cfg(test)]
mod tests;
