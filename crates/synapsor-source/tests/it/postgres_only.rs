//! What is true of PostgreSQL alone?

use synapsor_protocol::{Scalar, Secret};
use synapsor_source::{Location, SourceError, SourceSettings, WriteSource};

use crate::business::{Business, Draft, business, chain, checked, findings, name, read, receipts, said};

/// A writer with an account of its own.
fn writer(url: String) -> WriteSource {
    WriteSource::open(SourceSettings::new("desk", Location::Postgres(Secret::new(url))), receipts()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_reads_in_its_canonical_form() {
    let business = business!();
    business.execute(
        "create type mood as enum ('glad', 'sad'); create domain code as varchar(8); create domain money2 as numeric(12, 2); create domain cents as money2 check (value >= 0); \
         create table things (id uuid primary key, tenant_id code not null, version timestamptz not null, a smallint, b integer, c bigint, d boolean, \
            e varchar(10), f char(6), g numeric, h cents, i real, j double precision, k date, l timestamp, m timestamptz(3), n json, o jsonb, p mood, q timestamp(0)); \
         insert into things values ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'acme', '2026-03-02 08:00:00.123456+00', -1, 2147483647, 9007199254740993, true, \
            'ümlaut', 'ab', '1.500', 12.5, 0.1, 1e300, '2026-03-02', '2026-03-02 08:00:00.12', '2026-03-02 10:00:00.1239+02', '{\"b\": 1,  \"a\": [1.0]}', \
            '{\"b\": 1, \"a\": 123456789012345678901234567890}', 'sad', '2026-03-02 08:00:00'), \
            ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'acme', 'infinity', null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)",
    );
    let columns = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
    let usage = business.usage("things", &columns, &[]);
    let source = business.source();
    assert_eq!(findings(source.check(&usage).await), "");
    // The key is found however its hex digits are spelled.
    let row = read(&source, &usage, &"a0eebc99-9C0B-4ef8-bb6d-6bb9bd380a11".into(), &"acme".into(), 1).await;
    insta::assert_snapshot!(row.replace(",\"", ",\n\""), @r#"
    {"a":-1,
    "b":2147483647,
    "c":"9007199254740993",
    "d":true,
    "e":"ümlaut",
    "f":"ab",
    "g":"1.500",
    "h":"12.50",
    "i":0.1,
    "id":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "j":1e+300,
    "k":"2026-03-02",
    "l":"2026-03-02T08:00:00.120000",
    "m":"2026-03-02T08:00:00.124Z",
    "n":"{\"a\":[1],\"b\":1}",
    "o":"{\"a\": 123456789012345678901234567890, \"b\": 1}",
    "p":"sad",
    "q":"2026-03-02T08:00:00",
    "tenant_id":"acme",
    "version":"2026-03-02T08:00:00.123456Z"}
    "#);
    let nulls = read(&source, &usage, &"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12".into(), &"acme".into(), 1).await;
    assert_eq!(nulls.matches("null").count(), 17, "{nulls}");
    assert!(nulls.contains("\"version\":\"infinity\""), "{nulls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_cannot_be_carried_is_refused_by_name() {
    let business = business!();
    business.execute(
        "create type pair as (x integer, y integer); create domain sizes as integer[]; create domain grid as integer[][]; create domain count as integer; \
         create extension hstore; create extension ltree; \
         create table odd (id text primary key, tenant_id text not null, version bigint not null, a integer[][], b money, c pair, d pair[], e int4range, f int4multirange, \
            g xml, h point, i tsvector, j hstore, k ltree, l name, m \"char\", n oid, o pg_lsn, p grid, q count[], r jsonpath, s xid, t regclass, u int2vector, \
            v sizes, w count, x money[])",
    );
    let columns = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x"];
    insta::assert_snapshot!(findings(business.source().check(&business.usage("odd", &columns, &[])).await), @r#"
    Error UNSUPPORTED_COLUMN_TYPE a: column `a` has the type integer[][], which is not supported
    Error UNSUPPORTED_COLUMN_TYPE b: column `b` has the type money, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE c: column `c` has the type pair, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE d: column `d` has the type pair[], which is not supported
    Error UNSUPPORTED_COLUMN_TYPE e: column `e` has the type int4range, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE f: column `f` has the type int4multirange, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE g: column `g` has the type xml, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE h: column `h` has the type point, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE i: column `i` has the type tsvector, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE j: column `j` has the type hstore, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE k: column `k` has the type ltree, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE l: column `l` has the type name, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE m: column `m` has the type "char", which is not supported
    Error UNSUPPORTED_COLUMN_TYPE n: column `n` has the type oid, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE o: column `o` has the type pg_lsn, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE p: column `p` has the type grid, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE q: column `q` has the type count[], which is not supported
    Error UNSUPPORTED_COLUMN_TYPE r: column `r` has the type jsonpath, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE s: column `s` has the type xid, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE t: column `t` has the type regclass, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE u: column `u` has the type int2vector, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE x: column `x` has the type money[], which is not supported
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_compare_loosely_are_refused() {
    let business = business!();
    business.execute(
        "create collation loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false); \
         create type mood as enum ('glad', 'sad'); \
         create table k1 (id text collate loose primary key, tenant_id text collate \"C\" not null, version bigint not null); \
         create table k2 (id char(4) primary key, tenant_id double precision not null, version bigint not null); \
         create table k3 (id mood primary key, tenant_id boolean not null, version bigint not null); \
         create table k4 (id numeric primary key, tenant_id jsonb not null, version bigint not null)",
    );
    let mut found = Vec::new();
    for table in ["k1", "k2", "k3", "k4"] {
        found.push(findings(business.source().check(&business.usage(table, &[], &[])).await));
    }
    insta::assert_snapshot!(found.join("\n"), @"
    Error UNSAFE_KEY_COLLATION id: the key `id` has the collation loose, which takes different texts for equal
    Error UNSUPPORTED_KEY_TYPE id: the key `id` has the type character(4); it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    Error UNSUPPORTED_KEY_TYPE tenant_id: the tenant `tenant_id` has the type double precision; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    Error UNSUPPORTED_KEY_TYPE id: the key `id` has the type mood; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    Error UNSUPPORTED_KEY_TYPE tenant_id: the tenant `tenant_id` has the type boolean; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    Error UNSUPPORTED_KEY_TYPE id: the key `id` has the type numeric; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    Error UNSUPPORTED_KEY_TYPE tenant_id: the tenant `tenant_id` has the type jsonb; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_with_microseconds_guards_and_moves_on() {
    let business = business!();
    business.execute(
        "create table notes (id text primary key, tenant_id text not null, body text, version timestamptz not null default now()); \
         insert into notes values ('N-1', 'acme', 'a', '2026-03-02 08:00:00.123456+00'), ('N-2', 'acme', 'a', '2999-01-01 00:00:00.999999+00')",
    );
    let usage = business.usage("notes", &["body"], &["body"]);
    let writer = business.writer();
    let draft = Draft {
        usage,
        id: "N-1".into(),
        patch: vec![("body", "b".into())],
        expected: "2026-03-02T08:00:00.123456Z".into(),
        ..Draft::close(&business)
    };
    for (operation, expected) in [
        ("wrp_2:N-1", "2026-03-02T08:00:00.123455Z"),
        ("wrp_3:N-1", "2026-03-02T08:00:00.123Z"),
        ("wrp_4:N-1", "2026-03-02T08:00:00.123457Z"),
    ] {
        let other = Draft { operation, expected: expected.into(), ..draft.clone() };
        assert_eq!(other.apply(&writer).await, "conflict VERSION_CONFLICT, version \"2026-03-02T08:00:00.123456Z\"");
    }
    // Another writer spelled the same moment otherwise.
    let spelled = Draft { expected: "2026-03-02 09:00:00.123456+01".into(), ..draft.clone() };
    let answer = spelled.apply(&writer).await;
    assert!(answer.starts_with("applied, 1 row, version \"2026-03-02T08:00:00.123456Z\" -> \"20"), "{answer}");
    assert_eq!(
        business.table(
            "select version > '2026-03-03' and abs(extract(epoch from clock_timestamp() - version)) < 60 from notes where id = 'N-1'"
        ),
        "t"
    );
    // A clock behind the row's version moves it by one unit.
    let ahead = Draft { id: "N-2".into(), operation: "wrp_5:N-2", expected: "2999-01-01T00:00:00.999999Z".into(), ..draft };
    insta::assert_snapshot!(ahead.apply(&writer).await, @r#"applied, 1 row, version "2999-01-01T00:00:00.999999Z" -> "2999-01-01T00:00:01.000000Z", also changed: version"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_without_zone_and_one_of_milliseconds_move_by_their_own_unit() {
    let business = business!();
    for (table, kind, old, next) in [
        ("t1", "timestamp", "2999-01-01T00:00:00.999999", "2999-01-01T00:00:01.000000"),
        ("t2", "timestamptz(3)", "2999-01-01T00:00:00.999Z", "2999-01-01T00:00:01.000Z"),
    ] {
        business.execute(&format!("create table {table} (id text primary key, tenant_id text not null, body text, version {kind} not null); insert into {table} values ('N', 'acme', 'a', '{old}')"));
        let usage = business.usage(table, &["body"], &["body"]);
        let operation = if table == "t1" { "wrp_1:N" } else { "wrp_2:N" };
        let draft =
            Draft { usage, id: "N".into(), operation, patch: vec![("body", "b".into())], expected: old.into(), ..Draft::close(&business) };
        assert_eq!(
            draft.apply(&business.writer()).await,
            format!("applied, 1 row, version \"{old}\" -> \"{next}\", also changed: version")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coarse_version_needs_the_row_hash_and_gets_it() {
    let business = business!();
    business.execute("create table notes (id text primary key, tenant_id text not null, body text, version timestamptz(0) not null); insert into notes values ('N-1', 'acme', 'a', '2026-03-02 08:00:00+00')");
    let usage = business.usage("notes", &["body"], &["body"]);
    let (source, writer) = (business.source(), business.writer());
    assert!(findings(source.check(&usage).await).contains("COARSE_VERSION_GUARD"));
    let draft = Draft {
        usage,
        id: "N-1".into(),
        patch: vec![("body", "b".into())],
        expected: "2026-03-02T08:00:00Z".into(),
        ..Draft::close(&business)
    };
    assert_eq!(draft.apply(&writer).await, "failed WRITEBACK_SAFETY_FAILURE");
    let hashed = draft.with_row_hash(&source, &["body", "version"]).await;
    // A write within the same second leaves the version and not the hash.
    business.execute("update notes set body = 'c'");
    assert_eq!(hashed.apply(&writer).await, "conflict ROW_CHANGED_AFTER_PROPOSAL, version \"2026-03-02T08:00:00Z\"");
    let fresh = Draft { operation: "wrp_2:N-1", ..draft }.with_row_hash(&source, &["body", "version"]).await;
    assert!(fresh.apply(&writer).await.starts_with("applied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_with_the_least_rights_applies_with_a_table_made_for_it() {
    let business = business!();
    let url = business.server().role(
        "grant usage on schema public to {role}; grant select on tickets to {role}; grant update (status, version) on tickets to {role}",
    );
    let (least, draft) = (writer(url.clone()), Draft::close(&business));
    // The patch names a column that it may not update.
    assert!(findings(least.check(&draft.usage).await).contains("PRIVILEGE_MISSING priority"));
    let draft = Draft { usage: business.usage("tickets", &["status"], &["status"]), ..draft };
    let table = checked(least.check(&draft.usage).await);
    let report = least.apply(&draft.change(&table)).await;
    assert_eq!(said(&report), "failed RECEIPT_TABLE_UNUSABLE");
    let detail = report.detail.unwrap();
    insta::assert_snapshot!(detail, @r#"the account may not create the receipt table; run: CREATE TABLE IF NOT EXISTS "public"."synapsor_writeback_receipts" (operation_id text COLLATE "C" PRIMARY KEY, job_id text NOT NULL, proposal_id text NOT NULL, proposal_hash text NOT NULL, attempt bigint NOT NULL, action text NOT NULL, status text NOT NULL, receipt_json text, created_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz);"#);
    business.execute(detail.split_once(": ").unwrap().1);
    // Not even the receipts without a grant.
    assert_eq!(draft.apply(&least).await, "failed PERMISSION_DENIED");
    let role = url.split("://").nth(1).unwrap().split(':').next().unwrap();
    business.execute(&format!("grant select, insert, update on synapsor_writeback_receipts to {role}"));
    assert_eq!(draft.apply(&least).await, "applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(draft.attempt(2).apply(&least).await, "already_applied, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_at_least_durable_and_as_strict_as_the_owner_says() {
    let business = business!();
    business.execute("alter table tickets add column waited text");
    business.on_update("tickets", "waited", "current_setting('synchronous_commit')");
    let mut seen = Vec::new();
    for (at, level) in ["off", "local", "remote_write", "on", "remote_apply"].into_iter().enumerate() {
        business.execute(&format!(
            "do $$ begin execute format('alter database %I set synchronous_commit = {level}', current_database()); end $$; \
             update tickets set status = 'open', version = 1 where id = 'T-1'"
        ));
        let operation = ["wrp_1:T-1", "wrp_2:T-1", "wrp_3:T-1", "wrp_4:T-1", "wrp_5:T-1"][at];
        let answer = Draft { operation, ..Draft::close(&business) }.apply(&business.writer()).await;
        assert!(answer.starts_with("applied"), "{level}: {answer}");
        let waited = business.table("select distinct waited from tickets where status = 'closed' and tenant_id = 'acme'");
        seen.push(format!("{level} -> {waited}"));
    }
    insta::assert_snapshot!(seen.join("\n"), @"
    off -> on
    local -> on
    remote_write -> on
    on -> on
    remote_apply -> remote_apply
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_the_account_cannot_see_do_not_stop_it() {
    let business = business!();
    business.execute("alter table tickets add column secret text, add column photo xml; update tickets set photo = '<a/>'");
    let url = business.server().role(
        "grant usage, create on schema public to {role}; grant select (id, tenant_id, status, version, photo) on tickets to {role}; grant update (status, version) on tickets to {role}",
    );
    business.on_update("tickets", "photo", "'<b/>'::xml");
    let draft = Draft { usage: business.usage("tickets", &["status"], &["status"]), ..Draft::close(&business) };
    assert_eq!(draft.apply(&writer(url)).await, "applied, 1 row, version 1 -> 2, also changed: version photo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_changes_nothing_even_through_a_function() {
    let business = business!();
    business.execute(
        "create function sneak() returns text language plpgsql volatile as $$ begin update tickets set status = 'sneaked'; return 'x'; end $$; \
         create view sneaky as select t.*, sneak() as trick from tickets t",
    );
    let mut usage = business.usage("sneaky", &["trick"], &[]);
    usage.writes = false;
    assert_eq!(
        read(&business.source(), &usage, &"T-1".into(), &"acme".into(), 1).await,
        "source `desk` refused the statement with code 25006"
    );
    assert!(!business.shown().contains("sneaked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_json_cannot_carry_is_refused_by_column() {
    let business = business!();
    business.execute("create table odd (id integer primary key, tenant_id text not null, a double precision, b numeric, c date, version bigint not null); \
         insert into odd values (1, 'acme', 'NaN', 1, '2026-03-02', 1), (2, 'acme', 1, 'Infinity', '2026-03-02', 1), (3, 'acme', 1, 1, '0044-03-15 BC', 1), (4, 'acme', 1, 1, '2026-03-02', 1)");
    let usage = business.usage("odd", &["a", "b", "c"], &[]);
    let mut lines = Vec::new();
    for id in 1..=4_i64 {
        lines.push(read(&business.source(), &usage, &Scalar::from(id), &"acme".into(), 1).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    column `a` of source `desk` holds a value that cannot be represented: not a finite number
    column `b` of source `desk` holds a value that cannot be represented: not a finite number
    column `c` of source `desk` holds a value that cannot be represented: expected a date, 2026-03-02
    {"a":1,"b":"1","c":"2026-03-02","id":4,"tenant_id":"acme","version":1}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_changes_under_us_is_noticed() {
    let business = business!();
    let source = business.source();
    let table = checked(source.check(&business.tickets()).await);
    let (key, tenant) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
    assert_eq!(source.read(&table, &key, Some(&tenant), 1).await.unwrap().len(), 1);
    business.execute("alter table tickets drop column priority");
    assert_eq!(
        chain(&source.read(&table, &key, Some(&tenant), 1).await.unwrap_err()),
        "the schema of source `desk` changed since it was checked"
    );
    business.execute("drop table tickets");
    assert!(matches!(source.read(&table, &key, Some(&tenant), 1).await, Err(SourceError::SchemaChanged { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_is_written_like_any_other() {
    let business = business!();
    business.execute(
        "create table parts (id text not null, tenant_id text not null, body text, version bigint not null, primary key (tenant_id, id)) partition by list (tenant_id); \
         create table parts_acme partition of parts for values in ('acme'); insert into parts values ('P', 'acme', 'a', 1)",
    );
    let usage = business.usage("parts", &["body"], &["body"]);
    let draft = Draft { usage, id: "P".into(), patch: vec![("body", "b".into())], ..Draft::close(&business) };
    assert_eq!(draft.apply(&business.writer()).await, "applied, 1 row, version 1 -> 2, also changed: version");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_may_live_in_a_schema_of_their_own() {
    let business = business!();
    business.execute("create schema bookkeeping");
    let table = synapsor_source::ReceiptTable { schema: Some(name("bookkeeping")), table: name("receipts") };
    let writer = WriteSource::open(business.settings(), table).unwrap();
    assert_eq!(Draft::close(&business).apply(&writer).await, "applied, 1 row, version 1 -> 2, also changed: version");
    assert_eq!(business.table("select status from bookkeeping.receipts"), "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_value_is_the_same_however_the_database_spells_it() {
    let business = business!();
    business.execute("create table docs (id integer primary key, tenant_id text not null, body jsonb, version bigint not null); insert into docs values (1, 'acme', '{}', 1)");
    let usage = business.usage("docs", &["body"], &["body"]);
    let draft = Draft {
        usage,
        id: 1.into(),
        patch: vec![("body", r#"{"zz":1e2,"b":[1.0,"ü\u0001"],"a":null}"#.into())],
        ..Draft::close(&business)
    };
    assert_eq!(draft.apply(&business.writer()).await, "applied, 1 row, version 1 -> 2, also changed: version");
}
