//! How is a ledger copied while others write?
//!
//! # Invariants
//! - A copy is one moment of the ledger: one read transaction, beside which writers go on.
//! - A copy is in its place only when it was written, synced and verified. It is 0600 from its first byte, and follows no link.
//! - What is removed of others' are parts whose process is gone, by a name that only parts have.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::commits::chained;
use crate::connection::{classify, open_reader};
use crate::error::LedgerError;
use crate::file::{beside, refuse_link, refused, unopenable};
use crate::layout::{recognise, rename, user_version};

/// How long a copy waits for a lock that it meets.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many copies are kept of one ledger before its layout changes, if it was put back each time.
const MAX_KEPT: u32 = 9;

/// A copy that is not in its place yet. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Draft {
    written: PathBuf,
    published: bool,
}

impl Draft {
    /// Copies everything into a file beside `place`.
    pub(crate) fn copy(from: &Connection, place: &Path) -> Result<Self, LedgerError> {
        sweep(place);
        let written = beside(place, &format!(".{}.part", std::process::id()));
        // Left behind by a process of this number that died here. A journal of that would be taken for this one's.
        remove(&written);
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
            remove(&self.written);
        }
    }
}

fn remove(part: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        // If it cannot be removed there is nothing else to do about it; its name says that it is a part.
        let _left = fs::remove_file(beside(part, suffix));
    }
}

/// Removes the parts that processes have left behind which died in the middle of a copy to this place, or of one that is kept beside it.
pub(crate) fn sweep(place: &Path) {
    let (Some(folder), Some(name)) = (place.parent(), place.file_name().and_then(OsStr::to_str)) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let writer = entry.file_name().to_str().and_then(|file| writer_of(file.strip_prefix(name)?));
        if is_file && writer.is_some_and(is_gone) {
            let _left = fs::remove_file(entry.path());
        }
    }
}

/// Whose part a file is, by what its name adds to that of the place: `.4711.part`, `.v1.bak.4711.part`, or what SQLite keeps beside one.
fn writer_of(added: &str) -> Option<Pid> {
    let part = ["-journal", "-wal", "-shm"].iter().find_map(|suffix| added.strip_suffix(suffix)).unwrap_or(added);
    let (kept, pid) = part.strip_suffix(".part")?.rsplit_once('.')?;
    let is_kept = |kept: &str| {
        let (layout, number) = kept.strip_prefix(".v")?.split_once(".bak")?;
        (is_number(layout) && (number.is_empty() || number.strip_prefix('.').is_some_and(is_number))).then_some(())
    };
    let is_part = is_number(pid) && (kept.is_empty() || is_kept(kept).is_some());
    Pid::from_raw(pid.parse().ok().filter(|_| is_part)?)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_gone(process: Pid) -> bool {
    test_kill_process(process) == Err(Errno::SRCH)
}

/// Keeps a verified copy of a ledger beside it, before its layout changes.
pub(crate) fn before(store: &Path, layout: u32) -> Result<(), LedgerError> {
    let from = open_reader(store, PATIENCE)?;
    sweep(store);
    let Some(path) = place_of_copy(store, layout, &from)? else { return Ok(()) };
    let draft = Draft::copy(&from, &path)?;
    match draft.verified(chained) {
        Ok(_) => {}
        // What was altered before is no fault of the copy, and must still be looked at with a newer program.
        Err(LedgerError::AlteredCommit(commit)) if matches!(chained(&from), Err(LedgerError::AlteredCommit(same)) if same == commit) => {
            tracing::warn!(commit, "the ledger does not verify, and neither does the copy of it");
        }
        Err(error) => return Err(error),
    }
    draft.publish(&path, false).map(|_| ())
}

/// Where the copy goes that is kept: `.v1.bak`, or `.v1.bak.2` if there is another copy already, because the ledger was put back since.
/// Nowhere, if a try that did not end has left the copy of this very state.
fn place_of_copy(store: &Path, layout: u32, from: &Connection) -> Result<Option<PathBuf>, LedgerError> {
    let first = beside(store, &format!(".v{layout}.bak"));
    for number in 1..=MAX_KEPT {
        let path = if number == 1 { first.clone() } else { beside(&first, &format!(".{number}")) };
        refuse_link(&path)?;
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(path)),
            Ok(found) if found.is_file() && is_copy_of(&path, store, from) => return Ok(None),
            Ok(_) | Err(_) => {}
        }
    }
    Err(LedgerError::Exists(first))
}

/// Whether a file is a ledger of the same layout, name and last commit, sound or altered at the same place.
fn is_copy_of(path: &Path, store: &Path, from: &Connection) -> bool {
    let state = |connection: &Connection, path: &Path| -> Result<_, LedgerError> {
        let last = "SELECT number, hash FROM commits ORDER BY number DESC LIMIT 1";
        let last: Option<(i64, String)> = connection.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let altered = match chained(connection) {
            Ok(_) => None,
            Err(LedgerError::AlteredCommit(number)) => Some(number),
            Err(error) => return Err(error),
        };
        Ok((recognise(connection, path)?, user_version(connection)?, last, altered))
    };
    open_reader(path, PATIENCE).and_then(|copy| Ok(state(&copy, path)? == state(from, store)?)).unwrap_or(false)
}
