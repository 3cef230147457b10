//! Every finding of a declared handler's file has a folder that shows it, what is good stays good, and the published schema
//! accepts whatever the validator accepts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use synapsor_handler::declared::{self, Checked, Code};

const UPDATE: &str = "UPDATE_FIXTURES=1 cargo test -p synapsor-handler --test it declared_files";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/handler/configs")
}

fn check(text: &[u8]) -> Checked {
    declared::check(text, Path::new("/srv/shop"))
}

fn shown(checked: &Checked) -> String {
    checked.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

#[expect(clippy::disallowed_methods, reason = "a person asks for the update through the environment")]
fn updating() -> bool {
    std::env::var("UPDATE_FIXTURES").is_ok()
}

/// Name and text of each good file.
fn good() -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder().join("good")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

fn bad(code: &Code) -> Vec<u8> {
    fs::read(folder().join("bad").join(code.as_str()).join("handler.json")).unwrap_or_else(|error| panic!("{code}: {error}"))
}

#[test]
fn each_code_has_a_folder_that_shows_it() {
    let mut wrong = String::new();
    for code in Code::ALL {
        let checked = check(&bad(code));
        let found = shown(&checked);
        assert!(checked.config.is_none(), "{code} is not refused");
        if !checked.findings.iter().any(|finding| finding.code == code.as_str()) {
            wrong += &format!("bad/{code} does not show {code}:\n{found}\n");
        }
        let path = folder().join("bad").join(code.as_str()).join("findings.txt");
        if updating() {
            fs::write(path, found).unwrap();
        } else if fs::read_to_string(&path).ok().as_ref() != Some(&found) {
            wrong += &format!("bad/{code}/findings.txt is not\n{found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nif that is right: {UPDATE}\n");
}

#[test]
fn each_folder_belongs_to_a_code_and_their_texts_differ() {
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), Code::ALL.len());
    let folders = fs::read_dir(folder().join("bad")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strangers: Vec<String> = folders.filter(|folder| !codes.contains(folder.as_str())).collect();
    assert_eq!(strangers, Vec::<String>::new());
}

#[test]
fn what_is_good_has_no_finding() {
    for (name, text) in good() {
        let checked = check(&text);
        assert!(checked.config.is_some() && checked.findings.is_empty(), "{name}:\n{}", shown(&checked));
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for code in [Code::UnknownField, Code::InvalidTokenEnv, Code::UrlEnvRequired] {
        let text = bad(&code);
        assert!(String::from_utf8_lossy(&text).contains("canary-7f"), "{code}");
        assert!(!format!("{:?}", check(&text)).contains("canary-7f"), "{code}");
    }
}

#[test]
fn the_examples_are_the_good_files_of_their_names() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bins/synapsor-handler-server/examples/account-credit");
    for (engine, name) in [("sqlite", "account-credit"), ("postgres", "account-credit-postgres")] {
        let read = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
        assert_eq!(read(examples.join(engine).join("handler.json")), read(folder().join("good").join(format!("{name}.json"))));
    }
}

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&declared::schema()).unwrap()
}

/// Why the schema refuses what the validator accepts, if it does.
fn disagreement(schema: &jsonschema::Validator, config: &Value) -> Option<String> {
    // Most of what is tried the validator refuses, and it is the quicker one to ask.
    check(config.to_string().as_bytes()).config.as_ref()?;
    let refused = schema.iter_errors(config).next()?;
    Some(format!("{refused} at {}\n{config:#}\n", refused.instance_path()))
}

#[test]
fn what_the_validator_accepts_the_schema_accepts() {
    let schema = schema();
    let (mut tried, mut seen) = (0, BTreeSet::new());
    for (name, text) in good() {
        let config: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(disagreement(&schema, &config), None, "{name}");
        for pointer in pointers(&config, String::new()) {
            // The same place of another step breaks in the same way.
            if !seen.insert(pointer.replace(|c: char| c.is_ascii_digit(), "")) {
                continue;
            }
            for broken in broken(&config, &pointer) {
                tried += 1;
                assert_eq!(disagreement(&schema, &broken), None, "{name} {pointer}");
            }
        }
    }
    assert!(tried > 2000, "only {tried} were tried");
}

#[test]
fn the_schema_refuses_what_an_editor_should_see() {
    let schema = schema();
    // What refers to something else, or is a rule of numbers, is the validator's alone.
    let beyond = [
        Code::Cleartext,
        Code::AllowedHostsRequired,
        Code::TlsTwice,
        Code::InvalidPath,
        Code::LimitsContradict,
        Code::SqlitePathRequired,
        Code::InvalidTableName,
        Code::InvalidKey,
        Code::InvalidCapabilityName,
        Code::TargetKeyRequired,
        Code::InvalidColumn,
        Code::TenantIsSet,
        Code::NotANumber,
        Code::NotComparable,
    ];
    for code in Code::ALL.iter().filter(|code| !beyond.contains(code)) {
        let Ok(config) = serde_json::from_slice::<Value>(&bad(code)) else { continue };
        assert!(*code == Code::InvalidJson || !schema.is_valid(&config), "{code}");
    }
}

#[test]
fn each_member_of_the_schema_has_a_description() {
    let schema = declared::schema();
    let silent = pointers(&schema, String::new()).into_iter().filter(|pointer| {
        let described = pointer.rsplit_once('/').is_some_and(|(parent, _)| parent.ends_with("/properties"));
        let conditional = ["/if/", "/then/", "/else/"].iter().any(|part| pointer.contains(part));
        described && !conditional && schema.pointer(&format!("{pointer}/description")).is_none()
    });
    assert_eq!(silent.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Every place in a value.
fn pointers(value: &Value, at: String) -> Vec<String> {
    let inside: Vec<String> = match value {
        Value::Object(members) => members.iter().flat_map(|(name, value)| pointers(value, format!("{at}/{name}"))).collect(),
        Value::Array(items) => items.iter().enumerate().flat_map(|(index, value)| pointers(value, format!("{at}/{index}"))).collect(),
        _ => Vec::new(),
    };
    [at].into_iter().chain(inside).collect()
}

/// The config with the place changed in every way of a list, without it, and with a stranger beside it.
fn broken(config: &Value, pointer: &str) -> Vec<Value> {
    let values = [
        json!(null),
        json!(true),
        json!(1),
        json!(2.5),
        json!(3_000_000_000_u64),
        json!(""),
        json!("main"),
        json!("A_B"),
        json!("invoices"),
        json!([]),
        json!(["A", "B"]),
        json!([1, 2]),
        json!({}),
        json!({"from": "row.a"}),
        json!({"from": "patch.a", "default": 1}),
        json!({"add": [1, {"from": "row.a"}]}),
        json!({"min": 1}),
        json!({"a": 1}),
    ];
    let mut changed: Vec<Value> = values.into_iter().map(|value| replaced(config, pointer, |place| *place = value)).collect();
    changed.push(replaced(config, pointer, |place| {
        if let Value::Object(members) = place {
            members.insert("stranger".into(), Value::Object(Map::new()));
        }
    }));
    if let Some((parent, name)) = pointer.rsplit_once('/') {
        changed.push(replaced(config, parent, |place| match place {
            Value::Object(members) => drop(members.shift_remove(name)),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => {}
        }));
    }
    changed
}

fn replaced(config: &Value, pointer: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut config = config.clone();
    change(config.pointer_mut(pointer).unwrap());
    config
}
