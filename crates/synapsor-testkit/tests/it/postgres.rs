//! A database for each test.

use synapsor_testkit::{Postgres, sqlite};

#[test]
fn a_database_is_empty_and_gone_afterwards() {
    let Some(first) = Postgres::shared() else { return };
    let Some(second) = Postgres::shared() else { return };
    first.execute(sqlite::SUPPORT_DESK);
    let count = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!((first.table(count), second.table(count)), ("3".to_owned(), "0".to_owned()));

    let name = first.table("select current_database()");
    drop(first);
    let left = second.table(&format!("select count(*) from pg_database where datname = '{name}'"));
    assert_eq!(left, "0");
}

#[test]
fn values_read_the_same_whatever_the_server_prefers() {
    let Some(database) = Postgres::shared() else { return };
    let sql = "select timestamptz '2026-03-02 08:00:00Z', null, 1.5::float8, 'a'";
    insta::assert_snapshot!(database.table(sql), @"2026-03-02 08:00:00+00 | NULL | 1.5 | a");
}

#[test]
fn a_role_may_do_what_it_was_granted() {
    let Some(database) = Postgres::shared() else { return };
    database.execute("create table a (id int); create table b (id int)");
    let url = database.role("grant select on a to {role}");
    let role = url.split(['/', ':']).nth(3).unwrap();
    let may = |table| database.table(&format!("select has_table_privilege('{role}', '{table}', 'select')"));
    assert_eq!((may("a"), may("b")), ("t".to_owned(), "f".to_owned()));
}

#[test]
#[should_panic(expected = "relation \"absent\" does not exist")]
fn a_failing_statement_fails_the_test_with_the_words_of_the_server() {
    let Some(database) = Postgres::shared() else { panic!("left out, where relation \"absent\" does not exist either") };
    database.execute("select * from absent");
}

#[tokio::test]
async fn a_connection_serves_tests_that_hold_transactions() {
    let Some(database) = Postgres::shared() else { return };
    let client = database.connect().await;
    database.execute("create table t (id int)");
    client.batch_execute("begin; insert into t values (1)").await.unwrap();
    assert_eq!(database.table("select count(*) from t"), "0");
    client.batch_execute("commit").await.unwrap();
    assert_eq!(database.table("select count(*) from t"), "1");
}
