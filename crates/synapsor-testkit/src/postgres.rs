//! How does a test get a PostgreSQL database that nobody else touches?
//!
//! The run has one server; each test makes a database of its own on it, in a few milliseconds.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio_postgres::{Client, Config, NoTls};
use url::Url;
use uuid::Uuid;

use crate::environment;
use crate::fault_proxy::FaultProxy;
use crate::session::{PINNED, Session};

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
    url: Url,
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
        let mut url = environment::postgres_url()?;
        let administrator = ADMINISTRATOR.get_or_init(|| Session::open(pinned(&url)));
        let name = format!("test_{}", Uuid::new_v4().simple());
        administrator.run(&format!("create database {name}")).expect("the server makes databases");
        url.set_path(&name);
        let session = Session::open(pinned(&url));
        Some(Self { url, name, session, roles: Mutex::new(Vec::new()) })
    }

    /// The URL of the database, without parameters, for its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// The URL with parameters, e.g. `&[("sslmode", "require")]`.
    #[must_use]
    pub fn url_with(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url.to_string()
    }

    /// The URL for another user, e.g. one that does not exist.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        let mut url = self.url.clone();
        url.set_username(user).expect("the URL may carry a user");
        url.set_password(Some(password)).expect("the URL may carry a password");
        url.to_string()
    }

    /// The URL of the database as seen through a proxy. A proxy offers no TLS.
    #[must_use]
    pub fn url_through(&self, proxy: &FaultProxy) -> String {
        let mut url = self.url.clone();
        let address = proxy.address();
        url.set_ip_host(address.ip()).expect("the URL may carry an address");
        url.set_port(Some(address.port())).expect("the URL may carry a port");
        url.to_string()
    }

    /// Where the server listens.
    ///
    /// # Panics
    /// If the name of its host does not resolve.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let host = self.url.host_str().expect("the URL names a host");
        let port = self.url.port().unwrap_or(5432);
        let mut found = (host, port).to_socket_addrs().expect("the host of the server resolves");
        // The throw-away server listens on IPv4 alone.
        found.find(SocketAddr::is_ipv4).expect("the host of the server has an IPv4 address")
    }

    /// A PEM file with the authority to trust, for `sslrootcert`.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        environment::postgres_authority()
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
        match self.session.run(sql) {
            Ok(rows) => rows,
            Err(error) => {
                let words = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
                panic!("{words}, in: {sql}")
            }
        }
    }

    /// The rows of a query as lines, values separated by ` | `, for snapshots.
    #[must_use]
    pub fn table(&self, sql: &str) -> String {
        let line = |row: Vec<Option<String>>| {
            let values = row.into_iter().map(|value| value.unwrap_or_else(|| "NULL".to_owned()));
            values.collect::<Vec<_>>().join(" | ")
        };
        self.rows(sql).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// A connection for tests that race or hold transactions; its task ends with the client.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn connect(&self) -> Client {
        let accepted = pinned(&self.url).connect(NoTls).await;
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
