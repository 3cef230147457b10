//! Which crates do the public signatures of `synapsor-handler` name?
//!
//! It is somebody else's dependency: a type of a driver in a signature would make a new version of the driver a new version
//! of their application. The question is asked of what rustdoc knows of the crate, with every engine in it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::error::{TaskError, at};
use crate::process::output_of;
use crate::workspace::{self, cargo};

/// Crates whose types may be named.
const ALLOWED: [&str; 11] =
    ["alloc", "bytes", "core", "http", "http_body", "serde", "serde_json", "std", "synapsor_handler", "synapsor_protocol", "tower_service"];

/// Everything that an application may ask for; `schemas` is for our own generated files.
const FEATURES: &str = "conformance,declared,mysql,postgres,sqlite";

/// Fails with the names of the types.
pub(crate) fn check() -> Result<(), TaskError> {
    let arguments = ["rustdoc", "--locked", "-p", "synapsor-handler", "--lib", "--features", FEATURES];
    let mut rustdoc = cargo(&arguments);
    // The description is of the compiler that reads it: no format of another one matters here.
    rustdoc.args(["--", "-Z", "unstable-options", "--output-format", "json"]).env("RUSTC_BOOTSTRAP", "1");
    output_of(&mut rustdoc)?;
    let path = workspace::target().join("doc/synapsor_handler.json");
    let text = fs::read(&path).map_err(at("read", &path))?;
    let described = serde_json::from_slice(&text).map_err(|source| TaskError::SchemaJson { file: "synapsor_handler.json", source })?;
    let foreign = foreign_types(&described);
    if foreign.is_empty() {
        return Ok(());
    }
    let program = "the public signatures of synapsor-handler".to_owned();
    Err(TaskError::Failed { program, output: foreign.into_iter().collect::<Vec<_>>().join("\n") })
}

/// The types of other crates that any public item names.
fn foreign_types(described: &Value) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    collect(&described["index"], &mut named);
    let home = |id: &str| -> Option<String> {
        let path = &described["paths"][id];
        let krate = match path["crate_id"].as_u64()? {
            0 => "synapsor_handler".to_owned(),
            other => described["external_crates"][other.to_string()]["name"].as_str()?.to_owned(),
        };
        let name: Vec<&str> = path["path"].as_array()?.iter().filter_map(Value::as_str).collect();
        (!ALLOWED.contains(&krate.as_str())).then(|| name.join("::"))
    };
    named.iter().filter_map(|id| home(id)).collect()
}

/// The ids of every type that is named anywhere below.
fn collect(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(id) = members.get("resolved_path").and_then(|path| path.get("id")) {
                named.insert(id.as_u64().map_or_else(|| id.as_str().unwrap_or_default().to_owned(), |id| id.to_string()));
            }
            members.values().for_each(|member| collect(member, named));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_of_a_driver_is_found_wherever_it_is_named() {
        let described = json!({
            "index": {"1": {"inner": {"function": {"sig": {"output": {"resolved_path": {"id": 7, "args": {"types": [{"resolved_path": {"id": 8}}]}}}}}}}},
            "paths": {"7": {"crate_id": 1, "path": ["core", "result", "Result"]}, "8": {"crate_id": 2, "path": ["rusqlite", "Error"]}},
            "external_crates": {"1": {"name": "core"}, "2": {"name": "rusqlite"}},
        });
        insta::assert_snapshot!(foreign_types(&described).into_iter().collect::<Vec<_>>().join(" "), @"rusqlite::Error");
    }
}
