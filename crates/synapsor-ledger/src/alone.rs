//! How does somebody get the store alone?

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::LedgerError;
use crate::file::{prepare, unopenable};
use crate::hold::{StoreLease, lock_file, patiently};

/// The store without anybody else: nobody serves from it, nobody has it open, and nobody can open it.
#[derive(Debug)]
pub(crate) struct Alone {
    /// The store, behind every link of its folder.
    pub(crate) store: PathBuf,
    _using: File,
    /// Its file goes with it.
    _lease: StoreLease,
}

impl Alone {
    /// Takes the store alone. Commands that have it open are waited for, for as long as `patience`.
    pub(crate) fn take(store: &Path, verb: &str, force: bool, patience: Duration) -> Result<Self, LedgerError> {
        Self::of(StoreLease::maintain(store, verb, force)?, patience)
    }

    /// The same for whoever needs no store there: its place is made.
    pub(crate) fn take_or_make(store: &Path, verb: &str, force: bool, patience: Duration) -> Result<Self, LedgerError> {
        prepare(store, true)?;
        Self::of(StoreLease::maintain_whatever(store, verb, force)?, patience)
    }

    fn of(lease: StoreLease, patience: Duration) -> Result<Self, LedgerError> {
        let store = lease.occupant.store_path.clone();
        let using = lock_file(&store, ".use")?;
        match patiently(patience, || using.try_lock()) {
            Ok(()) => Ok(Self { store, _using: using, _lease: lease }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::InUse(store)),
            Err(TryLockError::Error(error)) => Err(unopenable(&store, error)),
        }
    }
}
