//! Which databases may be reached, and how?

use std::path::PathBuf;
use std::time::Duration;

use synapsor_protocol::Identifier;
use synapsor_protocol::name::EnvName;

use crate::environment::Environment;
use crate::error::ConfigError;

/// One business database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// What it is, and where.
    pub engine: Engine,
    /// Whether direct writes are forbidden.
    pub read_only: bool,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// Where the receipts of direct writes are kept.
    pub receipts: ReceiptTable,
    /// How many connections for reading are kept at most.
    pub pool_size: u32,
}

impl SourceConfig {
    /// Five seconds.
    pub const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
    /// Ten connections.
    pub const DEFAULT_POOL_SIZE: u32 = 10;
}

/// A database's kind and whereabouts. Addresses with credentials are never in the file, only the names of the
/// environment variables that hold them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres {
        /// The variable that holds the URL for reading.
        read_url_env: EnvName,
        /// The variable that holds the URL for direct writes.
        write_url_env: Option<EnvName>,
    },
    /// MySQL or MariaDB.
    Mysql {
        /// The variable that holds the URL for reading.
        read_url_env: EnvName,
        /// The variable that holds the URL for direct writes.
        write_url_env: Option<EnvName>,
    },
    /// A SQLite file; reads and direct writes use the same one.
    Sqlite {
        /// Where it is.
        path: SqlitePath,
    },
}

impl Engine {
    /// The engine as the file spells it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "postgres",
            Self::Mysql { .. } => "mysql",
            Self::Sqlite { .. } => "sqlite",
        }
    }

    /// The variables that hold addresses with credentials.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &EnvName> {
        let (read, write) = match self {
            Self::Postgres { read_url_env, write_url_env } | Self::Mysql { read_url_env, write_url_env } => {
                (Some(read_url_env), write_url_env.as_ref())
            }
            Self::Sqlite { .. } => (None, None),
        };
        read.into_iter().chain(write)
    }
}

/// Where a SQLite file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlitePath {
    /// Here; resolved against the config file's folder.
    Path(PathBuf),
    /// Where this variable says. A relative path in it is relative to the config file's folder as well.
    Env {
        /// The variable.
        name: EnvName,
        /// The config file's folder.
        base: PathBuf,
    },
}

impl SqlitePath {
    /// The file's path, as things are now.
    pub fn resolve(&self, environment: &Environment) -> Result<PathBuf, ConfigError> {
        match self {
            Self::Path(path) => Ok(path.clone()),
            Self::Env { name, base } => match environment.value(name) {
                Some(path) => Ok(resolved(base, &path)),
                None => Err(ConfigError::VariableMissing { name: name.clone() }),
            },
        }
    }
}

/// Where the receipts of direct writes are kept, in the source itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptTable {
    /// The schema; the engine's own default without one.
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
}

impl ReceiptTable {
    /// The table's name where the file names none.
    pub const DEFAULT_TABLE: &'static str = "synapsor_writeback_receipts";
}

impl Default for ReceiptTable {
    fn default() -> Self {
        let table = Identifier::new(Self::DEFAULT_TABLE).expect("the default table's name is an identifier");
        Self { schema: None, table }
    }
}

/// The path, seen from the folder, without `.` steps.
pub(crate) fn resolved(base: &std::path::Path, path: &str) -> PathBuf {
    base.join(path).components().collect()
}
