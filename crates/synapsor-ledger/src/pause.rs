//! May workers begin something?
//!
//! A pause stands in the ledger, so it holds for every worker of this ledger, and outlives all of them. It stops nothing that has
//! begun, and no `apply` of a person.

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use synapsor_proposal::OperatorRecord;
use synapsor_protocol::Timestamp;

use crate::chain::json;
use crate::error::LedgerError;
use crate::writer::Batch;

/// The key of the pause among what the runner keeps.
const KEY: &str = "worker.pause";

/// Who lets workers pause, since when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: OperatorRecord,
    /// Since when.
    pub since: Timestamp,
    /// Why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The pause, if there is one. One that somebody made unreadable still is one.
pub(crate) fn paused(connection: &Connection) -> Result<Option<Pause>, LedgerError> {
    let select = "SELECT value_json, updated_at FROM runner_state WHERE key = ?1";
    let stored = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let stored = connection.prepare_cached(select)?.query_row([KEY], stored).optional()?;
    Ok(stored.map(|(value, at)| serde_json::from_str(&value).unwrap_or_else(|_| unreadable(&at))))
}

fn unreadable(at: &str) -> Pause {
    let by = OperatorRecord { account: "unknown".to_owned(), uid: u32::MAX, note: None };
    Pause { by, since: Timestamp::parse(at).unwrap_or_else(Timestamp::now), reason: None }
}

/// Begins a pause, unless there is one already.
pub(crate) fn begin(batch: &mut Batch<'_>, pause: Pause) -> Result<Pause, LedgerError> {
    if let Some(known) = paused(batch.connection)? {
        return Ok(known);
    }
    let value = String::from_utf8_lossy(&json("pause", &pause)?).into_owned();
    let insert = "INSERT INTO runner_state (key, value_json, updated_at) VALUES (?1, ?2, ?3)";
    batch.connection.prepare_cached(insert)?.execute((KEY, value, pause.since.to_string()))?;
    Ok(pause)
}

/// Ends the pause.
pub(crate) fn end(batch: &mut Batch<'_>) -> Result<Option<Pause>, LedgerError> {
    let ended = paused(batch.connection)?;
    batch.connection.prepare_cached("DELETE FROM runner_state WHERE key = ?1")?.execute([KEY])?;
    Ok(ended)
}
