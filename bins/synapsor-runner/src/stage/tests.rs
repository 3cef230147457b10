//! Whether rows are put back, and looked at, alike on each engine.

use serde_json::{Value, json};
use synapsor_handler::conformance::{Fixture, Stage};
use synapsor_protocol::Secret;
use synapsor_testkit::{Folder, Mysql, Postgres, sqlite};

use super::{Database, FixtureStage, hidden};

const TABLES: &str = "create table items (id varchar(20) primary key, version bigint not null, large bigint, name varchar(20)); \
    create table effects (id varchar(20) primary key); insert into effects values ('a'), ('b'); \
    insert into items values ('x', 1, 9007199254740993, null)";

/// What is observed before and after the rows were put back.
async fn check(url: &str, version: &str) -> String {
    let fixture = fixture(version);
    let fixture = Fixture::from_slice(fixture.to_string().as_bytes()).unwrap();
    let stage = FixtureStage { fixture: &fixture, database: Database::of(&Secret::new(url.to_owned())).ok() };
    let seen = |stage: Result<_, _>| {
        stage.map_or_else(|error: synapsor_handler::conformance::StageError| error.to_string(), |seen| json!(seen).to_string())
    };
    let before = seen(stage.observe().await);
    let reset = stage.reset().await;
    format!("{before}\n{reset:?}\n{}", seen(stage.observe().await))
}

fn fixture(version: &str) -> Value {
    json!({
        "action": "a.b", "target": {"table": "items", "primary_key": {"column": "id", "value": "x"},
            "tenant": {"column": "who", "value": "acme"}, "version_column": "version"},
        "missing_key": "y", "other_tenant": {"tenant": "globex", "key": "z"}, "patch": {"x": 1}, "database": {"url_env": "DATABASE_URL"},
        "reset": {"sql": ["update items set version = 7", "delete from effects where id = 'b'"]},
        "observe": {"sql": {"version": version, "effects": "select count(*) as count from effects", "row": "select * from items"}},
    })
}

#[tokio::test]
async fn each_engine_shows_the_same() {
    let folder = Folder::new();
    let [by_url, by_path] = ["url.db", "path.db"].map(|name| folder.path().join(name));
    sqlite::execute(&by_url, TABLES);
    sqlite::execute(&by_path, TABLES);
    let (postgres, mysql) = (Postgres::shared(), Mysql::shared());
    let mut urls = vec![format!("sqlite:{}", by_url.display()), by_path.display().to_string()];
    urls.extend(postgres.as_ref().map(|database| {
        database.execute(TABLES);
        database.url()
    }));
    urls.extend(mysql.as_ref().map(|database| {
        database.execute(TABLES);
        database.url()
    }));
    for url in urls {
        let observed = check(&url, "select version from items where id = 'x'").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(observed, @r#"
            {"version":1,"effects":2,"row":{"id":"x","version":1,"large":"9007199254740993","name":null}}
            Ok(())
            {"version":7,"effects":1,"row":{"id":"x","version":7,"large":"9007199254740993","name":null}}
            "#);
        }
    }
}

#[tokio::test]
async fn what_is_no_version_is_said() {
    let folder = Folder::new();
    let path = folder.path().join("app.db");
    sqlite::execute(&path, TABLES);
    for version in ["select version from items where id = 'y'", "select null", "select nothing"] {
        let said = check(&path.display().to_string(), version).await;
        assert!(said.starts_with(&format!("`{version}` failed: ")), "{said}");
    }
}

#[test]
fn what_must_not_be_told_is_the_address_its_password_and_its_host() {
    let shown =
        |url: &str| hidden(&Secret::new(url.to_owned())).iter().map(|part| part.expose().to_owned()).collect::<Vec<_>>().join(" | ");
    insta::assert_snapshot!(shown("postgres://app:geheimnis@db.example.com/shop"), @"postgres://app:geheimnis@db.example.com/shop | geheimnis | db.example.com");
    insta::assert_snapshot!(shown("postgres://app:short@localhost:5432/shop"), @"postgres://app:short@localhost:5432/shop");
    insta::assert_snapshot!(shown("mysql://app@127.0.0.1/shop"), @"mysql://app@127.0.0.1/shop");
    insta::assert_snapshot!(shown("/var/lib/shop.db"), @"");
    assert!(Database::of(&Secret::new("oracle://a/b".to_owned())).is_err());
}
