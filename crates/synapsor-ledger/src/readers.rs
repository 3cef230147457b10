//! How are questions answered beside the writer?
//!
//! # Invariants
//! - A question sees one moment: it runs in one read transaction.
//! - Connections are made when they are first needed and bounded in number; one that failed is not used again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection::open_reader;
use crate::error::LedgerError;
use crate::file::Place;

/// A bounded pool of connections that read.
#[derive(Debug)]
pub(crate) struct Readers {
    place: Arc<Place>,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    busy_timeout: Duration,
}

impl Readers {
    /// A pool of at most `most` connections, none of them open yet.
    pub(crate) fn new(place: Arc<Place>, most: usize, busy_timeout: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(most.max(1)));
        Self { place, permits, idle: Mutex::default(), busy_timeout }
    }

    /// Runs `work` on a thread that may block, in one read transaction.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| LedgerError::Closed)?;
        let readers = Arc::clone(self);
        let answer = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also if the caller stops waiting.
            let _permit = permit;
            readers.run(work)
        });
        answer.await.unwrap_or(Err(LedgerError::Closed))
    }

    fn run<T>(&self, work: impl FnOnce(&Connection) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        self.place.check()?;
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = kept.map_or_else(|| open_reader(self.place.path(), self.busy_timeout), Ok)?;
        let answer = in_transaction(&connection, work).map_err(|error| error.at(self.place.path()));
        self.place.check()?;
        if !matches!(answer, Err(LedgerError::Engine(_) | LedgerError::Corrupt { .. })) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer
    }
}

fn in_transaction<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    let transaction = connection.unchecked_transaction()?;
    let answer = work(&transaction)?;
    transaction.finish()?;
    Ok(answer)
}
