//! A MySQL database for each test.

use mysql_async::prelude::Queryable;
use synapsor_testkit::Mysql;

#[test]
fn a_database_is_empty_and_gone_afterwards() {
    let Some(first) = Mysql::shared() else { return };
    let Some(second) = Mysql::shared() else { return };
    first.execute("create table a (id int primary key); create table b (id int primary key); insert into a values (1)");
    let count = "select count(*) from information_schema.tables where table_schema = database()";
    assert_eq!((first.table(count), second.table(count)), ("2".to_owned(), "0".to_owned()));

    let name = first.name().to_owned();
    drop(first);
    let left = second.table(&format!("select count(*) from information_schema.schemata where schema_name = '{name}'"));
    assert_eq!(left, "0");
}

#[test]
fn a_database_goes_though_a_transaction_holds_it() {
    let Some(first) = Mysql::shared() else { return };
    let Some(second) = Mysql::shared() else { return };
    first.execute("create table t (id int primary key); set autocommit = 0; insert into t values (1)");
    let name = first.name().to_owned();
    drop(first);
    let left = second.table(&format!("select count(*) from information_schema.schemata where schema_name = '{name}'"));
    assert_eq!(left, "0");
}

#[test]
fn values_read_the_same_whatever_the_server_prefers() {
    let Some(database) = Mysql::shared() else { return };
    database.execute("create table t (\"at\" timestamp(6) not null, note varchar(20) not null)");
    database.execute("insert into t values ('2026-03-02 08:00:00', 'zwölf \u{1F600}')");
    let sql = "select \"at\", note, null, 1.5, 'a\\b', x'00ff' from t";
    insta::assert_snapshot!(database.table(sql), @r"2026-03-02 08:00:00.000000 | zwölf 😀 | NULL | 1.5 | a\b | 2 bytes");
}

#[test]
fn the_session_defaults_of_the_server_are_hostile() {
    let Some(database) = Mysql::shared() else { return };
    let sql = "select @@global.sql_mode, @@global.autocommit, @@global.completion_type, @@global.tx_isolation, \
               @@global.time_zone, @@global.character_set_server";
    insta::assert_snapshot!(database.table(sql), @"PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH | 0 | CHAIN | REPEATABLE-READ | +05:45 | latin1");
}

#[test]
fn a_trigger_needs_no_delimiter() {
    let Some(database) = Mysql::shared() else { return };
    database.execute(
        "create table t (id int primary key, note varchar(9));
         create trigger normalise before insert on t for each row begin set new.note = upper(new.note); set new.id = new.id + 1; end;
         insert into t values (1, 'a')",
    );
    insta::assert_snapshot!(database.table("select * from t"), @"2 | A");
}

#[test]
fn a_role_may_do_what_it_was_granted() {
    let Some(database) = Mysql::shared() else { return };
    database.execute("create table a (id int); create table b (id int)");
    let url = database.role("grant select on a to {role}");
    let user = url.split(['/', ':']).nth(3).unwrap();
    let may = database.table(&format!("show grants for '{user}'"));
    insta::assert_snapshot!(may.lines().last().unwrap().replace(user, "ROLE").replace(database.name(), "DATABASE"), @r#"GRANT SELECT ON "DATABASE"."a" TO "ROLE"@"%""#);
}

#[test]
#[should_panic(expected = "absent' doesn't exist")]
fn a_failing_statement_fails_the_test_with_the_words_of_the_server() {
    let Some(database) = Mysql::shared() else { panic!("left out, where a table absent' doesn't exist either") };
    database.execute("select 1; select * from absent");
}

#[tokio::test]
async fn a_connection_serves_tests_that_hold_transactions() {
    let Some(database) = Mysql::shared() else { return };
    let mut client = database.connect().await;
    database.execute("create table t (id int)");
    client.query_drop("begin; insert into t values (1)").await.unwrap();
    assert_eq!(database.table("select count(*) from t"), "0");
    client.query_drop("commit").await.unwrap();
    assert_eq!(database.table("select count(*) from t"), "1");
}
