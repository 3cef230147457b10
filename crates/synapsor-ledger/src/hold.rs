//! Who has the store: a server, anybody at all, or somebody who needs it alone?
//!
//! Two files beside the store carry locks of the operating system, which end with the process that holds them, however it ends.
//! `<store>.use` is shared by whoever has the store open, and held alone by whoever replaces or removes it. `<store>.lock` is held by one
//! server, or by whoever cleans up where no server may be. `<store>.lease.json` tells people who holds `<store>.lock`, and decides nothing.
//!
//! # Invariants
//! - The files of the locks are never removed: a lock on a removed file keeps nobody out. So none is made beside a file that is no ledger.
//! - What the lease file says is never a reason to go on or to stop, except that maintenance does not pass over one that it cannot read.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use synapsor_protocol::Timestamp;

use crate::error::LedgerError;
use crate::file::{beside, prepare, refuse_link, refused, unopenable};
use crate::layout::{self, HEADER_BYTES};

/// The largest lease file that is read, in bytes.
const MAX_LEASE_BYTES: u64 = 64 << 10;

/// How often somebody who waits for a lock asks again.
const POLL: Duration = Duration::from_millis(2);

/// Who holds a store, as `<store>.lease.json` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupant {
    /// The process.
    pub pid: u32,
    /// What it does: `mcp` for a server, `maintenance` for a verb that needs the store without one.
    pub mode: String,
    /// How a server is reached, `stdio`, `streamable-http` or `legacy-jsonrpc`; the verb otherwise.
    pub transport: String,
    /// The store, behind every link of its folder.
    pub store_path: PathBuf,
    /// Since when.
    pub started_at: Timestamp,
}

/// The store's lease: as long as this lives, in whatever process, no other server starts on the store.
#[derive(Debug)]
pub struct StoreLease {
    pub(crate) occupant: Occupant,
    _lock: File,
}

/// What stands in a lease file.
enum Told {
    Nothing,
    Unreadable,
    Of(Box<Occupant>),
}

impl StoreLease {
    /// Takes the store for a server, and says so beside it. Makes the store's file and folder if they are not there.
    /// [`LedgerError::Taken`] if somebody holds it. What a process that died has left behind is replaced.
    pub fn serve(store: &Path, transport: &str) -> Result<Self, LedgerError> {
        let store = prepare(store, true)?;
        refuse_foreign(&store, ".lock")?;
        Self::take(store, "mcp", transport)
    }

    /// Takes the store for maintenance beside which no server may run. A lease file that cannot be read is passed over with `force` alone:
    /// whoever wrote it may be a program that this one knows nothing of.
    pub fn maintain(store: &Path, verb: &str, force: bool) -> Result<Self, LedgerError> {
        refuse_foreign(&prepare(store, false)?, ".lock")?;
        Self::maintain_whatever(store, verb, force)
    }

    /// The same, also if the file is no ledger, or not any more: whoever replaces it needs none.
    pub(crate) fn maintain_whatever(store: &Path, verb: &str, force: bool) -> Result<Self, LedgerError> {
        let store = prepare(store, false)?;
        if !force && matches!(told(&store)?, Told::Unreadable) {
            return Err(LedgerError::LeaseUnreadable(lease_path(&store)));
        }
        Self::take(store, "maintenance", verb)
    }

    fn take(store_path: PathBuf, mode: &str, transport: &str) -> Result<Self, LedgerError> {
        let lock = lock_file(&store_path, ".lock")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(&store_path)),
            Err(TryLockError::Error(error)) => return Err(unopenable(&store_path, error)),
        }
        let (mode, transport) = (mode.to_owned(), transport.to_owned());
        let occupant = Occupant { pid: std::process::id(), mode, transport, store_path, started_at: Timestamp::now() };
        write(&occupant)?;
        Ok(Self { occupant, _lock: lock })
    }
}

impl Drop for StoreLease {
    /// Takes the lease file away, if it is still this one.
    fn drop(&mut self) {
        let store = &self.occupant.store_path;
        if matches!(told(store), Ok(Told::Of(found)) if *found == self.occupant) {
            // Left behind, it is replaced by whoever comes next.
            let _left = fs::remove_file(lease_path(store));
        }
    }
}

/// Has the store open among others, until the file is dropped. While somebody has it alone, that is waited for.
pub(crate) fn share(store: &Path, patience: Duration) -> Result<File, LedgerError> {
    refuse_foreign(store, ".use")?;
    let using = lock_file(store, ".use")?;
    match patiently(patience, || using.try_lock_shared()) {
        Ok(()) => Ok(using),
        Err(TryLockError::WouldBlock) => Err(taken(store)),
        Err(TryLockError::Error(error)) => Err(unopenable(store, error)),
    }
}

pub(crate) fn patiently(patience: Duration, mut lock: impl FnMut() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    let started = Instant::now();
    loop {
        match lock() {
            Err(TryLockError::WouldBlock) if started.elapsed() < patience => std::thread::sleep(POLL),
            other => return other,
        }
    }
}

fn taken(store: &Path) -> LedgerError {
    let holder = match told(store) {
        Ok(Told::Of(occupant)) => Some(occupant),
        Ok(Told::Nothing | Told::Unreadable) | Err(_) => None,
    };
    LedgerError::Taken { path: store.to_owned(), holder }
}

/// Refuses a file that is no ledger, as long as there is no lock beside it. Where there is one, somebody took it for a ledger before, and
/// may be writing it right now.
fn refuse_foreign(store: &Path, suffix: &str) -> Result<(), LedgerError> {
    let is_unlocked = || fs::symlink_metadata(beside(store, suffix)).is_err();
    if !is_unlocked() {
        return Ok(());
    }
    let mut header = Vec::new();
    let file = OpenOptions::new().read(true).custom_flags(guarded()).open(store);
    // Whoever opens it as a ledger says why it cannot be read.
    let Ok(_read) = file.and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut header)) else { return Ok(()) };
    match layout::refuse_foreign(&header, store) {
        Err(foreign) if is_unlocked() => Err(foreign),
        _ => Ok(()),
    }
}

/// Opens the file of a lock, and makes it if it is not there. No link is followed, and nothing is waited for.
pub(crate) fn lock_file(store: &Path, suffix: &str) -> Result<File, LedgerError> {
    let path = beside(store, suffix);
    refuse_link(&path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(guarded());
    let file = options.open(&path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => LedgerError::ReadOnly(store.to_owned()),
        _ => refused(&path, error),
    })?;
    let metadata = file.metadata().map_err(|error| unopenable(&path, error))?;
    if !metadata.is_file() {
        return Err(unopenable(&path, io::Error::from(ErrorKind::InvalidInput)));
    }
    belong_to_the_owner(&file, &metadata, store);
    Ok(file)
}

/// What the administrator makes beside somebody's store belongs to whoever owns the store: they must be able to open it too.
fn belong_to_the_owner(file: &File, metadata: &fs::Metadata, store: &Path) {
    let Ok(owner) = fs::metadata(store) else { return };
    if owner.uid() != metadata.uid() && rustix::process::geteuid().is_root() {
        // Where that cannot be, the owner is told that the store is read-only.
        let _ = fchown(file, Some(owner.uid()), Some(owner.gid()));
    }
}

fn guarded() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

pub(crate) fn lease_path(store: &Path) -> PathBuf {
    beside(store, ".lease.json")
}

/// Puts the lease file in its place, whole.
fn write(occupant: &Occupant) -> Result<(), LedgerError> {
    let path = place_of_lease(&occupant.store_path)?;
    let draft = beside(&path, &format!(".{}", occupant.pid));
    let text = serde_json::to_vec(occupant).map_err(io::Error::from);
    let written = text.and_then(|text| {
        // Left behind by a process of this number that died here.
        let _left = fs::remove_file(&draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        io::Write::write_all(&mut file, &text)?;
        if let Ok(metadata) = file.metadata() {
            belong_to_the_owner(&file, &metadata, &occupant.store_path);
        }
        fs::rename(&draft, &path)
    });
    written.map_err(|error| {
        let _left = fs::remove_file(&draft);
        refused(&path, error)
    })
}

/// Where the lease file is, or goes. A link or a folder in its place is nobody's lease, and stays.
fn place_of_lease(store: &Path) -> Result<PathBuf, LedgerError> {
    let path = lease_path(store);
    refuse_link(&path)?;
    if path.is_dir() {
        return Err(unopenable(store, io::Error::other(format!("`{}`, the place of its lease file, is a folder", path.display()))));
    }
    Ok(path)
}

fn told(store: &Path) -> Result<Told, LedgerError> {
    let path = place_of_lease(store)?;
    let file = match OpenOptions::new().read(true).custom_flags(guarded()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Told::Nothing),
        Err(_) => return Ok(Told::Unreadable),
    };
    let mut text = Vec::new();
    let read = file.take(MAX_LEASE_BYTES).read_to_end(&mut text);
    let occupant = read.ok().and_then(|_| serde_json::from_slice(&text).ok());
    Ok(occupant.map_or(Told::Unreadable, |occupant| Told::Of(Box::new(occupant))))
}

/// `pid 4711 (mcp, streamable-http) since 2026-03-02T08:00:00.000000Z`.
impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, mode, transport, started_at, .. } = self;
        write!(f, "pid {pid} ({mode}, {transport}) since {started_at}")
    }
}
