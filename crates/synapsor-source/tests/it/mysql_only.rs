//! What does a read see that is true of MySQL and MariaDB alone?

use synapsor_protocol::Scalar;
use synapsor_source::SourceError;

use crate::business::{Business, chain, checked, findings, name, read, value};

/// A business on MariaDB, unless the run leaves servers out.
macro_rules! mysql {
    () => {
        match Business::mysql() {
            Some(business) => business,
            None => return,
        }
    };
}
pub(crate) use mysql;

#[tokio::test(flavor = "multi_thread")]
async fn every_type_reads_in_its_canonical_form() {
    let business = mysql!();
    business.mysql_server().execute(
        "set session sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES'); create table things (id bigint unsigned primary key, tenant_id binary(3) not null, version timestamp(6) not null, \
            a tinyint, b smallint unsigned, c mediumint, d int unsigned zerofill, e bigint, f decimal(65,30), g float, h double, \
            i tinyint(1), j bit(1), k bit(10), l char(6), m varchar(20) character set latin1, n longtext, o enum('glad', 'so''so', 'b\\s'), \
            p set('x', 'y', 'z'), q uuid, r inet4, s inet6, t date, u time(6), v datetime(3), w year, x json, y varbinary(8), z datetime); \
         insert into things values (18446744073709551615, 'abc', '2026-03-02 08:00:00.123456', \
            -128, 65535, -8388608, 7, -9223372036854775808, '12345678901234567890123456789012345.123456789012345678901234567891', 0.1, 1e300, \
            1, b'1', b'0000000101', 'ab  ', 'Ünï', 'a\u{1F600}', 'b\\s', \
            'z,x', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '10.0.0.1', '::ffff:1.2.3.4', '2026-03-02', '-838:59:59', '9999-12-31 23:59:59.999', \
            2155, '{\"b\": 1e2,  \"a\": [1.0]}', x'00ff', '0001-01-01'); \
         insert into things (id, tenant_id, version) values (0, 'abc', '1970-01-01 00:00:01')",
    );
    let columns: Vec<String> = ('a'..='z').map(String::from).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let usage = business.usage("things", &columns, &[]);
    let source = business.source();
    assert_eq!(findings(source.check(&usage).await), "");
    let row = read(&source, &usage, &"18446744073709551615".into(), &"YWJj".into(), 1).await;
    insta::assert_snapshot!(row.replace(",\"", ",\n\""), @r#"
    {"a":-128,
    "b":65535,
    "c":-8388608,
    "d":7,
    "e":"-9223372036854775808",
    "f":"12345678901234567890123456789012345.123456789012345678901234567891",
    "g":0.1,
    "h":1e+300,
    "i":true,
    "id":"18446744073709551615",
    "j":true,
    "k":"0000000101",
    "l":"ab",
    "m":"Ünï",
    "n":"a😀",
    "o":"b\\s",
    "p":"x,z",
    "q":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "r":"10.0.0.1",
    "s":"::ffff:1.2.3.4",
    "t":"2026-03-02",
    "tenant_id":"YWJj",
    "u":"-838:59:59.000000",
    "v":"9999-12-31T23:59:59.999",
    "version":"2026-03-02T08:00:00.123456Z",
    "w":2155,
    "x":"{\"a\":[1],\"b\":100}",
    "y":"AP8=",
    "z":"0001-01-01T00:00:00"}
    "#);
    let nulls = read(&source, &usage, &0.into(), &"YWJj".into(), 1).await;
    assert_eq!(nulls.matches("null").count(), columns.len(), "{nulls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_cannot_be_carried_is_refused_by_name() {
    let business = mysql!();
    business.execute("create table odd (id int primary key, tenant_id int not null, version int not null, a geometry, b point, c polygon, d geometrycollection)");
    let usage = business.usage("odd", &["a", "b", "c", "d"], &[]);
    insta::assert_snapshot!(findings(business.source().check(&usage).await), @"
    Error UNSUPPORTED_COLUMN_TYPE a: column `a` has the type geometry, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE b: column `b` has the type point, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE c: column `c` has the type polygon, which is not supported
    Error UNSUPPORTED_COLUMN_TYPE d: column `d` has the type geometrycollection, which is not supported
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_value_that_json_cannot_carry_is_refused_by_column() {
    let business = mysql!();
    business.mysql_server().execute(
        "set statement sql_mode = '' for create table odd (id int primary key, tenant_id int not null, version int not null, a date, b tinyint(1), \
            c enum('x'), d datetime(6), e text character set latin1); \
         set statement sql_mode = '' for insert into odd values \
            (1, 1, 1, '0000-00-00', 1, 'x', '2026-03-02', 'e'), (2, 1, 1, '2026-02-00', 1, 'x', '2026-03-02', 'e'), \
            (3, 1, 1, '2026-03-02', 2, 'x', '2026-03-02', 'e'), (4, 1, 1, '2026-03-02', 1, 'nothing', '2026-03-02', 'e'), \
            (5, 1, 1, '2026-03-02', 1, 'x', '0000-00-00 00:00:00', 'e'), (6, 1, 1, '2026-03-02', 0, 'x', '2026-03-02', concat('a', char(0), 'b')), \
            (7, 1, 1, '2026-03-02', 0, 'x', '2026-03-02', 'é')",
    );
    let usage = business.usage("odd", &["a", "b", "c", "d", "e"], &[]);
    let mut lines = Vec::new();
    for id in 1..=7_i64 {
        lines.push(read(&business.source(), &usage, &Scalar::from(id), &1.into(), 1).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    column `a` of source `desk` holds a value that cannot be represented: expected a date, 2026-03-02
    column `a` of source `desk` holds a value that cannot be represented: expected a date, 2026-03-02
    column `b` of source `desk` holds a value that cannot be represented: stored as another kind of value than the column's type says
    column `c` of source `desk` holds a value that cannot be represented: none of the type's labels
    column `d` of source `desk` holds a value that cannot be represented: expected a date and time, 2026-03-02T08:00:00Z
    column `e` of source `desk` holds a value that cannot be represented: contains a NUL character
    {"a":"2026-03-02","b":false,"c":"x","d":"2026-03-02T00:00:00.000000","e":"é","id":7,"tenant_id":1,"version":1}
    "#);
}

/// TRAP: to the default collations these four are one tenant.
#[tokio::test(flavor = "multi_thread")]
async fn four_tenants_that_mysql_thinks_equal_never_meet() {
    let business = mysql!();
    for (table, collation) in
        [("t1", "utf8mb4_general_ci"), ("t2", "utf8mb4_unicode_520_ci"), ("t3", "latin1_swedish_ci"), ("t4", "utf16_unicode_ci")]
    {
        let set = collation.split('_').next().unwrap();
        business.mysql_server().execute(&format!(
            "create table {table} (id varchar(20) not null, tenant_id varchar(20) not null, version int not null, key (tenant_id, id)) \
                character set {set} collate {collation}; \
             insert into {table} values ('T-1', 'acme', 1), ('T-1', 'ACME', 2), ('T-1', 'ácme', 3), ('T-1', 'acme  ', 4), ('t-1', 'acme', 5)"
        ));
        assert_eq!(business.table(&format!("select count(*) from {table} where tenant_id = 'acme' and id = 'T-1'")), "5");
        let mut usage = business.usage(table, &[], &[]);
        usage.writes = false;
        let source = business.source();
        for (tenant, key, version) in [("acme", "T-1", 1), ("ACME", "T-1", 2), ("ácme", "T-1", 3), ("acme  ", "T-1", 4), ("acme", "t-1", 5)]
        {
            let row = read(&source, &usage, &key.into(), &tenant.into(), 10).await;
            assert_eq!(row, format!("{{\"id\":\"{key}\",\"tenant_id\":\"{tenant}\",\"version\":{version}}}"), "{collation}");
        }
        // What the column cannot even hold is nobody's.
        for (tenant, key) in [("Acme", "T-1"), ("acme ", "T-1"), ("acme", "T-1 "), ("漢", "T-1"), ("acme\u{1F600}", "T-1"), ("", "T-1")] {
            assert_eq!(read(&source, &usage, &key.into(), &tenant.into(), 10).await, "no row", "{collation}: {tenant:?} {key:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_never_finds_a_text_that_begins_with_it() {
    let business = mysql!();
    business.execute(
        "create table words (id varchar(20) primary key, tenant_id bigint not null, version int not null); \
         insert into words values ('1', 1, 1), ('1abc', 1, 2), ('01', 1, 3), ('1.0', 1, 4), ('abc', 0, 5); \
         create table numbers (id bigint primary key, tenant_id varchar(20) not null, version int not null); \
         insert into numbers values (1, '0', 1), (0, 'abc', 2), (9007199254740993, 'abc', 3), (9007199254740992, 'abc', 4)",
    );
    let (texts, numbers) = (business.usage("words", &[], &[]), business.usage("numbers", &[], &[]));
    let (source, mut lines) = (business.source(), Vec::new());
    for (usage, key, tenant) in [
        (&texts, "\"1\"", "1"),
        (&texts, "\"1abc\"", "1"),
        (&texts, "\"1 \"", "1"),
        (&texts, "1", "1"),
        (&texts, "\"abc\"", "\"0\""),
        (&texts, "\"abc\"", "\"0abc\""),
        (&numbers, "1", "\"0\""),
        (&numbers, "\"1abc\"", "\"0\""),
        (&numbers, "0", "\"0\""),
        (&numbers, "\"9007199254740993\"", "\"abc\""),
        (&numbers, "9007199254740992", "\"abc\""),
        (&numbers, "\"9007199254740994\"", "\"abc\""),
    ] {
        let row = read(&source, usage, &value(key), &value(tenant), 10).await;
        lines.push(format!("{} {key} of {tenant}: {row}", usage.table));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    words "1" of 1: {"id":"1","tenant_id":1,"version":1}
    words "1abc" of 1: {"id":"1abc","tenant_id":1,"version":2}
    words "1 " of 1: no row
    words 1 of 1: key refused: expected a text
    words "abc" of "0": {"id":"abc","tenant_id":0,"version":5}
    words "abc" of "0abc": tenant refused: expected an integer
    numbers 1 of "0": {"id":1,"tenant_id":"0","version":1}
    numbers "1abc" of "0": key refused: expected an integer
    numbers 0 of "0": no row
    numbers "9007199254740993" of "abc": {"id":"9007199254740993","tenant_id":"abc","version":3}
    numbers 9007199254740992 of "abc": {"id":9007199254740992,"tenant_id":"abc","version":4}
    numbers "9007199254740994" of "abc": no row
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_column_makes_no_key_unique() {
    let business = mysql!();
    business.execute(
        "create table parts (id varchar(20) not null, tenant_id int not null, version int not null, unique (id(4)), unique (tenant_id, version)); \
         create table spans (id int not null, tenant_id int not null, version int not null, a date, b date, period for p (a, b), \
            unique (id, p without overlaps)); \
         create table whole (id varchar(20) not null, tenant_id int not null, version int not null, unique (tenant_id, id))",
    );
    let mut found = Vec::new();
    for table in ["parts", "spans", "whole"] {
        found.push(format!("{table}: {}", findings(business.source().check(&business.usage(table, &[], &[])).await)));
    }
    insta::assert_snapshot!(found.join("\n"), @"
    parts: Error KEY_NOT_UNIQUE id: no unique index says that the key `id`, alone or with the tenant, names one row
    spans: Error KEY_NOT_UNIQUE id: no unique index says that the key `id`, alone or with the tenant, names one row
    whole:
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_may_be_reserved_words_in_any_case() {
    let business = mysql!();
    business.execute(
        "create table `Order` (`Key` int not null, `Group` int not null, `select` varchar(9), `Version` int not null, primary key (`Group`, `Key`)); \
         insert into `Order` values (1, 7, 'x', 1)",
    );
    let mut usage = business.usage("Order", &["select"], &["select"]);
    (usage.primary_key, usage.tenant_key, usage.version) = (name("Key"), Some(name("Group")), Some(name("Version")));
    assert_eq!(findings(business.source().check(&usage).await), "");
    assert_eq!(read(&business.source(), &usage, &1.into(), &7.into(), 1).await, r#"{"Group":7,"Key":1,"Version":1,"select":"x"}"#);
    usage.table = name("order");
    assert!(findings(business.source().check(&usage).await).contains("UNKNOWN_TABLE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_changes_nothing_even_through_a_function() {
    let business = mysql!();
    business.mysql_server().execute(
        "create function sneak() returns varchar(9) modifies sql data begin update tickets set status = 'sneaked'; return 'x'; end",
    );
    business.execute("create view sneaky as select t.*, 'nothing' as trick from tickets t");
    let mut usage = business.usage("sneaky", &["trick"], &[]);
    usage.writes = false;
    let source = business.source();
    let table = checked(source.check(&usage).await);
    business.execute("create or replace view sneaky as select t.*, sneak() as trick from tickets t");
    let (key, tenant) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
    assert_eq!(
        chain(&source.read(&table, &key, Some(&tenant), 1).await.unwrap_err()),
        "source `desk` refused the statement with code 1792"
    );
    assert!(!business.shown().contains("sneaked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_pinned_whatever_the_servers_defaults_are() {
    let business = mysql!();
    business.mysql_server().execute(
        "create function settings() returns varchar(999) deterministic reads sql data return concat_ws(' ', @@time_zone, @@tx_isolation, \
            @@tx_read_only, @@autocommit, @@completion_type, @@max_statement_time, @@innodb_lock_wait_timeout, @@lock_wait_timeout, @@sql_select_limit)",
    );
    business.execute("create view pinned as select t.*, settings() as settings from tickets t");
    let mut usage = business.usage("pinned", &["settings"], &[]);
    usage.writes = false;
    insta::assert_snapshot!(read(&business.source(), &usage, &"T-1".into(), &"acme".into(), 1).await, @r#"{"id":"T-1","settings":"+00:00 READ-COMMITTED ON ON NO_CHAIN 10.000000 10 10 18446744073709551615","tenant_id":"acme","version":1}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_changes_under_us_is_noticed() {
    let business = mysql!();
    let source = business.source();
    let table = checked(source.check(&business.tickets()).await);
    let (key, tenant) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
    assert_eq!(source.read(&table, &key, Some(&tenant), 1).await.unwrap().len(), 1);
    business.execute("alter table tickets modify column priority varchar(9)");
    let changed = source.read(&table, &key, Some(&tenant), 1).await.unwrap_err();
    assert_eq!(
        chain(&changed),
        "column `priority` of source `desk` holds a value that cannot be represented: stored as another kind of value than the column's type says"
    );
    business.execute("alter table tickets drop column priority");
    assert_eq!(
        chain(&source.read(&table, &key, Some(&tenant), 1).await.unwrap_err()),
        "the schema of source `desk` changed since it was checked"
    );
    business.execute("drop table tickets");
    assert!(matches!(source.read(&table, &key, Some(&tenant), 1).await, Err(SourceError::SchemaChanged { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_account_may_see_and_change_is_offered() {
    let business = mysql!();
    let url = business
        .mysql_server()
        .role(&format!("grant select (id, tenant_id, status, version), update (status) on {}.tickets to {{role}}", business.schema()));
    let settings = synapsor_source::SourceSettings::new("desk", synapsor_source::Location::Mysql(synapsor_protocol::Secret::new(url)));
    let least = synapsor_source::Source::open(settings).unwrap();
    insta::assert_snapshot!(findings(least.check(&business.tickets()).await), @"
    Notice VERSION_NOT_UPDATABLE version: the account may not update the version `version`; `advance: auto` needs that
    Error UNKNOWN_COLUMN priority: there is no column `priority`
    ");
    assert!(findings(least.check(&business.usage("invoices", &[], &[])).await).starts_with("Error UNKNOWN_TABLE"));
    let usage = business.usage("tickets", &["status"], &["status"]);
    assert!(read(&least, &usage, &"T-1".into(), &"acme".into(), 1).await.contains("open"));
}
