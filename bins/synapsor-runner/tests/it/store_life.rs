//! The ledger's own life: copied, restored, pruned, given room, begun anew. Whatever happens to it, no effect happens twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use synapsor_testkit::sqlite as files;

use crate::desk::{Desk, on_each_engine};

/// A ledger with one applied change, one rejected, one that waits, and a read.
fn busy() -> Desk {
    let desk = Desk::sqlite();
    let applied = desk.approved("x");
    assert_eq!(desk.apply(&applied), "applied");
    let rejected = desk.propose("y");
    assert_eq!(desk.run(&format!("proposals reject {rejected} --yes --reason no")).code, Some(0));
    desk.propose("z");
    let read = desk.program("propose billing.inspect_invoice --json").arg(r#"{"id":"INV-1"}"#).run();
    assert_eq!(read.code, Some(0), "{read}");
    desk
}

fn statuses(desk: &Desk) -> String {
    let listed = desk.json("proposals list --json");
    let mut found: Vec<_> = listed["proposals"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect();
    found.sort();
    found.join(" ")
}

#[test]
fn trap_26_pruning_says_what_it_would_do_and_keeps_what_waits() {
    let desk = busy();
    std::thread::sleep(Duration::from_millis(1100));
    let preview = desk.json("store prune --older-than 1s --json");
    assert_eq!((&preview["dry_run"], statuses(&desk).as_str()), (&json!(true), "applied pending_review rejected"));
    let both = desk.run("store prune --older-than 1s --yes --dry-run");
    assert_eq!(both.code, Some(2), "{both}");
    let nothing = desk.json("store prune --older-than 30d --yes --json");
    assert_eq!(nothing["deleted"], json!({}));
    let done = desk.json("store prune --older-than 1s --yes --json");
    assert_eq!((&done["deleted"], &done["dry_run"]), (&preview["deleted"], &json!(false)));
    assert_eq!((&done["deleted"]["proposals"], &done["deleted"]["query_audit"]), (&json!(2), &json!(3)), "{done:#}");
    assert_eq!(statuses(&desk), "pending_review");
    assert_eq!(desk.json("store verify --json")["ok"], true);
    for age in ["1", "1w", "-1d", "0s", "one day"] {
        assert_eq!(desk.program("store prune --older-than").arg(age).run().code, Some(2), "{age}");
    }
}

/// The receipt is in the business database: pruning takes nothing away that keeps an effect from happening twice.
#[test]
fn a_change_that_was_pruned_is_not_made_again() {
    let desk = busy();
    let applied = desk.json("proposals list --json --status applied")["proposals"][0]["proposal_id"].as_str().unwrap().to_owned();
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(desk.run("store prune --older-than 1s --yes").code, Some(0));
    let invoice = desk.invoice();
    let seen = desk.run(&format!("apply {applied}"));
    assert!(seen.code == Some(1) && seen.stderr.contains("there is no proposal"), "{seen}");
    assert_eq!(desk.invoice(), invoice);
    assert_eq!(desk.table("select count(*) from synapsor_writeback_receipts"), "1");
    // The same content again is another proposal, with an id of its own.
    assert_ne!(desk.propose("x"), applied);
}

fn an_old_copy_finds_out_what_was_applied_since(desk: &mut Desk) {
    let before = desk.approved("before");
    let seen = desk.run("store backup --output copy.db --json");
    assert_eq!(seen.code, Some(0), "{seen}");
    assert_eq!(fs::metadata(desk.folder.join("copy.db")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(desk.apply(&before), "applied");
    let invoice = desk.invoice();
    let refused = desk.run("store restore copy.db");
    assert!(refused.code == Some(1) && refused.stderr.contains("--yes"), "{refused}");
    let restored = desk.json("store restore copy.db --yes --json");
    assert_eq!((&restored["claimed"], &restored["proposals"]), (&json!([before]), &json!(1)), "{restored:#}");
    assert_eq!(desk.status(&before), "pending_worker");
    assert_eq!(desk.apply(&before), "already_applied");
    assert_eq!((desk.invoice(), desk.status(&before).as_str()), (invoice, "applied"));
    assert_eq!(desk.json("store verify --json")["ok"], true);
    // What was there before is there still, under the name that was told.
    let kept = restored["kept"].as_str().unwrap();
    assert_eq!(files::table(kept.as_ref(), "select status from proposals"), "applied");
}

fn an_old_copy_cannot_cancel_what_was_applied_since(desk: &mut Desk) {
    let id = desk.approved("before");
    assert_eq!(desk.run("store backup --output copy.db").code, Some(0));
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.run("store restore copy.db --yes").code, Some(0));
    let seen = desk.run(&format!("proposals cancel {id} --yes"));
    assert_eq!(desk.status(&id), "applied", "{seen}");
}

on_each_engine! {
    an_old_copy_finds_out_what_was_applied_since
    an_old_copy_cannot_cancel_what_was_applied_since
}

#[test]
fn a_reset_asks_and_removes_the_ledger_alone() {
    let desk = busy();
    let asked = desk.run("store reset");
    assert!(asked.code == Some(1) && asked.stderr.contains("--yes"), "{asked}");
    let removed = desk.json("store reset --yes --json");
    assert_eq!(removed["source_database_changed"], false);
    assert!(!desk.ledger().exists() && desk.folder.join("business.db").exists());
    let seen = desk.run("store reset --yes");
    assert!(seen.code == Some(1) && seen.stderr.contains("there is no ledger"), "{seen}");
    let business = desk.run("store reset --yes --store business.db");
    assert!(business.code == Some(1) && business.stderr.contains("not a ledger"), "{business}");
    assert_eq!(desk.table("select count(*) from synapsor_writeback_receipts"), "1");
    assert_snapshot!(desk.invoice(), @"0 | x | 4");
}

#[test]
fn a_forced_backup_replaces_a_ledger_and_nothing_else() {
    let desk = busy();
    desk.folder.write("empty.db", "");
    let (config, invoice) = (desk.folder.read("synapsor.runner.json"), desk.invoice());
    for (name, named) in [("business.db", "is a database, but not a ledger"), ("synapsor.runner.json", "is not a database")] {
        let seen = desk.run(&format!("store backup --force --output {name}"));
        assert!(seen.code == Some(1) && seen.stderr.contains(named) && seen.stderr.contains("name another file"), "{seen}");
    }
    assert_eq!((desk.folder.read("synapsor.runner.json"), desk.invoice()), (config, invoice));
    for name in ["copy.db", "copy.db", "empty.db"] {
        assert_eq!(desk.run(&format!("store backup --force --output {name}")).code, Some(0), "{name}");
    }
}

#[test]
fn a_backup_that_is_not_there_is_what_is_missing() {
    let desk = busy();
    let seen = desk.run("store restore nothing.db --yes");
    assert!(seen.code == Some(1) && seen.stderr.contains("there is no backup") && seen.stderr.contains("nothing.db"), "{seen}");
    assert!(!seen.stderr.contains("nothing was proposed yet"), "{seen}");
}

#[test]
fn trap_55_no_folder_is_ever_removed() {
    let desk = Desk::sqlite();
    fs::create_dir_all(desk.folder.join("books/local.db/inner")).unwrap();
    desk.configure(|config| config["storage"]["sqlite_path"] = json!("./books/local.db"));
    for words in ["store reset --yes --force", "store vacuum", "store prune --older-than 1d --yes --force"] {
        assert_eq!(desk.run(words).code, Some(1), "{words}");
    }
    assert!(desk.folder.join("books/local.db/inner").exists());
}

#[test]
fn a_ledger_that_is_named_is_looked_after_without_a_configuration() {
    let desk = busy();
    let place = desk.ledger().display().to_string();
    let check = |expected| {
        for verb in ["stats", "verify", "head", "backup --output copy.db --force", "vacuum"] {
            let seen = desk.run(&format!("store {verb} --store {place}"));
            assert_eq!(seen.code, Some(expected), "{verb}: {seen}");
        }
    };
    desk.folder.write("synapsor.runner.json", "{");
    check(0);
    let restored = desk.run(&format!("store restore copy.db --yes --store {place}"));
    assert!(restored.code == Some(1) && restored.stderr.contains("synapsor.runner.json"), "it may say who decides: {restored}");
    fs::remove_file(desk.folder.config()).unwrap();
    check(0);
    assert_eq!(desk.run(&format!("store restore copy.db --yes --store {place}")).code, Some(0));
    for words in ["store stats".to_owned(), format!("store stats --config named.json --store {place}")] {
        let seen = desk.run(&words);
        assert!(seen.code == Some(1) && seen.stderr.contains("there is no config file"), "{words}: {seen}");
    }
    for verb in ["reset --yes", "prune --older-than 1s --yes"] {
        assert_eq!(desk.run(&format!("store {verb} --store {place}")).code, Some(1), "{verb}");
    }
}

#[test]
fn only_who_may_decide_takes_something_away() {
    let desk = busy();
    desk.configure(|config| config["operators"] = json!({"somebody-else": {"roles": ["billing_lead"]}}));
    assert_eq!(desk.run("store backup --output copy.db").code, Some(0), "whoever can read the file can copy it");
    for words in ["store reset --yes", "store restore copy.db --yes", "store prune --older-than 1s --yes"] {
        let seen = desk.run(words);
        assert!(seen.code == Some(1) && seen.stderr.contains("operator"), "{words}: {seen}");
    }
    assert_eq!(statuses(&desk), "applied pending_review rejected");
}

#[test]
fn the_first_bad_record_is_named() {
    for (careless, named) in [
        ("update proposals set change_set_json = replace(change_set_json, 'acme', 'evil') where status = 'applied'", "change set"),
        ("update approvals set approver = 'mallory'", "approval"),
        ("update writeback_receipts set receipt_json = replace(receipt_json, 'applied', 'conflict')", "receipts"),
        ("delete from proposal_events where kind = 'proposal_approved'", "event"),
        ("update query_audit set body_json = replace(body_json, 'acme', 'evil')", "audit"),
        ("update commits set hash = replace(hash, 'a', 'b') where number = 2", "commit 2"),
    ] {
        let desk = busy();
        files::execute(&desk.ledger(), careless);
        let seen = desk.run("store verify");
        assert!(seen.code == Some(1) && seen.stderr.contains(named), "{careless}: {seen}");
    }
}

/// A worker removes what the configuration keeps no longer, and nothing that waits.
#[test]
fn a_worker_keeps_the_ledger_as_long_as_the_configuration_says() {
    let desk = busy();
    desk.configure(|config| config["storage"]["retention"] = json!({"reads_days": 1, "proposals_days": 1}));
    files::execute(
        &desk.ledger(),
        "update query_audit set at_micros = at_micros - 172800000000 where audit_id not in (select audit_id from proposals)",
    );
    let mut worker = desk.program("worker --json").start();
    for _ in 0..100 {
        if files::table(&desk.ledger(), "select count(*) from query_audit") == "3" {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(files::table(&desk.ledger(), "select count(*) from query_audit"), "3", "{}", worker.stderr());
    worker.child.kill().unwrap();
    worker.wait();
    assert_eq!(statuses(&desk), "applied pending_review rejected", "what was settled today stays");
}
