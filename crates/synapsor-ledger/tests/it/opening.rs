//! What may be opened, and what is said of the rest.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use insta::assert_snapshot;
use synapsor_ledger::{Ledger, LedgerError, OpenOptions, StoreLease, reset, vacuum};
use synapsor_protocol::Digest;
use tempfile::TempDir;

use crate::fixture::{Fixture, child, child_folder, proposal, read};

fn open(path: &Path) -> Result<Ledger, LedgerError> {
    Ledger::open(path, OpenOptions::default())
}

/// The refusal, without the folder, and whether the file is as it was.
fn refused(path: &Path) -> String {
    let before = fs::read(path).map(|bytes| Digest::of_bytes(&bytes)).ok();
    let mode = mode(path);
    let refusal = open(path).unwrap_err().to_string();
    let same = before == fs::read(path).map(|bytes| Digest::of_bytes(&bytes)).ok() && mode == self::mode(path);
    let folder = format!("{}/", fs::canonicalize(path.parent().unwrap()).unwrap().display());
    format!("{}{}", refusal.replace(&folder, ""), if same { "" } else { " (and it was changed!)" })
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777)
}

#[tokio::test]
async fn trap_46_a_missing_folder_is_made_and_everything_is_private() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state/synapsor/ledger.db");
    let ledger = open(&path).unwrap();
    ledger.agent().record_read(read("INV-1")).await.unwrap();
    assert_eq!([mode(path.parent().unwrap()), mode(&folder.path().join("state"))], [0o700; 2]);
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&folder.path().join(format!("state/synapsor/ledger.db{suffix}"))), 0o600, "{suffix}");
    }
}

#[test]
fn trap_15_a_ledger_that_others_may_read_is_closed_to_them() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    drop(open(&path).unwrap());
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let ledger = open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(ledger.owner_uid(), rustix::process::geteuid().as_raw());
}

#[test]
fn a_ledger_that_is_not_there_is_made_only_on_request() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("nowhere/ledger.db");
    let options = OpenOptions { create: false, ..OpenOptions::default() };
    assert!(matches!(Ledger::open(&path, options.clone()), Err(LedgerError::Missing(_))));
    assert!(!path.parent().unwrap().exists());
    drop(open(&path).unwrap());
    Ledger::open(&path, options).unwrap();
}

#[test]
fn a_symbolic_link_is_refused() {
    let folder = TempDir::new().unwrap();
    let (path, target) = (folder.path().join("ledger.db"), folder.path().join("elsewhere.db"));
    drop(open(&target).unwrap());
    symlink(&target, &path).unwrap();
    assert_snapshot!(refused(&path), @"`ledger.db` is a symbolic link");
    let beside = folder.path().join("beside.db");
    symlink(&target, folder.path().join("beside.db-wal")).unwrap();
    assert_snapshot!(refused(&beside), @"`beside.db-wal` is a symbolic link");
    assert!(!beside.exists());
}

#[test]
fn what_is_no_database_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "buy milk\n".repeat(1000)).unwrap();
    assert_snapshot!(refused(&text), @"`notes.txt` is not a database");
    let directory = folder.path().join("a-folder");
    fs::create_dir(&directory).unwrap();
    assert_snapshot!(refused(&directory), @"the ledger `a-folder` cannot be opened");
    for folder in [directory.as_path(), Path::new("."), Path::new("/")] {
        let said = synapsor_protocol::chain::chain(&open(folder).unwrap_err());
        assert!(said.ends_with("cannot be opened: it is a folder, and a ledger is a file"), "{said}");
    }
}

#[test]
fn a_database_that_is_no_ledger_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE invoices (id INTEGER)").unwrap();
    assert_snapshot!(refused(&path), @"`shop.db` is a database, but not a ledger");
}

/// Its owner would find files beside it that must never be removed.
#[test]
fn nothing_is_left_beside_what_is_no_ledger() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let many: String = (0..300).map(|number| format!("CREATE TABLE table_{number} (id INTEGER, body TEXT);")).collect();
    for (name, sql) in
        [("shop.db", "CREATE TABLE invoices (id INTEGER)"), ("large.db", many.as_str()), ("marked.db", "PRAGMA application_id = 7")]
    {
        rusqlite::Connection::open(at(name)).unwrap().execute_batch(sql).unwrap();
    }
    fs::write(at("notes.txt"), "buy milk").unwrap();
    for name in ["shop.db", "large.db", "marked.db", "notes.txt"] {
        let looks = OpenOptions { create: false, ..OpenOptions::default() };
        assert!(Ledger::open(&at(name), looks).is_err(), "{name}");
        assert!(Ledger::open(&at(name), OpenOptions::default()).is_err(), "{name}");
        assert!(StoreLease::serve(&at(name), "stdio").is_err(), "{name}");
        assert!(StoreLease::maintain(&at(name), "prune", true).is_err(), "{name}");
        assert!(vacuum(&at(name), true).is_err() && reset(&at(name), true).is_err(), "{name}");
    }
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["large.db", "marked.db", "notes.txt", "shop.db"]);
}

/// What makes a file a ledger is in its log at first: a process may have died before it was moved.
#[test]
fn a_ledger_whose_mark_is_still_in_its_log_is_one() {
    let folder = TempDir::new().unwrap();
    let (path, copy) = (folder.path().join("ledger.db"), folder.path().join("copy.db"));
    let open = Ledger::open(&path, OpenOptions::default()).unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(folder.path().join(format!("ledger.db{suffix}")), folder.path().join(format!("copy.db{suffix}"))).unwrap();
    }
    assert_eq!(fs::read(&copy).unwrap()[68..72], [0; 4], "the mark is in the log");
    drop(Ledger::open(&copy, OpenOptions { create: false, ..OpenOptions::default() }).unwrap());
    drop(open);
}

#[test]
fn a_ledger_of_a_newer_program_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    drop(open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO schema_version VALUES (7, '0.9.0', '2027-01-01T00:00:00Z')", []).unwrap();
    drop(connection);
    assert_snapshot!(refused(&path), @"the ledger has layout 7, which needs synapsor-runner 0.9.0 or later; this program knows layout 4");
}

#[tokio::test]
async fn a_damaged_ledger_is_called_corrupt() {
    let fixture = Fixture::new();
    for number in 0..50 {
        fixture.agent.record_proposal(proposal(&format!("INV-{number}"), "paid")).await.unwrap();
    }
    let Fixture { folder, ledger, agent, operator } = fixture;
    drop((ledger, agent, operator));
    let path = folder.path().join("ledger.db");
    let bytes = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.db");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    assert_snapshot!(refused(&cut), @"the ledger `cut.db` is corrupt");
    let scratched = folder.path().join("scratched.db");
    let mut scratches = bytes.clone();
    scratches[8192..].fill(0xa5);
    fs::write(&scratched, scratches).unwrap();
    let error = match open(&scratched) {
        Err(error) => error,
        Ok(ledger) => ledger.agent().record_proposal(proposal("INV-99", "paid")).await.unwrap_err(),
    };
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
}

#[test]
fn a_ledger_that_may_not_be_written_is_called_read_only() {
    let folder = child_folder();
    let path = folder.path().join("ledger.db");
    drop(open(&path).unwrap());
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    let answers = child("opening::child_opens_what_it_may_not_write", folder.path(), Some(65534)).wait_with_output().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let answers = String::from_utf8(answers.stdout).unwrap();
    let said: Vec<_> = answers.lines().filter_map(|line| line.strip_prefix("said ")).collect();
    assert_snapshot!(said.join("\n").replace(&format!("{}/", fs::canonicalize(folder.path()).unwrap().display()), ""), @r"
        the ledger `ledger.db` is read-only
        the ledger `new.db` is read-only
        the ledger `new/ledger.db` is read-only
        ");
}

#[test]
fn child_opens_what_it_may_not_write() {
    let Some(folder) = crate::fixture::child_of() else { return };
    for name in ["ledger.db", "new.db", "new/ledger.db"] {
        println!("\nsaid {}", open(&folder.join(name)).unwrap_err());
    }
}

/// One of them makes the tables while the others look; none may see half of that.
#[test]
fn sixteen_programs_may_make_the_same_ledger_at_once() {
    for _ in 0..40 {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("ledger.db");
        let opened = std::thread::scope(|scope| {
            let openings: Vec<_> = (0..16).map(|_| scope.spawn(|| open(&path).map(drop))).collect();
            openings.into_iter().map(|opening| opening.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    }
}

#[tokio::test]
async fn a_ledger_deleted_under_a_running_server_is_gone() {
    let fixture = Fixture::new();
    let proposal = fixture.proposed("INV-1").await;
    let aside = fixture.folder.path().join("aside.db");
    fs::rename(fixture.path(), &aside).unwrap();
    assert!(matches!(fixture.agent.record_read(read("INV-1")).await, Err(LedgerError::StoreGone)));
    assert!(matches!(fixture.approve(&proposal).await, Err(LedgerError::StoreGone)));
    assert!(matches!(fixture.operator.load(proposal.id()).await, Err(LedgerError::StoreGone)));
    assert!(!fixture.path().exists(), "it was made anew");
    // Another ledger of that name is not this one.
    fs::write(fixture.path(), "").unwrap();
    assert!(matches!(fixture.agent.record_read(read("INV-1")).await, Err(LedgerError::StoreGone)));
    fs::rename(&aside, fixture.path()).unwrap();
    fixture.agent.record_read(read("INV-1")).await.unwrap();
    assert_eq!(fixture.count("evidence"), 2);
}

#[tokio::test]
async fn a_write_ahead_log_deleted_under_a_running_server_is_noticed() {
    let fixture = Fixture::new();
    fixture.agent.record_read(read("INV-1")).await.unwrap();
    fs::remove_file(fixture.folder.path().join("ledger.db-wal")).unwrap();
    assert!(matches!(fixture.agent.record_read(read("INV-2")).await, Err(LedgerError::StoreGone)));
}

#[tokio::test]
async fn opening_again_finds_everything() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let Fixture { folder, ledger, agent, operator } = fixture;
    drop((ledger, agent, operator));
    let ledger =
        Ledger::open(&folder.path().join("ledger.db"), OpenOptions { busy_timeout: Duration::from_secs(1), ..Default::default() }).unwrap();
    assert_eq!(ledger.operator().load(proposal.id()).await.unwrap().proposal, proposal);
    assert_eq!(ledger.operator().latest().await.unwrap().as_ref(), Some(proposal.id()));
}

/// SQLite's shared lock on the file tells another process that it is not the last one, and must leave the log where it is. The kernel
/// takes all locks of a process on a file away when the process closes any handle of it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_open_ledger_keeps_the_engines_lock_on_its_file() {
    use std::os::unix::fs::MetadataExt;

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a % ledger?#.db");
    for round in 0..3 {
        let ledger = open(&path).unwrap();
        ledger.agent().record_read(read("INV-1")).await.unwrap();
        let inode = fs::metadata(&path).unwrap().ino().to_string();
        let locks = fs::read_to_string("/proc/locks").unwrap();
        let ours = |line: &&str| line.contains("POSIX") && line.split([' ', ':']).any(|word| word == inode);
        assert_eq!(locks.lines().filter(ours).count(), 1, "round {round}:\n{locks}");
    }
}
