//! How do many writers become one durable commit?
//!
//! One thread owns the one connection that writes. Whatever waits in its queue becomes one transaction, with one
//! savepoint per member.
//!
//! # Invariants
//! - A member is answered after the COMMIT that holds it, or with an error after which nothing of it is there.
//!   [`LedgerError::Unsettled`] alone leaves that open.
//! - A member that fails takes nothing else with it; if SQLite ended the transaction under it, the whole batch fails.
//! - No batch is answered from a file that is no longer the ledger's.
//! - The lock is let go at least every 20 ms, and then for long enough that another process can take it: SQLite does
//!   not queue those who wait.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};
use synapsor_protocol::{Digest, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::chain::Commit;
use crate::connection::{open_writer, settle};
use crate::error::LedgerError;
use crate::file::Place;
use crate::layout::user_version;
use crate::shape::{Numbers, Shape};

/// How long a batch takes members.
const BATCH: Duration = Duration::from_millis(20);

/// How long the lock is left alone after [`BATCH`] of writing.
const PAUSE: Duration = Duration::from_micros(500);

/// Members that may wait; further callers wait to wait.
const QUEUE: usize = 1024;

/// The open end of the queue.
#[derive(Debug)]
pub(crate) struct Writer {
    place: Arc<Place>,
    queue: Option<mpsc::Sender<Box<dyn Member>>>,
    thread: Option<JoinHandle<()>>,
}

/// What a member sees of the transaction it runs in.
pub(crate) struct Batch<'c> {
    pub(crate) connection: &'c Connection,
    /// The number of the group commit.
    pub(crate) commit: i64,
    records: Vec<Digest>,
    numbers: &'c mut Numbers,
}

/// A piece of work in a batch. Its answer waits for the commit.
trait Member: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Does the work; `false` means that it failed and must leave nothing behind.
    fn run(&mut self, batch: &mut Batch<'_>) -> bool;
    /// Answers with the member's own result, or with what ended the batch.
    fn answer(self: Box<Self>, batch: &Result<(), LedgerError>);
}

struct Task<T, F> {
    work: Option<F>,
    result: Option<Result<T, LedgerError>>,
    caller: oneshot::Sender<Result<T, LedgerError>>,
}

/// The thread's own state.
struct Scribe {
    place: Arc<Place>,
    connection: Option<Connection>,
    numbers: Numbers,
    /// The ledger's own number, once it was read.
    name: Option<i64>,
    busy_timeout: Duration,
    queue: mpsc::Receiver<Box<dyn Member>>,
    /// Since when the lock was taken again and again without a pause.
    busy_since: Instant,
    idle_since: Instant,
}

impl Writer {
    /// Starts the thread on this connection.
    pub(crate) fn start(connection: Connection, place: Arc<Place>, busy_timeout: Duration) -> std::io::Result<Self> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let now = Instant::now();
        let connection = Some(connection);
        let scribe = Scribe {
            place: Arc::clone(&place),
            connection,
            numbers: Numbers::default(),
            name: None,
            busy_timeout,
            queue,
            busy_since: now,
            idle_since: now,
        };
        let thread = std::thread::Builder::new().name("ledger-writer".into()).spawn(move || scribe.serve())?;
        Ok(Self { place, queue: Some(sender), thread: Some(thread) })
    }

    /// Runs `work` in the next batch and waits for its commit. If the future is dropped before the work began, it never
    /// does; after that it may or may not be on record.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Batch<'_>) -> Result<T, LedgerError> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let task = Task { work: Some(work), result: None, caller };
        let queue = self.queue.as_ref().ok_or(LedgerError::Closed)?;
        queue.send(Box::new(task)).await.map_err(|_| LedgerError::Closed)?;
        answer.await.unwrap_or(Err(LedgerError::Closed)).map_err(|error| error.at(self.place.path()))
    }
}

impl Drop for Writer {
    /// What waits in the queue is still written; then the file is closed.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Batch<'_> {
    /// Has the group commit's hash cover this record.
    pub(crate) fn cover(&mut self, record: Digest) {
        self.records.push(record);
    }

    /// The number of a shape.
    pub(crate) fn number(&mut self, shape: &Shape) -> Result<i64, LedgerError> {
        self.numbers.number(self.connection, shape)
    }

    /// Runs one member in a savepoint. An error here means that the transaction is gone.
    fn admit(&mut self, member: &mut dyn Member) -> Result<(), LedgerError> {
        let (covered, numbered) = (self.records.len(), self.numbers.uncommitted());
        step(self.connection, "SAVEPOINT member")?;
        if !member.run(self) {
            if self.connection.is_autocommit() {
                return Err(LedgerError::RolledBack);
            }
            self.records.truncate(covered);
            self.numbers.forget(numbered);
            step(self.connection, "ROLLBACK TO member")?;
        }
        step(self.connection, "RELEASE member")?;
        Ok(())
    }

    /// Writes the row that chains this batch to the one before it.
    fn seal(&mut self, previous: Option<&str>, name: i64) -> Result<(), LedgerError> {
        if self.records.is_empty() {
            return Ok(());
        }
        self.records.sort_unstable();
        let created_at = Timestamp::now();
        let hash = Commit { created_at, number: self.commit, previous, records: &self.records }.hash()?;
        // The ledger's number beside it: a log of another ledger is known by its last commit.
        let row = (self.commit, self.records.len() as i64, hash.as_str(), created_at.to_string(), name);
        let insert = "INSERT INTO commits (number, records, hash, created_at, ledger) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection.prepare_cached(insert)?.execute(row)?;
        Ok(())
    }
}

impl Scribe {
    fn serve(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut members = vec![first];
            let outcome = self.batch(&mut members);
            self.idle_since = Instant::now();
            if let Err(error) = &outcome {
                tracing::warn!(error = %error, members = members.len(), "a batch of the ledger failed");
            }
            for member in members {
                member.answer(&outcome);
            }
        }
    }

    /// One transaction. Members that arrive while it runs join it.
    fn batch(&mut self, members: &mut Vec<Box<dyn Member>>) -> Result<(), LedgerError> {
        let place = Arc::clone(&self.place);
        self.let_others_write();
        let connection = self.take_connection()?;
        if let Err(gone) = place.check() {
            self.connection = Some(connection);
            return Err(gone);
        }
        let outcome = self.transact(&connection, members);
        match &outcome {
            Ok(()) => self.numbers.commit(),
            Err(_) => self.numbers.forget(0),
        }
        // After an error of COMMIT nobody knows what the handle believes: the next batch opens another.
        if !matches!(outcome, Err(LedgerError::Unsettled(_))) {
            if !connection.is_autocommit() {
                step(&connection, "ROLLBACK")?;
            }
            self.connection = Some(connection);
        }
        outcome?;
        place.check()
    }

    fn transact(&mut self, connection: &Connection, members: &mut Vec<Box<dyn Member>>) -> Result<(), LedgerError> {
        if let Err(error) = step(connection, "BEGIN IMMEDIATE") {
            // Who waits now would wait as long again, and in vain.
            while let Ok(member) = self.queue.try_recv() {
                members.push(member);
            }
            return Err(error.into());
        }
        let (number, previous) = head(connection)?;
        let name = self.name.map_or_else(|| user_version(connection), Ok)?;
        self.name = Some(name);
        let mut batch = Batch { connection, commit: number + 1, records: Vec::new(), numbers: &mut self.numbers };
        fill(&mut batch, members, &mut self.queue)?;
        batch.seal(previous.as_deref(), name)?;
        step(connection, "COMMIT").map_err(|error| LedgerError::Unsettled(Arc::new(error)))
    }

    /// The handle, or a new one if the last COMMIT left the old one in doubt.
    fn take_connection(&mut self) -> Result<Connection, LedgerError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let connection = open_writer(self.place.path(), self.busy_timeout)?;
        self.place.check_store()?;
        settle(&connection)?;
        head(&connection)?;
        self.place.observe_log();
        Ok(connection)
    }

    fn let_others_write(&mut self) {
        let now = Instant::now();
        if now - self.idle_since >= PAUSE {
            self.busy_since = now;
        } else if now - self.busy_since >= BATCH {
            std::thread::sleep(PAUSE);
            self.busy_since = Instant::now();
        }
    }
}

/// Does one piece of work in one commit, on a connection that nobody else writes with. `name` is the number that the ledger has from then
/// on.
#[cfg(feature = "decisions")]
pub(crate) fn commit_alone<T>(
    connection: &Connection,
    name: i64,
    work: impl FnOnce(&mut Batch<'_>) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    step(connection, "BEGIN IMMEDIATE")?;
    let (number, previous) = head(connection)?;
    let mut numbers = Numbers::default();
    let mut batch = Batch { connection, commit: number + 1, records: Vec::new(), numbers: &mut numbers };
    let done = work(&mut batch).and_then(|done| batch.seal(previous.as_deref(), name).map(|()| done));
    match done {
        Ok(done) => step(connection, "COMMIT").map(|()| done).map_err(Into::into),
        Err(error) => {
            // What went wrong first is what matters.
            let _ = step(connection, "ROLLBACK");
            Err(error)
        }
    }
}

/// Runs the members that are there, and those that come while it is not too late.
fn fill(batch: &mut Batch<'_>, members: &mut Vec<Box<dyn Member>>, queue: &mut mpsc::Receiver<Box<dyn Member>>) -> Result<(), LedgerError> {
    let started = Instant::now();
    let mut next = 0;
    loop {
        while let Some(member) = members.get_mut(next) {
            if !member.is_abandoned() {
                batch.admit(member.as_mut())?;
            }
            next += 1;
        }
        if started.elapsed() >= BATCH {
            return Ok(());
        }
        match queue.try_recv() {
            Ok(member) => members.push(member),
            Err(_) => return Ok(()),
        }
    }
}

/// The last group commit: its number, 0 if there is none, and its hash.
fn head(connection: &Connection) -> rusqlite::Result<(i64, Option<String>)> {
    let last = "SELECT number, hash FROM commits ORDER BY number DESC LIMIT 1";
    let row = connection.prepare_cached(last)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(row.map_or((0, None), |(number, hash)| (number, Some(hash))))
}

fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

impl<T, F> Member for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Batch<'_>) -> Result<T, LedgerError> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> bool {
        let result = self.work.take().map_or(Err(LedgerError::Closed), |work| work(batch));
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn answer(self: Box<Self>, batch: &Result<(), LedgerError>) {
        let result = match (self.result, batch) {
            // It failed on its own: nothing of it was in the batch.
            (Some(Err(own)), _) => Err(own),
            (_, Err(fault)) => Err(fault.clone()),
            (Some(done), Ok(())) => done,
            (None, Ok(())) => Err(LedgerError::Closed),
        };
        // Nobody listens if the caller gave up.
        let _ = self.caller.send(result);
    }
}

#[cfg(test)]
mod tests;
