//! Every refusal is typed, names the thing, and tells a model nothing of the machinery.

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_envelope::Format;

use crate::counter::Counter;

const READ: &str = "returns.inspect";

#[tokio::test]
async fn wrong_arguments_are_named() {
    let counter = Counter::new();
    let check = |arguments: Value| counter.call(READ, arguments);
    assert_snapshot!(check(json!({})).await, @r#"{"code":"INVALID_ARGUMENT","message":"Argument `id` is required.","retryable":false}"#);
    assert_snapshot!(check(json!({"id": 1})).await, @r#"{"code":"INVALID_ARGUMENT","message":"Argument `id` must be a string.","retryable":false}"#);
    assert_snapshot!(check(json!({"id": "R-1", "tenant_id": "globex"})).await, @r#"{"code":"INVALID_ARGUMENT","message":"Argument `tenant_id` is set by the trusted context and cannot be given.","retryable":false}"#);
    assert_snapshot!(check(json!({"id": "R-1", "ids": "R-2"})).await, @r#"{"code":"INVALID_ARGUMENT","message":"Argument `ids` is unknown; did you mean `id`?","retryable":false}"#);
    assert_snapshot!(check(json!({"id": "R-1\u{0}"})).await, @r#"{"code":"INVALID_ARGUMENT","message":"Argument `id` holds the NUL character.","retryable":false}"#);
    assert_snapshot!(check(json!({"id": "x".repeat(10 << 20)})).await, @r#"{"code":"INVALID_ARGUMENT","message":"Argument `id` is longer than 40 UTF-16 code units.","retryable":false}"#);
    assert_snapshot!(check(json!({"id": ["R-1"]})).await, @r#"{"code":"INVALID_ARGUMENT","message":"Argument `id` must be a string.","retryable":false}"#);
}

#[tokio::test]
async fn an_unknown_capability_and_a_withheld_one_are_told_apart() {
    let counter = Counter::with(|config| config["mode"] = json!("read_only"));
    assert_snapshot!(counter.call("execute_sql", json!({})).await, @r#"{"code":"CAPABILITY_NOT_FOUND","message":"There is no capability `execute_sql`; list the tools to see what can be called.","retryable":false}"#);
    assert_snapshot!(counter.call("returns.propose_status", json!({"id": "R-1", "status": "checked"})).await, @r#"{"code":"APPROVAL_REQUIRED","message":"`returns.propose_status` proposes a change, and this server only reads; ask a person to make the change.","retryable":false}"#);
}

#[tokio::test]
async fn a_refusal_leads_to_its_cause_in_the_ledger_and_tells_none_of_it() {
    let counter = Counter::new();
    std::fs::remove_file(counter.folder.path().join("shop.db")).unwrap();
    let envelope = counter.envelope(READ, json!({"id": "R-1"})).await;
    assert_eq!(envelope["error"]["code"], "TEMPORARILY_UNAVAILABLE");
    assert_eq!(envelope["error"]["retryable"], true);
    assert!(!envelope.to_string().contains("shop"), "{envelope}");
    let diagnostics = counter.ledger("SELECT diagnostic_id FROM diagnostics");
    assert_eq!(diagnostics, [envelope["_meta"]["diagnostic_id"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_store_that_was_deleted_under_us_is_temporarily_unavailable() {
    let counter = Counter::new();
    counter.read(json!("R-1")).await;
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", counter.store().display())));
    }
    let envelope = counter.envelope(READ, json!({"id": "R-1"})).await;
    assert_eq!(envelope["error"]["code"], "TEMPORARILY_UNAVAILABLE");
    assert_eq!(envelope["data"], Value::Null);
}

#[tokio::test]
async fn a_table_that_is_not_what_was_reviewed_is_an_internal_fault() {
    let counter = Counter::with(|config| config["capabilities"][0]["visible_columns"] = json!(["id", "no_such_column"]));
    let envelope = counter.envelope(READ, json!({"id": "R-1"})).await;
    assert_eq!(envelope["error"]["code"], "INTERNAL");
    assert!(!envelope.to_string().contains("no_such_column"), "{envelope}");
}

#[tokio::test]
async fn a_schema_that_changes_under_us_is_asked_for_again() {
    let counter = Counter::new();
    counter.read(json!("R-1")).await;
    counter.business("ALTER TABLE returns RENAME COLUMN status TO state");
    assert_eq!(counter.envelope(READ, json!({"id": "R-1"})).await["ok"], false);
    counter.business("ALTER TABLE returns RENAME COLUMN state TO status");
    assert_snapshot!(counter.read(json!("R-1")).await, @r#"{"amount":"500","id":"R-1","status":"opened"}"#);
}

#[tokio::test]
async fn a_version_that_nobody_can_move_is_found_before_anything_is_proposed() {
    let found = |advance: &'static str| async move {
        let counter =
            Counter::with(|config| config["capabilities"][1]["conflict_guard"] = json!({"column": "secret_note", "advance": advance}));
        let found = synapsor_agent::check_database(&counter.port).await;
        found.iter().filter(|found| found.is_definite()).map(|found| found.finding.as_ref().unwrap().code).collect::<Vec<_>>()
    };
    assert_eq!(found("auto").await, ["VERSION_NOT_ADVANCEABLE"]);
    assert!(found("database").await.is_empty());
}

#[tokio::test]
async fn each_refusal_has_a_finer_code_in_format_one() {
    let counter = Counter::new();
    let check = async |name: &str, arguments: Value| {
        let answer = counter.port.answer(name, arguments.as_object().unwrap(), &|_| ()).await;
        let code = answer.written(Format::One).to_value()["code"].as_str().unwrap().to_owned();
        assert!(include_str!("../../../../docs/envelope.md").contains(&format!("`{code}`")), "{code} is documented");
        code
    };
    let propose = "returns.propose_status";
    assert_eq!(check(READ, json!({"id": "R-9"})).await, "ROW_NOT_FOUND");
    assert_eq!(check(READ, json!({})).await, "ARGUMENT_REQUIRED");
    assert_eq!(check(READ, json!({"id": 1})).await, "ARGUMENT_TYPE_INVALID");
    assert_eq!(check(READ, json!({"id": "x".repeat(41)})).await, "ARGUMENT_TOO_LONG");
    assert_eq!(check(READ, json!({"id": "R-1", "more": 1})).await, "ARGUMENT_UNKNOWN");
    assert_eq!(check(READ, json!({"id": "R-1", "tenant_id": "globex"})).await, "MODEL_CANNOT_OVERRIDE_BINDING");
    assert_eq!(check(propose, json!({"id": "R-1", "status": "gone"})).await, "ARGUMENT_NOT_ALLOWED");
    assert_eq!(check(propose, json!({"id": "R-1", "status": "opened"})).await, "PATCH_TRANSITION_NOT_ALLOWED");
    assert_eq!(check(propose, json!({"id": "R-5", "status": "checked"})).await, "CONFLICT_GUARD_MISSING");
    assert_eq!(check("execute_sql", json!({})).await, "MCP_TOOL_NOT_FOUND");
    std::fs::remove_file(counter.folder.path().join("shop.db")).unwrap();
    assert_eq!(check(READ, json!({"id": "R-1"})).await, "TEMPORARILY_UNAVAILABLE");
    let unfit = Counter::with(|config| config["capabilities"][0]["visible_columns"] = json!(["id", "no_such_column"]));
    let failed = unfit.port.answer(READ, json!({"id": "R-1"}).as_object().unwrap(), &|_| ()).await.written(Format::One).to_value();
    assert_eq!(failed["code"], "MCP_TOOL_FAILED");
    assert!(
        !failed.to_string().contains("no_such_column") && failed["error"].as_str().unwrap().contains("diagnostic id: diag_"),
        "{failed}"
    );
    let reads = Counter::with(|config| config["mode"] = json!("read_only"));
    let withheld = reads.port.answer(propose, &serde_json::Map::new(), &|_| ()).await.written(Format::One).to_value();
    assert_eq!(withheld["code"], "PROPOSALS_DISABLED");
}
