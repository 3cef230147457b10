//! What becomes of requests when the process is told to end?

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use crate::shop::Shop;

/// A request that is under way while the process is told to end, because somebody else holds the database.
#[test]
fn a_request_that_was_begun_is_finished_and_answered() {
    let shop = Shop::sqlite();
    let mut serving = shop.serve();
    // Makes the receipt table, which nobody can while the database is held.
    assert!(serving.said(&shop.ask().cents(1)).starts_with("200 applied"));
    let holder = Connection::open(shop.path()).unwrap();
    holder.execute_batch("begin immediate").unwrap();
    let said = thread::scope(|scope| {
        let asking = scope.spawn(|| serving.said(&shop.ask().proposal("wrp_2").version(4)));
        thread::sleep(Duration::from_millis(300));
        serving.terminate();
        drop(serving.running.wait_for_stderr("finishing what is under way"));
        thread::sleep(Duration::from_millis(300));
        holder.execute_batch("rollback").unwrap();
        asking.join().unwrap()
    });
    assert!(said.starts_with("200 applied"), "{said}");
    assert_eq!(serving.running.wait().code(), Some(0));
    assert_eq!(shop.table("select count(*), sum(cents) from credits"), "2 | 501");
    assert_eq!(serving.lines("ended").len(), 1);
}

#[test]
fn what_cannot_be_finished_in_time_is_rolled_back_and_told() {
    let shop = Shop::sqlite();
    let mut file = shop.file();
    file["limits"] = json!({"drain_ms": 300});
    shop.write(&file);
    let mut serving = shop.serve();
    assert!(serving.said(&shop.ask().cents(1)).starts_with("200 applied"));
    let holder = Connection::open(shop.path()).unwrap();
    holder.execute_batch("begin immediate").unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        let ask = shop.ask().proposal("wrp_2").version(4).signed(&[crate::shop::SECRET]);
        let address = serving.address.clone();
        scope.spawn(move || ask.post(&address, "/synapsor/writeback").is_some());
        thread::sleep(Duration::from_millis(300));
        serving.terminate();
    });
    assert_eq!(serving.running.wait().code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    holder.execute_batch("rollback").unwrap();
    assert_eq!(shop.table("select count(*) from credits"), "1");
}

#[test]
fn while_the_end_is_announced_it_still_serves_and_is_not_ready() {
    let shop = Shop::sqlite();
    let mut file = shop.file();
    file["limits"] = json!({"notice_ms": 1500});
    shop.write(&file);
    let mut serving = shop.serve();
    assert_eq!(serving.asked("/readyz"), r#"200 {"ready":true}"#);
    serving.terminate();
    drop(serving.running.wait_for_stderr("finishing what is under way"));
    assert_eq!(serving.asked("/readyz"), r#"503 {"ready":false,"code":"DRAINING"}"#);
    assert_eq!(serving.asked("/healthz"), r#"200 {"ok":true}"#);
    assert!(serving.said(&shop.ask()).starts_with("200 applied"));
    assert_eq!(serving.running.wait().code(), Some(0));
    assert_eq!(serving.asked("/readyz"), "no answer");
}
