//! How is room made, and how does one begin anew?
//!
//! # Invariants
//! - Both need the store without anybody else.
//! - What is removed are the files of a ledger, by name, one by one. A folder is never removed, nor anything behind a link, nor a file that
//!   does not say of itself that it is a ledger.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::alone::Alone;
use crate::connection::{open_writer, settle};
use crate::copy::sweep;
use crate::error::LedgerError;
use crate::file::{beside, refuse_link, unopenable};
use crate::layout::{self, Found, HEADER_BYTES, is_marked, recognise, same_name};

/// How long commands that have the store open are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What vacuuming did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Vacuumed {
    /// Bytes of the store before, its log included.
    pub before: u64,
    /// Bytes afterwards.
    pub after: u64,
}

/// Writes the store anew without the room that removed records have left. After an error or a crash it is what it was.
/// With `force`, a lease file that cannot be read is passed over.
pub fn vacuum(store: &Path, force: bool) -> Result<Vacuumed, LedgerError> {
    let alone = Alone::take(store, "vacuum", force, PATIENCE)?;
    let before = length(&alone.store);
    let connection = open_writer(&alone.store, PATIENCE)?;
    if recognise(&connection, &alone.store)? == Found::Empty {
        return Err(LedgerError::Missing(alone.store.clone()));
    }
    same_name(&connection, &alone.store)?;
    let written = settle(&connection).and_then(|()| {
        connection.execute_batch("VACUUM")?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    });
    written.map_err(|error| LedgerError::from(error).at(&alone.store))?;
    drop(connection);
    Ok(Vacuumed { before, after: length(&alone.store) })
}

/// Removes the store: its file, its log and the lease file. Says what was removed of what was there. A ledger of a newer program is
/// refused: what it holds is not known here.
pub fn reset(store: &Path, force: bool) -> Result<Vec<PathBuf>, LedgerError> {
    let alone = Alone::take(store, "reset", force, PATIENCE)?;
    is_a_ledger(&alone.store)?;
    let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    // The log first: without its file it is nothing, and the file without it is still a ledger.
    let files = ["-wal", "-shm", "-journal", ""].map(|suffix| beside(&alone.store, suffix));
    let there = files.iter().filter(|path| is_file(path)).cloned().collect();
    refuse_newer(&alone.store)?;
    sweep(&alone.store);
    for path in files {
        refuse_link(&path)?;
        if is_file(&path) {
            fs::remove_file(&path).map_err(|error| unopenable(&path, error))?;
        }
    }
    Ok(there)
}

/// Whether a backup may take the place of this file: a ledger, another backup, an empty file, or nothing at all. What is neither a file
/// nor free is for the backup itself to refuse.
pub fn replaceable(path: &Path) -> Result<(), LedgerError> {
    // The tables of a young database are in its log alone.
    let has_log = || ["-wal", "-journal"].iter().any(|suffix| fs::metadata(beside(path, suffix)).is_ok_and(|log| log.len() > 0));
    match fs::symlink_metadata(path) {
        Ok(found) if found.len() == 0 && found.is_file() && has_log() => Err(LedgerError::NotALedger(path.to_owned())),
        Ok(found) if found.is_file() => is_a_ledger(path),
        _ => Ok(()),
    }
}

/// Whether the file says that it is a ledger, of whatever layout and in whatever state; an empty one is nobody's.
fn is_a_ledger(store: &Path) -> Result<(), LedgerError> {
    let mut header = Vec::new();
    let read = fs::File::open(store).and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut header));
    read.map_err(|error| unopenable(store, error))?;
    if header.is_empty() || is_marked(&header) {
        return Ok(());
    }
    layout::refuse_foreign(&header, store)?;
    Err(LedgerError::NotALedger(store.to_owned()))
}

/// Refuses a ledger of a newer program, as far as it can be read. One that cannot be is begun anew for that very reason.
fn refuse_newer(store: &Path) -> Result<(), LedgerError> {
    match open_writer(store, PATIENCE).and_then(|connection| recognise(&connection, store)) {
        Err(refused @ (LedgerError::Newer { .. } | LedgerError::Busy)) => Err(refused),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn length(store: &Path) -> u64 {
    ["", "-wal"].iter().filter_map(|suffix| fs::metadata(beside(store, suffix)).ok()).map(|found| found.len()).sum()
}
