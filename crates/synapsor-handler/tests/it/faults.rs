//! What if the database, the connection or the process is gone at the worst moment? The source is counted afterwards.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use synapsor_handler::{Handler, Table};
use synapsor_testkit::{Cut, FaultProxy, Postgres, sqlite};

use crate::ask::{Ask, Asking};
use crate::examples::{serve, try_ask, with_credits};
use crate::shop::{Shop, TOKEN, credit};

fn through(url: String) -> Handler {
    let builder = Handler::builder().bearer_token(TOKEN).statement_timeout(Duration::from_secs(5)).connections(2).postgres(url);
    let builder = builder.table(Table::new("invoices", "tenant_id")).table(Table::new("credits", "tenant_id"));
    builder.effect("billing.credit", credit).build().unwrap()
}

fn first_words(said: &str) -> &str {
    said.split(',').next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_unknown_and_the_next_attempt_finds_out() {
    let Some(shop) = Shop::postgres() else { return };
    let proxy = FaultProxy::to(shop.server().address());
    let handler = through(shop.server().url_through(&proxy));
    // Makes the receipt table.
    assert!(Ask::flat(&shop).said(&handler).await.starts_with("200 applied"));
    for (proposal, version, place, next) in
        [("wrp_2", 4, Cut::BeforeQuery("COMMIT"), "200 applied"), ("wrp_3", 5, Cut::AfterForwarding("COMMIT"), "200 already_applied")]
    {
        let ask = Ask::flat(&shop).proposal(proposal).version(version);
        proxy.cut(place);
        assert_eq!(first_words(&ask.said(&handler).await), "500 failed HANDLER_EXCEPTION", "{proposal}");
        assert_eq!(first_words(&ask.attempt(2).said(&handler).await), next, "{proposal}");
    }
    assert_eq!((proxy.strikes(), shop.table("select count(*) from credits").as_str()), (2, "3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_in_the_effect_is_failed_and_the_attempt_is_closed() {
    let Some(shop) = Shop::postgres() else { return };
    let proxy = FaultProxy::to(shop.server().address());
    let handler = through(shop.server().url_through(&proxy));
    assert!(Ask::flat(&shop).said(&handler).await.starts_with("200 applied"));
    for (attempt, query) in (1..).zip(["INSERT INTO \"public\".\"credits\"", "UPDATE \"public\".\"invoices\""]) {
        let ask = Ask::flat(&shop).proposal("wrp_2").version(4).attempt(attempt);
        proxy.cut(Cut::AfterForwarding(query));
        assert_eq!(first_words(&ask.said(&handler).await), "503 failed DATABASE_UNAVAILABLE", "{query}");
        assert!(!proxy.disarm(), "nothing was cut at {query}");
        assert_eq!(shop.receipts(), format!("wrp_1:INV-1 | 1 | applied\nwrp_2:INV-1 | {attempt} | tombstone"));
        assert_eq!(first_words(&ask.said(&handler).await), "409 failed FENCED");
    }
    let last = Ask::flat(&shop).proposal("wrp_2").version(4).attempt(3);
    assert_eq!(first_words(&last.said(&handler).await), "200 applied");
    assert_eq!(shop.table("select count(*) from credits"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_the_least_rights_is_enough() {
    let Some(database) = Postgres::shared() else { return };
    database.execute(sqlite::SUPPORT_DESK);
    let shop = Shop::on(database);
    shop.execute(
        "create table synapsor_handler_receipts (operation_id text collate \"C\" primary key, job_id text not null, \
         proposal_id text not null, proposal_hash text not null, attempt bigint not null, action text not null, \
         status text not null, receipt_json text, created_at timestamptz not null default now(), completed_at timestamptz)",
    );
    let grants = "grant select, insert, update on synapsor_handler_receipts to {role}; \
         grant select, update on invoices to {role}; grant insert on credits to {role}";
    let handler = through(shop.server().role(grants));
    assert_eq!(first_words(&Ask::flat(&shop).said(&handler).await), "200 applied");
    assert_eq!(first_words(&Ask::flat(&shop).attempt(2).said(&handler).await), "200 already_applied");
}

/// The process is killed with SIGKILL somewhere between the request and the answer, again and again.
#[test]
fn a_handler_that_is_killed_gives_each_credit_once() {
    let shop = with_credits();
    let path = shop.path();
    for round in 0_i64..12 {
        let proposal = format!("wrp_{round}");
        let ask = Ask::flat(&shop).with("/action", "billing.propose_account_credit").proposal(&proposal).version(3 + round);
        let serving = serve("account_credit", &[path.to_str().unwrap(), TOKEN]);
        let (first, address) = (ask.clone(), serving.place());
        let asking = thread::spawn(move || try_ask(&address, &first));
        thread::sleep(Duration::from_millis(u64::try_from(round).unwrap() * 3));
        let pid = serving.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status().unwrap().success());
        let heard = asking.join().unwrap();
        drop(serving);
        let serving = serve("account_credit", &[path.to_str().unwrap(), TOKEN]);
        let next = try_ask(&serving.place(), &ask.attempt(2)).unwrap();
        match heard.as_deref() {
            None => assert!(["200 applied null", "200 already_applied null"].contains(&next.as_str()), "{round}: {next}"),
            Some(heard) => assert_eq!((heard, next.as_str()), ("200 applied null", "200 already_applied null"), "{round}"),
        }
    }
    assert_eq!(shop.table("select count(*), count(distinct operation_id) from account_credits"), "12 | 12");
    assert_eq!(shop.table("select version from invoices where tenant_id = 'acme' and id = 'INV-1'"), "15");
}
