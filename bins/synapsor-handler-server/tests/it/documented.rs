//! Is what `docs/handlers.md` says of the handler without code what the program does?

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use synapsor_handler::declared;

use crate::shop::program;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/handlers.md")).unwrap()
}

/// The blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let (page, fence) = (page(), format!("```{language}\n"));
    let parts = page.split(&fence).skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_file_that_is_shown_is_the_example() {
    let shown: Vec<Value> = blocks("json").iter().map(|block| serde_json::from_str(block).unwrap()).collect();
    let files = [
        include_str!("../../examples/account-credit/sqlite/handler.json"),
        include_str!("../../examples/account-credit/sqlite/synapsor.runner.json"),
    ];
    for file in files {
        assert!(shown.contains(&serde_json::from_str(file).unwrap()), "not shown as it is: {file}");
    }
    let postgres: Value = serde_json::from_str(include_str!("../../examples/account-credit/postgres/handler.json")).unwrap();
    assert!(page().contains(&format!("\"database\": {}", spaced(&postgres["database"]))));
}

fn spaced(value: &Value) -> String {
    value.to_string().replace('{', "{ ").replace('}', " }").replace(':', ": ").replace(',', ", ")
}

#[test]
fn each_command_that_is_shown_exists_with_its_flags() {
    let mut shown = BTreeSet::new();
    for line in blocks("sh").iter().flat_map(|block| block.lines()).filter_map(|line| line.strip_prefix("synapsor-handler ")) {
        let mut words = line.split(' ');
        let verb = words.next().unwrap().to_owned();
        let seen = program().args([verb.as_str(), "--help"]).run();
        assert_eq!(seen.code, Some(0), "{line}");
        for flag in words.filter(|word| word.starts_with("--")) {
            assert!(seen.stdout.contains(flag), "`{verb}` has no `{flag}`");
        }
        shown.insert(verb);
    }
    assert_eq!(shown.into_iter().collect::<Vec<_>>(), ["example", "serve"]);
}

#[test]
fn each_member_of_the_file_has_its_row() {
    let text = fs::read_to_string(root().join("schemas/synapsor.handler-config.v1.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let page = page();
    for member in schema["properties"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("| `{member}` |")), "{member}");
    }
    for definition in ["Limits", "Database", "Requirement", "Table", "Effect"] {
        for member in schema["$defs"][definition]["properties"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("`{member}`")) || page.contains(&format!("`{member}: ")), "{definition}.{member}");
        }
    }
}

/// The codes of the file's own rules are shown by fixtures; these are the others.
#[test]
fn each_code_of_environment_and_database_is_explained() {
    let sources = ["crates/synapsor-handler/src/declared/access.rs", "crates/synapsor-handler/src/declared/live.rs"];
    let code: String = sources.iter().map(|file| fs::read_to_string(root().join(file)).unwrap()).collect();
    let is_code = |word: &&str| word.contains('_') && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let told: BTreeSet<&str> = code.split('"').filter(is_code).collect();
    assert!(told.len() > 10, "{told:?}");
    let page = page();
    let silent: Vec<&&str> = told.iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert_eq!(silent, Vec::<&&str>::new());
    assert!(declared::Code::ALL.len() > 40);
}
