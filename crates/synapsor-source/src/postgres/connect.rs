//! How is PostgreSQL connected, and how many connections do we hold open?
//!
//! # Invariants
//! - Session settings are pinned once per connection, so that a read is one round trip.
//! - A statement ends on the server at its time-out; if no answer comes even then, the connection is given up.
//! - A connection whose work was dropped in the middle is cancelled on the server and closed, never pooled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, Pool, RecycleError, RecycleResult};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, Progress, Watched};
#[cfg(feature = "guarded-write")]
use super::types::Plain;
use super::url::Target;
use super::{fault, statements};
use crate::error::SourceError;
use crate::pool;
use crate::settings::SourceSettings;

/// How much longer than the server's time-out we wait for its answer.
const GRACE: Duration = Duration::from_secs(2);
/// How long cancelling a statement may take before we just close.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection; a configuration has a few per capability.
const CACHED_STATEMENTS: usize = 256;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    #[cfg(feature = "guarded-write")]
    Write,
}

/// The bounded connections to one database.
#[derive(Clone)]
pub(crate) struct Servers {
    name: Arc<str>,
    pool: Pool<Connector>,
    acquire_timeout: Duration,
    answer_timeout: Duration,
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Servers").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Servers {
    pub(super) fn new(name: Arc<str>, settings: &SourceSettings, target: Target, access: Access) -> Result<Self, SourceError> {
        let pin = statements::pin(access, settings.statement_timeout);
        let connector = Connector { name: name.clone(), target, pin, tls: OnceCell::new() };
        Ok(Self {
            name,
            pool: pool::bounded(connector, settings)?,
            acquire_timeout: settings.acquire_timeout,
            answer_timeout: settings.statement_timeout + GRACE,
        })
    }

    /// A connection of one's own, until it is dropped.
    pub(super) async fn lease(&self) -> Result<Lease, SourceError> {
        let object = self.pool.get().await.map_err(|error| pool::refusal(error, &self.name, self.acquire_timeout))?;
        Ok(Lease { name: self.name.clone(), object: Some(object), answer_timeout: self.answer_timeout, clean: true })
    }
}

/// One connection in use.
pub(crate) struct Lease {
    name: Arc<str>,
    object: Option<Object<Connector>>,
    answer_timeout: Duration,
    /// No statement runs and no transaction is open.
    clean: bool,
}

impl Lease {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Says that no transaction is open and every answer was read, so that the connection may be pooled.
    pub(crate) fn settle(&mut self) {
        self.clean = true;
    }

    /// Runs one prepared statement with texts as parameters. The connection counts as in use until [`Lease::settle`],
    /// unless the server answered with an ordinary error outside a transaction.
    pub(crate) async fn query(&mut self, sql: &str, parameters: &[Option<String>]) -> Result<Vec<Row>, SourceError> {
        let outside = self.clean;
        let result = self.run(async |connection| {
            let statement = connection.prepared(sql).await?;
            connection.client.query(&statement, &borrowed(parameters)).await
        });
        let result = result.await?;
        self.clean = outside && result.as_ref().err().is_some_and(fault::is_definite);
        result.map_err(|error| fault::running(&self.name, error))
    }

    /// Runs one prepared statement that returns no rows, and counts what it touched.
    #[cfg(feature = "guarded-write")]
    pub(crate) async fn execute(&mut self, sql: &str, parameters: &[Option<String>]) -> Result<u64, SourceError> {
        let result = self.run(async |connection| {
            let statement = connection.prepared(sql).await?;
            connection.client.execute(&statement, &borrowed(parameters)).await
        });
        result.await?.map_err(|error| fault::running(&self.name, error))
    }

    /// Runs one statement of somebody's own, whose parameters have whatever types the server infers.
    #[cfg(feature = "guarded-write")]
    pub(crate) async fn execute_plain(&mut self, sql: &str, parameters: Vec<Plain>) -> Result<u64, SourceError> {
        let result = self.run(async |connection| {
            let statement = connection.client.prepare(sql).await?;
            let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|parameter| parameter as &(dyn ToSql + Sync)).collect();
            connection.client.execute(&statement, &parameters).await
        });
        result.await?.map_err(|error| fault::running(&self.name, error))
    }

    /// Runs a statement of transaction control, and keeps the driver's error.
    #[cfg(feature = "guarded-write")]
    pub(crate) async fn control(&mut self, sql: &str) -> Result<Result<(), Error>, SourceError> {
        self.run(async |connection| connection.client.batch_execute(sql).await).await
    }

    /// Whether the connection is known to have ended.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn is_closed(&self) -> bool {
        self.object.as_deref().is_none_or(|connection| connection.client.is_closed())
    }

    async fn run<T>(&mut self, work: impl AsyncFnOnce(&Connection) -> Result<T, Error>) -> Result<Result<T, Error>, SourceError> {
        self.clean = false;
        let silent = |cause: &'static str| SourceError::Lost { name: self.name.clone(), cause: cause.into() };
        let Some(connection) = self.object.as_deref() else { return Err(silent("the connection was given up")) };
        tokio::time::timeout(self.answer_timeout, work(connection)).await.map_err(|_| silent("no answer came in time"))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.clean {
            return;
        }
        if let Some(object) = self.object.take() {
            Object::take(object).abandon();
        }
    }
}

/// Makes connections for the pool.
pub(crate) struct Connector {
    name: Arc<str>,
    target: Target,
    /// The statement that pins the session.
    pin: String,
    /// Built with the first connection: it may read certificates.
    tls: OnceCell<MakeRustlsConnect>,
}

impl Connector {
    async fn tls(&self) -> Result<Watched, SourceError> {
        let build = async || {
            let verification = self.target.verification.clone();
            let built = tokio::task::spawn_blocking(move || tls::connector(&verification)).await;
            built.map_err(Into::into).and_then(|connector| connector)
        };
        let refused = |cause| SourceError::Tls { name: self.name.clone(), cause };
        let connector = self.tls.get_or_try_init(build).await.map_err(refused)?.clone();
        Ok(Watched { connector, progress: Progress::default() })
    }
}

impl managed::Manager for Connector {
    type Type = Connection;
    type Error = SourceError;

    async fn create(&self) -> Result<Connection, SourceError> {
        let tls = self.tls().await?;
        let mode = self.target.config.get_ssl_mode();
        let failed = |error| fault::connecting(&self.name, error, mode, &tls.progress);
        let (client, connection) = self.target.config.connect(tls.clone()).await.map_err(failed)?;
        // Its errors reach whoever waits for an answer.
        let task = tokio::spawn(async move { drop(connection.await) });
        let connection = Connection { client, task, tls: tls.clone(), statements: Mutex::default() };
        connection.client.batch_execute(&self.pin).await.map_err(|error| fault::running(&self.name, error))?;
        Ok(connection)
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<SourceError> {
        if connection.client.is_closed() { Err(RecycleError::message("the connection has ended")) } else { Ok(()) }
    }
}

/// One session on the server.
pub(crate) struct Connection {
    client: Client,
    task: JoinHandle<()>,
    tls: Watched,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Connection {
    async fn prepared(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        let mut statements = self.statements();
        if statements.len() >= CACHED_STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn statements(&self) -> MutexGuard<'_, HashMap<String, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels whatever still runs on the server and closes.
    fn abandon(self) {
        let Self { client, task, tls, .. } = self;
        let Ok(runtime) = Handle::try_current() else { return task.abort() };
        runtime.spawn(async move {
            if !client.is_closed() {
                // Whether it worked is not known to anybody; closing is what counts.
                let cancelled: Result<_, _> = tokio::time::timeout(CANCEL_TIMEOUT, client.cancel_token().cancel_query(tls)).await;
                drop(cancelled);
            }
            task.abort();
        });
    }
}

fn borrowed(parameters: &[Option<String>]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| parameter as &(dyn ToSql + Sync)).collect()
}
