//! What a reviewed capability is, once it is checked.

use std::fs;

use serde_json::Value;
use synapsor_config::{Capability, Config, Retry};

use crate::fixtures::{check, folder};

fn config(name: &str) -> Config {
    check(&fs::read(folder().join("valid").join(name)).unwrap()).config.unwrap()
}

/// The second capability of the SQLite fixture, with the member at this place replaced.
fn edited(pointer: &str, value: &str) -> Capability {
    let mut file: Value = serde_json::from_slice(&fs::read(folder().join("valid/sqlite.json")).unwrap()).unwrap();
    *file.pointer_mut(&format!("/capabilities/1{pointer}")).unwrap() = serde_json::from_str(value).unwrap();
    let checked = check(file.to_string().as_bytes());
    checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings)).capabilities.remove(1)
}

#[test]
fn the_digest_of_a_capability_covers_what_may_change() {
    let reviewed = config("sqlite.json").capabilities.remove(1).digest();
    for (pointer, value) in [
        ("/name", r#""billing.propose_fee""#),
        ("/target/table", r#""other_invoices""#),
        ("/target/primary_key", r#""number""#),
        ("/target/tenant_key", r#""owner_id""#),
        ("/args/late_fee_cents/maximum", "5001"),
        ("/args/note/max_length", "201"),
        ("/args/note/required", "true"),
        ("/args/invoice_id", r#"{"type": "string", "enum": ["1"]}"#),
        ("/visible_columns", r#"["id"]"#),
        ("/patch/reviewed_by/fixed", r#""nobody""#),
        ("/patch/waived", r#"{"fixed": true}"#),
        ("/allowed_columns", r#"["late_fee_cents", "waived", "note", "reviewed_by", "status"]"#),
        ("/numeric_bounds/late_fee_cents/maximum", "2501"),
        ("/numeric_bounds", "{}"),
        ("/conflict_guard/advance", r#""auto""#),
        ("/conflict_guard", r#"{"weak_guard_ack": true}"#),
        ("/approval/required_role", r#""clerk""#),
        ("/approval/expires_after_seconds", "60"),
    ] {
        assert_ne!(edited(pointer, value).digest(), reviewed, "{pointer}");
    }
}

#[test]
fn the_digest_of_a_capability_does_not_cover_wording_or_order() {
    let reviewed = config("sqlite.json").capabilities.remove(1).digest();
    let args = r#"{"note": {"type": "string", "required": false, "max_length": 200}, "waived": {"type": "boolean"},
        "late_fee_cents": {"maximum": 5000, "minimum": 0.0, "type": "number", "description": "In cents."}, "invoice_id": {"type": "string"}}"#;
    assert_eq!(edited("/args", args).digest(), reviewed);
    insta::assert_snapshot!(reviewed, @"sha256:22017daf68b404bf6b3f212d5200574c31fe0fe0584a60b297a05b3dea9698d5");
}

#[test]
fn a_call_reads_the_visible_columns_first_and_then_what_the_rules_need() {
    let columns: Vec<String> = config("sqlite.json").capabilities[1].columns_to_read().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(columns.join(" "), @"id status late_fee_cents tenant_id updated_at waived note reviewed_by");
}

#[test]
fn a_column_that_sounds_like_a_secret_is_a_column() {
    let columns = edited("/visible_columns", r#"["id", "token_count", "password_hint"]"#).visible_columns;
    assert_eq!(columns.len(), 3);
}

#[test]
fn the_order_of_capabilities_and_arguments_is_the_files() {
    let config = config("sqlite.json");
    let names: Vec<&str> = config.capabilities.iter().map(|capability| capability.name.as_str()).collect();
    assert_eq!(names, ["billing.inspect_invoice", "billing.propose_late_fee"]);
    let args: Vec<&str> = config.capabilities[1].args.iter().map(|arg| arg.name.as_str()).collect();
    assert_eq!(args, ["invoice_id", "late_fee_cents", "waived", "note"]);
}

#[test]
fn every_capability_finds_its_source_and_context() {
    for name in ["postgres.json", "sqlite.json", "contexts.json", "handlers.json", "single_tenant.json", "loose.json"] {
        let config = config(name);
        for capability in &config.capabilities {
            assert!(config.source(&capability.source).is_some(), "{name}");
            assert!(config.context(&capability.context).is_some(), "{name}");
        }
    }
}

/// Attempts, first and longest pause of a capability's jobs, with this executor under the name `name`.
fn retry(name: &str, executor: &str) -> String {
    let mut file: Value = serde_json::from_slice(&fs::read(folder().join("valid/sqlite.json")).unwrap()).unwrap();
    file["executors"] = serde_json::json!({name: serde_json::from_str::<Value>(executor).unwrap()});
    file["capabilities"][1]["executor"] = name.into();
    let checked = check(file.to_string().as_bytes());
    let config = checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings));
    let Retry { attempts, initial, max } = config.retry_for_action(config.capabilities[1].name.as_str());
    format!("{attempts} attempts, {initial:?} to {max:?}")
}

#[test]
fn a_job_is_tried_again_as_the_executor_says_under_the_name_that_the_capability_uses() {
    let assert = |name, executor, expected: &str| assert_eq!(retry(name, executor), expected, "{executor}");
    assert("desk", r#"{"type": "http_handler", "url_env": "A"}"#, "3 attempts, 1s to 60s");
    assert("desk", r#"{"type": "http_handler", "url_env": "A", "retry": {}}"#, "3 attempts, 1s to 60s");
    assert("own", r#"{"type": "sql_update", "retry": {"attempts": 7, "initial_ms": 20, "max_ms": 80}}"#, "7 attempts, 20ms to 80ms");
    assert("sql_update", r#"{"type": "sql_update", "retry": {"attempts": 1}}"#, "1 attempts, 1s to 60s");
    assert("run", r#"{"type": "command_handler", "command_env": "A", "retry": {"max_ms": 300}}"#, "3 attempts, 300ms to 300ms");
    assert("run", r#"{"type": "command_handler", "command_env": "A", "retry": {"initial_ms": 90000}}"#, "3 attempts, 90s to 90s");
    assert_eq!(config("sqlite.json").retry_for_action("shop.gone"), Retry::DEFAULT);
}

#[test]
fn how_often_a_job_is_tried_again_is_no_part_of_what_was_approved() {
    let reviewed = config("handlers.json").capabilities[0].digest();
    let mut file: Value = serde_json::from_slice(&fs::read(folder().join("valid/handlers.json")).unwrap()).unwrap();
    file["executors"]["desk"]["retry"]["attempts"] = 9.into();
    assert_eq!(check(file.to_string().as_bytes()).config.unwrap().capabilities[0].digest(), reviewed);
}

#[test]
fn what_is_not_served_yet_is_named() {
    let unserved: Vec<String> = config("handlers.json").unserved().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(
        unserved.join("\n"),
        @"a trusted context comes from `http_claims`, which this version does not serve yet ($.trusted_context.provider)"
    );
    assert_eq!(config("sqlite.json").unserved(), []);
    insta::assert_snapshot!(config("cloud.json").unserved()[0], @"the mode is `cloud`, which this version does not serve yet ($.mode)");
}

#[test]
fn a_read_only_runner_offers_no_proposals() {
    let mut config = config("sqlite.json");
    assert_eq!(config.callable().count(), 2);
    config.mode = synapsor_config::Mode::ReadOnly;
    assert_eq!(config.callable().count(), 1);
}
