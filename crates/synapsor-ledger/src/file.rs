//! Is the file that we write still the file of that name?
//!
//! # Invariants
//! - A file we make is 0600 in a folder that is 0700 if we made it; a symbolic link is refused.
//! - A file that is not a ledger is not touched: permissions are tightened only after the layout was recognised.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::LedgerError;

/// A file on its device, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// The file of an open ledger, and the write-ahead log beside it, as they were when it was opened.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    store: Identity,
    log_path: PathBuf,
    log: Mutex<Option<Identity>>,
    pub(crate) owner_uid: u32,
    /// The share in the store that keeps it from being replaced or removed, until the last who works with it is done.
    _share: File,
}

impl Place {
    /// Remembers which files these are. Call it when a connection has read: the log is then there, and stays as long as it.
    pub(crate) fn observe(path: &Path, share: File) -> Result<Self, LedgerError> {
        let metadata = fs::metadata(path).map_err(|_| LedgerError::StoreGone)?;
        let (store, log_path, log) = (Identity::of(&metadata), beside(path, "-wal"), Mutex::default());
        let place = Self { path: path.to_owned(), store, log_path, log, owner_uid: metadata.uid(), _share: share };
        place.observe_log();
        Ok(place)
    }

    /// Remembers the log anew: it goes when the last connection does, and comes back with the next.
    pub(crate) fn observe_log(&self) {
        let log = fs::metadata(&self.log_path).ok().map(|log| Identity::of(&log));
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = log;
    }

    /// The file's name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether these are still the same files. Two `stat` calls.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        self.check_store()?;
        let log = *self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.is_none_or(|log| is_at(&self.log_path, log)) { Ok(()) } else { Err(LedgerError::StoreGone) }
    }

    /// Whether the store is still the same file.
    pub(crate) fn check_store(&self) -> Result<(), LedgerError> {
        if is_at(&self.path, self.store) { Ok(()) } else { Err(LedgerError::StoreGone) }
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Finds or makes the file; answers with its name behind every link of its folder.
pub(crate) fn prepare(path: &Path, create: bool) -> Result<PathBuf, LedgerError> {
    let unnamed = || if path.is_dir() { folder_in_place(path) } else { unopenable(path, ErrorKind::InvalidInput.into()) };
    let name = path.file_name().ok_or_else(unnamed)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if create {
        make_folder(folder).map_err(|error| refused(path, error))?;
    }
    let folder = fs::canonicalize(folder).map_err(|error| refused(path, error))?;
    let real = folder.join(name);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        refuse_link(&beside(&real, suffix))?;
    }
    match fs::symlink_metadata(&real) {
        Ok(metadata) if metadata.is_file() => Ok(real),
        Ok(metadata) if metadata.is_dir() => Err(folder_in_place(&real)),
        Ok(_) => Err(LedgerError::NotADatabase(real)),
        Err(error) if error.kind() == ErrorKind::NotFound && create => make_file(&folder, real),
        Err(error) => Err(refused(&real, error)),
    }
}

fn folder_in_place(path: &Path) -> LedgerError {
    unopenable(path, io::Error::other("it is a folder, and a ledger is a file"))
}

/// Takes everybody else's permissions away, from the ledger and the files beside it.
pub(crate) fn tighten(path: &Path) -> Result<(), LedgerError> {
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(path, suffix);
        let Ok(metadata) = fs::symlink_metadata(&file) else { continue };
        if metadata.is_file() && metadata.mode() & 0o177 != 0 {
            match fs::set_permissions(&file, Permissions::from_mode(0o600)) {
                // Another account's file: it decides who may read it.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                other => other.map_err(|error| unopenable(&file, error))?,
            }
        }
    }
    Ok(())
}

/// Whether the folder of this file can be written at all.
pub(crate) fn folder_is_writable(path: &Path) -> bool {
    path.parent().is_some_and(|folder| rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok())
}

pub(crate) fn unopenable(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Unopenable { path: path.to_owned(), source: Arc::new(source) }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| match error.kind() {
        // A file stands where the folder, or one above it, should be.
        ErrorKind::AlreadyExists => io::Error::from(ErrorKind::NotADirectory),
        _ => error,
    })
}

fn make_file(folder: &Path, path: PathBuf) -> Result<PathBuf, LedgerError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(path),
        Err(error) => return Err(refused(&path, error)),
    }
    // The name must survive the power going off, as what is in the file will.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unopenable(&path, error))?;
    Ok(path)
}

pub(crate) fn refuse_link(path: &Path) -> Result<(), LedgerError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(LedgerError::SymbolicLink(path.to_owned())),
        _ => Ok(()),
    }
}

pub(crate) fn refused(path: &Path, error: io::Error) -> LedgerError {
    match error.kind() {
        ErrorKind::NotFound => LedgerError::Missing(path.to_owned()),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => LedgerError::ReadOnly(path.to_owned()),
        ErrorKind::StorageFull => LedgerError::Full,
        _ => unopenable(path, error),
    }
}

fn is_at(path: &Path, identity: Identity) -> bool {
    fs::metadata(path).is_ok_and(|metadata| Identity::of(&metadata) == identity)
}

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
