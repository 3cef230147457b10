//! How is SQLite set up, and what do its errors mean?

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, MAIN_DB, OpenFlags};

use crate::error::LedgerError;
use crate::file;

/// How soon to ask again for the write lock, and after how many tries to slow down. SQLite's own handler waits up to
/// 100 ms between two tries, so a command line beside a busy server would rarely hit the gap between two batches.
const IMPATIENT: (Duration, i32) = (Duration::from_micros(200), 500);
const PATIENT: Duration = Duration::from_millis(1);

/// Pages in the write-ahead log before a commit moves them to the file: 16 MiB.
const CHECKPOINT_PAGES: u32 = 4096;

/// What SQLite calls a database file that was renamed or removed under an open connection.
const READONLY_DBMOVED: i32 = 1032;

/// What SQLite calls it when the index of the log, of a fixed size, finds no room.
const IOERR_SHMSIZE: i32 = 4874;

/// A connection that may write. It changes nothing in the file yet.
pub(crate) fn open_writer(path: &Path, busy_timeout: Duration) -> Result<Connection, LedgerError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    let engine = |error| classify(path, error);
    if connection.is_readonly(MAIN_DB).map_err(engine)? {
        return Err(LedgerError::ReadOnly(path.to_owned()));
    }
    // Closing the last connection moves the log into the file. Until both are known to be ours, that must not happen.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(engine)?;
    Ok(connection)
}

/// A connection that cannot write.
pub(crate) fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection, LedgerError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, busy_timeout)
}

/// Puts a recognised ledger into the mode that we write in: durable at every commit, readers beside the writer.
pub(crate) fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -8192;"
    ))
}

fn open(path: &Path, access: OpenFlags, busy_timeout: Duration) -> Result<Connection, LedgerError> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let set_up = |path: &Path| -> rusqlite::Result<Connection> {
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_handler(Some(patience(busy_timeout)))?;
        connection.set_prepared_statement_cache_capacity(64);
        // One plan for all values: otherwise SQLite plans a statement anew whenever its parameters change, each time.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;")?;
        Ok(connection)
    };
    set_up(path).map_err(|error| classify(path, error))
}

fn patience(timeout: Duration) -> impl FnMut(i32) -> bool + Send + 'static {
    let mut since = Instant::now();
    move |tries| {
        if tries == 0 {
            since = Instant::now();
        }
        let waiting = since.elapsed() < timeout;
        if waiting {
            std::thread::sleep(if tries < IMPATIENT.1 { IMPATIENT.0 } else { PATIENT });
        }
        waiting
    }
}

/// What an error of the engine means for the ledger.
pub(crate) fn classify(path: &Path, error: impl Into<Arc<Error>>) -> LedgerError {
    let (path, error) = (path.to_owned(), error.into());
    // A value that is not what its column holds: text that is no UTF-8, a number that is too large.
    let unreadable = matches!(
        *error,
        Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) | Error::Utf8Error(..)
    );
    if unreadable {
        return LedgerError::Corrupt { path, source: error };
    }
    match error.sqlite_error().map(|cause| (cause.code, cause.extended_code)) {
        Some((_, READONLY_DBMOVED)) => LedgerError::StoreGone,
        Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => LedgerError::Busy,
        Some((ErrorCode::ReadOnly, _)) => LedgerError::ReadOnly(path),
        Some((ErrorCode::DatabaseCorrupt, _)) => LedgerError::Corrupt { path, source: error },
        Some((ErrorCode::NotADatabase, _)) => LedgerError::NotADatabase(path),
        Some((ErrorCode::DiskFull, _) | (_, IOERR_SHMSIZE)) => LedgerError::Full,
        Some((ErrorCode::CannotOpen, _)) if !path.exists() => LedgerError::StoreGone,
        Some((ErrorCode::CannotOpen, _)) if !file::folder_is_writable(&path) => LedgerError::ReadOnly(path),
        _ => LedgerError::Engine(error),
    }
}
