//! What do the tables look like, and which program may open them?
//!
//! # Invariants
//! - A layout that was released is never edited; a change is another step at the end of [`STEPS`].
//! - A file that is not a ledger, or that a newer program wrote, is left exactly as it is.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use synapsor_protocol::id::EventId;
use synapsor_protocol::{Digest, Timestamp};

use crate::chain::checksum;
use crate::connection::classify;
use crate::error::LedgerError;

/// `Syna`: how a ledger is told from another SQLite file.
const APPLICATION_ID: i64 = 0x5379_6e61;

/// How much of a file says what it is: the header of a database, and that of its first page.
pub(crate) const HEADER_BYTES: u64 = 108;

/// How SQLite marks a page of a table without pages below it.
const LEAF_PAGE: u8 = 13;

/// The steps that lead from an empty file to the current layout, and the program version that first knew each.
const STEPS: [(&str, &str); 4] = [("0.1.0", FIRST), ("0.1.0", SECOND), ("0.1.0", THIRD), ("0.1.0", FOURTH)];

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

/// What look-ups need: a record carries the number of its shape and its time in microseconds, and each way to look for it
/// is one index that ends in `(at_micros, id)`, the order of every list. Reads are many, so they have no index by time alone:
/// the newest of all is the newest of each shape. Evidence has no index of its own: it is found by the
/// audit row of its read. A checksum tells a damaged row from a sound one where nothing else does, in lists. The records of
/// an older file are filed here once; they have no checksum.
const SECOND: &str = "
CREATE TABLE shapes (
  shape INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  capability TEXT NOT NULL,
  principal TEXT NOT NULL,
  source_id TEXT NOT NULL,
  table_name TEXT NOT NULL,
  business_object TEXT NOT NULL,
  query_fingerprint TEXT NOT NULL,
  UNIQUE (tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint)
) STRICT;

ALTER TABLE commits ADD COLUMN ledger INTEGER;
ALTER TABLE evidence ADD COLUMN checksum INTEGER;
ALTER TABLE query_audit ADD COLUMN checksum INTEGER;
ALTER TABLE query_audit ADD COLUMN shape INTEGER;
ALTER TABLE query_audit ADD COLUMN object_id TEXT;
ALTER TABLE query_audit ADD COLUMN at_micros INTEGER;
ALTER TABLE diagnostics ADD COLUMN checksum INTEGER;
ALTER TABLE diagnostics ADD COLUMN capability TEXT;
ALTER TABLE diagnostics ADD COLUMN at_micros INTEGER;
ALTER TABLE proposals ADD COLUMN checksum INTEGER;
ALTER TABLE proposals ADD COLUMN shape INTEGER;
ALTER TABLE proposals ADD COLUMN at_micros INTEGER;
ALTER TABLE proposals ADD COLUMN evidence_id TEXT;
ALTER TABLE proposals ADD COLUMN audit_id TEXT;
ALTER TABLE writeback_receipts ADD COLUMN checksum INTEGER;
ALTER TABLE writeback_receipts ADD COLUMN shape INTEGER;
ALTER TABLE writeback_receipts ADD COLUMN object_id TEXT;
ALTER TABLE writeback_receipts ADD COLUMN at_micros INTEGER;

-- A record that somebody made unreadable is filed nowhere; loading it by its id still says what is wrong with it.
CREATE TEMP VIEW reads AS
  SELECT audit_id, tenant_id, iif(body ->> '$.evidence_id' IS NULL, 'missed', 'shown') AS kind, body ->> '$.capability' AS capability,
    body ->> '$.principal' AS principal, body ->> '$.source_id' AS source_id, body ->> '$.table' AS table_name,
    body ->> '$.business_object' AS business_object, body ->> '$.query_fingerprint' AS query_fingerprint,
    body ->> '$.object_id' AS object_id, body ->> '$.created_at' AS created_at
  FROM (SELECT audit_id, tenant_id, iif(json_valid(body_json), body_json, '{}') AS body FROM query_audit);
CREATE TEMP VIEW changes AS
  SELECT proposal_id, tenant_id, mode AS kind, capability, principal, source_id,
    (body ->> '$.source.schema') || '.' || (body ->> '$.source.table') AS table_name, business_object,
    body ->> '$.evidence.query_fingerprint' AS query_fingerprint, created_at
  FROM (SELECT *, iif(json_valid(change_set_json), change_set_json, '{}') AS body FROM main.proposals);
CREATE TEMP VIEW links AS
  SELECT proposal_id, body ->> '$.evidence_id' AS evidence_id, body ->> '$.audit_id' AS audit_id
  FROM (SELECT proposal_id, iif(json_valid(payload_json), payload_json, '{}') AS body FROM main.proposal_events WHERE kind = 'evidence_recorded');

INSERT OR IGNORE INTO shapes (tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint)
  SELECT tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint FROM reads
  UNION SELECT tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint FROM changes;
UPDATE query_audit SET shape = s.shape, object_id = r.object_id,
  at_micros = unixepoch(substr(r.created_at, 1, 19)) * 1000000 + substr(r.created_at, 21, 6)
  FROM reads AS r JOIN shapes AS s USING (tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint)
  WHERE r.audit_id = query_audit.audit_id;
UPDATE proposals SET shape = s.shape, at_micros = unixepoch(substr(c.created_at, 1, 19)) * 1000000 + substr(c.created_at, 21, 6)
  FROM changes AS c JOIN shapes AS s USING (tenant_id, kind, capability, principal, source_id, table_name, business_object, query_fingerprint)
  WHERE c.proposal_id = proposals.proposal_id;
UPDATE proposals SET evidence_id = l.evidence_id, audit_id = l.audit_id FROM links AS l WHERE l.proposal_id = proposals.proposal_id;
UPDATE writeback_receipts SET shape = p.shape, object_id = p.object_id,
  at_micros = unixepoch(substr(writeback_receipts.created_at, 1, 19)) * 1000000 + substr(writeback_receipts.created_at, 21, 6)
  FROM proposals AS p WHERE p.proposal_id = writeback_receipts.proposal_id;
UPDATE diagnostics SET capability = iif(json_valid(body_json), body_json, '{}') ->> '$.capability',
  at_micros = unixepoch(substr(iif(json_valid(body_json), body_json, '{}') ->> '$.created_at', 1, 19)) * 1000000
    + substr(iif(json_valid(body_json), body_json, '{}') ->> '$.created_at', 21, 6);
DROP VIEW temp.reads;
DROP VIEW temp.changes;
DROP VIEW temp.links;

DROP INDEX proposals_filter;
CREATE INDEX proposals_by_time ON proposals (at_micros, proposal_id, shape);
CREATE INDEX proposals_by_shape ON proposals (shape, status, at_micros, proposal_id);
CREATE INDEX proposals_by_object ON proposals (object_id, at_micros, proposal_id, shape);
CREATE INDEX proposals_by_evidence ON proposals (evidence_id);
CREATE INDEX query_audit_by_shape ON query_audit (shape, at_micros, audit_id);
CREATE INDEX query_audit_by_object ON query_audit (object_id, at_micros, audit_id, shape);
CREATE INDEX diagnostics_by_time ON diagnostics (at_micros, diagnostic_id);
CREATE INDEX diagnostics_by_tenant ON diagnostics (tenant_id, at_micros, diagnostic_id, capability);
CREATE INDEX diagnostics_by_capability ON diagnostics (capability, at_micros, diagnostic_id, tenant_id);
CREATE INDEX writeback_receipts_by_time ON writeback_receipts (at_micros, proposal_id, sequence, shape);
CREATE INDEX writeback_receipts_by_shape ON writeback_receipts (shape, status, at_micros, proposal_id, sequence);
CREATE INDEX writeback_receipts_by_object ON writeback_receipts (object_id, at_micros, proposal_id, sequence, shape);
CREATE INDEX writeback_jobs_by_id ON writeback_jobs (writeback_job_id);
";

/// What was done to the store as a whole: pruned, restored. Whoever removes records says so there, in the commit that removes them, and
/// `remaining` counts what is left of a commit that lost some.
const THIRD: &str = "
CREATE TABLE upkeep (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  commit_number INTEGER NOT NULL,
  body_json TEXT NOT NULL
) STRICT;

ALTER TABLE commits ADD COLUMN remaining INTEGER;
";

/// What a worker needs. A job that is not finished, and not a dead letter, is due at some moment: what is due is found by one seek
/// per lane, however many jobs are finished, because those stand in neither index. A lane is where a job is carried out: source
/// and executor.
const FOURTH: &str = "
ALTER TABLE writeback_jobs ADD COLUMN parked_at INTEGER;
ALTER TABLE writeback_jobs ADD COLUMN due_at INTEGER;
ALTER TABLE writeback_jobs ADD COLUMN lane TEXT;

UPDATE writeback_jobs SET lane = coalesce((SELECT source_id || '/' || coalesce(
    iif(json_valid(change_set_json), change_set_json, '{}') ->> '$.writeback.executor', 'sql_update')
  FROM proposals AS p WHERE p.proposal_id = writeback_jobs.proposal_id), '?/?');
UPDATE writeback_jobs SET due_at = coalesce(lease_expires_at, 0)
  WHERE proposal_id IN (SELECT proposal_id FROM proposals WHERE status IN ('approved', 'pending_worker'));

CREATE INDEX writeback_jobs_due ON writeback_jobs (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX writeback_jobs_parked ON writeback_jobs (parked_at) WHERE parked_at IS NOT NULL;
CREATE INDEX proposals_open_until ON proposals (status, expires_at) WHERE open = 1;

CREATE TABLE runner_state (
  key TEXT PRIMARY KEY,
  value_json TEXT NOT NULL,
  updated_at TEXT NOT NULL
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
    let released = connection.execute_batch("RELEASE recognise").map_err(engine);
    // After an error the savepoint may be gone with the transaction; what went wrong first is what matters.
    found.and_then(|found| released.map(|()| found))
}

fn look(connection: &Connection, path: &Path) -> Result<Found, LedgerError> {
    let number = |query| connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(|error| classify(path, error));
    match (number("PRAGMA application_id")?, number("SELECT count(*) FROM sqlite_schema")?) {
        (0, 0) => Ok(Found::Empty),
        (APPLICATION_ID, 1..) => version(connection, path).map(Found::Known),
        _ => Err(LedgerError::NotALedger(path.to_owned())),
    }
}

/// Makes the tables, or takes the steps that are missing. Safe when several programs do it at once. `keep` is called before a step is
/// taken from an older layout, while nobody can write; if it fails, none is.
pub(crate) fn build(connection: &Connection, path: &Path, keep: impl FnOnce(u32) -> Result<(), LedgerError>) -> Result<(), LedgerError> {
    let engine = |error| classify(path, error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(engine)?;
    let built = recognise(connection, path).and_then(|found| match found {
        Found::Known(version) if version < STEPS.len() as u32 => keep(version).map(|()| version),
        Found::Known(version) => Ok(version),
        Found::Empty => {
            connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; {VERSIONS}")).map(|()| 0).map_err(engine)
        }
    });
    let built = built.and_then(|version| climb(connection, version).and_then(|()| name(connection)).map_err(engine));
    let end = if built.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute_batch(end).map_err(engine);
    built.and(ended)
}

/// Refuses a file of which the first bytes say that it is no ledger. An empty one may become one, and so may a database without tables: what
/// makes it a ledger is in its log at first.
pub(crate) fn refuse_foreign(header: &[u8], path: &Path) -> Result<(), LedgerError> {
    let is_unmarked = header.get(68..72) == Some(&[0; 4]);
    let has_no_table = header.get(100) == Some(&LEAF_PAGE) && header.get(103..105) == Some(&[0; 2]);
    match header {
        [] => Ok(()),
        header if is_marked(header) => Ok(()),
        header if !header.starts_with(b"SQLite format 3\0") => Err(LedgerError::NotADatabase(path.to_owned())),
        _ if is_unmarked && has_no_table => Ok(()),
        _ => Err(LedgerError::NotALedger(path.to_owned())),
    }
}

/// Whether the first 100 bytes of a file are those of a ledger.
pub(crate) fn is_marked(header: &[u8]) -> bool {
    let application = header.get(68..72).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    application.is_some_and(|bytes| i64::from(u32::from_be_bytes(bytes)) == APPLICATION_ID)
}

/// Gives the ledger a number of its own, in the header of its file, if it has none.
fn name(connection: &Connection) -> rusqlite::Result<()> {
    if user_version(connection)? != 0 {
        return Ok(());
    }
    rename(connection).map(|_| ())
}

/// Gives the ledger a new number, so that a log of before is known to be another's.
pub(crate) fn rename(connection: &Connection) -> rusqlite::Result<i64> {
    let digest = Digest::of_bytes(EventId::generate().as_str().as_bytes());
    let number = (checksum(&digest).unsigned_abs() % u64::from(u32::MAX >> 1) + 1).cast_signed();
    connection.execute_batch(&format!("PRAGMA user_version = {number}")).map(|()| number)
}

/// Refuses a log that belongs to another ledger: the number that SQLite reads through the log, or that of the last commit, which
/// every log holds, is not that of the file. What no checkpoint wrote into the file yet is no sign of anything.
pub(crate) fn same_name(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let named = user_version(connection).map_err(|error| classify(path, error))?;
    let on_disk = on_disk(path);
    let last = "SELECT ledger FROM commits ORDER BY number DESC LIMIT 1";
    let last: Option<Option<i64>> = connection.query_row(last, [], |row| row.get(0)).optional().map_err(|error| classify(path, error))?;
    if on_disk.is_none_or(|on_disk| on_disk == 0 || on_disk == named) && last.flatten().is_none_or(|last| last == named) {
        return Ok(());
    }
    let found = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    let foreign = rusqlite::Error::SqliteFailure(found, Some("the log beside it belongs to another ledger".to_owned()));
    Err(LedgerError::Corrupt { path: path.to_owned(), source: Arc::new(foreign) })
}

/// The number in the file itself, whatever the log beside it says; nothing if it cannot be read. Through the engine: it keeps count of the
/// file's handles, and closing one of our own would take the locks of all others away.
fn on_disk(path: &Path) -> Option<i64> {
    let path = path.to_str()?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(byte);
    let encoded: String =
        path.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let alone = Connection::open_with_flags(format!("file:{encoded}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_NOFOLLOW).ok()?;
    user_version(&alone).ok()
}

/// The number of this ledger.
pub(crate) fn user_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
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
