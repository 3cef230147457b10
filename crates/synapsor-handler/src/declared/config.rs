//! What may a handler do whose effects are declared, once every rule has been looked at?
//!
//! No `Option` in here is one that a rule decides. Whether the database has these tables is for [`live`](super::live).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use synapsor_protocol::name::EnvName;
use synapsor_protocol::{Identifier, Scalar};

use super::finding::At;

/// A file that breaks no rule. Only [`check`](super::check) makes one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HandlerConfig {
    /// Where it listens.
    pub listen: ListenAddress,
    /// What keeps requests from travelling in the clear.
    pub protection: Protection,
    /// Further names that senders call it by.
    pub allowed_hosts: Vec<String>,
    /// The path of the endpoint.
    pub path: String,
    /// The variables that hold bearer tokens; none if tokens are not compared.
    pub bearer_token_envs: Vec<EnvName>,
    /// The variables that hold signing secrets; none if signatures are not verified.
    pub signing_secret_envs: Vec<EnvName>,
    /// How far from now a signed request may have been sent.
    pub tolerance: Duration,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// What a stranger, or a slow database, cannot make longer.
    pub limits: Limits,
    /// The application's database.
    pub database: DatabaseConfig,
    pub(crate) tables: Vec<TableConfig>,
    pub(crate) effects: Vec<EffectPlan>,
    /// What the places in findings are found in.
    pub(crate) text: Arc<[u8]>,
}

/// Where a handler listens: an IP address or `localhost`, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenAddress {
    /// The host as it is written.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl ListenAddress {
    /// Reads `127.0.0.1:8090`, `localhost:8090`, `[::1]:8090`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits)?;
        let address = Self { host: host.to_owned(), port };
        // An IPv6 address without brackets cannot be told from its port.
        (address.ip().is_some() && (host.starts_with('[') || !host.contains(':'))).then_some(address)
    }

    /// The address.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        if self.host == "localhost" {
            return Some(Ipv4Addr::LOCALHOST.into());
        }
        let bare = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host);
        bare.parse().ok()
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_loopback())
    }

    pub(crate) fn is_every_address(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }
}

impl std::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ip() {
            Some(ip) => SocketAddr::new(ip, self.port).fmt(f),
            None => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// What keeps requests from travelling in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// Nothing: it listens on loopback.
    Loopback,
    /// It ends TLS itself, with these two PEM files.
    Tls {
        /// The certificate, followed by those between it and the root.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// A proxy in front of it ends TLS.
    TlsProxy,
}

/// What a stranger, or a slow database, cannot make longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections of senders at once.
    pub connections: usize,
    /// The longest that an effect may take.
    pub effect_time: Duration,
    /// The longest that a request may take as a whole.
    pub request_time: Duration,
    /// How long requests are still taken after the end was announced.
    pub notice_time: Duration,
    /// How long what was begun may take after that.
    pub drain_time: Duration,
}

/// The application's database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseConfig {
    /// Where it is.
    pub place: DatabasePlace,
    /// The most connections.
    pub connections: usize,
    /// The longest that a statement may run.
    pub statement_timeout: Duration,
    /// The receipt table, with or without a schema.
    pub receipts: String,
}

/// Where the application's database is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabasePlace {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// PostgreSQL; the variable holds the URL.
    Postgres(EnvName),
    /// MySQL or MariaDB; the variable holds the URL.
    Mysql(EnvName),
}

/// The kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    Mysql,
}

/// A table that effects may touch.
#[derive(Debug, Clone)]
pub(crate) struct TableConfig {
    /// As it is named in the file: `invoices`, `billing.invoices`.
    pub(crate) name: String,
    /// `None` for a table that all tenants share.
    pub(crate) tenant: Option<Identifier>,
    pub(crate) key: Option<Identifier>,
    pub(crate) at: At,
}

impl TableConfig {
    pub(crate) fn schema_and_table(&self) -> (Option<&str>, &str) {
        self.name.split_once('.').map_or((None, self.name.as_str()), |(schema, table)| (Some(schema), table))
    }
}

/// What is done for one capability.
#[derive(Debug, Clone)]
pub(crate) struct EffectPlan {
    pub(crate) action: String,
    pub(crate) rehearsable: bool,
    /// The table of the request's row, as it is named in `tables`.
    pub(crate) target: String,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) steps: Vec<Step>,
}

/// Something that must be true.
#[derive(Debug, Clone)]
pub(crate) struct Requirement {
    pub(crate) value: Placed,
    pub(crate) test: Test,
    pub(crate) message: String,
}

/// How a value is judged.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Equals(Placed),
    In(Vec<Placed>),
    NotIn(Vec<Placed>),
    AtLeast(Placed),
    AtMost(Placed),
}

impl Test {
    /// What the value is compared with.
    pub(crate) fn values(&self) -> &[Placed] {
        match self {
            Self::Equals(value) | Self::AtLeast(value) | Self::AtMost(value) => std::slice::from_ref(value),
            Self::In(values) | Self::NotIn(values) => values,
        }
    }
}

/// A value and where in the file it is said.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) value: Expression,
    pub(crate) at: At,
}

/// One statement.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) verb: Verb,
    /// As it is named in `tables`.
    pub(crate) table: String,
    /// What an insert or an update sets.
    pub(crate) set: Vec<Assignment>,
    /// What the rows of an update or a delete have.
    pub(crate) filter: Vec<Assignment>,
    pub(crate) rows: Rows,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Insert,
    Update,
    Delete,
}

impl Verb {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A column and its value.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) column: Identifier,
    pub(crate) value: Expression,
    pub(crate) at: At,
}

/// How many rows a statement must touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
}

impl Rows {
    pub(crate) const ONE: Self = Self { min: 1, max: Some(1) };

    pub(crate) fn hold(self, rows: u64) -> bool {
        rows >= self.min && self.max.is_none_or(|max| rows <= max)
    }
}

/// A value of a request, of its row, of the moment, or of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Constant(Scalar),
    From { from: From, default: Option<Scalar> },
    Add(Vec<Expression>),
    Sub(Box<(Expression, Expression)>),
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    TenantId,
    ObjectId,
    Principal,
    Approver,
    OperationId,
    ProposalId,
    Action,
    Attempt,
    Now,
    /// Equal names are one id.
    GeneratedId(Option<Identifier>),
    Patch(Identifier),
    Before(Identifier),
    Row(Identifier),
}

impl From {
    /// Whether a request may say nothing, or null.
    pub(crate) fn may_be_missing(&self) -> bool {
        matches!(self, Self::Approver | Self::Patch(_) | Self::Before(_) | Self::Row(_))
    }

    /// Whether it is another value every time.
    pub(crate) fn is_made(&self) -> bool {
        matches!(self, Self::Now | Self::GeneratedId(_))
    }
}

#[cfg(test)]
mod tests {
    use super::ListenAddress;

    #[test]
    fn an_address_is_an_ip_or_localhost_and_a_port() {
        for (text, read) in [
            ("127.0.0.1:8090", Some("127.0.0.1:8090")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("[::1]:8090", Some("[::1]:8090")),
            ("0.0.0.0:443", Some("0.0.0.0:443")),
            ("::1:8090", None),
            ("127.0.0.1", None),
            ("127.0.0.1:", None),
            ("127.0.0.1:+1", None),
            ("127.0.0.1:65536", None),
            ("shop.example.com:80", None),
            ("", None),
        ] {
            assert_eq!(ListenAddress::parse(text).map(|address| address.to_string()).as_deref(), read, "{text}");
        }
    }
}
