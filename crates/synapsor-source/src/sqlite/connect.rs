//! How is a SQLite file opened, and how many do we hold open?
//!
//! # Invariants
//! - A file is never created, and a reader opens it read-only.
//! - A connection belongs to one file, not to its name: once another file has the name, it is closed.
//! - A connection whose work was dropped in the middle is interrupted and closed, never pooled.
//! - A statement ends at its deadline: the progress handler looks at it every [`PROGRESS_STEPS`] steps of the machine.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, Object, Pool, RecycleError, RecycleResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::fault::{Fault, Phase};
use super::place::{self, Place};
use crate::error::SourceError;
use crate::pool;
use crate::settings::SourceSettings;

/// About a tenth of a millisecond between two looks at the deadline.
const PROGRESS_STEPS: i32 = 10_000;
/// Prepared statements kept per connection.
const CACHED_STATEMENTS: usize = 64;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    #[cfg(feature = "guarded-write")]
    Write,
}

/// The bounded connections to one file.
#[derive(Clone)]
pub(crate) struct Files {
    name: Arc<str>,
    pool: Pool<Opener>,
    acquire_timeout: Duration,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Files {
    pub(crate) fn new(name: Arc<str>, settings: &SourceSettings, path: PathBuf, access: Access) -> Result<Self, SourceError> {
        let opener = Opener { name: name.clone(), path, access, statement_timeout: settings.statement_timeout };
        Ok(Self { name, pool: pool::bounded(opener, settings)?, acquire_timeout: settings.acquire_timeout })
    }

    /// A connection of one's own, until it is dropped.
    pub(crate) async fn lease(&self) -> Result<Lease, SourceError> {
        let object = self.pool.get().await.map_err(|error| pool::refusal(error, &self.name, self.acquire_timeout))?;
        Ok(Lease { name: self.name.clone(), place: object.place.clone(), object: Some(object), clean: true })
    }
}

/// One connection in use.
pub(crate) struct Lease {
    name: Arc<str>,
    #[cfg_attr(not(feature = "guarded-write"), expect(dead_code, reason = "only a commit asks again"))]
    place: Arc<Place>,
    object: Option<Object<Opener>>,
    /// No statement runs and no transaction is open.
    clean: bool,
}

impl Lease {
    #[cfg(feature = "guarded-write")]
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The file of this connection.
    #[cfg(feature = "guarded-write")]
    pub(super) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Does one piece of work that leaves no transaction open, and gives the connection back.
    pub(crate) async fn finish<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, SourceError> {
        let result = self.work(work).await?;
        self.clean = true;
        result.map_err(|fault| fault.into_error(&self.name))
    }

    /// Does one piece of work within the statement timeout. The connection counts as in use until [`Lease::settle`].
    pub(crate) async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, SourceError> {
        self.clean = false;
        let lost = || SourceError::Lost { name: self.name.clone(), cause: "the connection's thread ended".into() };
        let Some(worker) = self.object.as_deref() else { return Err(lost()) };
        let (answer, answered) = oneshot::channel();
        let bounds = worker.bounds.clone();
        let job: Job = Box::new(move |connection, timeout| {
            bounds.set(Some(timeout));
            let result = work(connection);
            bounds.set(None);
            // Nobody waits any more if the caller was dropped.
            let _ = answer.send(result);
        });
        worker.jobs.send(job).map_err(|_| lost())?;
        answered.await.map_err(|_| lost())
    }

    /// Says that no transaction is open, so that the connection may be pooled.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn settle(&mut self) {
        self.clean = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.clean {
            return;
        }
        if let Some(object) = self.object.take() {
            // Closing the channel ends the thread; closing the connection rolls back.
            Object::take(object).bounds.cancel();
        }
    }
}

/// Opens connections for the pool.
pub(crate) struct Opener {
    name: Arc<str>,
    path: PathBuf,
    access: Access,
    statement_timeout: Duration,
}

impl managed::Manager for Opener {
    type Type = Worker;
    type Error = SourceError;

    async fn create(&self) -> Result<Worker, SourceError> {
        let (opened, opening) = oneshot::channel();
        let (jobs, inbox) = mpsc::channel::<Job>();
        let bounds = Arc::new(Bounds::default());
        let (path, access, timeout, held) = (self.path.clone(), self.access, self.statement_timeout, bounds.clone());
        let thread = std::thread::Builder::new().name("synapsor-sqlite".to_owned());
        let started = thread.spawn(move || match open_in_place(&path, access, timeout, held) {
            Ok((mut connection, place)) => {
                let _ = opened.send(Ok(Arc::new(place)));
                for job in inbox {
                    job(&mut connection, timeout);
                }
            }
            Err(error) => drop(opened.send(Err(Fault { phase: Phase::Open, error }))),
        });
        started.map_err(|error| SourceError::Busy { name: self.name.clone(), cause: error.into() })?;
        let gone = |_| SourceError::Lost { name: self.name.clone(), cause: "the connection's thread ended".into() };
        let place = opening.await.map_err(gone)?.map_err(|fault| fault.into_error(&self.name))?;
        Ok(Worker { jobs, bounds, place })
    }

    async fn recycle(&self, worker: &mut Worker, _: &Metrics) -> RecycleResult<SourceError> {
        // A connection to a file that lost its name would go on reading it; a new one finds what is there now.
        if worker.place.is_current() && !worker.bounds.is_cancelled() {
            return Ok(());
        }
        Err(RecycleError::message("the file is gone or another one"))
    }
}

type Job = Box<dyn FnOnce(&mut Connection, Duration) + Send>;

/// The thread that owns one connection.
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
    bounds: Arc<Bounds>,
    place: Arc<Place>,
}

/// How long the statement that runs now may go on.
#[derive(Debug, Default)]
struct Bounds {
    cancelled: AtomicBool,
    deadline: Mutex<Option<Instant>>,
}

impl Bounds {
    fn set(&self, timeout: Option<Duration>) {
        *self.lock() = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.is_cancelled() || self.lock().is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection and its file, which had the name both before and after.
fn open_in_place(path: &Path, access: Access, timeout: Duration, bounds: Arc<Bounds>) -> rusqlite::Result<(Connection, Place)> {
    let before = Place::observe(path);
    let connection = open(path, access, timeout, bounds)?;
    before.filter(Place::is_current).map(|place| (connection, place)).ok_or_else(place::moved)
}

fn open(path: &Path, access: Access, timeout: Duration, bounds: Arc<Bounds>) -> rusqlite::Result<Connection> {
    let mode = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        #[cfg(feature = "guarded-write")]
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    // A relative name that begins with `file:` would be read as a URI.
    let path = if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) };
    let mut connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(timeout)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.execute_batch(super::statements::pin(access))?;
    // The first access finds out whether it is a database at all.
    connection.query_row(super::statements::TOUCH, [], |_| Ok(()))?;
    connection.progress_handler(PROGRESS_STEPS, Some(move || bounds.is_over()))?;
    Ok(connection)
}
