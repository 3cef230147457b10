//! The worker as a person runs it: what it says, what it survives, and what it leaves alone.

use std::io::Read;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rusqlite::Connection;
use serde_json::{Value, json};
use synapsor_testkit::{Running, sqlite as file};

use crate::desk::{Desk, assert_same, id_of, on_each_engine};
use crate::mcp_client::{Client, envelope};

/// Rows beside the first one, so that many proposals do not meet in one row.
fn with_rows(desk: &Desk, count: usize) {
    for number in 0..count {
        desk.execute(&format!("insert into invoices values ('BULK-{number}', 'acme', 'C-1', 'overdue', 100, 50, null, 1)"));
    }
}

/// An approved proposal for one of those rows.
fn approved(desk: &Desk, number: usize) -> String {
    let answer = desk.call("billing.propose_waiver", &json!({"id": format!("BULK-{number}"), "reason": "bulk"}));
    let id = id_of(&answer);
    desk.approve(&id);
    id
}

/// How many rows were changed, and how many receipts say so.
fn effects(desk: &Desk) -> (String, String) {
    let changed = desk.table("select count(*) from invoices where waiver_reason = 'bulk' and version = 2");
    (changed, desk.table("select count(*) from synapsor_writeback_receipts where status = 'applied'"))
}

/// What a worker printed, without what differs each time.
fn scrubbed(desk: &Desk, text: &str) -> String {
    let text = desk.scrub(text);
    let lines = text.lines().map(|line| {
        let words = line.split(' ').scan("", |before, word| {
            let number = word.trim_end_matches(',').parse::<u64>().is_ok();
            let shown = if number && *before == "pid" { "<pid>".to_owned() } else { word.to_owned() };
            *before = word;
            Some(shown)
        });
        let line = words.collect::<Vec<_>>().join(" ");
        match line.rsplit_once(", ").filter(|(_, last)| last.ends_with(" ms")) {
            Some((rest, _)) => format!("{rest}, <time>"),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    begun.elapsed()
}

pub(crate) fn tell(running: &Running, signal: Signal) {
    kill(Pid::from_raw(running.child.id().cast_signed()), signal).unwrap();
}

/// What a worker that ended had printed.
fn printed(running: &mut Running) -> String {
    let mut text = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

on_each_engine! {
    a_worker_applies_what_was_approved_and_nothing_else
    all_that_is_approved_is_applied_with_one_command
}

fn a_worker_applies_what_was_approved_and_nothing_else(desk: &mut Desk) {
    desk.approved("x");
    let waiting = id_of(&desk.call("support.propose_status", &json!({"id": "T-1", "status": "waiting"})));
    let seen = desk.run("worker --drain");
    assert_eq!((seen.code, desk.receipts().as_str()), (Some(0), "applied | 1"), "{seen}");
    assert_same!(scrubbed(desk, &seen.stdout), @"
    worker pid <pid>, as account `<account>`, up to 8 jobs at once
      source `desk` by `sql_update`: 3 attempts, up to 1s to 60s apart
    1 job due
    applied wrp_#1: attempt 1, desk/sql_update, <time>
    ended: 1 applied
    ");
    assert_eq!(desk.status(&waiting), "pending_review");
    let seen = desk.run("worker --drain");
    assert!(seen.code == Some(0) && seen.stdout.ends_with("ended: there was nothing to do\n"), "{seen}");
}

fn all_that_is_approved_is_applied_with_one_command(desk: &mut Desk) {
    with_rows(desk, 4);
    for number in 0..4 {
        approved(desk, number);
    }
    // One row changes between the approval and the attempt.
    desk.execute("update invoices set version = 7 where id = 'BULK-2'");
    let answer = desk.run("apply --all-approved --json");
    let record: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(record["counts"], json!({"applied": 3, "conflict": 1}));
    assert_eq!((answer.code, record["ok"].as_bool(), record["results"].as_array().unwrap().len()), (Some(1), Some(false), 4));
    assert_eq!(effects(desk), ("3".to_owned(), "3".to_owned()));
    assert_same!(desk.shown("apply --all-approved --capability billing.propose_waiver"), @"
    exit: 0
    ---- stdout ----
    0 proposals: nothing to do
    ---- stderr ----
    ");
}

#[test]
fn what_is_applied_with_one_command_is_chosen_as_lists_are() {
    let desk = Desk::sqlite();
    with_rows(&desk, 3);
    for number in 0..3 {
        approved(&desk, number);
    }
    let shown = desk.shown("apply --all-approved --object invoices:BULK-1");
    assert_snapshot!(shown, @"
    exit: 0
    ---- stdout ----
    applied wrp_#1
    1 proposal: 1 applied
    ---- stderr ----
    ");
    assert_eq!(desk.json("apply --all-approved --primary-key BULK-9 --json")["proposals"], 0);
    assert_eq!(desk.json("apply --all-approved --tenant globex --json")["proposals"], 0);
    assert_eq!(desk.json("apply --all-approved --tenant acme --concurrency 1 --json")["counts"], json!({"applied": 2}));
    assert_snapshot!(desk.shown("apply --all-approved wrp_1"), @"
    exit: 2
    ---- stdout ----

    ---- stderr ----
    error: the argument '--all-approved' cannot be used with '[ID]'

    Usage: synapsor-runner apply --all-approved [ID]

    For more information, try '--help'.
    ");
}

#[test]
fn each_event_is_one_line_of_json() {
    let desk = Desk::sqlite();
    desk.approved("x");
    let seen = desk.run("worker --drain --json");
    let lines: Vec<Value> = seen.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(told, ["started", "attempted", "ended"]);
    assert_eq!(
        (&lines[0]["open"]["due"], &lines[0]["lanes"][0]["source"], &lines[0]["concurrency"]),
        (&json!(1), &json!("desk"), &json!(8))
    );
    assert_eq!(
        (&lines[1]["status"], &lines[1]["attempt"], &lines[1]["proposal_status"]),
        (&json!("applied"), &json!(1), &json!("applied"))
    );
    assert_eq!((&lines[2]["ok"], &lines[2]["applied"], &lines[2]["left"]), (&json!(true), &json!(1), &json!(0)));
}

#[test]
fn where_nothing_is_written_back_no_worker_begins() {
    let desk = Desk::sqlite();
    desk.approved("x");
    desk.configure(|config| config["mode"] = json!("shadow"));
    assert_snapshot!(desk.shown("worker --drain"), @r#"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the configuration's mode is shadow, which writes nothing back
    hint: a worker needs `"mode": "review"`
    "#);
    assert_snapshot!(desk.shown("mcp serve --with-worker --read-only"), @"
    exit: 2
    ---- stdout ----

    ---- stderr ----
    error: the argument '--with-worker' cannot be used with '--read-only'

    Usage: synapsor-runner mcp serve --with-worker

    For more information, try '--help'.
    ");
}

#[test]
fn a_pause_is_noticed_within_a_second_and_so_is_its_end() {
    let desk = Desk::sqlite();
    let first = desk.approved("first");
    let mut worker = desk.program("worker").start();
    until("the first is applied", || desk.status(&first) == "applied");
    assert_snapshot!(scrubbed(&desk, &desk.run("pause --reason maintenance").stdout), @"
    workers pause: since <time> by <account>: maintenance
    what has begun is finished, and `apply` works as ever; `synapsor-runner resume` ends the pause
    ");
    std::thread::sleep(Duration::from_secs(1));
    with_rows(&desk, 1);
    let id = approved(&desk, 0);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(desk.status(&id), "approved");
    assert!(desk.run("store stats").stdout.contains("workers pause"));
    // Who is at a terminal may apply all the same; that is not what was paused.
    assert!(scrubbed(&desk, &desk.run("resume").stdout).starts_with("workers go on; they paused since"));
    let took = until("it goes on", || desk.status(&id) == "applied");
    assert!(took < Duration::from_secs(2), "{took:?}");
    tell(&worker, Signal::SIGTERM);
    assert_eq!(worker.wait().code(), Some(0));
    let said = printed(&mut worker);
    assert!(said.contains("\npaused since") && said.contains("\nresumed\n") && said.contains("SIGTERM: nothing new begins"), "{said}");
    assert_eq!(desk.run("resume").stdout, "workers go on; they did not pause\n");
}

/// Holds the business database's one lock, so that an attempt is under way for as long as it is held.
fn blocked(desk: &Desk) -> Connection {
    let blocker = Connection::open(desk.folder.join("business.db")).unwrap();
    blocker.execute_batch("begin immediate").unwrap();
    blocker
}

fn under_way(desk: &Desk) -> bool {
    file::table(&desk.ledger(), "select count(*) from writeback_jobs where lease_expires_at is not null") != "0"
}

#[test]
fn a_worker_that_is_told_to_end_finishes_what_is_under_way() {
    let desk = Desk::sqlite();
    desk.approved("x");
    let blocker = blocked(&desk);
    let mut worker = desk.program("worker").start();
    until("an attempt is under way", || under_way(&desk));
    tell(&worker, Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    blocker.execute_batch("rollback").unwrap();
    assert_eq!(worker.wait().code(), Some(0));
    let said = scrubbed(&desk, &printed(&mut worker));
    assert_snapshot!(said, @"
    worker pid <pid>, as account `<account>`, up to 8 jobs at once
      source `desk` by `sql_update`: 3 attempts, up to 1s to 60s apart
    1 job due
    SIGTERM: nothing new begins
    ending: 1 job under way
    applied wrp_#1: attempt 1, desk/sql_update, <time>
    ended: 1 applied
    ");
    assert_eq!(desk.receipts(), "applied | 1");
}

#[test]
fn trap_59_what_a_worker_cannot_finish_is_neither_failed_nor_held() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    let blocker = blocked(&desk);
    let mut worker = desk.program("worker --grace 0").start();
    until("an attempt is under way", || under_way(&desk));
    tell(&worker, Signal::SIGTERM);
    let ended = Instant::now();
    assert_eq!(worker.wait().code(), Some(0));
    assert!(ended.elapsed() < Duration::from_secs(8), "{:?}", ended.elapsed());
    let shown = desk.json(&format!("proposals show {id} --json"));
    assert_eq!((&shown["outcome"], &shown["job"]["lease_expires_at"]), (&json!("unknown"), &Value::Null));
    blocker.execute_batch("rollback").unwrap();
    // Its lease was given back: nobody waits for it.
    let begun = Instant::now();
    assert_eq!(desk.run("worker --drain").code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!((desk.status(&id).as_str(), desk.receipts().as_str()), ("applied", "applied | 2"));
}

#[test]
fn what_a_killed_worker_held_is_taken_up_when_its_lease_lapses() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    let blocker = blocked(&desk);
    let mut worker = desk.program("worker").start();
    until("an attempt is under way", || under_way(&desk));
    tell(&worker, Signal::SIGKILL);
    worker.wait();
    blocker.execute_batch("rollback").unwrap();
    let seen = desk.run("worker --drain");
    assert!(seen.code == Some(0) && seen.stdout.ends_with("ended: there was nothing to do\n"), "the lease is not over: {seen}");
    file::execute(&desk.ledger(), "update writeback_jobs set lease_expires_at = 1, due_at = 1");
    let begun = Instant::now();
    let mut next = desk.program("worker").start();
    until("it is taken up", || desk.status(&id) == "applied");
    assert!(begun.elapsed() < Duration::from_secs(5));
    tell(&next, Signal::SIGINT);
    assert_eq!((next.wait().code(), desk.receipts().as_str()), (Some(0), "applied | 2"));
}

#[test]
fn two_workers_make_each_change_once() {
    let desk = Desk::sqlite();
    with_rows(&desk, 24);
    for number in 0..24 {
        approved(&desk, number);
    }
    let mut workers: Vec<Running> = (0..2).map(|_| desk.program("worker --concurrency 4 --drain").start()).collect();
    for worker in &mut workers {
        worker.wait();
    }
    // A file takes one writer at a time; what found it busy is tried again.
    until("everything is applied", || {
        desk.run("worker --drain");
        effects(&desk) == ("24".to_owned(), "24".to_owned())
    });
    assert_eq!(file::table(&desk.ledger(), "select count(*) from proposals where status = 'applied' and outcome = 'applied'"), "24");
}

#[test]
fn a_server_with_a_worker_carries_out_what_is_approved_beside_it() {
    let desk = Desk::sqlite();
    let mut client = Client::silent(&desk, "--with-worker");
    client.greet();
    let answer = client.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "x"}));
    let id = id_of(&envelope(&answer));
    assert_eq!(desk.status(&id), "pending_review");
    desk.approve(&id);
    let took = until("it is applied", || desk.status(&id) == "applied");
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(client.running.child.stdin.take());
    assert_eq!(client.running.wait().code(), Some(0));
    assert_eq!(desk.receipts(), "applied | 1");
}

#[test]
fn a_worker_keeps_what_the_configuration_keeps_and_what_is_open() {
    let desk = Desk::sqlite();
    desk.call("billing.inspect_invoice", &json!({"id": "INV-1"}));
    desk.approved("x");
    desk.configure(|config| config["storage"]["retention"] = json!({"reads_days": 1, "proposals_days": 1}));
    let seen = desk.run("worker --drain");
    assert!(seen.code == Some(0) && !seen.stdout.contains("retention"), "{seen}");
    assert_eq!(file::table(&desk.ledger(), "select count(*) from query_audit"), "2");
    assert_eq!((desk.receipts().as_str(), desk.run("store verify").code), ("applied | 1", Some(0)));
}
