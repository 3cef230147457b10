//! Does each field of each published schema say what it is?

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// Parts of a schema that only restrict what the schema around them declares.
const RESTRICTIONS: [&str; 7] = ["if", "then", "else", "not", "oneOf", "anyOf", "allOf"];

/// Every field without a description, by its path. A field that the schema around a restriction describes need not be
/// described again in the restriction.
fn silent(schema: &Value, around: &Map<String, Value>, path: &str, found: &mut Vec<String>) {
    let Value::Object(members) = schema else {
        if let Value::Array(items) = schema {
            items.iter().enumerate().for_each(|(index, item)| silent(item, around, &format!("{path}/{index}"), found));
        }
        return;
    };
    let mut described = around.clone();
    let fields = members.get("properties").and_then(Value::as_object);
    // One way of several, closed and with one field: what is said of the way is said of the field.
    let closed = members.get("additionalProperties") == Some(&Value::Bool(false));
    if let (Some(fields), true) = (fields, closed && members.contains_key("description"))
        && fields.len() == 1
    {
        described.extend(fields.keys().map(|name| (name.clone(), Value::Null)));
    }
    for (name, field) in fields.into_iter().flatten() {
        let says = field.get("description").and_then(Value::as_str).is_some_and(|words| !words.trim().is_empty());
        if says {
            described.insert(name.clone(), Value::Null);
        } else if !described.contains_key(name) {
            found.push(format!("{path}/properties/{name}"));
        }
        silent(field, &Map::new(), &format!("{path}/properties/{name}"), found);
    }
    for (keyword, part) in members.iter().filter(|(keyword, _)| *keyword != "properties") {
        let nothing = Map::new();
        let around = if RESTRICTIONS.contains(&keyword.as_str()) { &described } else { &nothing };
        silent(part, around, &format!("{path}/{keyword}"), found);
    }
}

fn check(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    silent(schema, &Map::new(), "", &mut found);
    found
}

#[test]
fn each_field_of_each_published_schema_is_described() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let schema: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(check(&schema), Vec::<String>::new(), "{}", file.display());
        assert!(schema["description"].is_string(), "{}", file.display());
    }
}

#[test]
fn a_field_without_words_is_found_wherever_it_stands() {
    let told = json!({"type": "string", "description": "Told."});
    assert_eq!(check(&json!({"properties": {"a": told, "b": {"type": "string"}}})), ["/properties/b"]);
    assert_eq!(check(&json!({"properties": {"a": {"description": "A.", "properties": {"b": {}}}}})), ["/properties/a/properties/b"]);
    assert_eq!(check(&json!({"$defs": {"D": {"properties": {"c": {"description": " "}}}}})), ["/$defs/D/properties/c"]);
    assert_eq!(check(&json!({"oneOf": [{"properties": {"kind": {"const": "x"}}}]})), ["/oneOf/0/properties/kind"]);
    let restricted = json!({"properties": {"a": told}, "if": {"properties": {"a": {"const": "x"}}}, "then": {"required": ["a"]}});
    assert_eq!(check(&restricted), Vec::<String>::new());
}
