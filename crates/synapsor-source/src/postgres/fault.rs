//! What does an error of PostgreSQL mean?
//!
//! By SQLSTATE and by where it came up, never by text.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use tokio_postgres::Error;
use tokio_postgres::config::SslMode;
#[cfg(feature = "guarded-write")]
use tokio_postgres::error::SqlState;
use tokio_postgres::error::{DbError, Severity};

use super::tls::Progress;
use crate::error::SourceError;

/// Why a connection did not come about.
pub(super) fn connecting(name: &Arc<str>, error: Error, mode: SslMode, handshake: &Progress) -> SourceError {
    let (name, cause) = (name.clone(), error);
    let state = cause.code().map(|state| state.code().to_owned());
    let by_network = cause.is_closed() || cause.source().is_none_or(|source| source.is::<io::Error>());
    // Without a handshake an error that is neither the server's nor the network's is a server without TLS.
    let declined = mode == SslMode::Require && handshake.never_started();
    match state.as_deref() {
        Some(state) if state.starts_with("28") => SourceError::Authentication { name, cause: cause.into() },
        Some(state) if state.starts_with("53") => SourceError::Busy { name, cause: cause.into() },
        Some(_) => SourceError::Unreachable { name, cause: cause.into() },
        None if handshake.failed() => SourceError::Tls { name, cause: cause.into() },
        None if by_network => SourceError::Unreachable { name, cause: cause.into() },
        None if declined => SourceError::Tls { name, cause: cause.into() },
        None => SourceError::Authentication { name, cause: cause.into() },
    }
}

/// Why a statement did not succeed.
pub(super) fn running(name: &Arc<str>, error: Error) -> SourceError {
    let Some(state) = error.code().map(|state| state.code().to_owned()) else {
        return SourceError::Lost { name: name.clone(), cause: error.into() };
    };
    let fatal = !is_definite(&error);
    let (name, cause) = (name.clone(), error.into());
    match state.as_str() {
        "57014" => SourceError::Timeout { name, cause },
        "42501" => SourceError::PermissionDenied { name, cause },
        "40001" | "40P01" | "55P03" => SourceError::Busy { name, cause },
        // Undefined table, column, object, function, schema; a type that no longer fits; a unique index that has gone.
        "42P01" | "42703" | "42704" | "42883" | "3F000" | "42804" | "42846" | "42P10" => SourceError::SchemaChanged { name, cause },
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => SourceError::Lost { name, cause },
        state if state.starts_with("53") => SourceError::Busy { name, cause },
        state if fatal || state.starts_with("08") => SourceError::Lost { name, cause },
        _ => SourceError::Refused { name, code: state, cause },
    }
}

/// Whether the server answered with an ordinary error: the statement did nothing, and the session goes on.
pub(super) fn is_definite(error: &Error) -> bool {
    error.as_db_error().and_then(DbError::parsed_severity) == Some(Severity::Error)
}

/// Whether the savepoint that should be there is not: somebody ended our transaction.
#[cfg(feature = "guarded-write")]
pub(super) fn is_missing_seal(error: &Error) -> bool {
    matches!(error.code(), Some(&SqlState::S_E_INVALID_SPECIFICATION | &SqlState::NO_ACTIVE_SQL_TRANSACTION))
}
