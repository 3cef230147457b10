//! Connections that break and processes that die, at exactly this message: never two effects, never a wrong word.

use std::time::{Duration, Instant};

use synapsor_testkit::{Cut, FaultProxy, Running, sqlite};

use crate::desk::{Desk, assert_same};

/// Runs each behaviour once per server.
macro_rules! on_each_server {
    ($($behaviour:ident)*) => {
        mod postgres {
            $(#[test] fn $behaviour() { super::$behaviour(crate::desk::Desk::postgres) })*
        }
        mod mysql {
            $(#[test] fn $behaviour() { super::$behaviour(crate::desk::Desk::mysql) })*
        }
    };
}

on_each_server! {
    a_connection_cut_before_the_commit_leaves_no_effect_and_another_attempt_applies_it_once
    a_commit_whose_answer_was_lost_is_unknown_and_the_next_attempt_finds_its_receipt
    an_unknown_outcome_that_may_not_be_tried_again_is_found_out_all_the_same
    a_cancellation_after_an_unknown_outcome_says_what_the_source_says
    a_commit_that_arrives_after_its_proposal_was_cancelled_finds_the_tombstone
    a_process_that_was_killed_anywhere_is_taken_over_and_there_is_one_effect
    whoever_waits_for_a_lease_says_so_and_takes_over_when_it_lapses
}

/// Opens a desk on the server in question.
type Open = fn() -> Option<Desk>;

struct Scene {
    desk: Desk,
    proxy: FaultProxy,
    id: String,
}

impl Scene {
    /// An approved proposal; whatever writes to the database goes through the proxy.
    fn new(open: Open) -> Option<Self> {
        let mut desk = open()?;
        let (proxy, url) = desk.proxy().unwrap();
        desk.set("DESK_WRITE_URL", url);
        // The table of receipts is there: what is met below is the guarded transaction alone.
        let first = desk.approved("first");
        assert_eq!(desk.apply(&first), "applied");
        desk.execute("truncate synapsor_writeback_receipts");
        let id = desk.approved("x");
        Some(Self { desk, proxy, id })
    }

    /// The place in the words of the engine.
    fn place(&self, place: Cut) -> Cut {
        match place {
            Cut::BeforeQuery("BEGIN") if self.desk.is_mysql() => Cut::BeforeQuery("START TRANSACTION"),
            place => place,
        }
    }

    /// The row once nothing is open in the database any more.
    fn row(&self) -> String {
        for _ in 0..500 {
            if self.desk.open_transactions() == "0" {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.desk.invoice()
    }

    /// Ends the lease of whoever holds the job, as time would.
    fn lapse(&self) {
        sqlite::execute(&self.desk.ledger(), "update writeback_jobs set lease_expires_at = 1 where lease_expires_at is not null");
    }

    /// Starts an `apply` that stops at this place for good, and kills it there.
    fn killed_at(&self, place: Cut) {
        let strikes = self.proxy.strikes();
        self.proxy.freeze(self.place(place.clone()));
        let mut running: Running = self.desk.program(&format!("apply {}", self.id)).start();
        let begun = Instant::now();
        while self.proxy.strikes() == strikes {
            assert!(begun.elapsed() < Duration::from_secs(20), "{place:?} was not reached: {}", running.stderr());
            std::thread::sleep(Duration::from_millis(2));
        }
        running.child.kill().unwrap();
        running.wait();
    }
}

const BEFORE: &str = "0 | first | 4";
const AFTER: &str = "0 | x | 5";

fn a_connection_cut_before_the_commit_leaves_no_effect_and_another_attempt_applies_it_once(open: Open) {
    for place in ["BEGIN", "INSERT", "SELECT", "UPDATE", "RELEASE", "COMMIT"] {
        let Some(scene) = Scene::new(open) else { return };
        scene.proxy.cut(scene.place(Cut::BeforeQuery(place)));
        let outcome = scene.desk.apply(&scene.id);
        // A COMMIT whose first byte went out may have arrived, as far as anybody here can know.
        let expected = if place == "COMMIT" { "unknown COMMIT_UNKNOWN" } else { "failed DATABASE_UNAVAILABLE" };
        assert_eq!((outcome.as_str(), scene.proxy.strikes()), (expected, 1), "{place}");
        assert_eq!((scene.row().as_str(), scene.desk.status(&scene.id).as_str()), (BEFORE, "pending_worker"), "{place}");
        assert_eq!(scene.desk.apply(&scene.id), "applied", "{place}");
        assert_eq!((scene.row().as_str(), scene.desk.receipts().as_str()), (AFTER, "applied | 2"), "{place}");
    }
}

fn a_commit_whose_answer_was_lost_is_unknown_and_the_next_attempt_finds_its_receipt(open: Open) {
    let Some(scene) = Scene::new(open) else { return };
    scene.proxy.cut(Cut::AfterForwarding("COMMIT"));
    let seen = scene.desk.run(&format!("apply {}", scene.id));
    // How the driver says it is the driver's.
    let told = scene.desk.scrub(&seen.to_string());
    let lines = told.lines().map(|line| line.split_inclusive(" was lost").next().unwrap_or_default());
    assert_same!(lines.collect::<Vec<_>>().join("\n"), @r"
    exit: 1
    ---- stdout ----
    unknown: wrp_#1 (COMMIT_UNKNOWN)
    the change may or may not be in the source; applying again finds out and never makes it twice
    detail: the connection to source `desk` was lost
    try again: synapsor-runner apply wrp_#1
    ---- stderr ----
    ");
    assert_eq!((scene.row().as_str(), scene.desk.status(&scene.id).as_str()), (AFTER, "pending_worker"));
    assert_eq!(scene.desk.table("select count(*) from synapsor_writeback_receipts"), "1");
    assert_eq!(scene.desk.apply(&scene.id), "already_applied");
    assert_eq!((scene.row().as_str(), scene.desk.receipts().as_str()), (AFTER, "applied | 1"));
    let story = scene.desk.run(&format!("replay show {}", scene.id)).stdout;
    assert!(story.contains("writeback_unknown") && story.contains("writeback_already_applied"), "{story}");
}

fn an_unknown_outcome_that_may_not_be_tried_again_is_found_out_all_the_same(open: Open) {
    for (place, found) in [(Cut::AfterForwarding("COMMIT"), "already_applied"), (Cut::BeforeQuery("COMMIT"), "refused")] {
        let Some(scene) = Scene::new(open) else { return };
        scene.proxy.cut(place.clone());
        assert_eq!(scene.desk.apply(&scene.id), "unknown COMMIT_UNKNOWN");
        scene.desk.configure(|config| config["capabilities"][1]["name"] = "billing.propose_another".into());
        let outcome = scene.desk.apply(&scene.id);
        assert!(outcome.starts_with(found), "{place:?}: {outcome}");
        let ended = if found == "refused" { ("failed", BEFORE) } else { ("applied", AFTER) };
        assert_eq!((scene.desk.status(&scene.id).as_str(), scene.row().as_str()), ended, "{place:?}");
    }
}

fn a_cancellation_after_an_unknown_outcome_says_what_the_source_says(open: Open) {
    for (place, code, status, row) in
        [(Cut::AfterForwarding("COMMIT"), 1, "applied", AFTER), (Cut::BeforeQuery("COMMIT"), 0, "canceled", BEFORE)]
    {
        let Some(scene) = Scene::new(open) else { return };
        scene.proxy.cut(place.clone());
        assert_eq!(scene.desk.apply(&scene.id), "unknown COMMIT_UNKNOWN");
        let seen = scene.desk.run(&format!("proposals cancel {} --yes", scene.id));
        assert_eq!(seen.code, Some(code), "{place:?}: {seen}");
        assert_eq!((scene.desk.status(&scene.id).as_str(), scene.row().as_str()), (status, row), "{place:?}");
    }
}

fn a_commit_that_arrives_after_its_proposal_was_cancelled_finds_the_tombstone(open: Open) {
    let Some(scene) = Scene::new(open) else { return };
    // The whole transaction is late, from its claim on: nothing in the database knows of it yet.
    scene.killed_at(Cut::BeforeQuery("BEGIN"));
    let seen = scene.desk.run(&format!("proposals cancel {} --yes", scene.id));
    assert_eq!((seen.code, scene.desk.receipts().as_str()), (Some(0), "tombstone | 1"), "{seen}");
    scene.proxy.thaw();
    assert_eq!((scene.row().as_str(), scene.desk.status(&scene.id).as_str()), (BEFORE, "canceled"));
}

fn a_process_that_was_killed_anywhere_is_taken_over_and_there_is_one_effect(open: Open) {
    let places = [
        Cut::BeforeQuery("BEGIN"),
        Cut::BeforeQuery("INSERT"),
        Cut::AfterForwarding("INSERT"),
        Cut::BeforeQuery("UPDATE"),
        Cut::AfterForwarding("UPDATE"),
        Cut::BeforeQuery("COMMIT"),
        Cut::AfterForwarding("COMMIT"),
    ];
    for place in places {
        let Some(scene) = Scene::new(open) else { return };
        scene.killed_at(place.clone());
        scene.proxy.sever();
        scene.lapse();
        let committed = place == Cut::AfterForwarding("COMMIT");
        assert_eq!(scene.desk.apply(&scene.id), if committed { "already_applied" } else { "applied" }, "{place:?}");
        let receipt = if committed { "applied | 1" } else { "applied | 2" };
        assert_eq!((scene.row().as_str(), scene.desk.receipts().as_str()), (AFTER, receipt), "{place:?}");
    }
}

fn whoever_waits_for_a_lease_says_so_and_takes_over_when_it_lapses(open: Open) {
    let Some(scene) = Scene::new(open) else { return };
    scene.killed_at(Cut::BeforeQuery("COMMIT"));
    // The commit of the killed process is still on its way, and arrives while its successor waits.
    let mut next = scene.desk.program(&format!("apply {}", scene.id)).start();
    let said = next.wait_for_stderr("waiting: ");
    assert!(said.contains("has the job until"), "{said}");
    scene.proxy.thaw();
    scene.lapse();
    assert_eq!(next.wait().code(), Some(0));
    assert_eq!((scene.row().as_str(), scene.desk.receipts().as_str()), (AFTER, "applied | 1"));
}

#[test]
fn an_apply_on_sqlite_that_was_killed_while_it_waited_is_taken_over() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    let blocker = rusqlite::Connection::open(desk.folder.join("business.db")).unwrap();
    blocker.execute_batch("begin immediate").unwrap();
    let mut running = desk.program(&format!("apply {id}")).start();
    let claimed = || sqlite::table(&desk.ledger(), "select attempt from writeback_jobs") == "1";
    let begun = Instant::now();
    while !claimed() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(2));
    }
    running.child.kill().unwrap();
    running.wait();
    blocker.execute_batch("rollback").unwrap();
    sqlite::execute(&desk.ledger(), "update writeback_jobs set lease_expires_at = 1");
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!((desk.invoice().as_str(), desk.receipts().as_str()), ("0 | x | 4", "applied | 2"));
}
