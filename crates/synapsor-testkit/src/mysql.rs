//! How does a test get a MySQL or MariaDB database that nobody else touches?
//!
//! The run has one server; each test makes a database of its own on it, in a few milliseconds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Row, Value};
use tokio::runtime::Runtime;
use url::Url;
use uuid::Uuid;

use crate::environment;
use crate::fault_proxy::FaultProxy;
use crate::place::Place;
use crate::session::{Answer, Rows, Session, Speaks};

/// What every connection of the testkit sets, so that statements mean and results read the same everywhere.
///
/// Quotes, backslashes and `||` are those of the other engines: `'C:\dir'`, `"name"`. A lock that a failed test has left is waited for briefly.
const PINNED: [&str; 2] = [
    "set names utf8mb4, time_zone = '+00:00', autocommit = 1, completion_type = 0, lock_wait_timeout = 20, sql_mode = \
     'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    // A statement, as the two servers name the variable differently.
    "set session transaction isolation level read committed",
];

/// The connection that makes and drops databases, one per test process.
static ADMINISTRATOR: OnceLock<Session> = OnceLock::new();

/// A fresh database on the server of the run; dropped, with its connections, when this is.
///
/// The server's defaults for new sessions are hostile on purpose (not strict, `ANSI_QUOTES`, `NO_BACKSLASH_ESCAPES`,
/// `PAD_CHAR_TO_FULL_LENGTH`, time zone +05:45, no autocommit, `completion_type` CHAIN, repeatable read, latin1): what the
/// tested program relies on, it must set. The helpers here set UTC, autocommit, strict statements and read committed for
/// themselves; in their SQL `"name"` is a name, `||` joins texts, and a backslash is a backslash.
///
/// The database keeps utf8mb4 with the server's usual collation, under which `acme`, `ACME` and `acme ` are equal.
///
/// The server speaks TLS with a certificate for `localhost`, which is the host in every URL here, and
/// not for `127.0.0.1`; see [`Mysql::authority`].
pub struct Mysql {
    place: Place,
    name: String,
    session: Session,
    roles: Mutex<Vec<String>>,
}

impl Mysql {
    /// Makes a fresh, empty database; `None` where the run leaves servers out, which it has said then.
    ///
    /// ```no_run
    /// use synapsor_testkit::Mysql;
    ///
    /// let Some(database) = Mysql::shared() else { return };
    /// database.execute("create table tickets (id varchar(64) primary key, tenant_id varchar(64) not null)");
    /// ```
    ///
    /// # Panics
    /// If the run names no server and does not say that servers are left out.
    #[must_use]
    pub fn shared() -> Option<Self> {
        let url = environment::MYSQL.url()?;
        let administrator = ADMINISTRATOR.get_or_init(|| Session::open(pinned(&url)));
        let name = format!("test_{}", Uuid::new_v4().simple());
        let create = format!("create database {name} character set utf8mb4 collate utf8mb4_general_ci");
        administrator.run(&create).expect("the server makes databases");
        let place = Place::of(url, &name);
        let session = Session::open(pinned(place.url()));
        Some(Self { place, name, session, roles: Mutex::new(Vec::new()) })
    }

    /// The URL of the database, without parameters, for its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.place.url().to_string()
    }

    /// The URL with parameters.
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

    /// The name of the database, which MySQL also calls its schema.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A PEM file with the authority to trust.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        environment::MYSQL.authority()
    }

    /// Runs one or more statements, also `create trigger`, in one go: there is no delimiter to set.
    ///
    /// # Panics
    /// If one of them fails, with the server's words.
    pub fn execute(&self, sql: &str) {
        drop(self.rows(sql));
    }

    /// The rows of a query, each value as the server prints it, bytes that are no text as `<n> bytes`; `None` is NULL.
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

    /// A connection for tests that race or hold transactions.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn connect(&self) -> Conn {
        Conn::new(pinned(self.place.url()).0).await.expect("the test server accepts connections")
    }

    /// Makes an account that may do nothing but connect, runs `grants` with `{role}` replaced by it, and gives its
    /// URL. The account goes with the database, which it may use once it was granted anything in it.
    ///
    /// # Panics
    /// If a grant fails.
    #[must_use]
    pub fn role(&self, grants: &str) -> String {
        // MySQL takes at most 32 letters.
        let user = format!("role_{}", &Uuid::new_v4().simple().to_string()[..24]);
        let account = format!("'{user}'@'%'");
        self.execute(&format!("create user {account} identified by 'secret'"));
        self.roles.lock().unwrap_or_else(PoisonError::into_inner).push(account.clone());
        self.execute(&grants.replace("{role}", &account));
        self.url_as(&user, "secret")
    }
}

impl Drop for Mysql {
    fn drop(&mut self) {
        let Some(administrator) = ADMINISTRATOR.get() else { return };
        // A transaction that somebody holds would make the drop wait. Whatever fails leaves a database on a server that is
        // thrown away with all of them.
        let others = format!("select id from information_schema.processlist where db = '{}'", self.name);
        for row in administrator.run(&others).unwrap_or_default() {
            if let Some(Some(id)) = row.first() {
                let _ = administrator.run(&format!("kill {id}"));
            }
        }
        let _ = administrator.run(&format!("drop database if exists {}", self.name));
        let roles = self.roles.get_mut().unwrap_or_else(PoisonError::into_inner);
        for account in roles.drain(..) {
            let _ = administrator.run(&format!("drop user if exists {account}"));
        }
    }
}

/// Statements of the other engines, [`crate::sqlite::SUPPORT_DESK`] above all, as MySQL needs them: a text that a key contains has a
/// length, one that compares as the other engines do has a collation of its own, and no constraint waits for the commit.
#[must_use]
pub fn as_mysql(sql: &str) -> String {
    // The server's limit for a key is 768 characters of utf8mb4.
    sql.replace("as text)", "as char)")
        .replace("as bigint)", "as signed)")
        .replace("tenant_id text", "tenant_id varchar(64) collate utf8mb4_nopad_bin")
        .replace(" text", " varchar(700) collate utf8mb4_nopad_bin")
        .replace(" deferrable initially deferred", "")
}

/// How a connection of the testkit is opened.
struct Pinned(Opts);

fn pinned(url: &Url) -> Pinned {
    let opts = Opts::from_url(url.as_str()).expect("the address of the test server is valid");
    // A socket would be found by asking the server, which costs a question per connection.
    Pinned(OptsBuilder::from_opts(opts).prefer_socket(false).setup(PINNED.to_vec()).into())
}

impl Speaks for Pinned {
    type Client = Conn;

    fn connect(&self, runtime: &Runtime) -> Conn {
        runtime.block_on(Conn::new(self.0.clone())).expect("the test server accepts connections")
    }

    fn run(&self, runtime: &Runtime, client: &mut Conn, sql: &str) -> Answer {
        runtime.block_on(rows(client, sql)).map_err(|error| words(&error))
    }

    fn close(&self, runtime: &Runtime, client: Conn) {
        // Its only error is that the server has ended the connection first.
        let _ = runtime.block_on(client.disconnect());
    }
}

/// The rows of all statements in the text.
async fn rows(client: &mut Conn, sql: &str) -> Result<Rows, Error> {
    let mut result = client.query_iter(sql).await?;
    let mut rows = Vec::new();
    while !result.is_empty() {
        // Ends with the rows of one statement, and moves on to the next.
        while let Some(row) = result.next().await? {
            rows.push(texts(row));
        }
    }
    // The failure of a later statement is told by whoever asks for more.
    result.drop_result().await?;
    Ok(rows)
}

fn texts(row: Row) -> Vec<Option<String>> {
    let text = |value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8(bytes).unwrap_or_else(|error| format!("{} bytes", error.as_bytes().len()))),
        other => Some(other.as_sql(true)),
    };
    row.unwrap().into_iter().map(text).collect()
}

fn words(error: &Error) -> String {
    match error {
        Error::Server(answer) => format!("ERROR {}: {}", answer.code, answer.message),
        Error::Driver(_) | Error::Io(_) | Error::Other(_) | Error::Url(_) => error.to_string(),
    }
}
