//! How is MySQL connected, and how many connections do we hold open?
//!
//! # Invariants
//! - Session settings are pinned once per connection, and held against what the server then says of itself: a proxy in
//!   between may swallow a setting, and a session that is not strict would cut values silently.
//! - A connection that was idle is asked whether it is alive before somebody gets it.
//! - A connection whose work was dropped in the middle is killed on the server and closed, never pooled.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Pool, RecycleError, RecycleResult};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Opts};
#[cfg(feature = "guarded-write")]
use synapsor_protocol::Identifier;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::lease::Lease;
use super::tls::Encryption;
use super::url::Target;
use super::{fault, statements};
use crate::error::SourceError;
use crate::pool;
use crate::settings::SourceSettings;

/// How much longer than the server's time-out we wait for its answer.
const GRACE: Duration = Duration::from_secs(2);
/// How long killing a statement may take before we just close.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// After this time without use a connection is asked whether it is alive.
const IDLE: Duration = Duration::from_millis(500);
/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

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
    #[cfg(feature = "guarded-write")]
    database: Identifier,
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Servers").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Servers {
    pub(super) fn new(name: Arc<str>, settings: &SourceSettings, target: Target, access: Access) -> Result<Self, SourceError> {
        #[cfg(feature = "guarded-write")]
        let database = target.database.clone();
        let connector =
            Connector { name: name.clone(), target, access, statement_timeout: settings.statement_timeout, options: OnceCell::new() };
        Ok(Self {
            name,
            pool: pool::bounded(connector, settings)?,
            acquire_timeout: settings.acquire_timeout,
            answer_timeout: settings.statement_timeout + GRACE,
            #[cfg(feature = "guarded-write")]
            database,
        })
    }

    /// The database of the URL.
    #[cfg(feature = "guarded-write")]
    pub(super) fn database(&self) -> &Identifier {
        &self.database
    }

    /// A connection of one's own, until it is dropped.
    pub(super) async fn lease(&self) -> Result<Lease, SourceError> {
        let object = self.pool.get().await.map_err(|error| pool::refusal(error, &self.name, self.acquire_timeout))?;
        Ok(Lease::new(self.name.clone(), object, self.answer_timeout))
    }
}

/// Makes connections for the pool.
pub(crate) struct Connector {
    name: Arc<str>,
    target: Target,
    access: Access,
    statement_timeout: Duration,
    /// Built with the first connection: that may read certificates.
    options: OnceCell<Opts>,
}

impl Connector {
    async fn options(&self) -> Result<Opts, SourceError> {
        let build = async || {
            let (encryption, plain) = (self.target.encryption.clone(), self.target.plain.clone());
            let built = tokio::task::spawn_blocking(move || encryption.over(plain)).await;
            built.map_err(Into::into).and_then(|options| options).map(Opts::from)
        };
        let refused = |cause| SourceError::Tls { name: self.name.clone(), cause };
        self.options.get_or_try_init(build).await.cloned().map_err(refused)
    }

    /// A connection, and the options with which it came about.
    async fn connect(&self) -> Result<(Conn, Opts), SourceError> {
        let options = self.options().await?;
        let failed = |error| fault::connecting(&self.name, error);
        match Conn::new(options.clone()).await {
            Ok(conn) => Ok((conn, options)),
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if self.target.encryption == Encryption::Preferred => {
                let plain = Opts::from(self.target.plain.clone());
                Ok((Conn::new(plain.clone()).await.map_err(failed)?, plain))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Pins the session and holds it against what the server says of it.
    async fn pin(&self, conn: &mut Conn) -> Result<Server, SourceError> {
        let failed = |error| fault::running(&self.name, error);
        for statement in statements::pin(self.access, self.statement_timeout) {
            conn.query_drop(statement).await.map_err(failed)?;
        }
        let variables: Vec<(String, String)> = conn.query(statements::VARIABLES).await.map_err(failed)?;
        let value = |name: &str| variables.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str());
        let (setting, found) = match statements::not_pinned(self.access, value) {
            None => return Ok(Server::new(value)),
            Some(setting) => (setting, value(setting).to_owned()),
        };
        let cause = format!("the session keeps `{setting}` at `{found}`").into();
        Err(SourceError::Refused { name: self.name.clone(), code: setting.to_owned(), cause })
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = SourceError;

    async fn create(&self) -> Result<Connection, SourceError> {
        let open = async {
            let (mut conn, options) = self.connect().await?;
            let server = self.pin(&mut conn).await?;
            Ok(Connection { conn, options, server })
        };
        let Some(limit) = self.target.connect_timeout else { return open.await };
        let late = |_| SourceError::Unreachable { name: self.name.clone(), cause: "no connection came about in time".into() };
        timeout(limit, open).await.map_err(late)?
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<SourceError> {
        let ended = || RecycleError::message("the connection has ended");
        if connection.conn.is_disconnected() {
            return Err(ended());
        }
        if metrics.last_used() < IDLE {
            return Ok(());
        }
        match timeout(PING_TIMEOUT, connection.conn.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ended()),
        }
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) mariadb: bool,
    /// Tables are found whatever the case of their names.
    pub(super) folds_names: bool,
    /// Which of the servers behind an address it is.
    identity: String,
}

impl Server {
    fn new<'a>(value: impl Fn(&str) -> &'a str) -> Self {
        Self {
            mariadb: value("version").contains("MariaDB"),
            folds_names: value("lower_case_table_names") != "0",
            identity: identity(value),
        }
    }
}

fn identity<'a>(value: impl Fn(&str) -> &'a str) -> String {
    statements::IDENTITY.map(value).join("\n")
}

/// One session on the server.
pub(crate) struct Connection {
    pub(super) conn: Conn,
    options: Opts,
    pub(super) server: Server,
}

impl Connection {
    /// Ends whatever still runs on the server, and closes.
    pub(super) fn abandon(self) {
        // Without a runtime dropping the connection closes it; the server notices when its statement ends.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            // Whether it worked is not known to anybody; closing is what counts.
            drop(timeout(KILL_TIMEOUT, kill(&self.options, &self.server, self.conn.id())).await);
            drop(self.conn);
        });
    }
}

/// Kills the statement of a connection from another one. Behind an address there may be several servers, which number
/// their connections alike: on another one nothing is killed.
async fn kill(options: &Opts, server: &Server, connection: u32) -> Result<(), Error> {
    let mut conn = Conn::new(options.clone()).await?;
    let variables: Vec<(String, String)> = conn.query(statements::VARIABLES).await?;
    let found = identity(|name| variables.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str()));
    if found == server.identity {
        conn.query_drop(statements::kill(connection)).await?;
    }
    conn.disconnect().await
}
