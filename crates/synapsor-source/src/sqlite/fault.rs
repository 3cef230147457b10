//! What does an error of SQLite mean?
//!
//! By result code, never by text.

use std::sync::Arc;

use rusqlite::{Error, ErrorCode, ffi};

use crate::error::SourceError;

/// An error, and where it came up.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) phase: Phase,
    pub(crate) error: Error,
}

/// Where an error came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Opening the file.
    Open,
    /// A statement of ours that only reads: a plain error means that the schema is another one.
    Query,
    /// A statement that may run somebody's triggers.
    #[cfg(feature = "guarded-write")]
    Effect,
}

impl Fault {
    pub(crate) fn code(&self) -> Option<ffi::Error> {
        match &self.error {
            Error::SqliteFailure(code, _) | Error::SqlInputError { error: code, .. } => Some(*code),
            _ => None,
        }
    }

    /// A plain error, without a code of its own.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn is_plain(&self) -> bool {
        self.code().is_some_and(|code| code.code == ErrorCode::Unknown)
    }

    /// The fact in this crate's words.
    pub(crate) fn into_error(self, name: &Arc<str>) -> SourceError {
        let name = name.clone();
        let Some(code) = self.code() else {
            return SourceError::Refused { name, code: "driver".to_owned(), cause: self.error.into() };
        };
        let (phase, cause) = (self.phase, self.error.into());
        match code.code {
            // The file lost its name while it was open; a new connection finds the one that is there now.
            ErrorCode::ReadOnly if code.extended_code == ffi::SQLITE_READONLY_DBMOVED => SourceError::Unreachable { name, cause },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull | ErrorCode::OutOfMemory => {
                SourceError::Busy { name, cause }
            }
            ErrorCode::FileLockingProtocolFailed => SourceError::Busy { name, cause },
            ErrorCode::OperationInterrupted => SourceError::Timeout { name, cause },
            ErrorCode::CannotOpen => SourceError::Unreachable { name, cause },
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => SourceError::Corrupt { name, cause },
            ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied => {
                SourceError::PermissionDenied { name, cause }
            }
            ErrorCode::SystemIoFailure if phase == Phase::Open => SourceError::Unreachable { name, cause },
            ErrorCode::SystemIoFailure => SourceError::Lost { name, cause },
            ErrorCode::SchemaChanged => SourceError::SchemaChanged { name, cause },
            ErrorCode::Unknown if phase == Phase::Query => SourceError::SchemaChanged { name, cause },
            _ => SourceError::Refused { name, code: code.extended_code.to_string(), cause },
        }
    }
}
