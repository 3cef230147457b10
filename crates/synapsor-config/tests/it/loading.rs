//! A file is read, and what it says about other files is seen from its own folder.

use std::fs;
use std::path::Path;

use synapsor_config::{Config, ConfigError, Engine, Environment, SqlitePath, load};

use crate::fixtures::folder;

fn loaded(folder: &Path, name: &str, text: &[u8]) -> Config {
    fs::write(folder.join(name), text).unwrap();
    load(&folder.join(name)).unwrap().config.unwrap()
}

#[test]
fn the_ledger_and_a_source_stand_where_the_config_file_stands() {
    let home = tempfile::tempdir().unwrap();
    let text = fs::read(folder().join("valid/sqlite.json")).unwrap();
    let config = loaded(home.path(), "synapsor.runner.json", &text);
    assert_eq!(config.store, home.path().join("ledger/local.db"));
    let sources: Vec<_> = config.sources.values().map(|source| source.engine.clone()).collect();
    assert_eq!(sources, [Engine::Sqlite { path: SqlitePath::Path(home.path().join("desk.db")) }]);
}

#[test]
fn without_storage_the_ledger_stands_beside_the_config_file() {
    let home = tempfile::tempdir().unwrap();
    let text = fs::read(folder().join("valid/single_tenant.json")).unwrap();
    let config = loaded(home.path(), "synapsor.runner.json", &text);
    assert_eq!(config.store, home.path().join(".synapsor/local.db"));
}

#[test]
fn the_path_of_a_source_may_come_from_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let text = fs::read(folder().join("valid/single_tenant.json")).unwrap();
    let config = loaded(home.path(), "synapsor.runner.json", &text);
    let Engine::Sqlite { path } = &config.sources.values().next().unwrap().engine else { panic!("no SQLite source") };
    let resolved = |value| path.resolve(&Environment::of([("SHOP_FILE", value)]));
    assert_eq!(resolved("data/shop.db\n").unwrap(), home.path().join("data/shop.db"));
    assert_eq!(resolved("/data/shop.db").unwrap(), Path::new("/data/shop.db"));
    insta::assert_snapshot!(resolved("").unwrap_err(), @"environment variable `SHOP_FILE` is not set");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    assert!(matches!(load(&home.path().join("none.json")), Err(ConfigError::NotFound { path }) if path.ends_with("none.json")));
    assert!(matches!(load(home.path()), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn a_file_that_is_too_large_is_a_finding() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("large.json");
    fs::write(&path, " ".repeat(3 << 20)).unwrap();
    let findings = load(&path).unwrap().findings;
    assert_eq!(findings[0].message, "the file cannot be read as JSON: the text is too large");
}
