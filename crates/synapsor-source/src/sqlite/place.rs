//! Is the file that a connection holds still the file of that name?
//!
//! # Invariants
//! - A connection to a file that was replaced or removed reads nothing more, and commits nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Error, ffi};

/// A name, and the file that it led to when the connection was opened: device and inode.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    file: (u64, u64),
}

impl Place {
    /// Remembers which file has this name; nothing if there is none.
    pub(super) fn observe(path: &Path) -> Option<Self> {
        file_of(path).map(|file| Self { path: path.to_owned(), file })
    }

    /// Whether the name still leads to that file. One `stat` call.
    pub(super) fn is_current(&self) -> bool {
        file_of(&self.path) == Some(self.file)
    }
}

/// What SQLite says when it notices by itself.
pub(super) fn moved() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED), Some("the file was replaced or removed".to_owned()))
}

fn file_of(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
