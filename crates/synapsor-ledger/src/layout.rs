//! What do the tables look like, and which program may open them?
//!
//! # Invariants
//! - A layout that was released is never edited; a change is another step at the end of [`STEPS`].
//! - A file that is not a ledger, or that a newer program wrote, is left exactly as it is.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use synapsor_protocol::Timestamp;

use crate::connection::classify;
use crate::error::LedgerError;

/// `Syna`: how a ledger is told from another SQLite file.
const APPLICATION_ID: i64 = 0x5379_6e61;

/// The steps that lead from an empty file to the current layout, and the program version that first knew each.
const STEPS: [(&str, &str); 1] = [("0.1.0", FIRST)];

/// Few indexes, because every read of an agent is two rows here. `body_json` holds a record exactly as its digest was
/// made of it. `commit_number` names the group commit whose hash covers the row.
const FIRST: &str = "
CREATE TABLE commits (
  number INTEGER PRIMARY KEY,
  records INTEGER NOT NULL,
  hash TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE evidence (
  evidence_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  body_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE query_audit (
  audit_id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  body_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE diagnostics (
  diagnostic_id TEXT PRIMARY KEY,
  tenant_id TEXT,
  commit_number INTEGER NOT NULL,
  body_json TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE proposals (
  number INTEGER PRIMARY KEY,
  proposal_id TEXT NOT NULL UNIQUE,
  proposal_version INTEGER NOT NULL,
  proposal_hash TEXT NOT NULL,
  content_digest TEXT NOT NULL,
  approval_digest TEXT NOT NULL,
  capability_digest TEXT NOT NULL,
  mode TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  capability TEXT NOT NULL,
  business_object TEXT NOT NULL,
  object_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  status TEXT NOT NULL,
  open INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  outcome TEXT,
  code TEXT,
  updated_at TEXT NOT NULL,
  events INTEGER NOT NULL,
  head_hash TEXT NOT NULL,
  change_set_json TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX proposals_open_content ON proposals (content_digest) WHERE open = 1;
CREATE INDEX proposals_filter ON proposals (status, tenant_id, capability, object_id, business_object);

CREATE TABLE proposal_events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL,
  proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
  sequence INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  payload_json TEXT NOT NULL,
  created_at TEXT NOT NULL,
  hash TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  UNIQUE (proposal_id, sequence)
) STRICT;

CREATE TABLE approvals (
  proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
  status TEXT NOT NULL,
  proposal_version INTEGER NOT NULL,
  proposal_hash TEXT NOT NULL,
  approval_digest TEXT,
  approver TEXT NOT NULL,
  approver_uid INTEGER NOT NULL,
  note TEXT,
  role TEXT,
  reason TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (proposal_id, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE writeback_jobs (
  proposal_id TEXT PRIMARY KEY REFERENCES proposals (proposal_id),
  writeback_job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  holder TEXT,
  lease_id TEXT,
  lease_expires_at INTEGER,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE writeback_receipts (
  proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
  sequence INTEGER NOT NULL,
  writeback_job_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  receipt_json TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (proposal_id, sequence)
) STRICT, WITHOUT ROWID;
";

const VERSIONS: &str = "
CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY,
  needs TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;
";

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing at all.
    Empty,
    /// A ledger of a layout that this program knows.
    Known(u32),
}

/// Looks at a file without changing it: at one moment, because another program may be making the tables right now.
pub(crate) fn recognise(connection: &Connection, path: &Path) -> Result<Found, LedgerError> {
    let engine = |error| classify(path, error);
    connection.execute_batch("SAVEPOINT recognise").map_err(engine)?;
    let found = look(connection, path);
    connection.execute_batch("RELEASE recognise").map_err(engine)?;
    found
}

fn look(connection: &Connection, path: &Path) -> Result<Found, LedgerError> {
    let number = |query| connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(|error| classify(path, error));
    match (number("PRAGMA application_id")?, number("SELECT count(*) FROM sqlite_schema")?) {
        (0, 0) => Ok(Found::Empty),
        (APPLICATION_ID, 1..) => version(connection, path).map(Found::Known),
        _ => Err(LedgerError::NotALedger(path.to_owned())),
    }
}

/// Makes the tables, or takes the steps that are missing. Safe when several programs do it at once.
pub(crate) fn build(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let engine = |error| classify(path, error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(engine)?;
    let built = recognise(connection, path).and_then(|found| match found {
        Found::Known(version) => Ok(version),
        Found::Empty => {
            connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; {VERSIONS}")).map(|()| 0).map_err(engine)
        }
    });
    let built = built.and_then(|version| climb(connection, version).map_err(engine));
    let end = if built.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute_batch(end).map_err(engine);
    built.and(ended)
}

fn climb(connection: &Connection, from: u32) -> rusqlite::Result<()> {
    for (version, (needs, step)) in (1_u32..).zip(STEPS).skip(from as usize) {
        connection.execute_batch(step)?;
        connection.execute(
            "INSERT INTO schema_version (version, needs, applied_at) VALUES (?1, ?2, ?3)",
            (version, needs, Timestamp::now().to_string()),
        )?;
    }
    Ok(())
}

fn version(connection: &Connection, path: &Path) -> Result<u32, LedgerError> {
    let newest = "SELECT version, needs FROM schema_version ORDER BY version DESC LIMIT 1";
    let row: Option<(u32, String)> =
        connection.query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(|error| classify(path, error))?;
    let known = STEPS.len() as u32;
    match row {
        Some((found, needs)) if found > known => Err(LedgerError::Newer { found, known, needs }),
        Some((found, _)) => Ok(found),
        None => Err(LedgerError::NotALedger(path.to_owned())),
    }
}
