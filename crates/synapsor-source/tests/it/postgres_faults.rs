//! What happens when the connection to PostgreSQL is late, broken, refused or not the one that was asked for?

use std::time::Duration;

use synapsor_protocol::Secret;
use synapsor_source::{Location, Source, SourceError, SourceSettings, TableUse, WriteSource};
use synapsor_testkit::{Cut, FaultProxy};

use crate::business::{Business, Draft, business, chain, checked, read, receipts, said};

fn settings(url: String) -> SourceSettings {
    SourceSettings { statement_timeout: Duration::from_secs(5), ..SourceSettings::new("desk", Location::Postgres(Secret::new(url))) }
}

fn writer(url: String, statement_timeout: Duration) -> WriteSource {
    WriteSource::open(SourceSettings { statement_timeout, ..settings(url) }, receipts()).unwrap()
}

async fn first_error(url: String, usage: &TableUse) -> String {
    let source = Source::open(settings(url)).unwrap();
    match source.check(usage).await {
        Ok(_) => "connected".to_owned(),
        Err(error) => chain(&error),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_cut_is_unknown_and_the_next_attempt_finds_out() {
    let business = business!();
    let proxy = FaultProxy::to(business.server().address());
    let through = writer(business.server().url_through(&proxy), Duration::from_secs(5));
    let first = Draft::close(&business);
    assert_eq!(first.rehearse(&through).await, "applied, 1 row, version 1 -> 2, also changed: version, receipt table absent");
    // The COMMIT never arrives.
    proxy.cut(Cut::BeforeQuery("COMMIT"));
    assert_eq!(first.apply(&through).await, "unknown COMMIT_UNKNOWN");
    assert_eq!(business.receipts(), "");
    assert_eq!(first.attempt(2).apply(&through).await, "applied, 1 row, version 1 -> 2, also changed: version");
    // The COMMIT arrives, its answer does not.
    let second = Draft { operation: "wrp_2:T-1", expected: 2.into(), ..first };
    proxy.cut(Cut::AfterForwarding("COMMIT"));
    assert_eq!(second.apply(&through).await, "unknown COMMIT_UNKNOWN");
    assert_eq!(second.attempt(2).apply(&through).await, "already_applied, version 2 -> 3, also changed: version");
    assert_eq!(proxy.strikes(), 2);
    assert!(business.shown().contains("T-1 | acme | closed | 2 | 3"), "{}", business.shown());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_before_the_commit_is_a_failure_that_left_nothing() {
    let business = business!();
    let proxy = FaultProxy::to(business.server().address());
    let through = writer(business.server().url_through(&proxy), Duration::from_secs(5));
    let draft = Draft::close(&business);
    assert_eq!(draft.fence(&through).await, "tombstoned");
    let before = business.shown();
    let table = checked(through.check(&draft.usage).await);
    for (attempt, query) in (2..).zip([
        "BEGIN",
        "INSERT INTO",
        "SAVEPOINT",
        "SELECT \"id\"",
        "UPDATE \"public\".\"tickets\"",
        "RELEASE",
        "UPDATE \"public\".\"synapsor_writeback_receipts\"",
    ]) {
        for place in [Cut::BeforeQuery(query), Cut::AfterForwarding(query)] {
            proxy.cut(place);
            let change = Draft { operation: "wrp_2:T-1", ..draft.attempt(attempt) }.change(&table);
            assert_eq!(said(&through.apply(&change).await), "failed DATABASE_UNAVAILABLE, transient", "{query}");
            assert!(!proxy.disarm(), "nothing was cut at {query}");
        }
    }
    assert_eq!((business.shown(), business.receipts().lines().count()), (before, 1));
    // The pool recovered.
    let last = Draft { operation: "wrp_2:T-1", ..draft.attempt(99) };
    assert_eq!(last.apply(&through).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_and_a_tombstone_never_both_happen() {
    let business = business!();
    let proxy = FaultProxy::to(business.server().address());
    let paused = writer(business.server().url_through(&proxy), Duration::from_millis(800));
    let direct = writer(business.server().url(), Duration::from_millis(800));
    let draft = Draft::close(&business);
    // Makes the receipt table.
    assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&direct).await, "tombstoned");
    proxy.freeze(Cut::BeforeQuery("COMMIT"));
    let (table, change) = (checked(paused.check(&draft.usage).await), draft.clone());
    let first = tokio::spawn(async move { said(&paused.apply(&change.change(&table)).await) });
    proxy.wait_for_strikes(1).await;
    // Its transaction is open: neither a higher attempt nor a tombstone gets past it.
    assert_eq!(draft.attempt(2).apply(&direct).await, "failed STATEMENT_TIMEOUT, transient");
    assert_eq!(draft.attempt(2).fence(&direct).await, "unresolved: failed STATEMENT_TIMEOUT, transient");
    // We stop waiting for the answer: it may have happened.
    assert_eq!(first.await.unwrap(), "unknown COMMIT_UNKNOWN");
    proxy.thaw();
    let mut answer = String::new();
    for _ in 0..50 {
        answer = draft.attempt(3).fence(&direct).await;
        if answer != "unresolved: failed STATEMENT_TIMEOUT, transient" {
            break;
        }
    }
    let row = business.shown();
    match answer.as_str() {
        "found: already_applied, version 1 -> 2, also changed: version" => assert!(row.contains("T-1 | acme | closed"), "{row}"),
        "tombstoned" => assert!(row.contains("T-1 | acme | open"), "{row}"),
        other => panic!("{other}"),
    }
}

/// What an attempt reports, and the next one, if this runs within COMMIT. Deferred triggers fire before the effect is looked at, so one on
/// the receipts has to defer itself anew.
async fn within_commit(statements: &str) -> Option<(String, String)> {
    let business = Business::postgres()?;
    // Makes the table of receipts.
    Draft { operation: "wrp_9:T-1", ..Draft::close(&business) }.apply(&business.writer()).await;
    business.execute(&format!(
        "create function fault() returns trigger language plpgsql as $$ begin {statements}; return null; end $$; \
         create function defer() returns trigger language plpgsql as $$ begin set constraints all deferred; return new; end $$; \
         create trigger defer before update on synapsor_writeback_receipts for each row execute function defer(); \
         create constraint trigger fault after update on synapsor_writeback_receipts deferrable initially deferred \
            for each row execute function fault()"
    ));
    let draft = Draft { expected: 2.into(), ..Draft::close(&business) };
    let first = draft.apply(&business.writer()).await;
    business.execute("drop trigger fault on synapsor_writeback_receipts");
    Some((first, draft.attempt(2).apply(&business.writer()).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_down_in_the_commit_leaves_it_unknown() {
    let Some((first, second)) = within_commit("perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(5)").await else { return };
    assert_eq!(first, "unknown COMMIT_UNKNOWN");
    assert_eq!(second, "applied, 1 row, version 2 -> 3, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_reply_to_the_commit_is_a_failure() {
    let Some((first, second)) = within_commit("raise exception 'not today'").await else { return };
    assert_eq!(first, "failed TRANSACTION_FAILED");
    assert_eq!(second, "applied, 1 row, version 2 -> 3, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_trigger_that_takes_the_change_back_is_seen() {
    let business = business!();
    business.execute(
        "create function revert() returns trigger language plpgsql as $$ begin \
            update tickets set status = 'reverted' where id = new.id and status = 'closed'; return null; end $$; \
         create constraint trigger revert after update on tickets deferrable initially deferred for each row execute function revert()",
    );
    let draft = Draft::close(&business);
    assert_eq!(draft.apply(&business.writer()).await, "failed EFFECT_DIFFERS_FROM_APPROVAL");
    assert_eq!(draft.rehearse(&business.writer()).await, "failed EFFECT_DIFFERS_FROM_APPROVAL, receipt table present");
    assert!(business.shown().contains("T-1 | acme | open"), "{}", business.shown());
    assert_eq!(business.receipts(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_what_the_url_asks_for() {
    let business = business!();
    let (server, usage) = (business.server(), business.tickets());
    let authority = server.authority().display().to_string();
    let by_address = |url: String| url.replace("localhost", "127.0.0.1");
    let cases = [
        ("disable", first_error(server.url_with(&[("sslmode", "disable")]), &usage).await),
        ("require", first_error(server.url_with(&[("sslmode", "require")]), &usage).await),
        ("verify-full", first_error(server.url_with(&[("sslmode", "verify-full"), ("sslrootcert", &authority)]), &usage).await),
        (
            "verify-full, channel binding",
            first_error(
                server.url_with(&[("sslmode", "verify-full"), ("sslrootcert", &authority), ("channel_binding", "require")]),
                &usage,
            )
            .await,
        ),
        (
            "verify-full by address",
            first_error(by_address(server.url_with(&[("sslmode", "verify-full"), ("sslrootcert", &authority)])), &usage).await,
        ),
        (
            "verify-ca by address",
            first_error(by_address(server.url_with(&[("sslmode", "verify-ca"), ("sslrootcert", &authority)])), &usage).await,
        ),
        ("verify-full, unknown authority", first_error(server.url_with(&[("sslmode", "verify-full")]), &usage).await),
        (
            "require, other authority",
            first_error(server.url_with(&[("sslmode", "require"), ("sslrootcert", "/nonexistent.pem")]), &usage).await,
        ),
    ];
    let lines: Vec<String> = cases.iter().map(|(mode, outcome)| format!("{mode}: {outcome}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    disable: connected
    require: connected
    verify-full: connected
    verify-full, channel binding: connected
    verify-full by address: source `desk` offers no connection with the tls that its url asks for
    verify-ca by address: connected
    verify-full, unknown authority: source `desk` offers no connection with the tls that its url asks for
    require, other authority: source `desk` offers no connection with the tls that its url asks for
    ");
    let proxy = FaultProxy::to(server.address());
    let through = format!("{}?sslmode=require", server.url_through(&proxy));
    assert_eq!(first_error(through, &usage).await, "source `desk` offers no connection with the tls that its url asks for");
    let encrypted = Source::open(settings(server.url_with(&[("sslmode", "require")]))).unwrap();
    business.execute(
        "create view secured as select ssl as id, pid from pg_stat_ssl where pid = pg_backend_pid(); \
         create view own (id, tenant_id, version, encrypted) as select 1, 'acme'::text, 1, (select id from secured)",
    );
    let mut usage = business.usage("own", &["encrypted"], &[]);
    usage.writes = false;
    let row = read(&encrypted, &usage, &1.into(), &"acme".into(), 1).await;
    assert!(row.contains("\"encrypted\":true"), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_there_is_no_connection_is_said_without_where() {
    let business = business!();
    let (server, usage) = (business.server(), business.tickets());
    let nowhere = "postgres://canary:canary@127.0.0.1:1/canary".to_owned();
    let unknown_database = server.url().rsplit_once('/').map(|(base, _)| format!("{base}/canary")).unwrap();
    let lines = [
        first_error(nowhere, &usage).await,
        first_error(server.url_as("nobody", "canary"), &usage).await,
        first_error(unknown_database, &usage).await,
        first_error("postgres://canary@canary.invalid/x".to_owned(), &usage).await,
    ];
    let text = lines.join("\n");
    assert!(!text.contains("canary") && !text.contains("127.0.0.1"), "{text}");
    insta::assert_snapshot!(text, @"
    source `desk` cannot be reached
    source `desk` refused the credentials
    source `desk` cannot be reached
    source `desk` cannot be reached
    ");
    let url = "mysql://canary".to_owned();
    assert!(matches!(Source::open(settings(url)), Err(SourceError::InvalidUrl { .. })));
}

/// A view whose rows take `seconds` to compute, and its use.
fn slow(business: &Business, seconds: f64) -> TableUse {
    business.execute(&format!("create view slow as select t.*, (select pg_sleep({seconds}))::text as pause from tickets t"));
    let mut usage = business.usage("slow", &["pause"], &[]);
    usage.writes = false;
    usage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_is_said_to_be_full_and_when_to_come_back() {
    let business = business!();
    let usage = slow(&business, 2.0);
    let source =
        Source::open(SourceSettings { pool_size: 1, acquire_timeout: Duration::from_millis(200), ..settings(business.server().url()) })
            .unwrap();
    let table = checked(source.check(&usage).await);
    let (key, tenant) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
    let (first, second) = tokio::join!(source.read(&table, &key, Some(&tenant), 1), source.read(&table, &key, Some(&tenant), 1));
    assert_eq!(first.unwrap().len(), 1);
    match second.unwrap_err() {
        error @ SourceError::PoolExhausted { retry_after, .. } => assert!(retry_after.as_millis() >= 100 && error.is_transient()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_at_its_time_out_and_the_connection_lives_on() {
    let business = business!();
    let usage = slow(&business, 5.0);
    let source =
        Source::open(SourceSettings { pool_size: 1, statement_timeout: Duration::from_millis(300), ..settings(business.server().url()) })
            .unwrap();
    let start = std::time::Instant::now();
    assert_eq!(read(&source, &usage, &"T-1".into(), &"acme".into(), 1).await, "source `desk` did not answer within its statement timeout");
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1).await.contains("open"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_read_is_cancelled_on_the_server_and_its_connection_not_reused() {
    let business = business!();
    let usage = slow(&business, 4.0);
    let source = Source::open(SourceSettings { pool_size: 1, ..settings(business.server().url()) }).unwrap();
    let table = checked(source.check(&usage).await);
    let (key, tenant) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
    let dropped = tokio::time::timeout(Duration::from_millis(300), source.read(&table, &key, Some(&tenant), 1)).await;
    assert!(dropped.is_err());
    let active =
        "select count(*) from pg_stat_activity where application_name = 'synapsor' and datname = current_database() and state = 'active'";
    let mut left = String::new();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        left = business.table(active);
        if left == "0" {
            break;
        }
    }
    assert_eq!(left, "0");
    let next = tokio::time::timeout(Duration::from_secs(2), read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1)).await;
    assert!(next.unwrap().contains("open"));
}
