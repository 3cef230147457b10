//! How much does the ledger hold?

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use synapsor_protocol::Timestamp;

use crate::agenda::unresolved;
use crate::error::LedgerError;
use crate::file::beside;
use crate::pause::paused;
use crate::verify::{Head, head};

/// The tables that hold records.
const TABLES: [&str; 10] = [
    "proposals",
    "proposal_events",
    "approvals",
    "writeback_jobs",
    "writeback_receipts",
    "evidence",
    "query_audit",
    "diagnostics",
    "commits",
    "upkeep",
];

/// Sizes and counts of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The file.
    pub path: PathBuf,
    /// The layout of its tables.
    pub layout: u32,
    /// Rows per table.
    pub tables: Vec<Rows>,
    /// What is not settled.
    pub open: Open,
    /// Pages of the file.
    pub page_count: u64,
    /// Bytes per page.
    pub page_size: u64,
    /// Bytes of the pages that hold something.
    pub approx_bytes: u64,
    /// Bytes of the write-ahead log beside it.
    pub log_bytes: u64,
    /// The last group commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// When the first and the last group commit were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<[Timestamp; 2]>,
}

/// How much waits, and for whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Open {
    /// Waits for a decision.
    pub pending_review: u64,
    /// Approved, and not claimed yet.
    pub approved: u64,
    /// Claimed, and not settled.
    pub pending_worker: u64,
    /// Of these, how many may have had their effect, while nobody is at work on them: `reconcile` finds out.
    pub unresolved: u64,
    /// How many of what is approved or claimed are dead letters: a person replays or resolves them.
    pub dead_letters: u64,
    /// How many a worker would take up now.
    pub due: u64,
    /// Whether workers pause.
    pub paused: bool,
}

/// How many rows a table has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
}

/// Counts everything: one walk along the smallest index of each table.
pub(crate) fn stats(connection: &Connection, path: &Path) -> Result<Stats, LedgerError> {
    let number = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let mut tables = Vec::new();
    for table in TABLES {
        tables.push(Rows { table, rows: number(&format!("SELECT count(*) FROM {table}"))? });
    }
    let (page_count, page_size) = (number("PRAGMA page_count")?, number("PRAGMA page_size")?);
    let used = page_count.saturating_sub(number("PRAGMA freelist_count")?);
    Ok(Stats {
        path: path.to_owned(),
        layout: u32::try_from(number("SELECT max(version) FROM schema_version")?).unwrap_or(u32::MAX),
        tables,
        open: open(connection)?,
        page_count,
        page_size,
        approx_bytes: used.saturating_mul(page_size),
        log_bytes: fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len()),
        head: head(connection)?,
        between: between(connection)?,
    })
}

/// Counts what is not settled, along indexes that hold nothing else.
pub(crate) fn open(connection: &Connection) -> Result<Open, LedgerError> {
    let number = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    let of = |status: &str| {
        number(&format!("SELECT count(*) FROM proposals INDEXED BY proposals_open_until WHERE open = 1 AND status = '{status}'"))
    };
    let now = Timestamp::now().as_micros();
    Ok(Open {
        pending_review: of("pending_review")?,
        approved: of("approved")?,
        pending_worker: of("pending_worker")?,
        unresolved: unresolved(connection)?.len() as u64,
        dead_letters: number("SELECT count(*) FROM writeback_jobs WHERE parked_at IS NOT NULL")?,
        due: number(&format!("SELECT count(*) FROM writeback_jobs WHERE due_at IS NOT NULL AND due_at <= {now}"))?,
        paused: paused(connection)?.is_some(),
    })
}

fn between(connection: &Connection) -> Result<Option<[Timestamp; 2]>, LedgerError> {
    let mut times = Vec::new();
    for order in ["ASC", "DESC"] {
        let select = format!("SELECT created_at FROM commits ORDER BY number {order} LIMIT 1");
        let time: Option<String> = connection.query_row(&select, [], |row| row.get(0)).optional()?;
        times.extend(time.as_deref().and_then(Timestamp::parse));
    }
    Ok(<[Timestamp; 2]>::try_from(times).ok())
}
