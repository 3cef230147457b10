//! Where does a source live, and how much of it may we use?

use std::path::PathBuf;
use std::time::Duration;

use synapsor_protocol::Secret;

/// One business database and the bounds of our use of it.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// The source's name in the configuration; the only thing an error says about where it is.
    pub name: String,
    /// Where it lives.
    pub location: Location,
    /// The longest a statement may run. Enforced by the server where there is one.
    pub statement_timeout: Duration,
    /// The most connections that are open at once; at least 1.
    pub pool_size: usize,
    /// The longest a caller waits for a free connection.
    pub acquire_timeout: Duration,
}

/// Where a source lives.
#[derive(Debug, Clone)]
pub enum Location {
    /// A SQLite file. It must exist: it is never created.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL database, `postgres://user:password@host:port/database?sslmode=verify-full`.
    Postgres(Secret),
    /// The URL of a MySQL or MariaDB database, `mysql://user:password@host:port/database?ssl-mode=VERIFY_IDENTITY`.
    Mysql(Secret),
}

impl SourceSettings {
    /// A source with the usual bounds: 3 s per statement, 10 connections, 5 s of waiting for one.
    pub fn new(name: impl Into<String>, location: Location) -> Self {
        Self {
            name: name.into(),
            location,
            statement_timeout: Duration::from_secs(3),
            pool_size: 10,
            acquire_timeout: Duration::from_secs(5),
        }
    }
}

#[cfg(not(all(feature = "mysql", feature = "postgres", feature = "sqlite")))]
impl Location {
    /// The engine that serves it, in words.
    pub(crate) fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::Mysql(_) => "mysql",
        }
    }
}
