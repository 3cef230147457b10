//! What is true of SQLite alone?

use std::time::{Duration, Instant};

use rusqlite::Connection;
use synapsor_protocol::Scalar;
use synapsor_source::{Location, Source, SourceError, SourceSettings, WriteSource};

use crate::business::{Business, Draft, chain, checked, findings, read, receipts};

fn open(path: std::path::PathBuf) -> Source {
    Source::open(SourceSettings::new("desk", Location::Sqlite(path))).unwrap()
}

/// A writer that waits no longer than this for anything.
fn impatient(business: &Business, millis: u64) -> WriteSource {
    let settings = SourceSettings { statement_timeout: Duration::from_millis(millis), ..business.settings() };
    WriteSource::open(settings, receipts()).unwrap()
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_database_is_refused_and_not_created() {
    let business = Business::sqlite();
    let missing = business.folder().join("missing.db");
    let text = business
        .folder()
        .write("text.db", "this is a text of more than a hundred bytes, which no database ever begins with, whatever its age may be");
    let folder = business.folder().path().to_owned();
    let mut lines = Vec::new();
    for path in [missing.clone(), text, folder] {
        lines.push(chain(&open(path.clone()).check(&business.tickets()).await.unwrap_err()));
        let writer = WriteSource::open(SourceSettings::new("desk", Location::Sqlite(path)), receipts()).unwrap();
        lines.push(Draft::close(&business).fence(&writer).await);
    }
    assert!(!missing.exists());
    insta::assert_snapshot!(lines.join("\n"), @"
    source `desk` cannot be reached
    unresolved: failed DATABASE_UNAVAILABLE, transient
    source `desk` is not a readable database
    unresolved: failed DATABASE_UNAVAILABLE
    source `desk` cannot be reached
    unresolved: failed DATABASE_UNAVAILABLE, transient
    ");
}

#[tokio::test]
async fn a_file_that_goes_away_is_noticed() {
    let business = Business::sqlite();
    let source = business.source();
    assert!(read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1).await.contains("open"));
    std::fs::remove_file(business.path()).unwrap();
    assert!(matches!(source.check(&business.tickets()).await, Err(SourceError::Unreachable { .. })));
}

/// A copy of the business under another name, changed a little and ready to be moved over it.
fn successor(business: &Business, sql: &str) -> std::path::PathBuf {
    let path = business.folder().join("successor.db");
    business.execute(&format!("vacuum into '{}'", path.display()));
    synapsor_testkit::sqlite::execute(&path, sql);
    path
}

#[tokio::test]
async fn a_file_that_takes_the_name_of_another_is_what_is_read() {
    let business = Business::sqlite();
    let source = business.source();
    let shown = async || read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1).await;
    assert!(shown().await.contains("open"));
    let successor = successor(&business, "update tickets set status = 'restored'");
    std::fs::rename(successor, business.path()).unwrap();
    let row = shown().await;
    assert!(row.contains("restored"), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_committed_to_a_file_that_lost_its_name() {
    for mode in ["delete", "wal"] {
        let business = Business::sqlite();
        business.execute(&format!("pragma journal_mode = {mode}"));
        let (writer, draft) = (business.writer(), Draft::close(&business));
        assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&writer).await, "tombstoned");
        let successor = successor(&business, "update tickets set priority = 7");
        // The writer has its connection and waits for the lock while the file changes.
        let holder = Connection::open(business.path()).unwrap();
        holder.execute_batch("begin immediate").unwrap();
        let swap = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            for end in ["-wal", "-shm"] {
                let _absent = std::fs::remove_file(format!("{}{end}", business.path().display()));
            }
            std::fs::rename(successor, business.path()).unwrap();
            holder.execute_batch("rollback").unwrap();
        };
        let (answer, ()) = tokio::join!(draft.apply(&writer), swap);
        assert_eq!(answer, "failed DATABASE_UNAVAILABLE, transient", "{mode}");
        let old: String = holder.query_row("select group_concat(status) from synapsor_writeback_receipts", [], |row| row.get(0)).unwrap();
        assert_eq!((old, business.receipts()), ("tombstone".into(), "wrp_0:T-1 | 1 | tombstone".into()), "{mode}");
        assert_eq!(draft.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version", "{mode}");
        assert!(business.shown().contains("T-1 | acme | closed"), "{mode}: {}", business.shown());
    }
}

#[tokio::test]
async fn declared_types_decide_what_a_column_holds() {
    let business = Business::sqlite();
    business.execute(
        "create table things (id integer primary key, tenant_id varchar(20) not null, version integer not null, a boolean, b decimal(10,2), c real, d date, e datetime, f uuid, g json, h tinyint, i character(5)); \
         insert into things values \
            (1, 'acme', 1, 1, '12.50', 0.5, '2026-03-02', '2026-03-02 08:00:00', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{\"b\":1, \"a\":2}', 7, 'ab   '), \
            (2, 'acme', 1, 0, 12345678901234567, 3, null, 1772438400, null, 'no json', -7, ''), \
            (3, 'acme', 1, 2, 1, 1, null, null, null, null, 1, ''), \
            (4, 'acme', 1, null, 'many', 1, null, null, null, null, 1, ''), \
            (5, 'acme', 1, null, 1e999, 1, null, null, null, null, 1, ''), \
            (6, 'acme', 1, null, 1, 'text', null, null, null, null, 1, ''), \
            (7, 'acme', 1, null, 1, 1, null, null, null, null, 'many', ''), \
            (8, 'acme', 1, null, 1, 1, null, null, null, null, 1, x'00ff'), \
            (9, 'acme', 1, null, 1, -1e999, null, null, null, null, 1, '')",
    );
    let usage = business.usage("things", &["a", "b", "c", "d", "e", "f", "g", "h", "i"], &[]);
    let source = business.source();
    assert_eq!(findings(source.check(&usage).await), "");
    let mut lines = Vec::new();
    for id in 1..=9_i64 {
        lines.push(read(&source, &usage, &Scalar::from(id), &"acme".into(), 1).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"a":true,"b":"12.5","c":0.5,"d":"2026-03-02","e":"2026-03-02 08:00:00","f":"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11","g":"{\"a\":2,\"b\":1}","h":7,"i":"ab   ","id":1,"tenant_id":"acme","version":1}
    {"a":false,"b":"12345678901234567","c":3,"d":null,"e":1772438400,"f":null,"g":"no json","h":-7,"i":"","id":2,"tenant_id":"acme","version":1}
    column `a` of source `desk` holds a value that cannot be represented: stored as another kind of value than the column's type says
    column `b` of source `desk` holds a value that cannot be represented: not a finite number
    column `b` of source `desk` holds a value that cannot be represented: not a finite number
    column `c` of source `desk` holds a value that cannot be represented: stored as another kind of value than the column's type says
    column `h` of source `desk` holds a value that cannot be represented: stored as another kind of value than the column's type says
    column `i` of source `desk` holds a value that cannot be represented: stored as another kind of value than the column's type says
    column `c` of source `desk` holds a value that cannot be represented: not a finite number
    "#);
}

#[tokio::test]
async fn a_type_that_cannot_be_carried_is_refused_by_name() {
    let business = Business::sqlite();
    business.execute(
        "create table odd (id text primary key, tenant_id text not null, version integer not null, a, b string, c geometry, d interval, e point, f list, g year, h enum); \
         create table strictly (id text primary key, tenant_id text not null, version integer not null, a any) strict",
    );
    let usage = business.usage("odd", &["a", "b", "c", "d", "e", "f", "g", "h"], &[]);
    insta::assert_snapshot!(findings(business.source().check(&usage).await), @"
    Error UNSUPPORTED_COLUMN_TYPE a: column `a` has the type (none), which is not supported
    Error UNSUPPORTED_COLUMN_TYPE b: column `b` has the type string, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE c: column `c` has the type geometry, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE d: column `d` has the type interval, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE e: column `e` has the type point, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE f: column `f` has the type list, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE g: column `g` has the type year, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE h: column `h` has the type enum, which is not supported
    ");
    insta::assert_snapshot!(findings(business.source().check(&business.usage("strictly", &["a"], &[])).await), @"Error UNSUPPORTED_COLUMN_TYPE a: column `a` has the type ANY, which is not supported");
}

#[tokio::test]
async fn keys_that_compare_loosely_are_refused() {
    let business = Business::sqlite();
    business.execute(
        "create table k1 (id text collate nocase primary key, tenant_id text collate rtrim not null, version integer not null); \
         create table k2 (id real primary key, tenant_id boolean not null, version integer not null)",
    );
    let found = [
        findings(business.source().check(&business.usage("k1", &[], &[])).await),
        findings(business.source().check(&business.usage("k2", &[], &[])).await),
    ];
    insta::assert_snapshot!(found.join("\n"), @"
    Error UNSAFE_KEY_COLLATION id: the key `id` has the collation nocase, which takes different texts for equal
    Error UNSAFE_KEY_COLLATION tenant_id: the tenant `tenant_id` has the collation rtrim, which takes different texts for equal
    Error UNSUPPORTED_KEY_TYPE id: the key `id` has the type REAL; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    Error UNSUPPORTED_KEY_TYPE tenant_id: the tenant `tenant_id` has the type boolean; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    ");
}

#[tokio::test]
async fn a_text_does_not_match_the_number_that_it_spells() {
    let business = Business::sqlite();
    // Without the storage class a text key in an integer column would match by affinity.
    business.execute("create table loose (id text, tenant_id text not null, version integer not null, unique (id)); insert into loose values (7, 'acme', 1), (x'37', 'acme', 2)");
    let usage = business.usage("loose", &["id"], &[]);
    assert_eq!(read(&business.source(), &usage, &"7".into(), &"acme".into(), 10).await, r#"{"id":"7","tenant_id":"acme","version":1}"#);
}

#[tokio::test]
async fn a_uuid_that_sqlite_took_for_a_number_is_nobodys_key() {
    let business = Business::sqlite();
    // Without hyphens and letters the column's affinity turns it into a double, and another such uuid would equal it.
    business.execute("create table things (id uuid primary key, tenant_id text not null, body text, version integer not null); insert into things values ('12345678901234567890123456789012', 'acme', 'a', 1)");
    let usage = business.usage("things", &["body"], &["body"]);
    let id: Scalar = "12345678901234567890123456789099".into();
    assert_eq!(read(&business.source(), &usage, &id, &"acme".into(), 1).await, "no row");
    let draft = Draft { usage, id, patch: vec![("body", "b".into())], ..Draft::close(&business) };
    assert_eq!(draft.apply(&business.writer()).await, "conflict ROW_NOT_FOUND");
}

#[tokio::test]
async fn tables_of_every_kind_are_written() {
    let business = Business::sqlite();
    for (table, body, options, operation) in [
        ("plain", "id integer primary key", "", "wrp_1:1"),
        ("rowless", "id integer not null primary key", "without rowid", "wrp_2:1"),
        ("strict", "id integer primary key", "strict", "wrp_3:1"),
    ] {
        let columns = format!(
            "{body}, tenant_id text not null, body text, twice text generated always as (body || body) virtual, version integer not null"
        );
        business.execute(&format!(
            "create table {table} ({columns}) {options}; insert into {table} (id, tenant_id, body, version) values (1, 'acme', 'a', 1)"
        ));
        let usage = business.usage(table, &["body", "twice"], &["body"]);
        assert_eq!(findings(business.writer().check(&usage).await), "", "{table}");
        let draft = Draft { usage, id: 1.into(), operation, patch: vec![("body", "b".into())], ..Draft::close(&business) };
        assert_eq!(draft.apply(&business.writer()).await, "applied, 1 row, version 1 -> 2, also changed: twice version", "{table}");
    }
}

#[tokio::test]
async fn a_version_kept_as_text_guards_and_moves_on_in_its_own_form() {
    let business = Business::sqlite();
    business.execute(
        "create table notes (id text primary key, tenant_id text not null, body text, version datetime not null); \
         insert into notes values ('N-1', 'acme', 'a', '2026-03-02 08:00:00'), ('N-2', 'acme', 'a', '2999-01-01T00:00:00.999Z'), ('N-3', 'acme', 'a', 1772438400), ('N-4', 'acme', 'a', 'long ago')",
    );
    let usage = business.usage("notes", &["body"], &["body"]);
    let (source, writer) = (business.source(), business.writer());
    assert!(findings(source.check(&usage).await).contains("COARSE_VERSION_GUARD"));
    let mut lines = Vec::new();
    for (id, operation, expected) in [
        ("N-1", "wrp_1:N", Scalar::from("2026-03-02 08:00:00")),
        ("N-2", "wrp_2:N", "2999-01-01T00:00:00.999Z".into()),
        ("N-3", "wrp_3:N", 1_772_438_400.into()),
        ("N-4", "wrp_4:N", "long ago".into()),
    ] {
        let draft = Draft {
            usage: usage.clone(),
            id: id.into(),
            operation,
            expected,
            patch: vec![("body", "b".into())],
            ..Draft::close(&business)
        };
        lines.push(draft.with_row_hash(&source, &["body", "version"]).await.apply(&writer).await);
    }
    assert!(lines[0].starts_with("applied, 1 row, version \"2026-03-02 08:00:00\" -> \"20"), "{}", lines[0]);
    insta::assert_snapshot!(lines[1..].join("\n"), @r#"
    applied, 1 row, version "2999-01-01T00:00:00.999Z" -> "2999-01-01T00:00:01.000Z", also changed: version
    applied, 1 row, version 1772438400 -> 1772438401, also changed: version
    failed VERSION_NOT_ADVANCED
    "#);
    assert_eq!(business.table("select length(version), substr(version, 11, 1) from notes where id = 'N-1'"), "19 |  ");
}

#[tokio::test]
async fn a_file_locked_by_another_writer_is_busy_and_nothing_is_learned() {
    let business = Business::sqlite();
    let (writer, draft) = (impatient(&business, 200), Draft::close(&business));
    let other = Connection::open(business.path()).unwrap();
    other.execute_batch("begin immediate; update tickets set priority = 9").unwrap();
    assert_eq!(draft.apply(&writer).await, "failed TRANSACTION_FAILED, transient");
    assert_eq!(draft.fence(&writer).await, "unresolved: failed TRANSACTION_FAILED, transient");
    other.execute_batch("rollback").unwrap();
    assert_eq!(draft.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test]
async fn a_commit_that_a_reader_keeps_waiting_is_rolled_back_and_failed() {
    let business = Business::sqlite();
    let (writer, draft) = (impatient(&business, 200), Draft::close(&business));
    assert_eq!(Draft { operation: "wrp_0:T-1", ..draft.clone() }.fence(&writer).await, "tombstoned");
    let reader = Connection::open(business.path()).unwrap();
    reader.execute_batch("begin").unwrap();
    let seen: i64 = reader.query_row("select count(*) from tickets", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 2);
    assert_eq!(draft.apply(&writer).await, "failed TRANSACTION_FAILED, transient");
    reader.execute_batch("commit").unwrap();
    assert_eq!(business.receipts(), "wrp_0:T-1 | 1 | tombstone");
    assert_eq!(draft.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test]
async fn a_trigger_that_ends_the_transaction_is_a_failure_without_a_receipt() {
    let business = Business::sqlite();
    business.execute("create trigger stop before update on tickets begin select raise(rollback, 'no'); end");
    let (writer, draft) = (business.writer(), Draft::close(&business));
    assert_eq!(draft.apply(&writer).await, "failed TRANSACTION_FAILED");
    assert_eq!(business.receipts(), "");
    business.execute("drop trigger stop");
    assert_eq!(draft.apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test]
async fn a_file_keeps_its_own_settings() {
    for mode in ["delete", "wal", "truncate"] {
        let business = Business::sqlite();
        business.execute(&format!("pragma journal_mode = {mode}"));
        let before = business
            .table("select * from pragma_journal_mode, pragma_user_version, pragma_application_id, pragma_page_size, pragma_auto_vacuum");
        assert!(Draft::close(&business).apply(&business.writer()).await.starts_with("applied"));
        let row = read(&business.source(), &business.tickets(), &"T-1".into(), &"acme".into(), 1).await;
        assert!(row.contains("closed"), "{row}");
        let after = business
            .table("select * from pragma_journal_mode, pragma_user_version, pragma_application_id, pragma_page_size, pragma_auto_vacuum");
        assert_eq!(before, after);
        // SQLite keeps WAL in the file only; the others are a connection's.
        assert_eq!(before.starts_with("wal"), mode == "wal");
    }
}

#[tokio::test]
async fn a_column_that_went_away_is_not_read_as_its_own_name() {
    let business = Business::sqlite();
    let source = business.source();
    let table = checked(source.check(&business.tickets()).await);
    let (key, tenant) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
    assert_eq!(source.read(&table, &key, Some(&tenant), 1).await.unwrap().len(), 1);
    business.execute("alter table tickets drop column priority");
    assert!(matches!(source.read(&table, &key, Some(&tenant), 1).await, Err(SourceError::SchemaChanged { .. })));
    assert!(matches!(open(business.path()).read(&table, &key, Some(&tenant), 1).await, Err(SourceError::SchemaChanged { .. })));
}

/// A view that computes for a very long time.
fn endless(business: &Business) -> synapsor_source::TableUse {
    business.execute(
        "create view endless as select id, tenant_id, version, status, \
         (with recursive n (i) as (select 1 union all select i + 1 from n where i < 1000000000) select count(*) from n) = 0 as flag from tickets",
    );
    let mut usage = business.usage("endless", &["status"], &[]);
    (usage.writes, usage.columns) = (false, vec![crate::business::name("status")]);
    usage
}

#[tokio::test]
async fn a_statement_ends_at_its_time_out_and_the_connection_lives_on() {
    let business = Business::sqlite();
    let usage = endless(&business);
    business.execute("drop view endless; create view endless as select t.id, t.tenant_id, t.version, t.status from tickets t \
         where 0 < (with recursive n (i) as (select 1 union all select i + 1 from n where i < 1000000000 + t.priority) select count(*) from n)");
    let source =
        Source::open(SourceSettings { pool_size: 1, statement_timeout: Duration::from_millis(200), ..business.settings() }).unwrap();
    let start = Instant::now();
    assert_eq!(read(&source, &usage, &"T-1".into(), &"acme".into(), 1).await, "source `desk` did not answer within its statement timeout");
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(read(&source, &business.tickets(), &"T-1".into(), &"acme".into(), 1).await.contains("open"));
    // A dropped read is interrupted, and its connection is not waited for.
    let patient = Source::open(SourceSettings { pool_size: 1, statement_timeout: Duration::from_secs(60), ..business.settings() }).unwrap();
    let dropped = tokio::time::timeout(Duration::from_millis(200), read(&patient, &usage, &"T-1".into(), &"acme".into(), 1)).await;
    assert!(dropped.is_err());
    let next = tokio::time::timeout(Duration::from_secs(2), read(&patient, &business.tickets(), &"T-1".into(), &"acme".into(), 1)).await;
    assert!(next.unwrap().contains("open"));
}

#[tokio::test]
async fn a_read_only_file_is_read_and_a_write_is_denied() {
    let business = Business::sqlite();
    let mut permissions = std::fs::metadata(business.path()).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(business.path(), permissions).unwrap();
    assert!(read(&business.source(), &business.tickets(), &"T-1".into(), &"acme".into(), 1).await.contains("open"));
}
