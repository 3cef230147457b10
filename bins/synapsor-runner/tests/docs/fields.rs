//! Is each field of a file explained, with an example?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::page::{page, root};

/// The fields of the published schema, by the object that they belong to; the file itself has no name.
fn fields() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("schemas/synapsor.runner.schema.json")).expect("the schema is there");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let objects = schema["$defs"].as_object().expect("there are objects").iter().map(|(name, object)| (name.clone(), object));
    let objects = objects.chain([(String::new(), &schema)]);
    let named = |object: &Value| object["properties"].as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    objects.map(|(name, object)| (name, named(object))).collect()
}

/// Every name of a member in the JSON of a text.
fn shown(blocks: &[String]) -> BTreeSet<String> {
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                names.insert(name.clone());
                collect(member, names);
            }),
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    blocks.iter().for_each(|block| collect(&serde_json::from_str(block).expect("the example is JSON"), &mut names));
    names
}

#[test]
fn each_field_of_a_file_is_mentioned() {
    let quoted: BTreeSet<String> = page("docs/configuration.md").quoted().into_iter().collect();
    let missing: Vec<String> = fields()
        .into_iter()
        .flat_map(|(object, fields)| {
            fields.into_iter().filter(|field| !quoted.contains(field)).map(move |field| format!("{object}.{field}"))
        })
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn each_field_of_a_capability_and_of_what_it_names_is_explained_and_shown() {
    let page = page("docs/capabilities.md");
    let (quoted, shown): (BTreeSet<String>, _) = (page.quoted().into_iter().collect(), shown(&page.blocks("json")));
    let elsewhere = ["", "Cloud", "Operator", "Retention", "Storage"];
    let explained: Vec<(String, BTreeSet<String>)> =
        fields().into_iter().filter(|(object, _)| !elsewhere.contains(&object.as_str())).collect();
    assert!(explained.iter().any(|(object, _)| object == "Capability") && explained.len() >= 12, "{explained:?}");
    for (object, fields) in explained {
        for field in fields {
            assert!(quoted.contains(&field), "docs/capabilities.md does not explain `{field}` of {object}");
            assert!(shown.contains(&field), "docs/capabilities.md has no example of `{field}` of {object}");
        }
    }
}
