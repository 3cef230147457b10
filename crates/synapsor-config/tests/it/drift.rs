//! The schema and the validator come from one source, and stay together.
//!
//! What the validator accepts the schema accepts. Besides the fixtures, every valid one is broken in every place with a
//! list of values, so that a rule that only one of the two knows is met.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Map, Value, json};
use synapsor_config::Code;

use crate::fixtures::{check, files, folder};

struct Both {
    schema: jsonschema::Validator,
}

impl Both {
    fn new() -> Self {
        Self { schema: jsonschema::validator_for(synapsor_config::schema().as_value()).unwrap() }
    }

    /// Why the schema refuses what the validator accepts, if it does. The schema describes the strict form alone.
    fn disagreement(&self, config: &Value) -> Option<String> {
        let lenient = config.get("strict") == Some(&Value::Bool(false));
        let refused = self.schema.iter_errors(config).next().filter(|_| !lenient)?;
        let accepted = check(config.to_string().as_bytes()).is_ok();
        accepted.then(|| format!("{refused} at {}\n{config:#}\n", refused.instance_path()))
    }
}

#[test]
fn what_the_validator_accepts_of_the_fixtures_the_schema_accepts() {
    let both = Both::new();
    let shown = Code::ALL.iter().map(|code| fs::read(folder().join(code.as_str()).join("synapsor.runner.json")).unwrap());
    let valid = files(&folder().join("valid")).into_iter().map(|(_, text)| text);
    for text in shown.chain(valid) {
        let Ok(config) = serde_json::from_slice::<Value>(&text) else { continue };
        assert_eq!(both.disagreement(&config), None);
    }
}

#[test]
fn what_the_validator_accepts_of_broken_fixtures_the_schema_accepts() {
    let both = Both::new();
    let mut tried = 0;
    let mut seen = BTreeSet::new();
    for (name, text) in files(&folder().join("valid")) {
        let config: Value = serde_json::from_slice(&text).unwrap();
        if config.get("strict") == Some(&json!(false)) {
            continue;
        }
        for pointer in pointers(&config, String::new()) {
            // The same place of another capability breaks in the same way.
            if !seen.insert(pointer.replace(|c: char| c.is_ascii_digit(), "")) {
                continue;
            }
            for broken in broken(&config, &pointer) {
                tried += 1;
                assert_eq!(both.disagreement(&broken), None, "{name} {pointer}");
            }
        }
    }
    assert!(tried > 2000, "only {tried} were tried");
}

#[test]
fn the_schema_refuses_what_an_editor_should_see() {
    let both = Both::new();
    for code in ["UNKNOWN_FIELD", "INVALID_MODE", "READ_URL_ENV_REQUIRED", "INVALID_ARG_TYPE", "PATCH_REQUIRED", "SQLITE_PATH_REQUIRED"] {
        let text = fs::read(folder().join(code).join("synapsor.runner.json")).unwrap();
        assert!(!both.schema.is_valid(&serde_json::from_slice(&text).unwrap()), "{code}");
    }
}

#[test]
fn each_member_of_the_schema_has_a_description() {
    let schema = synapsor_config::schema();
    let silent: Vec<String> = pointers(schema.as_value(), String::new())
        .into_iter()
        .filter(|pointer| {
            let described = pointer.rsplit_once('/').is_some_and(|(parent, _)| parent.ends_with("/properties"));
            let conditional = ["/if/", "/then/", "/else/"].iter().any(|part| pointer.contains(part));
            described && !conditional && schema.as_value().pointer(&format!("{pointer}/description")).is_none()
        })
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}

/// Every place in a value.
fn pointers(value: &Value, at: String) -> Vec<String> {
    let inside = match value {
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
        json!([]),
        json!([null]),
        json!(["id"]),
        json!({}),
        json!({"a": null}),
        json!({"opened": ["checked"]}),
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
