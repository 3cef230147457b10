//! Does `/readyz` say what a sender will meet?

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use synapsor_testkit::FaultProxy;

use crate::shop::{Serving, Shop};

/// Waits until it says so.
fn until(serving: &Serving, expected: &str) {
    let begun = Instant::now();
    loop {
        let said = serving.asked("/readyz");
        if said == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{said}\n{}", serving.running.stderr());
        thread::sleep(Duration::from_millis(50));
    }
}

const READY: &str = r#"200 {"ready":true}"#;
const DOWN: &str = r#"503 {"ready":false,"code":"DATABASE_UNAVAILABLE"}"#;

#[test]
fn a_handler_whose_database_is_down_is_alive_and_not_ready() {
    let Some(shop) = Shop::postgres() else { return };
    let proxy = FaultProxy::to(shop.server().address());
    let serving = Serving::of(shop.program().env("SHOP_URL", shop.server().url_through(&proxy)));
    assert_eq!(serving.asked("/readyz"), READY);
    assert!(serving.said(&shop.ask()).starts_with("200 applied"));
    proxy.refuse(true);
    proxy.sever();
    until(&serving, DOWN);
    assert_eq!(serving.asked("/healthz"), r#"200 {"ok":true}"#);
    let next = shop.ask().proposal("wrp_2").version(4);
    assert_eq!(serving.said(&next), "503 failed DATABASE_UNAVAILABLE, 0 rows");
    proxy.refuse(false);
    until(&serving, READY);
    assert!(serving.said(&next.attempt(2)).starts_with("200 applied"));
    assert_eq!((serving.lines("not ready").len(), serving.lines("ready").len()), (1, 1));
}

#[test]
fn a_database_that_comes_later_is_waited_for() {
    let shop = Shop::sqlite();
    let away = shop.folder.join("away.db");
    fs::rename(shop.path(), &away).unwrap();
    let serving = shop.serve();
    assert_eq!(serving.asked("/readyz"), DOWN);
    fs::rename(&away, shop.path()).unwrap();
    until(&serving, READY);
    assert!(serving.said(&shop.ask()).starts_with("200 applied"));
}

#[test]
fn a_table_that_goes_away_is_found_out() {
    let shop = Shop::sqlite();
    let serving = shop.serve();
    assert_eq!(serving.asked("/readyz"), READY);
    shop.execute("alter table credits rename to gone");
    until(&serving, r#"503 {"ready":false,"code":"UNKNOWN_TABLE"}"#);
    shop.execute("alter table gone rename to credits");
    until(&serving, READY);
}
