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

/// A counter whose proposal is carried out by an application: a note, and two parameters that the table has no columns for.
fn counter_of_a_handler() -> Counter {
    Counter::with(|config| {
        config["executors"] = json!({"desk": {"type": "http_handler", "url_env": "DESK_URL"}});
        let proposal = &mut config["capabilities"][1];
        proposal["executor"] = json!("desk");
        proposal["args"]["cents"] = json!({"type": "number", "minimum": 1});
        proposal["args"]["reason"] = json!({"type": "string", "required": false});
        proposal["patch"] = json!({"status": {"from_arg": "status"}, "secret_note": {"fixed": "credited"},
            "credit_cents": {"from_arg": "cents"}, "reason": {"from_arg": "reason"}});
        proposal["allowed_columns"] = json!(["status", "secret_note", "credit_cents", "reason"]);
    })
}

#[tokio::test]
async fn for_a_handler_a_patch_column_that_the_table_does_not_have_is_a_parameter() {
    let counter = counter_of_a_handler();
    let envelope = counter.envelope(PROPOSE, json!({"id": "R-1", "status": "checked", "cents": 250})).await;
    let id = ProposalId::new(envelope["proposal"]["id"].as_str().unwrap()).unwrap();
    let replay = counter.port.record(&Record::Replay(id)).await.unwrap();
    let set: synapsor_protocol::ChangeSet = serde_json::from_value(replay["proposal"].clone()).unwrap();
    set.verify().unwrap();
    assert_snapshot!(json!(set.before), @r#"{"credit_cents":null,"id":"R-1","secret_note":"hidden","status":"opened","store_id":"acme","version":7}"#);
    assert_snapshot!(json!(set.patch), @r#"{"credit_cents":250,"secret_note":"credited","status":"checked"}"#);
    assert_snapshot!(json!(set.writeback), @r#"{"status":"not_applied","mode":"trusted_worker_required","executor":"desk","version_advance":"auto","parameters":["credit_cents"]}"#);
    assert_snapshot!(envelope["proposal"]["diff"], @r#"{"credit_cents":{"before":null,"proposed":250},"secret_note":{"before":"hidden","proposed":"credited"},"status":{"before":"opened","proposed":"checked"}}"#);
}

/// What the catalog says about the capabilities.
async fn findings(counter: Counter) -> String {
    let found = synapsor_agent::check_database(&counter.port).await;
    let told = found.iter().map(|found| found.finding.as_ref().unwrap());
    told.map(|finding| format!("{:?} {}: {}\n", finding.severity, finding.code, finding.message)).collect()
}

#[tokio::test]
async fn a_catalog_says_which_parts_of_a_patch_are_parameters_and_of_whom() {
    assert_snapshot!(findings(counter_of_a_handler()).await, @"
    Warning NULLABLE_VERSION: the version `version` may be null; a row where it is null is refused
    Notice PATCH_PARAMETER: the table has no column `credit_cents`, so it is a parameter for the executor `desk`
    Notice PATCH_PARAMETER: the table has no column `reason`, so it is a parameter for the executor `desk`
    ");
    let direct = Counter::with(|config| {
        config["capabilities"][1]["patch"]["credit_cents"] = json!({"fixed": 1});
        config["capabilities"][1]["allowed_columns"] = json!(["status", "credit_cents"]);
    });
    assert_snapshot!(findings(direct).await, @"
    Warning NULLABLE_VERSION: the version `version` may be null; a row where it is null is refused
    Error UNKNOWN_COLUMN: there is no column `credit_cents`
    ");
    let visible = Counter::with(|config| {
        config["executors"] = json!({"desk": {"type": "http_handler", "url_env": "DESK_URL"}});
        let proposal = &mut config["capabilities"][1];
        proposal["executor"] = json!("desk");
        proposal["visible_columns"] = json!(["id", "status", "credit_cents"]);
        proposal["patch"]["credit_cents"] = json!({"fixed": 1});
        proposal["allowed_columns"] = json!(["status", "credit_cents"]);
    });
    assert_snapshot!(findings(visible).await, @"
    Warning NULLABLE_VERSION: the version `version` may be null; a row where it is null is refused
    Error UNKNOWN_COLUMN: there is no column `credit_cents`
    ");
}
