//! Backups beside writers, restoring, making room, beginning anew, and what keeps these from each other.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use insta::assert_snapshot;
use synapsor_ledger::{Claim, Ledger, LedgerError, OpenOptions, StoreLease, replaceable, reset, restore, vacuum};
use synapsor_proposal::{Delivery, Order, Pending, Status};
use synapsor_protocol::{ErrorCode, Outcome, Report};

use crate::fixture::{Fixture, child, child_folder, child_of, dana, holder, proposal, read};

/// Lets go of a ledger, as a program that ends does.
fn closed(fixture: Fixture) -> tempfile::TempDir {
    let Fixture { folder, ledger, agent, operator } = fixture;
    drop((ledger, agent, operator));
    folder
}

fn open(path: &Path) -> Ledger {
    Ledger::open(path, OpenOptions { create: false, ..OpenOptions::default() }).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn said(folder: &Path, error: &LedgerError) -> String {
    let folder = format!("{}/", fs::canonicalize(folder).unwrap().display());
    let text = error.to_string().replace(&folder, "").replace(&format!("pid {}", std::process::id()), "pid <us>");
    text.split(" since ").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_backup_is_one_moment_beside_a_busy_writer() {
    let fixture = Fixture::new();
    for number in 0..20 {
        fixture.proposed(&format!("INV-{number}")).await;
    }
    let busy = {
        let agent = fixture.agent.clone();
        tokio::spawn(async move {
            for number in 0.. {
                agent.record_proposal(proposal(&format!("BUSY-{number}"), "paid")).await.unwrap();
                if number > 150 {
                    break;
                }
            }
        })
    };
    for number in 0..5 {
        let to = fixture.folder.path().join(format!("backup-{number}.db"));
        let backup = fixture.operator.backup(&to, false).await.unwrap();
        assert!(backup.verified.proposals >= 20 && backup.bytes == fs::metadata(&to).unwrap().len());
        assert_eq!(mode(&to), 0o600);
    }
    busy.await.unwrap();
    let names: Vec<_> = fs::read_dir(fixture.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("part")), "{names:?}");
    let copy = open(&fixture.folder.path().join("backup-4.db"));
    copy.operator().verify().await.unwrap();
}

#[tokio::test]
async fn a_backup_takes_nobodys_place() {
    let fixture = Fixture::new();
    fixture.proposed("INV-1").await;
    let to = |name: &str| fixture.folder.path().join(name);
    fs::write(to("there.db"), "mine").unwrap();
    symlink(to("elsewhere.db"), to("link.db")).unwrap();
    fs::create_dir(to("folder.db")).unwrap();
    for (name, replace) in [
        ("there.db", false),
        ("link.db", true),
        ("folder.db", true),
        ("ledger.db", true),
        ("ledger.db-wal", true),
        ("ledger.db.lock", true),
        ("nowhere/backup.db", false),
    ] {
        let refused = fixture.operator.backup(&to(name), replace).await.unwrap_err();
        assert!(!matches!(refused, LedgerError::StoreGone), "{name}: {refused}");
    }
    assert_eq!(fs::read(to("there.db")).unwrap(), b"mine");
    fixture.operator.backup(&to("there.db"), true).await.unwrap();
    fixture.operator.verify().await.unwrap();
    assert!(!to("elsewhere.db").exists());
}

#[tokio::test]
async fn a_ledger_that_does_not_verify_gives_no_backup() {
    let fixture = Fixture::new();
    fixture.proposed("INV-1").await;
    fixture.edit("UPDATE proposals SET change_set_json = replace(change_set_json, 'paid', 'void')");
    let to = fixture.folder.path().join("backup.db");
    assert!(matches!(fixture.operator.backup(&to, false).await, Err(LedgerError::Altered { .. })));
    assert!(!to.exists());
}

/// What was open when the backup was made may have been carried out since: it counts as claimed.
#[tokio::test]
async fn after_a_restore_every_open_job_counts_as_claimed() {
    let fixture = Fixture::new();
    let pending = fixture.proposed("pending").await;
    let approved = fixture.approved("approved").await;
    let done = fixture.approved("done").await;
    let tried = fixture.approved("tried").await;
    let held = fixture.approved("held").await;
    for (case, lease, report) in [
        (&done, 0, Some(Report::new(Outcome::Applied))),
        (&tried, 0, Some(Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE))),
        (&held, 3600, None),
    ] {
        fixture.operator.claim(case.id(), &holder("worker"), Duration::from_secs(lease), Delivery::Again).await.unwrap();
        if let Some(report) = report {
            fixture.operator.report(case.id(), &dana(), 1, &report).await.unwrap();
        }
    }
    let parked = fixture.approved("parked").await;
    fixture.execute(&parked, Order::Park { attempt: 0, reason: "nobody knows".into() }).await.unwrap();
    let backup = fixture.folder.path().join("backup.db");
    let head = fixture.operator.backup(&backup, false).await.unwrap().verified.head;
    // What the store learns afterwards is gone with it.
    fixture.operator.claim(approved.id(), &holder("worker"), Duration::ZERO, Delivery::Again).await.unwrap();
    fixture.operator.report(approved.id(), &dana(), 1, &Report::new(Outcome::Applied)).await.unwrap();
    fixture.proposed("lost").await;
    let path = fixture.path();
    let folder = closed(fixture);
    let restored = restore(&path, &backup, "dana", false).unwrap();
    assert_eq!(restored.claimed, [approved.id(), tried.id(), held.id(), parked.id()].map(Clone::clone));
    // What was decided since is not known any more, so whoever decides again is told.
    assert_eq!(restored.undecided, [pending.id().clone()]);
    let ledger = open(&path).operator();
    ledger.verify().await.unwrap();
    let stands = async |id: &synapsor_protocol::id::ProposalId| ledger.load(id).await.unwrap().proposal;
    assert_eq!(stands(pending.id()).await.status, Status::PendingReview);
    assert_eq!(stands(done.id()).await.status, Status::Applied);
    for (id, attempt) in [(approved.id(), 1), (tried.id(), 2), (held.id(), 2)] {
        let state = stands(id).await;
        assert!(state.unresolved(), "{state:?}");
        assert!(matches!(state.pending(), Some(Pending::Report { attempt: n, holder }) if n == attempt && holder == "store restore"));
        // Nobody has to wait: whoever comes finds out.
        let claim = ledger.claim(id, &holder("worker"), Duration::from_secs(30), Delivery::Again).await.unwrap();
        assert!(matches!(claim, Claim::Granted(lease) if lease.attempt == attempt + 1));
    }
    let state = stands(parked.id()).await;
    assert!(state.dead_letter.is_some() && state.unresolved(), "a dead letter stays one: {state:?}");
    // What was there is kept, whole.
    let kept = open(&restored.kept.unwrap()).operator();
    kept.verify().await.unwrap();
    assert_eq!(kept.load(approved.id()).await.unwrap().proposal.status, Status::Applied);
    assert_ne!(head, ledger.head().await.unwrap());
    drop(folder);
}

#[tokio::test]
async fn a_backup_that_does_not_verify_is_not_restored() {
    let fixture = Fixture::new();
    fixture.proposed("INV-1").await;
    let path = fixture.path();
    let backup = fixture.folder.path().join("backup.db");
    fixture.operator.backup(&backup, false).await.unwrap();
    fixture.proposed("INV-2").await;
    let folder = closed(fixture);
    let sound = fs::read(&backup).unwrap();
    let edited = rusqlite::Connection::open(&backup).unwrap();
    edited.execute_batch("UPDATE proposals SET change_set_json = replace(change_set_json, 'paid', 'void')").unwrap();
    drop(edited);
    let business = folder.path().join("business.db");
    rusqlite::Connection::open(&business).unwrap().execute_batch("CREATE TABLE invoices (id INTEGER)").unwrap();
    let newer = folder.path().join("newer.db");
    fs::write(&newer, &sound).unwrap();
    let later = rusqlite::Connection::open(&newer).unwrap();
    later.execute("INSERT INTO schema_version VALUES (77, '0.9.0', '2027-01-01T00:00:00Z')", []).unwrap();
    drop(later);
    let link = folder.path().join("link.db");
    symlink(&newer, &link).unwrap();
    let mut refusals = Vec::new();
    for bad in [&backup, &business, &newer, &link, &folder.path().join("nowhere.db"), &path] {
        refusals.push(said(folder.path(), &restore(&path, bad, "dana", false).unwrap_err()));
    }
    let known = refusals[2].split(" knows").next().unwrap().to_owned();
    (refusals[0], refusals[2]) = (refusals[0].split(" was ").nth(1).unwrap().to_owned(), known);
    assert_snapshot!(refusals.join("\n"), @r"
    altered: its change set does not match its hash
    `business.db` is a database, but not a ledger
    the ledger has layout 77, which needs synapsor-runner 0.9.0 or later; this program
    `link.db` is a symbolic link
    there is no backup `nowhere.db`
    `ledger.db` is there already
    ");
    let store = open(&path).operator();
    assert_eq!(store.verify().await.unwrap().proposals, 2, "the store is what it was");
}

#[tokio::test]
async fn a_store_that_is_lost_or_damaged_is_restored_too() {
    let fixture = Fixture::new();
    let proposal = fixture.approved("INV-1").await;
    let path = fixture.path();
    let backup = fixture.folder.path().join("backup.db");
    fixture.operator.backup(&backup, false).await.unwrap();
    let _folder = closed(fixture);
    for damage in [None, Some(0), Some(100), Some(8192)] {
        match damage {
            None => fs::remove_file(&path).unwrap(),
            Some(keep) => {
                let mut bytes = fs::read(&path).unwrap();
                bytes[keep..].fill(0xa5);
                fs::write(&path, bytes).unwrap();
                fs::write(path.with_file_name("ledger.db-wal"), vec![0x5a; 9000]).unwrap();
            }
        }
        let restored = restore(&path, &backup, "dana", false).unwrap();
        assert_eq!(restored.claimed, [proposal.id().clone()], "{damage:?}");
        open(&path).operator().verify().await.unwrap();
    }
}

#[tokio::test]
async fn whoever_has_the_store_keeps_it() {
    let fixture = Fixture::new();
    fixture.proposed("INV-1").await;
    let path = fixture.path();
    let backup = fixture.folder.path().join("backup.db");
    fixture.operator.backup(&backup, false).await.unwrap();
    let at = fixture.folder.path().to_owned();
    // Somebody who only has it open: a worker, a command.
    let mut refusals = vec![said(&at, &restore(&path, &backup, "dana", false).unwrap_err())];
    let folder = closed(fixture);
    // A server.
    let lease = StoreLease::serve(&path, "stdio").unwrap();
    refusals.extend([
        said(&at, &StoreLease::serve(&path, "streamable-http").unwrap_err()),
        said(&at, &StoreLease::maintain(&path, "prune", true).unwrap_err()),
        said(&at, &vacuum(&path, false).unwrap_err()),
        said(&at, &reset(&path, true).unwrap_err()),
        said(&at, &restore(&path, &backup, "dana", true).unwrap_err()),
    ]);
    assert_snapshot!(refusals.join("\n"), @r"
    the ledger `ledger.db` is in use by another process
    the ledger `ledger.db` is taken by pid <us> (mcp, stdio)
    the ledger `ledger.db` is taken by pid <us> (mcp, stdio)
    the ledger `ledger.db` is taken by pid <us> (mcp, stdio)
    the ledger `ledger.db` is taken by pid <us> (mcp, stdio)
    the ledger `ledger.db` is taken by pid <us> (mcp, stdio)
    ");
    open(&path).operator().verify().await.unwrap();
    drop(lease);
    let freed = vacuum(&path, false).unwrap();
    assert!(freed.after > 0);
    restore(&path, &backup, "dana", false).unwrap();
    drop(folder);
}

#[test]
fn trap_55_a_reset_removes_the_files_of_a_ledger_and_nothing_else() {
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    drop(Ledger::open(&at("ledger.db"), OpenOptions::default()).unwrap());
    fs::create_dir(at("ledger.db-wal")).unwrap();
    fs::write(at("ledger.db-wal").join("mine"), "").unwrap();
    rusqlite::Connection::open(at("shop.db")).unwrap().execute_batch("CREATE TABLE invoices (id INTEGER)").unwrap();
    fs::write(at("notes.txt"), "buy milk").unwrap();
    symlink(at("shop.db"), at("link.db")).unwrap();
    fs::create_dir(at("folder.db")).unwrap();
    for (name, kept) in [("shop.db", true), ("notes.txt", true), ("link.db", true), ("folder.db", true), ("nowhere.db", false)] {
        assert!(reset(&at(name), true).is_err(), "{name}");
        assert_eq!(at(name).exists(), kept, "{name}");
    }
    let removed = reset(&at("ledger.db"), false).unwrap();
    let names: Vec<_> = removed.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    // The lease file beside it was the reset's own.
    assert_snapshot!(names.join(" "), @"ledger.db");
    assert!(!at("ledger.db.lease.json").exists());
    assert!(at("ledger.db-wal").join("mine").exists());
    fs::remove_file(at("ledger.db-wal").join("mine")).unwrap();
    fs::remove_dir(at("ledger.db-wal")).unwrap();
    drop(Ledger::open(&at("ledger.db"), OpenOptions::default()).unwrap());
}

#[test]
fn a_ledger_of_a_newer_program_is_not_reset() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    drop(Ledger::open(&path, OpenOptions::default()).unwrap());
    let later = rusqlite::Connection::open(&path).unwrap();
    later.execute("INSERT INTO schema_version VALUES (77, '0.9.0', '2027-01-01T00:00:00Z')", []).unwrap();
    drop(later);
    let before = fs::read(&path).unwrap();
    for force in [false, true] {
        let refused = reset(&path, force).unwrap_err();
        assert!(matches!(refused, LedgerError::Newer { found: 77, .. }), "{refused}");
    }
    assert!(fs::read(&path).unwrap() == before);
}

#[tokio::test]
async fn parts_of_a_copy_whose_process_is_gone_are_removed_and_nothing_else() {
    let fixture = Fixture::new();
    fixture.proposed("INV-1").await;
    let at = fixture.folder.path().to_owned();
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let gone = gone.id();
    let write = |names: &[String]| names.iter().for_each(|name| fs::write(at.join(name), "").unwrap());
    let of_backup = [format!("copy.db.{gone}.part"), format!("copy.db.{gone}.part-journal")];
    let of_store = ["", "-journal", "-wal", "-shm"].map(|suffix| format!("ledger.db.{gone}.part{suffix}"));
    let kept = [format!("ledger.db.v1.bak.{gone}.part"), format!("ledger.db.v1.bak.2.{gone}.part-wal")];
    let others = [
        "ledger.db.1.part".to_owned(),
        format!("other.db.{gone}.part"),
        format!("ledger.db.notes.{gone}.part"),
        format!("ledger.db.v1.bak.x.{gone}.part"),
        format!("ledger.db.{gone}.part.txt"),
        "ledger.db.0.part".to_owned(),
        "ledger.db..part".to_owned(),
        "ledger.db.v1.bak".to_owned(),
    ];
    [&of_backup[..], &of_store, &kept, &others].into_iter().for_each(write);
    fs::create_dir(at.join(format!("ledger.db.v2.bak.{gone}.part"))).unwrap();
    let there = |names: &[String]| names.iter().filter(|name| at.join(name).exists()).count();
    fixture.operator.backup(&at.join("copy.db"), false).await.unwrap();
    assert_eq!([&of_backup[..], &of_store, &kept].map(there), [0, 4, 2]);
    let (_folder, path) = (closed(fixture), at.join("ledger.db"));
    restore(&path, &at.join("copy.db"), "dana", false).unwrap();
    assert_eq!([&of_store[..], &kept].map(there), [0, 0]);
    [&of_store[..], &kept].into_iter().for_each(write);
    reset(&path, false).unwrap();
    assert_eq!([&of_store[..], &kept].map(there), [0, 0]);
    assert_eq!((there(&others), at.join(format!("ledger.db.v2.bak.{gone}.part")).exists()), (others.len(), true));
}

#[test]
fn only_a_ledger_gives_its_place_to_a_backup() {
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    drop(Ledger::open(&at("ledger.db"), OpenOptions::default()).unwrap());
    fs::write(at("empty"), "").unwrap();
    for name in ["ledger.db", "empty", "nowhere"] {
        assert!(replaceable(&at(name)).is_ok(), "{name}");
    }
    rusqlite::Connection::open(at("shop.db")).unwrap().execute_batch("CREATE TABLE invoices (id INTEGER)").unwrap();
    drop(rusqlite::Connection::open(at("young.db")).unwrap().execute_batch("PRAGMA user_version = 1"));
    fs::write(at("config.json"), "{}").unwrap();
    fs::write(at("log-only"), "").unwrap();
    fs::write(at("log-only-wal"), "all of it").unwrap();
    let names = ["shop.db", "young.db", "config.json", "log-only"];
    let refusals = names.map(|name| said(folder.path(), &replaceable(&at(name)).unwrap_err()));
    assert_snapshot!(refusals.join("\n"), @r"
    `shop.db` is a database, but not a ledger
    `young.db` is a database, but not a ledger
    `config.json` is not a database
    `log-only` is a database, but not a ledger
    ");
}

#[tokio::test]
async fn vacuuming_gives_room_back() {
    let fixture = Fixture::new();
    for number in 0..400 {
        fixture.agent.record_read(read(&format!("INV-{number}"))).await.unwrap();
    }
    let moment = Some(synapsor_protocol::Timestamp::now().after(Duration::from_secs(1)));
    fixture.operator.prune(synapsor_ledger::Cutoffs { reads: moment, proposals: moment }, "dana", false).await.unwrap();
    let path = fixture.path();
    let _folder = closed(fixture);
    let vacuumed = vacuum(&path, false).unwrap();
    assert!(vacuumed.after * 2 < vacuumed.before, "{vacuumed:?}");
    assert_eq!(mode(&path), 0o600);
    open(&path).operator().verify().await.unwrap();
}

#[test]
fn a_lease_ends_with_its_process_and_what_it_left_is_replaced() {
    let folder = child_folder();
    let path = folder.path().join("ledger.db");
    let lease_file = folder.path().join("ledger.db.lease.json");
    let mut serving = child("copies::child_serves_until_it_is_killed", folder.path(), None);
    let mut said_so = std::io::BufReader::new(serving.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("serving") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut said_so, &mut line).unwrap() > 0, "the child did not serve");
    }
    let told: serde_json::Value = serde_json::from_slice(&fs::read(&lease_file).unwrap()).unwrap();
    assert_eq!((&told["pid"], &told["mode"], &told["transport"]), (&serving.id().into(), &"mcp".into(), &"stdio".into()));
    assert_eq!(told["store_path"], fs::canonicalize(&path).unwrap().display().to_string());
    let refused = StoreLease::serve(&path, "stdio").unwrap_err();
    assert!(refused.to_string().contains(&format!("pid {}", serving.id())), "{refused}");
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(lease_file.exists(), "nobody took it away");
    let lease = StoreLease::serve(&path, "streamable-http").unwrap();
    let told: serde_json::Value = serde_json::from_slice(&fs::read(&lease_file).unwrap()).unwrap();
    assert_eq!(told["pid"], std::process::id());
    assert_eq!([mode(&lease_file), mode(&folder.path().join("ledger.db.lock"))], [0o600; 2]);
    drop(lease);
    assert!(!lease_file.exists());
}

#[test]
fn child_serves_until_it_is_killed() {
    let Some(folder) = child_of() else { return };
    let _lease = StoreLease::serve(&folder.join("ledger.db"), "stdio").unwrap();
    println!("\nserving");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_lease_file_that_says_nothing_stops_maintenance_and_no_server() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    drop(Ledger::open(&path, OpenOptions::default()).unwrap());
    let lease_file = folder.path().join("ledger.db.lease.json");
    for nonsense in ["", "{", "[]", "{\"pid\":\"x\"}"] {
        fs::write(&lease_file, nonsense).unwrap();
        assert!(matches!(StoreLease::maintain(&path, "prune", false), Err(LedgerError::LeaseUnreadable(_))), "{nonsense}");
        assert_eq!(fs::read_to_string(&lease_file).unwrap(), nonsense);
        drop(StoreLease::maintain(&path, "prune", true).unwrap());
        fs::write(&lease_file, nonsense).unwrap();
        assert!(matches!(vacuum(&path, false), Err(LedgerError::LeaseUnreadable(_))), "{nonsense}");
        vacuum(&path, true).unwrap();
        fs::write(&lease_file, nonsense).unwrap();
        drop(StoreLease::serve(&path, "stdio").unwrap());
    }
    // Somebody else's, as far as anybody can tell.
    fs::write(
        &lease_file,
        "{\"pid\":1,\"mode\":\"mcp\",\"transport\":\"stdio\",\"store_path\":\"/x\",\"started_at\":\"2026-01-01T00:00:00Z\"}",
    )
    .unwrap();
    drop(StoreLease::maintain(&path, "prune", false).unwrap());
}

#[test]
fn a_folder_in_the_place_of_a_lease_is_said_and_nothing_is_left_beside_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    drop(Ledger::open(&path, OpenOptions::default()).unwrap());
    fs::create_dir(folder.path().join("ledger.db.lease.json")).unwrap();
    let refusals = [
        StoreLease::maintain(&path, "prune", false).unwrap_err(),
        StoreLease::maintain(&path, "prune", true).unwrap_err(),
        vacuum(&path, true).unwrap_err(),
        StoreLease::serve(&path, "stdio").unwrap_err(),
    ];
    for refusal in refusals {
        let said = synapsor_protocol::chain::chain(&refusal);
        assert!(said.ends_with("ledger.db.lease.json`, the place of its lease file, is a folder"), "{said}");
    }
    let drafts =
        fs::read_dir(folder.path()).unwrap().filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("json."));
    assert_eq!(drafts.count(), 0);
}

#[test]
fn a_link_in_the_place_of_a_lock_or_a_lease_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let victim = folder.path().join("victim");
    fs::write(&victim, "keep me").unwrap();
    for suffix in [".lock", ".use", ".lease.json"] {
        let link = folder.path().join(format!("ledger.db{suffix}"));
        let _ = fs::remove_file(&link);
        symlink(&victim, &link).unwrap();
        let refused = match suffix {
            ".use" => Ledger::open(&path, OpenOptions::default()).map(drop),
            _ => StoreLease::serve(&path, "stdio").map(drop),
        };
        assert!(matches!(refused, Err(LedgerError::SymbolicLink(_))), "{suffix}: {refused:?}");
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read(&victim).unwrap(), b"keep me");
}

#[test]
fn of_many_servers_that_start_at_once_one_serves() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    for _ in 0..50 {
        let taken: Vec<_> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..8).map(|_| scope.spawn(|| StoreLease::serve(&path, "stdio"))).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1);
        assert!(taken.iter().all(|taken| matches!(taken, Ok(_) | Err(LedgerError::Taken { .. }))), "{taken:?}");
    }
}
