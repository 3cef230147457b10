//! The records of the published formats parse; what we write again has the same content.

use serde_json::{Value, json};
use synapsor_protocol::change_set::ChangeSetError;
use synapsor_protocol::execution_receipt::Subject;
use synapsor_protocol::id::{JobId, ProposalId};
use synapsor_protocol::preparse::{self, Limits};
use synapsor_protocol::record::read;
use synapsor_protocol::{ChangeSet, ErrorCode, ExecutionReceipt, OperationId, Outcome, Report, Scalar, Timestamp, WritebackJob};

fn published_change_set() -> Value {
    serde_json::from_str(include_str!("../../../../fixtures/protocol/change-set.v1/valid/reference.json")).unwrap()
}

fn change_set(edit: impl FnOnce(&mut Value)) -> ChangeSet {
    let mut value = published_change_set();
    edit(&mut value);
    preparse::from_slice(value.to_string().as_bytes(), Limits::DEFAULT).unwrap()
}

#[test]
fn a_published_change_set_parses_and_unknown_members_are_never_hashed() {
    let plain = change_set(|_| ());
    let extended = change_set(|value| {
        value["later"] = json!(1);
        value["evidence"]["note"] = json!("x");
    });
    assert_eq!(plain, extended);
    assert_eq!(plain.proposal_hash().unwrap(), extended.proposal_hash().unwrap());
    plain.check_rules().unwrap();
}

#[test]
fn every_edit_of_a_sealed_change_set_is_found() {
    let sealed = change_set(|_| ()).sealed().unwrap();
    sealed.verify().unwrap();
    for (pointer, value) in [
        ("/patch/status", json!("refunded")),
        ("/scope/tenant_id", json!("store-5")),
        ("/source/primary_key/value", json!("R-89")),
        ("/guards/expected_version/value", json!(13)),
        ("/guards/tenant/value", json!("store-5")),
        ("/created_at", json!("2026-03-02T08:00:00.000001Z")),
        ("/evidence/bundle_id", json!("ev_20")),
    ] {
        let mut edited = serde_json::to_value(&sealed).unwrap();
        *edited.pointer_mut(pointer).unwrap() = value;
        let edited: ChangeSet = serde_json::from_value(edited).unwrap();
        assert!(matches!(edited.verify(), Err(ChangeSetError::HashMismatch | ChangeSetError::AfterDiffers)), "{pointer}");
    }
}

#[test]
fn the_rules_between_the_members_hold() {
    let check = |edit: fn(&mut Value)| change_set(edit).check_rules().map_or_else(|e| e.to_string(), |()| "fine".into());
    insta::assert_snapshot!(check(|v| v["guards"]["allowed_columns"] = json!(["note"])), @"the patch changes `status`, which is not an allowed column");
    insta::assert_snapshot!(check(|v| v["guards"]["allowed_columns"] = json!(["status", "id"])), @"the key column `id` is an allowed column");
    insta::assert_snapshot!(check(|v| v["guards"]["allowed_columns"] = json!(["status", "store_id"])), @"the key column `store_id` is an allowed column");
    insta::assert_snapshot!(check(|v| v["patch"] = json!({})), @"the patch is empty");
    insta::assert_snapshot!(check(|v| v["after"]["version"] = json!(13)), @"`after` is not `before` with the patch applied");
}

#[test]
fn the_same_content_has_the_same_content_digest_whenever_it_is_proposed() {
    let first = change_set(|_| ()).content_digest().unwrap();
    let later = change_set(|v| {
        v["proposal_id"] = json!("wrp_other");
        v["created_at"] = json!("2027-01-01T00:00:00Z");
        v["evidence"]["bundle_id"] = json!("ev_other");
    });
    assert_eq!(later.content_digest().unwrap(), first);
    let other = change_set(|v| v["principal"]["id"] = json!("agent-8"));
    assert_ne!(other.content_digest().unwrap(), first);
}

#[test]
fn a_job_is_read_in_both_forms() {
    let v1: Value = serde_json::from_str(include_str!("../../../../fixtures/protocol/writeback-job.v1/valid/reference.json")).unwrap();
    let legacy = json!({"protocol_version": "1.0", "job_id": "wbj_wrp_7a01", "proposal_id": "wrp_7a01", "approval_id": "sha256:cd34", "source_id": "shop",
        "engine": "postgres", "target": {"schema": "public", "table": "returns", "primary_key": {"column": "id", "value": "R-88"},
        "tenant_guard": {"column": "store_id", "value": "store-4"}}, "allowed_columns": ["status"], "patch": {"status": "checked"},
        "conflict_guard": {"kind": "version_column", "column": "version", "expected_value": 12}, "idempotency_key": "wrp_7a01:R-88",
        "lease_expires_at": 1_772_438_700_000_i64});
    let job_in = |value: &Value| read::<WritebackJob>(value.to_string().as_bytes()).unwrap();
    assert_eq!(job_in(&v1), job_in(&legacy));
    assert_eq!(serde_json::from_value::<WritebackJob>(serde_json::to_value(job_in(&v1)).unwrap()).unwrap(), job_in(&v1));
}

#[test]
fn a_receipt_is_hashed_over_its_content_and_an_unknown_outcome_has_none() {
    let subject = || Subject {
        writeback_job_id: JobId::new("wbj_1").unwrap(),
        proposal_id: ProposalId::new("wrp_1").unwrap(),
        runner_id: "edge-1".into(),
        idempotency_key: OperationId::new("wrp_1:R-88").unwrap(),
    };
    let at = Timestamp::parse("2026-03-02T08:05:00Z").unwrap();
    let report = Report { previous_version: Some(Scalar::from(13)), ..Report::because(Outcome::Conflict, ErrorCode::VERSION_CONFLICT) };
    let receipt = ExecutionReceipt::of(subject(), &report, at).unwrap().unwrap();
    assert_eq!(receipt.hash().unwrap(), receipt.receipt_hash);
    let edited = ExecutionReceipt { rows_affected: 1, ..receipt.clone() };
    assert_ne!(edited.hash().unwrap(), receipt.receipt_hash);
    assert!(!receipt.source_database_mutated);
    assert!(ExecutionReceipt::of(subject(), &Report::new(Outcome::Unknown), at).unwrap().is_none());
}
