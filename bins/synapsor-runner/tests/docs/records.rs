//! Is each record that a document shows one of the examples, to the last member?

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::page::{page, root};

/// Every example, good or tolerated, with the kind of record that it is.
fn examples() -> Vec<(String, Value)> {
    let folder = root().join("fixtures/protocol");
    let kinds: Vec<PathBuf> =
        fs::read_dir(folder).expect("there are records").map(|entry| entry.expect("it can be listed").path()).collect();
    let mut found = Vec::new();
    for kind in kinds.iter().filter(|kind| kind.is_dir()) {
        let name = kind.file_name().and_then(|name| name.to_str()).expect("it has a name").to_owned();
        for part in ["valid", "tolerated"] {
            let files = fs::read_dir(kind.join(part)).into_iter().flatten().map(|entry| entry.expect("it can be listed").path());
            for file in files.filter(|file| file.extension().is_some_and(|end| end == "json")) {
                let record = serde_json::from_slice(&fs::read(&file).expect("it can be read")).expect("it is JSON");
                found.push((name.clone(), record));
            }
        }
    }
    found
}

#[test]
fn each_record_of_the_document_is_an_example_and_each_kind_is_shown() {
    let examples = examples();
    let mut shown = Vec::new();
    for block in page("docs/records.md").blocks("json") {
        let record: Value = serde_json::from_str(&block).expect("the example is JSON");
        let kind = examples.iter().find(|(_, example)| *example == record).map(|(kind, _)| kind);
        shown.push(kind.unwrap_or_else(|| panic!("no file of fixtures/protocol holds\n{block}")).clone());
    }
    let elsewhere = ["result-envelope.v2", "synapsor.runner"];
    for (kind, _) in examples.iter().filter(|(kind, _)| !elsewhere.contains(&kind.as_str())) {
        assert!(shown.contains(kind), "docs/records.md shows no {kind}");
    }
}

#[test]
fn each_schema_is_named() {
    let text = page("docs/records.md").text;
    for entry in fs::read_dir(root().join("schemas")).expect("there are schemas") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("it has a name");
        assert!(text.contains(&name), "docs/records.md does not name {name}");
    }
}
