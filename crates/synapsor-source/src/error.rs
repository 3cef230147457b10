//! Why did a source not do what it was asked?
//!
//! A variant is a fact in our words, found from SQLSTATEs and result codes, never from a driver's text. `Display` names
//! the source and nothing else of it: no URL, host, SQL or value. The driver's own words are in `source()`.

use std::sync::Arc;
use std::time::Duration;

use synapsor_protocol::Identifier;

/// What a driver or the operating system said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a source did not answer. Whatever the variant, a read changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The URL cannot be used. Nothing was connected; a retry does not help.
    #[error("the url of source `{name}` cannot be used: {reason}")]
    InvalidUrl {
        /// The source.
        name: Arc<str>,
        /// What is wrong with it, without any of its values.
        reason: String,
    },
    /// This build does not have the engine.
    #[error("source `{name}` needs the engine {engine}, which this build does not have")]
    EngineMissing {
        /// The source.
        name: Arc<str>,
        /// The engine.
        engine: &'static str,
    },
    /// No connection came about: name, network, file, or a server that does not accept any now. A retry may help.
    #[error("source `{name}` cannot be reached")]
    Unreachable {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// The server did not accept who we are. A retry does not help.
    #[error("source `{name}` refused the credentials")]
    Authentication {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// No TLS as the URL demands it: none offered, or a certificate that does not verify. A retry does not help.
    #[error("source `{name}` offers no connection with the tls that its url asks for")]
    Tls {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// All our connections were in use for too long. A retry helps.
    #[error("all connections to source `{name}` are in use")]
    PoolExhausted {
        /// The source.
        name: Arc<str>,
        /// When to try again.
        retry_after: Duration,
    },
    /// The statement took longer than allowed and was cancelled. A retry may help.
    #[error("source `{name}` did not answer within its statement timeout")]
    Timeout {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// The source is held by others: a lock, a deadlock, too many connections, a full disk. A retry helps.
    #[error("source `{name}` is busy")]
    Busy {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// The connection ended in the middle. A retry may help.
    #[error("the connection to source `{name}` was lost")]
    Lost {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// A table, column or type is not what the check found. The configuration must be checked again.
    #[error("the schema of source `{name}` changed since it was checked")]
    SchemaChanged {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// The account lacks a privilege. A retry does not help.
    #[error("the account of source `{name}` lacks a privilege")]
    PermissionDenied {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// The source refused the statement: a constraint, a trigger, a value. A retry does not help.
    #[error("source `{name}` refused the statement with code {code}")]
    Refused {
        /// The source.
        name: Arc<str>,
        /// The SQLSTATE, SQLite's extended result code, or MySQL's error number; of a setting that does not hold its name.
        code: String,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// The file is no database, or a damaged one.
    #[error("source `{name}` is not a readable database")]
    Corrupt {
        /// The source.
        name: Arc<str>,
        /// The driver's words.
        #[source]
        cause: Cause,
    },
    /// A row holds a value that cannot be shown without loss. It is refused, not rounded.
    #[error("column `{column}` of source `{name}` holds a value that cannot be represented")]
    Unrepresentable {
        /// The source.
        name: Arc<str>,
        /// The column.
        column: Identifier,
        /// What is wrong with the value.
        #[source]
        cause: ValueError,
    },
    /// The checked table or value belongs to another source or column.
    #[error("what was checked against another source or column was used on source `{name}`")]
    Foreign {
        /// The source.
        name: Arc<str>,
    },
}

impl SourceError {
    /// Whether the same call may well succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::PoolExhausted { .. } | Self::Timeout { .. } | Self::Busy { .. } | Self::Lost { .. } => true,
            Self::InvalidUrl { .. }
            | Self::EngineMissing { .. }
            | Self::Authentication { .. }
            | Self::Tls { .. }
            | Self::SchemaChanged { .. }
            | Self::PermissionDenied { .. }
            | Self::Refused { .. }
            | Self::Corrupt { .. }
            | Self::Unrepresentable { .. }
            | Self::Foreign { .. } => false,
        }
    }
}

/// Why a value is none of this column. It does not repeat the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Null where a value is needed.
    #[error("a value is needed")]
    Null,
    /// The column is not among those that were checked.
    #[error("column `{0}` was not checked")]
    UnknownColumn(Identifier),
    /// The table was checked without a tenant column.
    #[error("the table has no tenant column")]
    NoTenant,
    /// A value of another type, or a text that does not have the type's form.
    #[error("expected {expected}")]
    Malformed {
        /// The form, in words.
        expected: &'static str,
    },
    /// Beyond what the type holds.
    #[error("outside the range of the column's type")]
    OutOfRange,
    /// More characters than the column holds.
    #[error("longer than {limit} characters")]
    TooLong {
        /// The most characters.
        limit: u32,
    },
    /// A stored value of more bytes than anybody should be shown.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// More digits than the column keeps.
    #[error("more digits than the column keeps")]
    TooPrecise,
    /// Not a number, or infinite.
    #[error("not a finite number")]
    NotFinite,
    /// Zero with a sign, which JSON does not carry.
    #[error("a negative zero")]
    NegativeZero,
    /// A moment without a time zone for a column that has one.
    #[error("a time zone is needed")]
    ZoneMissing,
    /// A time zone for a column that has none.
    #[error("the column keeps no time zone")]
    ZoneNotKept,
    /// No label of the enumeration.
    #[error("none of the type's labels")]
    UnknownLabel,
    /// A character that the database does not store.
    #[error("contains a NUL character")]
    Nul,
    /// Stored bytes of a text that are none.
    #[error("not a valid unicode text")]
    NotUnicode,
    /// The row stores another kind of value than the column's type says.
    #[error("stored as another kind of value than the column's type says")]
    OtherStorage,
}
