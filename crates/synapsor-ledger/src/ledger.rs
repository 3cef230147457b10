//! How is a ledger opened?
//!
//! # Invariants
//! - Opening looks at a handful of pages, whatever the file holds.
//! - Nothing is changed in a file that is not a ledger, or that a newer program wrote.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::Notify;

use crate::agent::AgentLedger;
use crate::connection::{open_writer, settle};
use crate::copy;
use crate::error::LedgerError;
use crate::file::{Place, prepare, tighten, unopenable};
use crate::hold;
use crate::layout::{Found, build, recognise, same_name};
use crate::readers::Readers;
use crate::writer::Writer;

/// How to open a ledger.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Whether to make the file, and its folder, if they are not there.
    pub create: bool,
    /// How many readers may work at once.
    pub readers: usize,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
}

/// An open ledger. Clones share one writer and one pool of readers; the last one to go closes the file.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) writer: Arc<Writer>,
    pub(crate) readers: Arc<Readers>,
    /// Told when this process put something on record that a worker may act on.
    #[cfg_attr(not(feature = "decisions"), expect(dead_code, reason = "only the operator's side tells and listens"))]
    pub(crate) news: Arc<Notify>,
    place: Arc<Place>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { create: true, readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

impl Ledger {
    /// Opens the ledger of this file: makes it if it is not there and may be made, brings an older layout up to date and keeps
    /// a verified copy of what it was beside it, as `<file>.v<layout>.bak`. Blocks for a few milliseconds, or for as long as
    /// that copy takes. What is wrong with a file is said by its own variant of [`LedgerError`]; after an
    /// error the file is as it was.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Self, LedgerError> {
        let path = prepare(path, options.create)?;
        let share = hold::share(&path, options.busy_timeout)?;
        let connection = open_writer(&path, options.busy_timeout)?;
        patiently(options.busy_timeout, || match recognise(&connection, &path)? {
            // An empty file is no ledger yet, or no ledger any more. Whoever only looks must not make one of it.
            Found::Empty if !options.create => Err(LedgerError::Missing(path.clone())),
            Found::Empty | Found::Known(..=1) => Ok(()),
            Found::Known(_) => same_name(&connection, &path),
        })?;
        patiently(options.busy_timeout, || settle(&connection).map_err(|error| LedgerError::from(error).at(&path)))?;
        patiently(options.busy_timeout, || build(&connection, &path, |layout| copy::before(&path, layout)))?;
        tighten(&path)?;
        let place = Arc::new(observed(&connection, &path, share)?);
        let readers = Arc::new(Readers::new(Arc::clone(&place), options.readers, options.busy_timeout));
        let writer = Writer::start(connection, Arc::clone(&place), options.busy_timeout);
        let writer = Arc::new(writer.map_err(|error| unopenable(&path, error))?);
        Ok(Self { writer, readers, news: Arc::default(), place })
    }

    /// The handle for code that serves a model.
    pub fn agent(&self) -> AgentLedger {
        AgentLedger { ledger: self.clone() }
    }

    /// The handle for code that serves a person, a policy or a worker.
    #[cfg(feature = "decisions")]
    pub fn operator(&self) -> crate::operator::OperatorLedger {
        crate::operator::OperatorLedger { ledger: self.clone() }
    }

    /// The file, behind every link of its folder.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// The number of the account that owns the file.
    pub fn owner_uid(&self) -> u32 {
        self.place.owner_uid
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ledger").field(&self.path()).finish()
    }
}

/// Changing the journal mode and building tables need the file alone; SQLite does not wait for that in every case.
fn patiently(timeout: Duration, mut work: impl FnMut() -> Result<(), LedgerError>) -> Result<(), LedgerError> {
    let started = Instant::now();
    loop {
        match work() {
            Err(LedgerError::Busy) if started.elapsed() < timeout => std::thread::sleep(Duration::from_millis(2)),
            other => return other,
        }
    }
}

/// The first read makes SQLite open the write-ahead log, which then stays while the connection does.
fn observed(connection: &Connection, path: &Path, share: File) -> Result<Place, LedgerError> {
    recognise(connection, path)?;
    Place::observe(path, share)
}
