//! A caller sees the records that its own calls left, and of nobody else's that they are there.

use insta::assert_snapshot;
use serde_json::json;
use synapsor_agent::{AgentPort, Record};
use synapsor_envelope::SafeCode;
use synapsor_protocol::id::{EvidenceId, ProposalId};
use synapsor_testkit::filters::scrub;

use crate::counter::Counter;

/// A proposal, what its read showed, and its story.
async fn left(counter: &Counter) -> [Record; 3] {
    let envelope = counter.envelope("returns.propose_status", json!({"id": "R-1", "status": "checked"})).await;
    let id = ProposalId::new(envelope["proposal"]["id"].as_str().unwrap()).unwrap();
    let evidence = EvidenceId::new(envelope["evidence"]["bundle_id"].as_str().unwrap()).unwrap();
    [Record::Proposal(id.clone()), Record::Evidence(evidence), Record::Replay(id)]
}

async fn check(port: &AgentPort, record: &Record) -> String {
    match port.record(record).await {
        Ok(found) => scrub(&format!("{found:#}")),
        Err((refusal, diagnostic)) => format!("{} {} {diagnostic:?}", refusal.code, refusal.message),
    }
}

#[tokio::test]
async fn trap_28_a_record_is_its_tenants_and_its_principals_and_for_others_it_is_not_there() {
    let counter = Counter::new();
    let missing = [
        Record::Proposal(ProposalId::new("wrp_none").unwrap()),
        Record::Evidence(EvidenceId::new("ev_none").unwrap()),
        Record::Replay(ProposalId::new("wrp_none").unwrap()),
    ];
    for (record, missing) in left(&counter).await.iter().zip(&missing) {
        assert!(counter.port.record(record).await.is_ok(), "{record:?}");
        let nothing = check(&counter.port, missing).await;
        assert_eq!(nothing, "NOT_FOUND_IN_TENANT No such record is visible to this tenant. None");
        for (tenant, principal) in [
            ("ACME", "agent-7"),
            ("\u{e1}cme", "agent-7"),
            ("globex", "agent-7"),
            ("acme", "agent-8"),
            ("acme", "AGENT-7"),
            ("agent-7", "acme"),
        ] {
            assert_eq!(check(&counter.port_of(tenant, principal), record).await, nothing, "{record:?} for {principal} of {tenant}");
        }
    }
    assert!(counter.ledger("SELECT diagnostic_id FROM diagnostics").is_empty(), "looking leaves nothing that could be counted");
}

#[tokio::test]
async fn a_proposal_is_shown_with_what_became_of_it() {
    let counter = Counter::new();
    let [proposal, evidence, replay] = left(&counter).await;
    assert_snapshot!(check(&counter.port, &proposal).await, @r#"
    {
      "status": "pending_review",
      "proposal": {
        "schema_version": "synapsor.change-set.v1",
        "proposal_id": "wrp_#1",
        "proposal_version": 1,
        "action": "returns.propose_status",
        "mode": "review_required",
        "principal": {
          "id": "agent-7",
          "source": "environment"
        },
        "scope": {
          "tenant_id": "acme",
          "business_object": "returns",
          "object_id": "R-1"
        },
        "source": {
          "kind": "external_sqlite",
          "source_id": "shop",
          "schema": "main",
          "table": "returns",
          "primary_key": {
            "column": "id",
            "value": "R-1"
          }
        },
        "before": {
          "id": "R-1",
          "status": "opened",
          "store_id": "acme",
          "version": 7
        },
        "patch": {
          "status": "checked"
        },
        "after": {
          "id": "R-1",
          "status": "checked",
          "store_id": "acme",
          "version": 7
        },
        "guards": {
          "tenant": {
            "column": "store_id",
            "value": "acme"
          },
          "allowed_columns": [
            "status"
          ],
          "expected_version": {
            "column": "version",
            "value": 7
          }
        },
        "evidence": {
          "bundle_id": "ev_#1",
          "query_fingerprint": "sha256:#1",
          "items": []
        },
        "approval": {
          "status": "pending"
        },
        "writeback": {
          "status": "not_applied",
          "mode": "trusted_worker_required",
          "executor": "sql_update",
          "version_advance": "auto"
        },
        "source_database_mutated": false,
        "integrity": {
          "proposal_hash": "sha256:#2"
        },
        "created_at": "<time>"
      },
      "events": [
        {
          "event_id": "evt_#1",
          "sequence": 1,
          "kind": "proposal_created",
          "created_at": "<time>",
          "payload": {
            "proposal_version": 1,
            "proposal_hash": "sha256:#2",
            "expires_at": "<time>"
          }
        },
        {
          "event_id": "evt_#2",
          "sequence": 2,
          "kind": "evidence_recorded",
          "created_at": "<time>",
          "payload": {
            "evidence_id": "ev_#1"
          }
        }
      ],
      "receipts": []
    }
    "#);
    assert_snapshot!(check(&counter.port, &evidence).await, @r#"
    {
      "evidence_id": "ev_#1",
      "tenant_id": "acme",
      "principal": "agent-7",
      "capability": "returns.propose_status",
      "source_id": "shop",
      "table": "main.returns",
      "business_object": "returns",
      "object_id": "R-1",
      "query_fingerprint": "sha256:#1",
      "items": [
        {
          "kind": "external_row",
          "visible_row": {
            "id": "R-1",
            "status": "opened",
            "store_id": "acme",
            "version": 7
          }
        }
      ],
      "payload": {
        "binding_provenance": "environment"
      },
      "created_at": "<time>"
    }
    "#);
    let story = counter.port.record(&replay).await.unwrap();
    let members: Vec<_> = story.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["replay_id", "status", "proposal", "events", "receipts", "query_audit", "evidence", "generated_at"]);
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_is_told_as_such_and_not_as_a_record_that_is_not_there() {
    let counter = Counter::new();
    let [proposal, ..] = left(&counter).await;
    counter.damage("UPDATE proposals SET tenant_id = 'acme', change_set_json = '{}'");
    let (refusal, diagnostic) = counter.port.record(&proposal).await.unwrap_err();
    assert_eq!((refusal.code, diagnostic.is_some()), (SafeCode::Internal, true), "{}", refusal.message);
}

#[tokio::test]
async fn a_damaged_record_of_another_tenant_is_not_there_either() {
    let counter = Counter::new();
    let [_, evidence, _] = left(&counter).await;
    counter.damage("UPDATE evidence SET body_json = 'torn'");
    assert_eq!(counter.port.record(&evidence).await.unwrap_err().0.code, SafeCode::Internal);
    let other = counter.port_of("globex", "agent-7");
    assert_eq!(check(&other, &evidence).await, "NOT_FOUND_IN_TENANT No such record is visible to this tenant. None");
}
