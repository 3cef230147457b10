//! A proposal is an exact change that waits; the row stays as it is.

use insta::assert_snapshot;
use serde_json::json;
use synapsor_agent::Record;
use synapsor_protocol::id::ProposalId;

use crate::counter::Counter;

const PROPOSE: &str = "returns.propose_status";

#[tokio::test]
async fn a_proposal_says_what_would_change_and_changes_nothing() {
    let counter = Counter::new();
    assert_snapshot!(counter.call(PROPOSE, json!({"id": "R-1", "status": "checked"})).await, @r#"{"id":"wrp_#1","state":"review_required","target":"returns:R-1","diff":{"status":{"before":"opened","proposed":"checked"}},"approval_required":true,"writeback":{"mode":"direct_update","applied":false},"next":"A person reviews and decides outside of this conversation; until then nothing is changed, and you cannot approve it."}"#);
    assert_snapshot!(counter.read(json!("R-1")).await, @r#"{"amount":"500","id":"R-1","status":"opened"}"#);
}

#[tokio::test]
async fn the_same_change_proposed_again_is_the_same_proposal() {
    let counter = Counter::new();
    let propose = || counter.envelope(PROPOSE, json!({"id": "R-1", "status": "checked"}));
    let (first, second) = (propose().await, propose().await);
    assert_eq!(first["proposal"]["id"], second["proposal"]["id"]);
    let other = counter.envelope(PROPOSE, json!({"id": "R-1", "status": "refused"})).await;
    assert_ne!(first["proposal"]["id"], other["proposal"]["id"]);
}

#[tokio::test]
async fn the_change_set_carries_its_guards_and_verifies() {
    let counter = Counter::new();
    let envelope = counter.envelope(PROPOSE, json!({"id": "R-1", "status": "checked"})).await;
    let id = ProposalId::new(envelope["proposal"]["id"].as_str().unwrap()).unwrap();
    let replay = counter.port.record(&Record::Replay(id)).await.unwrap();
    let set: synapsor_protocol::ChangeSet = serde_json::from_value(replay["proposal"].clone()).unwrap();
    set.verify().unwrap();
    assert_snapshot!(serde_json::to_string(&set.guards).unwrap(), @r#"{"tenant":{"column":"store_id","value":"acme"},"allowed_columns":["status"],"expected_version":{"column":"version","value":7}}"#);
    assert_snapshot!(serde_json::to_string(&set.before).unwrap(), @r#"{"id":"R-1","status":"opened","store_id":"acme","version":7}"#);
}

#[tokio::test]
async fn what_was_not_reviewed_is_refused_and_the_read_stays_on_record() {
    let counter = Counter::new();
    assert_snapshot!(counter.call(PROPOSE, json!({"id": "R-1", "status": "opened"})).await, @r#"{"code":"POLICY_VIOLATION","message":"Column `status` may not move from its present state to the proposed one.","retryable":false}"#);
    assert_snapshot!(counter.call(PROPOSE, json!({"id": "R-5", "status": "checked"})).await, @r#"{"code":"POLICY_VIOLATION","message":"The row has no version, so a change of it cannot be guarded; ask a person to look at the data.","retryable":false}"#);
    assert_eq!(counter.ledger("SELECT evidence_id FROM evidence").len(), 2);
    assert!(counter.ledger("SELECT proposal_id FROM proposals").is_empty());
}

#[tokio::test]
async fn a_proposal_for_another_tenants_row_is_a_row_that_is_not_there() {
    let counter = Counter::new();
    let missing = counter.envelope(PROPOSE, json!({"id": "R-9", "status": "checked"})).await;
    let other = counter.envelope(PROPOSE, json!({"id": "R-2", "status": "checked"})).await;
    assert_eq!(other.to_string(), missing.to_string());
    assert_eq!(missing["error"]["code"], "NOT_FOUND_IN_TENANT");
}

#[tokio::test]
async fn a_weak_guard_is_the_hash_of_the_row() {
    let counter = Counter::with(|config| config["capabilities"][1]["conflict_guard"] = json!({"weak_guard_ack": true}));
    let envelope = counter.envelope(PROPOSE, json!({"id": "R-5", "status": "checked"})).await;
    let id = ProposalId::new(envelope["proposal"]["id"].as_str().unwrap()).unwrap();
    let replay = counter.port.record(&Record::Replay(id)).await.unwrap();
    let guard = &replay["proposal"]["guards"]["expected_version"];
    assert_eq!(guard["column"], "__row_hash");
    assert!(guard["value"].as_str().unwrap().starts_with("sha256:"));
}

#[tokio::test]
async fn shadow_proposals_are_recorded_and_say_so() {
    let counter = Counter::with(|config| config["mode"] = json!("shadow"));
    let envelope = counter.envelope(PROPOSE, json!({"id": "R-1", "status": "checked"})).await;
    assert_eq!(envelope["proposal"]["state"], "shadow_proposal_created");
}
