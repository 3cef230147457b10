//! Dead letters: found, tried again, ended; and the unknown, found out.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use nix::sys::signal::Signal;
use rusqlite::Connection;
use serde_json::{Value, json};
use synapsor_testkit::sqlite;

use crate::desk::Desk;
use crate::worker::{tell, until};

/// A change that cannot be made, for a reason that only a person can remove.
fn given_up() -> (Desk, String) {
    let desk = Desk::sqlite();
    // The table of receipts lacks columns.
    desk.execute("create table synapsor_writeback_receipts (idempotency_key text primary key)");
    let id = desk.approved("x");
    assert_eq!(desk.apply(&id), "failed RECEIPT_TABLE_UNUSABLE");
    (desk, id)
}

#[test]
fn a_dead_letter_is_told_where_anybody_looks() {
    let (desk, id) = given_up();
    let list = desk.json("dead-letters list --json");
    let letter = &list["dead_letters"][0];
    assert_eq!((&letter["proposal_id"], &letter["outcome"]), (&json!(id), &json!("failed")));
    assert!(desk.shown("dead-letters list").contains("another one would fare no better"));
    assert!(desk.shown("proposals list").contains("pending_worker, dead letter (RECEIPT_TABLE_UNUSABLE)"));
    let shown = desk.shown("dead-letters show");
    let next = shown.split("next\n").nth(1).unwrap();
    assert_snapshot!(next, @"
      synapsor-runner dead-letters replay wrp_#1
      synapsor-runner dead-letters resolve wrp_#1 --reason '...'
    ---- stderr ----
    ");
    assert!(shown.contains("writeback_dead_lettered"), "{shown}");
    assert!(desk.shown("store stats").contains("dead letters     1;"));
    // No worker touches it.
    let seen = desk.run("worker --drain");
    assert!(seen.code == Some(0) && seen.stdout.contains("0 jobs due, 1 dead letter for a person"), "{seen}");
}

#[test]
fn a_dead_letter_is_tried_again_by_its_verb() {
    let (desk, id) = given_up();
    assert_eq!(desk.run(&format!("dead-letters replay {id}")).code, Some(1));
    desk.execute("drop table synapsor_writeback_receipts");
    assert_snapshot!(desk.shown("dead-letters replay"), @"
    exit: 0
    ---- stdout ----
    applied: wrp_#1
    1 row changed, with a receipt in the same transaction, version 3 -> 4
    also changed by the database or the guard: version
    the whole story: synapsor-runner replay show wrp_#1
    ---- stderr ----
    ");
    assert_snapshot!(desk.shown(&format!("dead-letters replay {id}")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is applied, and no dead letter
    hint: `synapsor-runner dead-letters list` shows what there is
    ");
    assert_snapshot!(desk.shown("dead-letters show"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no dead letter
    ");
    assert_eq!(desk.receipts(), "applied | 3");
}

#[test]
fn all_dead_letters_are_tried_again_with_one_command() {
    let (desk, _) = given_up();
    desk.execute("drop table synapsor_writeback_receipts");
    assert_snapshot!(desk.shown("dead-letters replay --all"), @"
    exit: 0
    ---- stdout ----
    applied wrp_#1
    1 proposal: 1 applied
    ---- stderr ----
    ");
    assert_eq!(desk.json("dead-letters replay --all --json")["proposals"], 0);
}

#[test]
fn a_dead_letter_ends_behind_a_tombstone_in_its_source() {
    let (desk, id) = given_up();
    // While the source cannot take the tombstone it stays what it is.
    assert_eq!(desk.run(&format!("dead-letters resolve {id} --reason x")).code, Some(1));
    assert_eq!(desk.status(&id), "pending_worker");
    desk.execute("drop table synapsor_writeback_receipts");
    assert_snapshot!(desk.shown(&format!("dead-letters resolve {id} --outcome applied --reason x")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: what became of proposal wrp_#1 can be proved in its source, so no `--outcome` is taken
    hint: `synapsor-runner dead-letters resolve wrp_#1 --reason '...'` stops it in the source, or finds its receipt; `synapsor-runner dead-letters replay wrp_#1` tries again
    ");
    assert_snapshot!(desk.shown(&format!("dead-letters resolve {id} --reason paid")), @"
    exit: 0
    ---- stdout ----
    wrp_#1 is failed: it had no effect, and a tombstone in the source keeps it so
    ---- stderr ----
    ");
    assert_eq!((desk.receipts().as_str(), desk.status(&id).as_str()), ("tombstone | 1", "failed"));
    assert_snapshot!(desk.shown(&format!("dead-letters resolve {id} --reason x")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is failed, and no dead letter
    hint: `synapsor-runner dead-letters list` shows what there is
    ");
    // The content is free: the agent may propose it again.
    assert_ne!(desk.propose("x"), id);
}

/// A desk whose waivers are made by a command that says nothing when it has done its work.
fn mute() -> (Desk, String) {
    let mut desk = Desk::sqlite();
    let script = desk.folder.write("waive.sh", "#!/bin/sh\necho done >> effects\nexit 9\n");
    desk.configure(|config| {
        config["executors"] = json!({"app": {"type": "command_handler", "command_env": "APP_COMMAND"}});
        config["capabilities"][1]["executor"] = json!("app");
    });
    desk.set("APP_COMMAND", format!("sh {}", script.display()));
    let id = desk.approved("x");
    (desk, id)
}

fn deliveries(desk: &Desk) -> usize {
    std::fs::read_to_string(desk.folder.join("effects")).unwrap_or_default().lines().count()
}

#[test]
fn what_takes_one_delivery_is_delivered_once_and_then_a_person_is_asked() {
    let (desk, id) = mute();
    let seen = desk.run("worker --drain");
    assert!(seen.code == Some(1) && seen.stdout.contains("1 set aside as dead letters"), "{seen}");
    for words in ["worker --drain", "apply", "dead-letters replay", "reconcile"] {
        desk.run(words);
    }
    assert_eq!((deliveries(&desk), desk.status(&id).as_str()), (1, "pending_worker"));
    assert_snapshot!(desk.shown("apply"), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: attempt 1 of proposal wrp_#1 may have acted, and its executor takes one delivery only: a person has to find out
    hint: look into the application, and from <time> on say what you find: `synapsor-runner dead-letters resolve wrp_#1 --outcome applied|not-applied --reason '...'`
    ");
    assert_snapshot!(desk.shown(&format!("dead-letters resolve {id} --reason x")), @"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: what became of proposal wrp_#1 cannot be proved: say `--outcome applied` or `--outcome not-applied`, and how you know
    hint: `synapsor-runner dead-letters resolve wrp_#1 --outcome applied|not-applied --reason '...'`; it is on record as your word, not as proved
    ");
    assert!(desk.shown("dead-letters show latest").contains("--outcome applied|not-applied --reason"), "only a person can say it");
    let early = desk.json(&format!("dead-letters resolve {id} --outcome applied --reason x --json"));
    assert!(early["error"]["message"].as_str().unwrap().contains("nobody can attest its outcome before"), "{early}");
    let told = desk.json("reconcile --json");
    assert_eq!((&told["unresolved"], &told["settled"], &told["results"][0]["waits_for"]), (&json!(1), &json!(0), &json!("person")));
    assert!(desk.shown("reconcile").contains("dead-letters resolve"));
    assert_eq!(deliveries(&desk), 1);
}

#[test]
fn what_is_proved_to_have_done_nothing_is_ended_without_anybodys_word() {
    let (mut desk, id) = mute();
    desk.set("APP_COMMAND", "/nowhere/waive");
    let parked = desk.shown("apply");
    assert!(parked.contains(&format!("dead-letters resolve {} --reason", "wrp_#1")), "{parked}");
    assert_snapshot!(desk.shown(&format!("reconcile {id}")), @"
    exit: 0
    ---- stdout ----
    wrp_#1 is pending_worker, and each attempt is proved to have done nothing: nothing about it is unknown
    ---- stderr ----
    ");
    assert_eq!(desk.run(&format!("dead-letters resolve {id} --outcome applied --reason x")).code, Some(1));
    assert_snapshot!(desk.shown("dead-letters resolve latest --reason typo"), @"
    exit: 0
    ---- stdout ----
    wrp_#1 is failed: every attempt is proved to have done nothing
    ---- stderr ----
    ");
    assert_eq!((deliveries(&desk), desk.status(&id).as_str()), (0, "failed"));
}

#[test]
fn what_nobody_tried_is_not_tried_to_find_out_about_it() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    assert_snapshot!(desk.shown(&format!("reconcile {id}")), @"
    exit: 0
    ---- stdout ----
    wrp_#1 is approved: nothing about it is unknown
    ---- stderr ----
    ");
    assert_eq!(desk.status(&id), "approved");
    assert!(desk.shown("reconcile wrp_0000").contains("there is no proposal"));
}

#[test]
fn an_outcome_that_is_unknown_is_found_out_on_demand() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    assert_eq!(desk.run("reconcile").stdout, "no outcome is unknown\n");
    let blocker = Connection::open(desk.folder.join("business.db")).unwrap();
    blocker.execute_batch("begin immediate").unwrap();
    let mut dying = desk.program(&format!("apply {id}")).start();
    let begun = Instant::now();
    while sqlite::table(&desk.ledger(), "select attempt from writeback_jobs") != "1" {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(2));
    }
    dying.child.kill().unwrap();
    dying.wait();
    blocker.execute_batch("rollback").unwrap();
    // As long as its lease runs somebody may be at work on it.
    assert_eq!(desk.json("reconcile --json")["unresolved"], 0);
    sqlite::execute(&desk.ledger(), "update writeback_jobs set lease_expires_at = 1, due_at = 1");
    assert!(desk.shown("store stats").contains("unresolved       1;"));
    assert_snapshot!(desk.shown("reconcile"), @"
    exit: 0
    ---- stdout ----
    applied wrp_#1
    1 of 1 unknown outcome settled
    ---- stderr ----
    ");
    assert_eq!((desk.receipts().as_str(), desk.json("reconcile --json")["ok"].as_bool()), ("applied | 2", Some(true)));
}

#[test]
fn what_may_not_be_tried_any_more_is_stopped() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    let blocker = Connection::open(desk.folder.join("business.db")).unwrap();
    blocker.execute_batch("begin immediate").unwrap();
    let mut dying = desk.program(&format!("apply {id}")).start();
    let begun = Instant::now();
    while sqlite::table(&desk.ledger(), "select attempt from writeback_jobs") != "1" {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(2));
    }
    dying.child.kill().unwrap();
    dying.wait();
    blocker.execute_batch("rollback").unwrap();
    sqlite::execute(&desk.ledger(), "update writeback_jobs set lease_expires_at = 1, due_at = 1");
    desk.configure(|config| config["capabilities"][1]["name"] = Value::from("billing.propose_another"));
    assert_snapshot!(desk.shown(&format!("reconcile {id}")), @"
    exit: 0
    ---- stdout ----
    failed wrp_#1: it had no effect, and a tombstone in the source keeps it so
    1 of 1 unknown outcome settled
    ---- stderr ----
    ");
    assert_eq!((desk.status(&id).as_str(), desk.receipts().as_str()), ("failed", "tombstone | 1"));
}

/// What a person interrupts comes to its end; what they interrupt twice is left, with its lease given back and its command killed.
#[test]
fn a_person_may_wait_no_longer_for_an_attempt() {
    for (signals, said, effects) in [(1, "finishing what has begun", 1), (2, "left unfinished, and its lease was given back", 0)] {
        let (desk, id) = mute();
        let script = desk.folder.join("waive.sh");
        std::fs::write(&script, "#!/bin/sh\necho x > begun\nsleep 2\necho done >> effects\nexit 9\n").unwrap();
        let mut running = desk.program("apply").start();
        until("the command runs", || desk.folder.join("begun").exists());
        for _ in 0..signals {
            tell(&running, Signal::SIGINT);
            let _said = running.wait_for_stderr("finishing what has begun");
        }
        let begun = Instant::now();
        assert_eq!(running.wait().code(), Some(1));
        assert!(running.stderr().contains(said), "{}", running.stderr());
        assert!(signals == 1 || begun.elapsed() < Duration::from_secs(1), "it waited");
        std::thread::sleep(Duration::from_millis(2200));
        assert_eq!(deliveries(&desk), effects);
        let held = desk.json(&format!("proposals show {id} --json"))["job"]["lease_expires_at"].clone();
        assert_eq!(held, Value::Null);
    }
}
