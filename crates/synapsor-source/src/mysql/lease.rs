//! Who uses a connection, and may it go back to the pool?
//!
//! A connection counts as in use from its first statement until its user says that no transaction is open and every answer
//! was read. Dropped before that, or left without an answer for too long, it is killed on the server and closed.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::Object;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Params, Row, Value};

use super::connect::{Connector, Server};
use super::fault;
use crate::error::SourceError;

/// One connection in use.
pub(crate) struct Lease {
    name: Arc<str>,
    object: Option<Object<Connector>>,
    answer_timeout: Duration,
    /// No statement runs and no transaction is open.
    clean: bool,
    /// The server ended the transaction to break a deadlock.
    #[cfg(feature = "guarded-write")]
    deadlocked: bool,
}

impl Lease {
    pub(super) fn new(name: Arc<str>, object: Object<Connector>, answer_timeout: Duration) -> Self {
        Self {
            name,
            object: Some(object),
            answer_timeout,
            clean: true,
            #[cfg(feature = "guarded-write")]
            deadlocked: false,
        }
    }

    #[cfg(feature = "guarded-write")]
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The server that it leads to; `None` once it was given up.
    pub(super) fn server(&self) -> Option<&Server> {
        self.object.as_deref().map(|connection| &connection.server)
    }

    /// Says that no transaction is open and every answer was read, so that the connection may be pooled.
    pub(crate) fn settle(&mut self) {
        self.clean = true;
    }

    /// Runs one prepared statement. The connection counts as in use until [`Lease::settle`], unless the server answered with
    /// an ordinary error outside a transaction.
    pub(crate) async fn query(&mut self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>, SourceError> {
        let outside = self.clean;
        let result = self.run(async |conn| conn.exec(sql, positional(parameters)).await).await?;
        self.clean = outside && result.as_ref().err().is_some_and(fault::is_definite);
        result.map_err(|error| fault::running(&self.name, error))
    }

    /// Runs one prepared statement that returns no rows, and counts what it matched. Keeps the driver's error.
    #[cfg(feature = "guarded-write")]
    pub(crate) async fn execute(&mut self, sql: &str, parameters: Vec<Value>) -> Result<Result<u64, Error>, SourceError> {
        let count = async |conn: &mut Conn| {
            conn.exec_drop(sql, positional(parameters)).await?;
            Ok(conn.affected_rows())
        };
        self.run(count).await
    }

    /// Has the server read a statement and compare it with the account's rights, and runs nothing. Keeps the driver's error.
    #[cfg(feature = "guarded-write")]
    pub(crate) async fn prepare(&mut self, sql: &str) -> Result<Result<(), Error>, SourceError> {
        let outside = self.clean;
        let read = async |conn: &mut Conn| {
            let statement = conn.prep(sql).await?;
            conn.close(statement).await
        };
        let result = self.run(read).await?;
        self.clean = outside && result.as_ref().err().is_none_or(fault::is_definite);
        Ok(result)
    }

    /// Runs a statement of transaction control, or one that makes a table, and keeps the driver's error.
    #[cfg(feature = "guarded-write")]
    pub(crate) async fn control(&mut self, sql: &str) -> Result<Result<(), Error>, SourceError> {
        self.run(async |conn| conn.query_drop(sql).await).await
    }

    /// Whether the connection is known to have ended.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn is_closed(&self) -> bool {
        self.object.as_deref().is_none_or(|connection| connection.conn.is_disconnected())
    }

    /// Whether the server ended a transaction to break a deadlock since this was last asked.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn take_deadlock(&mut self) -> bool {
        std::mem::take(&mut self.deadlocked)
    }

    async fn run<T>(&mut self, work: impl AsyncFnOnce(&mut Conn) -> Result<T, Error>) -> Result<Result<T, Error>, SourceError> {
        self.clean = false;
        let silent = |cause: &'static str| SourceError::Lost { name: self.name.clone(), cause: cause.into() };
        let Some(connection) = self.object.as_deref_mut() else { return Err(silent("the connection was given up")) };
        let Ok(result) = tokio::time::timeout(self.answer_timeout, work(&mut connection.conn)).await else {
            let error = silent("no answer came in time");
            self.give_up();
            return Err(error);
        };
        #[cfg(feature = "guarded-write")]
        {
            self.deadlocked |= result.as_ref().err().is_some_and(fault::is_deadlock);
        }
        Ok(result)
    }

    /// Kills and closes. The protocol has no numbers for its answers: one that comes late would be taken for that of the next
    /// statement.
    fn give_up(&mut self) {
        if let Some(object) = self.object.take() {
            Object::take(object).abandon();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.clean {
            self.give_up();
        }
    }
}

fn positional(values: Vec<Value>) -> Params {
    if values.is_empty() { Params::Empty } else { Params::Positional(values) }
}
