//! Ledgers of older programs: brought up to date in one step, with a copy beside them, from files that those programs wrote.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use synapsor_ledger::{Activity, Filter, Ledger, LedgerError, OpenOptions};
use tempfile::TempDir;

use crate::fixture::{child, child_folder, child_of};

const STORED: [(u32, &str); 2] = [(1, include_str!("../stored/layout-1.sql")), (2, include_str!("../stored/layout-2.sql"))];

/// A ledger as the program of that layout left it.
fn stored(folder: &Path, sql: &str) -> PathBuf {
    let path = folder.join("ledger.db");
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(folder.join(format!("ledger.db{suffix}")));
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    path
}

fn layout(path: &Path) -> u32 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("SELECT max(version) FROM schema_version", [], |row| row.get(0)).unwrap()
}

/// Everything that is on record, in a form that can be compared.
async fn content(path: &Path) -> String {
    let ledger = Ledger::open(path, OpenOptions { create: false, ..OpenOptions::default() }).unwrap().operator();
    let verified = ledger.verify().await.unwrap();
    let found = ledger.activity(&Filter { limit: 200, ..Filter::default() }).await.unwrap().lines;
    let counted = |kind: fn(&Activity) -> bool| found.iter().filter(|one| kind(one)).count();
    let mut states = Vec::new();
    for line in ledger.list(&Filter { limit: 200, ..Filter::default() }).await.unwrap().lines {
        states.push(format!("{} {}", line.object_id, ledger.load(&line.proposal_id).await.unwrap().proposal.status));
    }
    states.sort();
    format!(
        "{} records, {} audits, {} receipts, {} diagnostics\n{}",
        verified.records,
        counted(|one| matches!(one, Activity::QueryAudit(_))),
        counted(|one| matches!(one, Activity::Receipt(_))),
        counted(|one| matches!(one, Activity::Diagnostic(_))),
        states.join(", ")
    )
}

#[tokio::test]
async fn a_ledger_of_an_older_layout_is_brought_up_to_date_with_a_copy_beside_it() {
    for (version, sql) in STORED {
        let folder = TempDir::new().unwrap();
        let path = stored(folder.path(), sql);
        let content_now = content(&path).await;
        insta::allow_duplicates! { insta::assert_snapshot!(content_now, @r"
        38 records, 7 audits, 2 receipts, 1 diagnostics
        INV-1 pending_review, INV-2 applied, INV-3 approved, INV-4 pending_worker, INV-5 rejected
        ") }
        let copy = folder.path().join(format!("ledger.db.v{version}.bak"));
        assert_eq!((layout(&copy), layout(&path) > version), (version, true));
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        // The copy is a ledger that this program can go on from.
        assert_eq!(content(&copy).await, content(&path).await);
        assert!(!folder.path().join("ledger.db.v3.bak").exists());
    }
}

/// Whoever puts an old file in the ledger's place has it brought up to date again.
#[tokio::test]
async fn the_copy_of_a_ledger_is_kept_when_another_is_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let copy = |number: &str| folder.path().join(format!("ledger.db.v2.bak{number}"));
    let open = |sql: &str| drop(Ledger::open(&stored(folder.path(), sql), OpenOptions::default()).unwrap());
    open(STORED[1].1);
    let first = fs::read(copy("")).unwrap();
    // A try that did not end: the copy of this very ledger is there.
    open(STORED[1].1);
    assert_eq!((fs::read(copy("")).unwrap() == first, copy(".2").exists()), (true, false));
    for (number, others) in [(".2", "DELETE FROM diagnostics;"), (".3", "UPDATE evidence SET body_json = '{}';")] {
        open(&format!("{}{others}", STORED[1].1));
        assert_eq!((fs::read(copy("")).unwrap() == first, layout(&copy(number))), (true, 2), "{number}");
    }
    assert!(!copy(".4").exists());
    drop(rusqlite::Connection::open(copy("")).unwrap().execute_batch("DROP TABLE commits"));
    open(STORED[1].1);
    assert_eq!(layout(&copy(".4")), 2, "what is no copy any more is left as it is");
    fs::read_dir(folder.path()).unwrap().for_each(|file| assert!(!file.unwrap().file_name().to_string_lossy().contains("part")));
}

/// A process that dies anywhere in between leaves a ledger of the old layout or of the new one.
#[tokio::test]
async fn a_crash_in_the_middle_leaves_a_usable_ledger() {
    let folder = child_folder();
    for round in 0_u64..24 {
        let (version, sql) = STORED[round as usize % 2];
        let path = stored(folder.path(), sql);
        let mut opening = child("migration::child_opens_what_is_old", folder.path(), None);
        std::thread::sleep(Duration::from_micros(1500 + 1700 * round));
        opening.kill().unwrap();
        opening.wait().unwrap();
        let found = layout(&path);
        assert!(found == version || found > 2, "round {round}: layout {found}");
        assert!(content(&path).await.starts_with("38 records"), "round {round}");
    }
}

#[test]
fn child_opens_what_is_old() {
    let Some(folder) = child_of() else { return };
    drop(Ledger::open(&folder.join("ledger.db"), OpenOptions::default()));
}

#[tokio::test]
async fn without_a_copy_nothing_is_changed() {
    let folder = TempDir::new().unwrap();
    let path = stored(folder.path(), STORED[1].1);
    let elsewhere = folder.path().join("elsewhere");
    symlink(&elsewhere, folder.path().join("ledger.db.v2.bak")).unwrap();
    assert!(matches!(Ledger::open(&path, OpenOptions::default()), Err(LedgerError::SymbolicLink(_))));
    assert_eq!((layout(&path), elsewhere.exists()), (2, false));
    fs::remove_file(folder.path().join("ledger.db.v2.bak")).unwrap();
    drop(Ledger::open(&path, OpenOptions::default()).unwrap());
}

/// What was altered before can still be looked at with a newer program, and is still found.
#[tokio::test]
async fn an_altered_ledger_is_brought_up_to_date_and_still_altered() {
    let folder = TempDir::new().unwrap();
    let path = stored(folder.path(), STORED[1].1);
    let careless = rusqlite::Connection::open(&path).unwrap();
    assert!(careless.execute("UPDATE evidence SET body_json = replace(body_json, 'open', 'paid')", []).unwrap() > 0);
    drop(careless);
    let ledger = Ledger::open(&path, OpenOptions::default()).unwrap();
    assert!(matches!(ledger.operator().verify().await, Err(LedgerError::Altered { .. })));
    assert_eq!(layout(&folder.path().join("ledger.db.v2.bak")), 2);
}

#[test]
fn many_programs_bring_one_ledger_up_to_date_at_once() {
    for (_, sql) in STORED {
        let folder = TempDir::new().unwrap();
        let path = stored(folder.path(), sql);
        let opened = std::thread::scope(|scope| {
            let openings: Vec<_> = (0..8).map(|_| scope.spawn(|| Ledger::open(&path, OpenOptions::default()).map(drop))).collect();
            openings.into_iter().map(|opening| opening.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    }
}
