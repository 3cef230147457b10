//! A read shows one tenant's row, the visible columns and nothing else, and it is on record before it is answered.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::counter::Counter;

#[tokio::test]
async fn a_read_shows_the_visible_columns_only() {
    let counter = Counter::new();
    assert_snapshot!(counter.read(json!("R-1")).await, @r#"{"amount":"500","id":"R-1","status":"opened"}"#);
}

#[tokio::test]
async fn a_missing_row_and_another_tenants_row_are_answered_by_the_same_bytes() {
    let counter = Counter::new();
    let missing = counter.envelope("returns.inspect", json!({"id": "R-9"})).await.to_string();
    for other in ["R-2", "R-3", "R-4", "R-1 ", ""] {
        assert_eq!(counter.envelope("returns.inspect", json!({"id": other})).await.to_string(), missing, "{other:?}");
    }
    assert!(!missing.contains("ev_") && !missing.contains("diag_"), "{missing}");
    // And they leave the same kind of record: an audit row without evidence.
    let kept = counter.ledger("SELECT DISTINCT typeof(body_json ->> '$.evidence_id') FROM query_audit");
    assert_eq!(kept, ["null"]);
}

#[tokio::test]
async fn keys_that_differ_in_case_are_different_rows() {
    let counter = Counter::new();
    assert_snapshot!(counter.read(json!("r-1")).await, @r#"{"amount":"1","id":"r-1","status":"checked"}"#);
}

#[tokio::test]
async fn an_answer_that_is_ok_is_on_record() {
    let counter = Counter::new();
    let envelope = counter.envelope("returns.inspect", json!({"id": "R-1"})).await;
    let kept = counter.ledger("SELECT evidence_id FROM evidence");
    assert_eq!(kept, [envelope["evidence"]["bundle_id"].as_str().unwrap()]);
    assert_eq!(counter.ledger("SELECT body_json ->> '$.evidence_id' FROM query_audit"), kept);
    let trusted = ["tenant_id", "principal", "provenance"].map(|member| envelope["_meta"][member].clone());
    assert_eq!(trusted, [json!("acme"), json!("agent-7"), json!("environment")]);
}

#[tokio::test]
async fn the_row_that_is_read_is_the_row_of_now() {
    let counter = Counter::new();
    counter.read(json!("R-1")).await;
    counter.business("UPDATE returns SET status = 'refused' WHERE id = 'R-1'");
    let row: Value = serde_json::from_str(&counter.read(json!("R-1")).await).unwrap();
    assert_eq!(row["status"], "refused");
}
