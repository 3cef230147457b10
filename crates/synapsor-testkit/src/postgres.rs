//! How does a test get a PostgreSQL database that nobody else touches?
//!
//! The run has one server; each test makes a database of its own on it, in a few milliseconds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};
use url::Url;
use uuid::Uuid;

use crate::environment;
use crate::fault_proxy::FaultProxy;
use crate::place::Place;
use crate::session::{Answer, Rows, Session, Speaks};

/// What every connection of the testkit sets, so that results read the same everywhere.
const PINNED: &str = "-c timezone=UTC -c datestyle=ISO -c extra_float_digits=3 \
     -c default_transaction_isolation=read\\ committed";

/// The connection that makes and drops databases, one per test process.
static ADMINISTRATOR: OnceLock<Session> = OnceLock::new();

/// A fresh database on the server of the run; dropped, with its connections, when this is.
///
/// The server's defaults for new sessions are hostile on purpose (time zone Asia/Kathmandu, date style
/// `SQL, DMY`, `extra_float_digits` 0, repeatable read, `synchronous_commit` off): what the tested
/// program relies on, it must set. The helpers here set UTC, ISO and read committed for themselves.
///
/// The server speaks TLS with a certificate for `localhost`, which is the host in every URL here, and
/// not for `127.0.0.1`; see [`Postgres::authority`].
pub struct Postgres {
    place: Place,
    name: String,
    session: Session,
    roles: Mutex<Vec<String>>,
}

impl Postgres {
    /// Makes a fresh, empty database; `None` where the run leaves servers out, which it has said then.
    ///
    /// ```no_run
    /// use synapsor_testkit::Postgres;
    ///
    /// let Some(database) = Postgres::shared() else { return };
    /// database.execute("create table tickets (id text primary key, tenant_id text not null)");
    /// ```
    ///
    /// # Panics
    /// If the run names no server and does not say that servers are left out.
    #[must_use]
    pub fn shared() -> Option<Self> {
        let url = environment::POSTGRES.url()?;
        let administrator = ADMINISTRATOR.get_or_init(|| Session::open(pinned(&url)));
        let name = format!("test_{}", Uuid::new_v4().simple());
        administrator.run(&format!("create database {name}")).expect("the server makes databases");
        let place = Place::of(url, &name);
        let session = Session::open(pinned(place.url()));
        Some(Self { place, name, session, roles: Mutex::new(Vec::new()) })
    }

    /// The URL of the database, without parameters, for its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.place.url().to_string()
    }

    /// The URL with parameters, e.g. `&[("sslmode", "require")]`.
    #[must_use]
    pub fn url_with(&self, parameters: &[(&str, &str)]) -> String {
        self.place.with(parameters)
    }

    /// The URL for another user, e.g. one that does not exist.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.place.seen_by(user, password)
    }

    /// The URL of the database as seen through a proxy. A proxy offers no TLS.
    #[must_use]
    pub fn url_through(&self, proxy: &FaultProxy) -> String {
        self.place.through(proxy)
    }

    /// Where the server listens.
    ///
    /// # Panics
    /// If the name of its host does not resolve.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.place.address()
    }

    /// A PEM file with the authority to trust, for `sslrootcert`.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        environment::POSTGRES.authority()
    }

    /// Runs one or more statements.
    ///
    /// # Panics
    /// If one of them fails, with the server's words.
    pub fn execute(&self, sql: &str) {
        drop(self.rows(sql));
    }

    /// The rows of a query, each value as PostgreSQL prints it; `None` is NULL.
    ///
    /// # Panics
    /// If the query fails, with the server's words.
    #[must_use]
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.session.rows(sql)
    }

    /// The rows of a query as lines, values separated by ` | `, for snapshots.
    ///
    /// # Panics
    /// If the query fails, with the server's words.
    #[must_use]
    pub fn table(&self, sql: &str) -> String {
        self.session.table(sql)
    }

    /// A connection for tests that race or hold transactions; its task ends with the client.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn connect(&self) -> Client {
        let accepted = pinned(self.place.url()).connect(NoTls).await;
        let (client, connection) = accepted.expect("the test server accepts connections");
        tokio::spawn(connection);
        client
    }

    /// Makes a role that may do nothing but connect, runs `grants` with `{role}` replaced by its name,
    /// and gives its URL. The role goes with the database.
    ///
    /// # Panics
    /// If a grant fails.
    #[must_use]
    pub fn role(&self, grants: &str) -> String {
        let role = format!("role_{}", Uuid::new_v4().simple());
        self.execute(&format!("create role {role} login password 'secret'"));
        self.roles.lock().unwrap_or_else(PoisonError::into_inner).push(role.clone());
        self.execute(&grants.replace("{role}", &role));
        self.url_as(&role, "secret")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(administrator) = ADMINISTRATOR.get() else { return };
        // A failure leaves a database on a server that is thrown away with all of them.
        let _ = administrator.run(&format!("drop database if exists {} with (force)", self.name));
        let roles = self.roles.get_mut().unwrap_or_else(PoisonError::into_inner);
        for role in roles.drain(..) {
            let _ = administrator.run(&format!("drop role if exists {role}"));
        }
    }
}

fn pinned(url: &Url) -> Config {
    let mut config: Config = url.as_str().parse().expect("the address of the test server is valid");
    config.options(PINNED).application_name("synapsor-testkit");
    config
}

impl Speaks for Config {
    type Client = Client;

    fn connect(&self, runtime: &Runtime) -> Client {
        let (client, connection) = runtime.block_on(Config::connect(self, NoTls)).expect("the test server accepts connections");
        runtime.spawn(connection);
        client
    }

    fn run(&self, runtime: &Runtime, client: &mut Client, sql: &str) -> Answer {
        runtime.block_on(client.simple_query(sql)).map(rows).map_err(|error| words(&error))
    }

    fn close(&self, runtime: &Runtime, client: Client) {
        drop(client);
        // Lets the connection say goodbye before its socket goes.
        runtime.block_on(tokio::task::yield_now());
    }
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Rows {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

fn words(error: &Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}
