//! Where may a backup go, and what is in it?

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;

use crate::copy::Draft;
use crate::error::LedgerError;
use crate::file::{beside, refuse_link, unopenable};
use crate::verify::{Verified, verify};

/// A copy of a ledger that was made and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// What was verified in it.
    #[serde(flatten)]
    pub verified: Verified,
}

/// Copies the ledger to a file that is not there yet, or with `replace` to one that is, and verifies the copy: every commit, every proposal.
pub(crate) fn backup(from: &Connection, store: &Path, to: &Path, replace: bool) -> Result<Backup, LedgerError> {
    let path = free(store, to, replace)?;
    let draft = Draft::copy(from, &path)?;
    draft.name_anew()?;
    let verified = draft.verified(verify)?;
    let bytes = draft.publish(&path, replace)?;
    Ok(Backup { path, bytes, verified })
}

/// The place of a copy, if it may be taken: never that of the ledger itself, and never a link, a folder or a device.
fn free(store: &Path, to: &Path, replace: bool) -> Result<PathBuf, LedgerError> {
    let name = to.file_name().ok_or_else(|| unopenable(to, ErrorKind::InvalidInput.into()))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = fs::canonicalize(folder).map_err(|error| unopenable(to, error))?.join(name);
    refuse_link(&path)?;
    let same = |one: &fs::Metadata| fs::metadata(store).is_ok_and(|store| (store.dev(), store.ino()) == (one.dev(), one.ino()));
    let of_the_store = ["", "-wal", "-shm", "-journal", ".lock", ".use", ".lease.json"].iter().any(|suffix| beside(store, suffix) == path);
    match fs::symlink_metadata(&path) {
        Ok(found) if !replace || !found.is_file() || same(&found) => Err(LedgerError::Exists(path)),
        _ if of_the_store => Err(LedgerError::Exists(path)),
        Ok(_) => Ok(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path),
        Err(error) => Err(unopenable(&path, error)),
    }
}
