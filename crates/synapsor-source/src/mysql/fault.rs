//! What does an error of MySQL mean?
//!
//! By its number, its SQLSTATE and where it came up, never by text.

use std::io;
use std::sync::Arc;

use mysql_async::{DriverError, Error, IoError, ServerError};

use crate::error::SourceError;

/// Why a connection did not come about.
pub(super) fn connecting(name: &Arc<str>, error: Error) -> SourceError {
    let (name, cause) = (name.clone(), error);
    match &cause {
        Error::Server(answer) => match (answer.code, answer.state.as_str()) {
            // Access denied, to whom or from where; a password that has expired.
            (1044 | 1045 | 1130 | 1698 | 1820 | 1862, _) | (_, "28000") => SourceError::Authentication { name, cause: cause.into() },
            // Only with TLS.
            (3159, _) => SourceError::Tls { name, cause: cause.into() },
            // Too many connections, of all or of this account.
            (1040 | 1203 | 1226, _) | (_, "08004") => SourceError::Busy { name, cause: cause.into() },
            _ => SourceError::Unreachable { name, cause: cause.into() },
        },
        Error::Driver(DriverError::NoClientSslFlagFromServer) => SourceError::Tls { name, cause: cause.into() },
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. } | DriverError::MysqlOldPasswordDisabled | DriverError::CleartextPluginDisabled,
        ) => SourceError::Authentication { name, cause: cause.into() },
        Error::Io(IoError::Tls(_)) => SourceError::Tls { name, cause: cause.into() },
        Error::Io(IoError::Io(error)) if by_handshake(error) => SourceError::Tls { name, cause: cause.into() },
        Error::Io(_) | Error::Driver(_) | Error::Other(_) | Error::Url(_) => SourceError::Unreachable { name, cause: cause.into() },
    }
}

fn by_handshake(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

/// Why a statement did not succeed.
pub(super) fn running(name: &Arc<str>, error: Error) -> SourceError {
    let Some(code) = code(&error) else {
        return SourceError::Lost { name: name.clone(), cause: error.into() };
    };
    let (name, cause) = (name.clone(), error.into());
    match code {
        // The statement's time, of a lock or in all; or somebody killed it.
        1205 | 1317 | 1907 | 1969 | 3024 => SourceError::Timeout { name, cause },
        1044 | 1142 | 1143 | 1227 | 1370 => SourceError::PermissionDenied { name, cause },
        // A deadlock, a snapshot that is too old, too many connections, no memory, a full disk or table.
        1213 | 1020 | 1037 | 1038 | 1040 | 1041 | 1203 | 1226 | 1021 | 1114 => SourceError::Busy { name, cause },
        // Unknown database, column, table, routine; a view whose table changed; a collation that no longer fits.
        1049 | 1054 | 1146 | 1305 | 1356 | 1253 | 1267 | 1270 | 1271 => SourceError::SchemaChanged { name, cause },
        code if ends_session(code) => SourceError::Lost { name, cause },
        code => SourceError::Refused { name, code: code.to_string(), cause },
    }
}

/// Whether the server answered with an ordinary error: the statement did nothing, and the session goes on.
pub(super) fn is_definite(error: &Error) -> bool {
    code(error).is_some_and(|code| !ends_session(code))
}

/// Whether the whole transaction was rolled back to break a deadlock.
#[cfg(feature = "guarded-write")]
pub(super) fn is_deadlock(error: &Error) -> bool {
    code(error) == Some(1213)
}

/// Whether a unique key has such an entry already.
#[cfg(feature = "guarded-write")]
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(1062)
}

/// Whether the savepoint that should be there is not: somebody ended our transaction.
#[cfg(feature = "guarded-write")]
pub(super) fn is_missing_seal(error: &Error) -> bool {
    code(error) == Some(1305)
}

fn code(error: &Error) -> Option<u16> {
    match error {
        Error::Server(ServerError { code, .. }) => Some(*code),
        Error::Driver(_) | Error::Io(_) | Error::Other(_) | Error::Url(_) => None,
    }
}

/// The server goes down, or has ended this connection.
fn ends_session(code: u16) -> bool {
    matches!(code, 1053 | 1077 | 1078 | 1079 | 1080 | 1152 | 1153 | 1158..=1161 | 1184 | 1927 | 3169 | 4031)
}
