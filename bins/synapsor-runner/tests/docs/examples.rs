//! Is each JSON example one that the program takes?
//!
//! A whole configuration is validated as it stands. A part of one is put into a configuration that is whole without it:
//! top-level fields at the top, fields of a capability into its capability.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use synapsor_config::Severity;
use synapsor_envelope::Envelope;
use synapsor_handler::conformance::Fixture;

use crate::page::{page, pages, root};

/// The configuration around a part.
fn around() -> Value {
    json!({
        "version": 1, "mode": "review", "result_format": 2,
        "sources": { "shop": { "engine": "postgres", "read_url_env": "SHOP_READ_URL", "write_url_env": "SHOP_WRITE_URL" } },
        "trusted_context": { "provider": "environment" },
        "capabilities": [{
            "name": "billing.propose_waiver", "kind": "proposal", "source": "shop",
            "target": { "schema": "public", "table": "invoices", "primary_key": "id", "tenant_key": "tenant_id" },
            "args": { "invoice_id": { "type": "string" } },
            "lookup": { "id_from_arg": "invoice_id" },
            "visible_columns": ["id", "status", "late_fee_cents"],
            "patch": { "late_fee_cents": { "fixed": 0 } },
            "allowed_columns": ["late_fee_cents"],
            "conflict_guard": { "column": "version" }
        }]
    })
}

/// The members of the published schema's definition of this name; of the file itself without one.
fn members(definition: Option<&str>) -> Vec<String> {
    let text = fs::read_to_string(root().join("schemas/synapsor.runner.schema.json")).expect("the schema is there");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let object = definition.map_or(&schema, |name| &schema["$defs"][name]);
    object["properties"].as_object().expect("the schema has properties").keys().cloned().collect()
}

/// The configuration that an example is, or is a part of; `None` if it is something else.
fn configuration(example: &Map<String, Value>) -> Option<Value> {
    let only = |members: Vec<String>| example.keys().all(|key| members.contains(key));
    let mut whole = around();
    if only(members(None)) {
        if ["version", "mode", "sources", "capabilities"].iter().all(|key| example.contains_key(*key)) {
            return Some(Value::Object(example.clone()));
        }
        whole.as_object_mut()?.extend(example.clone());
        return Some(whole);
    }
    only(members(Some("Capability"))).then(|| {
        let capability = &mut whole["capabilities"][0];
        if example.contains_key("name") {
            *capability = Value::Object(example.clone());
        } else {
            capability.as_object_mut().expect("a capability is an object").extend(example.clone());
        }
        whole
    })
}

/// What is wrong with an example.
fn wrong(text: &str) -> Result<&'static str, String> {
    let example: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(configuration) = configuration(&example) {
        let checked = synapsor_config::check(configuration.to_string().as_bytes(), Path::new("/srv/shop"));
        let errors: Vec<String> = checked.of(Severity::Error).map(ToString::to_string).collect();
        return if errors.is_empty() { Ok("configuration") } else { Err(errors.join("\n")) };
    }
    if example.contains_key("missing_key") {
        return Fixture::from_slice(text.as_bytes()).map(|_| "conformance fixture").map_err(|error| error.to_string());
    }
    // The examples of format 1 are held against the code where the formats are.
    if example.contains_key("ok") && !example.contains_key("code") {
        return serde_json::from_value::<Envelope>(Value::Object(example)).map(|_| "envelope").map_err(|error| error.to_string());
    }
    let servers = ["mcpServers", "servers"].iter().find_map(|name| example.get(*name)?.as_object());
    servers.map_or(Ok("something else"), |servers| servers.values().try_for_each(client).map(|()| "client settings"))
}

/// Whether a client could start or reach this server.
fn client(server: &Value) -> Result<(), String> {
    if let Some(url) = server["url"].as_str() {
        let authorized = server["headers"]["Authorization"].as_str().is_some_and(|value| value.starts_with("Bearer ${"));
        return if url.ends_with("/mcp") && authorized { Ok(()) } else { Err(format!("{url} or its token is not as we serve it")) };
    }
    let arguments: Vec<&str> = server["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let starts = server["command"].as_str().is_some_and(|command| command.ends_with("synapsor-runner"));
    if starts && arguments.starts_with(&["mcp", "serve", "--config"]) { Ok(()) } else { Err("the server is not started so".to_owned()) }
}

#[test]
fn each_json_example_is_valid() {
    let mut kinds = Vec::new();
    for page in pages() {
        for block in page.blocks("json") {
            match wrong(&block) {
                Ok(kind) => kinds.push(kind),
                Err(why) => panic!("{}: {why}\n{block}", page.name),
            }
        }
    }
    for kind in ["configuration", "envelope", "client settings", "conformance fixture"] {
        assert!(kinds.contains(&kind), "no document shows: {kind}");
    }
}

#[test]
fn a_wrong_example_is_found() {
    let wrongs = [
        r#"{"operators": {"mara": {"rolls": []}}}"#,
        r#"{"conflict_guard": {"column": "id"}}"#,
        r#"{"version": 1, "mode": "review", "sources": {}, "capabilities": []}"#,
        r#"{"ok": true, "summary": "nothing"}"#,
        r#"{"mcpServers": {"shop": {"command": "synapsor-runner", "args": ["serve"]}}}"#,
    ];
    let found: Vec<bool> = wrongs.iter().map(|text| wrong(text).is_err()).collect();
    assert_eq!(found, [true; 5]);
}

#[test]
fn the_table_of_database_findings_is_that_of_the_code() {
    let files = [
        "crates/synapsor-source/src/catalog/judge.rs",
        "crates/synapsor-agent/src/offer.rs",
        "crates/synapsor-source/src/guarded/receipt.rs",
        "bins/synapsor-runner/src/verbs/check_db.rs",
    ];
    let code: String = files.map(|file| fs::read_to_string(root().join(file)).expect("the file is there")).concat();
    let is_code = |word: &&str| word.contains('_') && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    // What stands above the table is about all of it: a database that gave no answer.
    let mut given: Vec<&str> = code.split('"').filter(is_code).filter(|code| *code != "DATABASE_NOT_CHECKED").collect();
    given.sort_unstable();
    given.dedup();
    let text = page("docs/configuration.md").text;
    let (_, section) = text.split_once("## What the databases are asked").expect("the document has the section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut documented: Vec<&str> = rows.collect();
    documented.sort_unstable();
    assert_eq!(documented, given);
}
