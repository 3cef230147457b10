//! How is a ledger copied while others write?
//!
//! # Invariants
//! - A copy is one moment of the ledger: one read transaction, beside which writers go on.
//! - A copy is in its place only when it was written, synced and verified. It is 0600 from its first byte, and follows no link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::commits::chained;
use crate::connection::{classify, open_reader};
use crate::error::LedgerError;
use crate::file::{beside, refuse_link, refused, unopenable};
use crate::layout::rename;

/// How long a copy waits for a lock that it meets.
const PATIENCE: Duration = Duration::from_secs(5);

/// A copy that is not in its place yet. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Draft {
    written: PathBuf,
    published: bool,
}

impl Draft {
    /// Copies everything into a file beside `place`.
    pub(crate) fn copy(from: &Connection, place: &Path) -> Result<Self, LedgerError> {
        let written = beside(place, &format!(".{}.part", std::process::id()));
        // Left behind by a process of this number that died here.
        let _left = fs::remove_file(&written);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&written).map_err(|error| refused(&written, error))?;
        let draft = Self { written, published: false };
        draft.fill(from).map_err(|error| classify(&draft.written, error))?;
        Ok(draft)
    }

    fn fill(&self, from: &Connection) -> rusqlite::Result<()> {
        let mut to = self.open()?;
        {
            let copying = Backup::new(from, &mut to)?;
            loop {
                // All of it in one step: in several, every commit in between would have the copy begin anew.
                match copying.step(-1)? {
                    StepResult::Done => break,
                    _ => std::thread::sleep(Duration::from_millis(2)),
                }
            }
        }
        // One file, without a log beside it.
        to.pragma_update(None, "journal_mode", "DELETE")?;
        to.close().map_err(|(_, error)| error)
    }

    /// A connection that may change the copy.
    pub(crate) fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(&self.written, flags)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    }

    /// Gives the copy a number of its own. The log of the ledger that it was made of is then known to be another's, should somebody put
    /// the copy beside it.
    pub(crate) fn name_anew(&self) -> Result<(), LedgerError> {
        let rename = || {
            let connection = self.open()?;
            let number = rename(&connection)?;
            connection.execute("UPDATE commits SET ledger = ?1 WHERE number = (SELECT max(number) FROM commits)", [number])?;
            connection.close().map_err(|(_, error)| error)
        };
        rename().map_err(|error| classify(&self.written, error))
    }

    /// The file as long as it has no place.
    #[cfg(feature = "decisions")]
    pub(crate) fn path(&self) -> &Path {
        &self.written
    }

    /// What a check of the copy finds.
    pub(crate) fn verified<T>(&self, check: impl FnOnce(&Connection) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let connection = open_reader(&self.written, PATIENCE)?;
        check(&connection).map_err(|error| error.at(&self.written))
    }

    /// Puts the copy in its place, durably; says how long it is. Without `replace`, nothing may be there.
    pub(crate) fn publish(mut self, place: &Path, replace: bool) -> Result<u64, LedgerError> {
        let settle = || {
            let file = File::open(&self.written)?;
            file.sync_all()?;
            if replace {
                fs::rename(&self.written, place)?;
            } else {
                name(&self.written, place)?;
            }
            if let Some(folder) = place.parent() {
                File::open(folder)?.sync_all()?;
            }
            file.metadata().map(|metadata| metadata.len())
        };
        let bytes = settle().map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => LedgerError::Exists(place.to_owned()),
            _ => unopenable(place, error),
        })?;
        self.published = true;
        Ok(bytes)
    }
}

/// Gives a file its name unless that is taken. Where the file system has no links, the name is taken first and filled then.
fn name(written: &Path, place: &Path) -> io::Result<()> {
    match fs::hard_link(written, place) {
        Ok(()) => fs::remove_file(written),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) => {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(place)?;
            fs::rename(written, place)
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            for suffix in ["", "-journal", "-wal", "-shm"] {
                // If it cannot be removed there is nothing else to do about it; its name says that it is a part.
                let _left = fs::remove_file(beside(&self.written, suffix));
            }
        }
    }
}

/// Keeps a verified copy of a ledger beside it, before its layout changes. One that is there already is of a try that did not end.
pub(crate) fn before(store: &Path, layout: u32) -> Result<(), LedgerError> {
    let from = open_reader(store, PATIENCE)?;
    let path = beside(store, &format!(".v{layout}.bak"));
    refuse_link(&path)?;
    let draft = Draft::copy(&from, &path)?;
    match draft.verified(chained) {
        Ok(_) => {}
        // What was altered before is no fault of the copy, and must still be looked at with a newer program.
        Err(LedgerError::AlteredCommit(commit)) if matches!(chained(&from), Err(LedgerError::AlteredCommit(same)) if same == commit) => {
            tracing::warn!(commit, "the ledger does not verify, and neither does the copy of it");
        }
        Err(error) => return Err(error),
    }
    draft.publish(&path, true).map(|_| ())
}
