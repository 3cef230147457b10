//! What happens when the connection to MySQL is late, broken, refused or not the one that was asked for?

use std::time::Duration;

use synapsor_protocol::Secret;
use synapsor_source::{Location, Source, SourceError, SourceSettings, TableUse, WriteSource};
use synapsor_testkit::{Cut, FaultProxy};

use crate::business::{Business, Draft, chain, checked, read, receipts, said};
use crate::mysql_only::mysql;

fn settings(url: String) -> SourceSettings {
    SourceSettings { statement_timeout: Duration::from_secs(5), ..SourceSettings::new("desk", Location::Mysql(Secret::new(url))) }
}

fn writer(url: String, statement_timeout: Duration) -> WriteSource {
    WriteSource::open(SourceSettings { statement_timeout, ..settings(url) }, receipts()).unwrap()
}

async fn first_error(url: String, usage: &TableUse) -> String {
    let source = match Source::open(settings(url)) {
        Ok(source) => source,
        Err(error) => return chain(&error),
    };
    match source.check(usage).await {
        Ok(_) => "connected".to_owned(),
        Err(error) => chain(&error),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_cut_is_unknown_and_the_next_attempt_finds_out() {
    let business = mysql!();
    let proxy = FaultProxy::to_mysql(business.mysql_server().address());
    let through = writer(business.mysql_server().url_through(&proxy), Duration::from_secs(5));
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
    let business = mysql!();
    let proxy = FaultProxy::to_mysql(business.mysql_server().address());
    let through = writer(business.mysql_server().url_through(&proxy), Duration::from_secs(5));
    let draft = Draft::close(&business);
    assert_eq!(draft.fence(&through).await, "tombstoned");
    let before = business.shown();
    let table = checked(through.check(&draft.usage).await);
    for (attempt, query) in (2..).zip(["START TRANSACTION", "INSERT INTO", "SAVEPOINT", "SELECT `id`", "UPDATE", "RELEASE"]) {
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

/// Whichever message is lost, the answer is true of the row, and the next attempt makes it true that it was applied once.
#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_connection_breaks_the_answer_is_true() {
    let business = mysql!();
    let proxy = FaultProxy::to_mysql(business.mysql_server().address());
    let draft = Draft::close(&business);
    let direct = business.writer();
    assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&direct).await, "tombstoned");
    let table = checked(direct.check(&draft.usage).await);
    let mut outcomes = std::collections::BTreeSet::new();
    for place in 1..60 {
        business.execute("delete from synapsor_writeback_receipts; update tickets set status = 'open', version = 1");
        let through = writer(business.mysql_server().url_through(&proxy), Duration::from_secs(5));
        proxy.cut(if place % 2 == 0 { Cut::BeforeMessage(place / 2) } else { Cut::BeforeAnswer(place / 2 + 1) });
        let first = through.apply(&draft.change(&table)).await.outcome.to_string();
        if proxy.disarm() {
            assert_eq!(first, "applied");
            outcomes.insert(first);
            continue;
        }
        let changed = business.shown().contains("T-1 | acme | closed");
        assert!(first == "unknown" || changed == first.contains("applied"), "{place}: {first}, changed: {changed}");
        let second = direct.apply(&draft.attempt(2).change(&table)).await.outcome.to_string();
        let expected = if changed { "already_applied" } else { "applied" };
        assert_eq!(second, expected, "{place}: {first}");
        assert!(business.shown().contains("T-1 | acme | closed | 2 | 2"), "{place}: {}", business.shown());
        outcomes.insert(first);
    }
    let seen: Vec<String> = outcomes.into_iter().collect();
    assert_eq!(seen.join(" "), "applied failed unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_and_a_tombstone_never_both_happen() {
    let business = mysql!();
    let proxy = FaultProxy::to_mysql(business.mysql_server().address());
    let paused = writer(business.mysql_server().url_through(&proxy), Duration::from_millis(800));
    let direct = writer(business.mysql_server().url(), Duration::from_millis(800));
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

/// An answer that comes after we stopped waiting must not be taken for that of the next statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_answer_is_late_is_given_up_at_once() {
    let business = mysql!();
    let proxy = FaultProxy::to_mysql(business.mysql_server().address());
    let limits = SourceSettings { pool_size: 1, statement_timeout: Duration::from_millis(200), ..settings(String::new()) };
    let through = WriteSource::open(
        SourceSettings { location: Location::Mysql(Secret::new(business.mysql_server().url_through(&proxy))), ..limits },
        receipts(),
    )
    .unwrap();
    let draft = Draft::close(&business);
    assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&through).await, "tombstoned");
    let table = checked(through.check(&draft.usage).await);
    proxy.freeze(Cut::AfterForwarding("UPDATE"));
    let thawed = async {
        proxy.wait_for_strikes(1).await;
        // By now the rollback would wait for its answer.
        tokio::time::sleep(Duration::from_millis(2400)).await;
        proxy.thaw();
    };
    let change = draft.change(&table);
    let (report, ()) = tokio::join!(through.apply(&change), thawed);
    assert_eq!(said(&report), "failed DATABASE_UNAVAILABLE, transient");
    assert_eq!(draft.attempt(2).apply(&through).await, "applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(draft.attempt(3).apply(&through).await, "already_applied, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_what_the_url_asks_for() {
    let business = mysql!();
    let (server, usage) = (business.mysql_server(), business.tickets());
    let authority = server.authority().display().to_string();
    let by_address = |url: String| url.replace("localhost", "127.0.0.1");
    let verified = server.url_with(&[("ssl-mode", "VERIFY_IDENTITY"), ("ssl-ca", &authority)]);
    let tunnelled = by_address(format!("{verified}&tls-sni-servername=localhost"));
    let missing = server.url_with(&[("ssl-mode", "VERIFY_IDENTITY"), ("ssl-ca", "/nonexistent.pem")]);
    let cases = [
        ("nothing", first_error(server.url(), &usage).await),
        ("disabled", first_error(server.url_with(&[("ssl-mode", "DISABLED")]), &usage).await),
        ("required", first_error(server.url_with(&[("ssl-mode", "REQUIRED")]), &usage).await),
        ("verified", first_error(verified.clone(), &usage).await),
        ("verified by address", first_error(by_address(verified), &usage).await),
        ("verified by address, certified as the host", first_error(tunnelled, &usage).await),
        ("verified, unknown authority", first_error(server.url_with(&[("ssl-mode", "VERIFY_IDENTITY")]), &usage).await),
        ("verified, no such file", first_error(missing, &usage).await),
    ];
    let lines: Vec<String> = cases.iter().map(|(mode, outcome)| format!("{mode}: {outcome}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    nothing: connected
    disabled: connected
    required: connected
    verified: connected
    verified by address: source `desk` offers no connection with the tls that its url asks for
    verified by address, certified as the host: source `desk` offers no connection with the tls that its url asks for
    verified, unknown authority: source `desk` offers no connection with the tls that its url asks for
    verified, no such file: source `desk` offers no connection with the tls that its url asks for
    ");
    let proxy = FaultProxy::to_mysql(server.address());
    for (mode, outcome) in
        [("PREFERRED", "connected"), ("REQUIRED", "source `desk` offers no connection with the tls that its url asks for")]
    {
        let through = format!("{}?ssl-mode={mode}", server.url_through(&proxy));
        assert_eq!(first_error(through, &usage).await, outcome, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_encrypted_if_the_server_offers_it() {
    let business = mysql!();
    business.mysql_server().execute(
        "create function cipher() returns varchar(99) reads sql data return \
            (select variable_value from information_schema.session_status where variable_name = 'ssl_cipher')",
    );
    business.execute("create view secured as select t.*, cipher() as cipher from tickets t");
    let mut usage = business.usage("secured", &["cipher"], &[]);
    usage.writes = false;
    let server = business.mysql_server();
    for (url, encrypted) in [(server.url(), true), (server.url_with(&[("ssl-mode", "DISABLED")]), false)] {
        let row = read(&Source::open(settings(url)).unwrap(), &usage, &"T-1".into(), &"acme".into(), 1).await;
        assert_eq!(row.contains("\"cipher\":\"TLS_"), encrypted, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_there_is_no_connection_is_said_without_where() {
    let business = mysql!();
    let (server, usage) = (business.mysql_server(), business.tickets());
    let unknown_database = server.url().rsplit_once('/').map(|(base, _)| format!("{base}/canary")).unwrap();
    let lines = [
        first_error("mysql://canary:canary@127.0.0.1:1/canary".to_owned(), &usage).await,
        first_error(server.url_as("nobody", "canary"), &usage).await,
        first_error(unknown_database, &usage).await,
        first_error("mysql://canary@canary.invalid/x".to_owned(), &usage).await,
        first_error("postgres://canary".to_owned(), &usage).await,
    ];
    let text = lines.join("\n");
    assert!(!text.contains("canary") && !text.contains("127.0.0.1"), "{text}");
    insta::assert_snapshot!(text, @"
    source `desk` cannot be reached
    source `desk` refused the credentials
    source `desk` cannot be reached
    source `desk` cannot be reached
    the url of source `desk` cannot be used: it must begin with mysql:// or mariadb://
    ");
}

/// A view whose rows take `seconds` to compute, and its use.
fn slow(business: &Business, seconds: f64) -> TableUse {
    business.execute(&format!("create view slow as select t.*, sleep({seconds}) as pause from tickets t"));
    let mut usage = business.usage("slow", &["pause"], &[]);
    usage.writes = false;
    usage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_is_said_to_be_full_and_when_to_come_back() {
    let business = mysql!();
    let usage = slow(&business, 2.0);
    let url = business.mysql_server().url();
    let source = Source::open(SourceSettings { pool_size: 1, acquire_timeout: Duration::from_millis(200), ..settings(url) }).unwrap();
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
    let business = mysql!();
    let usage = slow(&business, 5.0);
    let limits = SourceSettings { pool_size: 1, statement_timeout: Duration::from_millis(300), ..settings(business.mysql_server().url()) };
    let source = Source::open(limits).unwrap();
    let start = std::time::Instant::now();
    assert_eq!(read(&source, &usage, &"T-1".into(), &"acme".into(), 1).await, "source `desk` did not answer within its statement timeout");
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1).await.contains("open"));
}

/// How many statements run on the database besides ours, once there are none or a second has gone.
async fn still_running(business: &Business) -> String {
    let active =
        "select count(*) from information_schema.processlist where db = database() and command <> 'Sleep' and id <> connection_id()";
    for _ in 0..20 {
        if business.table(active) == "0" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    business.table(active)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_read_is_cancelled_on_the_server_and_its_connection_not_reused() {
    let business = mysql!();
    let usage = slow(&business, 4.0);
    let source = Source::open(SourceSettings { pool_size: 1, ..settings(business.mysql_server().url()) }).unwrap();
    let table = checked(source.check(&usage).await);
    let (key, tenant) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
    let dropped = tokio::time::timeout(Duration::from_millis(300), source.read(&table, &key, Some(&tenant), 1)).await;
    assert!(dropped.is_err());
    assert_eq!(still_running(&business).await, "0");
    let next = tokio::time::timeout(Duration::from_secs(2), read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1)).await;
    assert!(next.unwrap().contains("open"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_write_that_waits_for_a_lock_lets_go_of_its_own() {
    use mysql_async::prelude::Queryable;
    let business = mysql!();
    let writer = writer(business.mysql_server().url(), Duration::from_secs(20));
    let draft = Draft::close(&business);
    assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&writer).await, "tombstoned");
    let mut other = business.mysql_server().connect().await;
    other.query_drop("begin").await.unwrap();
    other.query_drop("select * from tickets for update").await.unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(400), draft.apply(&writer)).await;
    assert!(dropped.is_err());
    assert_eq!(still_running(&business).await, "0");
    // Its claim is gone, though the row is still locked by somebody else.
    let again = tokio::time::timeout(Duration::from_secs(3), draft.fence(&writer)).await;
    assert_eq!(again.unwrap(), "tombstoned");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_has_ended_is_not_offered_again() {
    let business = mysql!();
    let source = business.source();
    let ask = async || read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1).await;
    assert!(ask().await.contains("open"));
    let others = "select group_concat(concat('kill ', id) separator ';') from information_schema.processlist where db = database() and id <> connection_id()";
    business.execute(&business.table(others));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(ask().await.contains("open"));
}
