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
        // A deadlock, a snapshot or a definition that is too old, a node that is not ready.
        1213 | 1020 | 1412 | 1615 | 1047 => SourceError::Busy { name, cause },
        // Too many connections, locks, statements or transactions, no memory, a full disk or table.
        1040 | 1203 | 1226 | 1206 | 1461 | 1637 | 1037 | 1038 | 1041 | 1021 | 1114 => SourceError::Busy { name, cause },
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

#[cfg(test)]
mod tests {
    use mysql_async::{DriverError, Error, ServerError};

    use crate::error::SourceError;

    fn answer(code: u16, state: &str) -> Error {
        Error::Server(ServerError { code, message: "canary".to_owned(), state: state.to_owned() })
    }

    fn check(error: SourceError) -> String {
        let text = format!("{error}, {}", if error.is_transient() { "transient" } else { "for good" });
        assert!(!text.contains("canary"), "{text}");
        text
    }

    #[test]
    fn why_a_connection_did_not_come_about_is_known_by_number_and_state() {
        let cases = [
            (1045, "28000"),
            (1044, "42000"),
            (1130, "HY000"),
            (1820, "HY000"),
            (4151, "28000"),
            (3159, "HY000"),
            (1040, "08004"),
            (1203, "42000"),
            (1049, "42000"),
            (1053, "08S01"),
        ];
        let mut lines: Vec<String> = cases
            .iter()
            .map(|(code, state)| format!("{code}: {}", check(super::connecting(&"desk".into(), answer(*code, state)))))
            .collect();
        lines.push(check(super::connecting(&"desk".into(), Error::Driver(DriverError::NoClientSslFlagFromServer))));
        lines.push(check(super::connecting(&"desk".into(), Error::Driver(DriverError::UnknownAuthPlugin { name: "canary".to_owned() }))));
        lines.push(check(super::connecting(&"desk".into(), std::io::Error::other("canary").into())));
        insta::assert_snapshot!(lines.join("\n"), @"
        1045: source `desk` refused the credentials, for good
        1044: source `desk` refused the credentials, for good
        1130: source `desk` refused the credentials, for good
        1820: source `desk` refused the credentials, for good
        4151: source `desk` refused the credentials, for good
        3159: source `desk` offers no connection with the tls that its url asks for, for good
        1040: source `desk` is busy, transient
        1203: source `desk` is busy, transient
        1049: source `desk` cannot be reached, transient
        1053: source `desk` cannot be reached, transient
        source `desk` offers no connection with the tls that its url asks for, for good
        source `desk` refused the credentials, for good
        source `desk` cannot be reached, transient
        ");
    }

    #[test]
    fn why_a_statement_did_not_succeed_is_known_by_its_number() {
        let cases = [1205, 1969, 3024, 1317, 1142, 1143, 1213, 1615, 1040, 1114, 1146, 1054, 1267, 1053, 1927, 4031, 1062, 1644, 1792];
        let mut lines: Vec<String> =
            cases.iter().map(|code| format!("{code}: {}", check(super::running(&"desk".into(), answer(*code, "HY000"))))).collect();
        lines.push(check(super::running(&"desk".into(), std::io::Error::other("canary").into())));
        insta::assert_snapshot!(lines.join("\n"), @"
        1205: source `desk` did not answer within its statement timeout, transient
        1969: source `desk` did not answer within its statement timeout, transient
        3024: source `desk` did not answer within its statement timeout, transient
        1317: source `desk` did not answer within its statement timeout, transient
        1142: the account of source `desk` lacks a privilege, for good
        1143: the account of source `desk` lacks a privilege, for good
        1213: source `desk` is busy, transient
        1615: source `desk` is busy, transient
        1040: source `desk` is busy, transient
        1114: source `desk` is busy, transient
        1146: the schema of source `desk` changed since it was checked, for good
        1054: the schema of source `desk` changed since it was checked, for good
        1267: the schema of source `desk` changed since it was checked, for good
        1053: the connection to source `desk` was lost, transient
        1927: the connection to source `desk` was lost, transient
        4031: the connection to source `desk` was lost, transient
        1062: source `desk` refused the statement with code 1062, for good
        1644: source `desk` refused the statement with code 1644, for good
        1792: source `desk` refused the statement with code 1792, for good
        the connection to source `desk` was lost, transient
        ");
    }
}
