//! The three answers, byte for byte, and what is refused on reading.

use std::collections::BTreeMap;

use synapsor_protocol::change_set::{WritebackMode as Writer, WritebackRef, WritebackStatus};
use synapsor_protocol::id::{DiagnosticId, EvidenceId, ProposalId};
use synapsor_protocol::{Columns, Digest, Identifier, Scalar};

use super::{Envelope, Kind, ReadAnswer};
use crate::{ColumnChange, Meta, ProposalAnswer, ProposalState, Refusal, SafeCode, WritebackMode};

fn check(envelope: &Envelope) -> String {
    let text = envelope.to_text();
    let read: Envelope = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, envelope, "an envelope reads back as it was written");
    text
}

fn name(text: &str) -> Identifier {
    Identifier::new(text).unwrap()
}

fn meta(capability: &str) -> Meta {
    Meta::trusted("acme", "clerk-7", "environment", capability)
}

fn a_read() -> Envelope {
    Envelope::read(ReadAnswer {
        action: "returns.inspect".to_owned(),
        mode: "review".to_owned(),
        table: name("returns"),
        object: Scalar::from("R-1"),
        data: Columns::from([(name("id"), Scalar::from("R-1")), (name("cents"), Scalar::from(1250))]),
        evidence: EvidenceId::new("ev_1").unwrap(),
        meta: meta("returns.inspect"),
    })
}

fn a_proposal(state: ProposalState) -> Envelope {
    let change = ColumnChange { before: Scalar::from("opened"), proposed: Scalar::from("checked") };
    Envelope::proposal(ProposalAnswer {
        action: "returns.propose".to_owned(),
        proposal_id: ProposalId::new("wrp_1").unwrap(),
        proposal_version: 1,
        proposal_hash: Digest::of_bytes(b""),
        state,
        table: name("returns"),
        object: Scalar::from(7),
        diff: BTreeMap::from([(name("status"), change)]),
        writeback: WritebackMode::DirectUpdate,
        writeback_record: WritebackRef {
            status: WritebackStatus::NotApplied,
            mode: Writer::TrustedWorkerRequired,
            executor: None,
            version_advance: None,
            parameters: Vec::new(),
        },
        evidence: EvidenceId::new("ev_2").unwrap(),
        meta: meta("returns.propose"),
    })
}

#[test]
fn a_read_shows_the_row_and_nothing_else() {
    insta::assert_snapshot!(check(&a_read()), @r#"
    {
      "ok": true,
      "summary": "Read returns R-1 with returns.inspect; nothing was changed.",
      "action": "returns.inspect",
      "kind": "read",
      "data": {
        "cents": 1250,
        "id": "R-1"
      },
      "proposal": null,
      "error": null,
      "evidence": {
        "bundle_id": "ev_1",
        "note": "Kept on record for reviewers; you need not do anything with it."
      },
      "source_database_changed": false,
      "_meta": {
        "tenant_id": "acme",
        "principal": "clerk-7",
        "provenance": "environment",
        "canonical_capability": "returns.inspect"
      }
    }
    "#);
}

#[test]
fn a_proposal_names_principal_and_provenance_as_a_read_does() {
    insta::assert_snapshot!(check(&a_proposal(ProposalState::ReviewRequired)), @r#"
    {
      "ok": true,
      "summary": "Proposal wrp_1 for returns 7 is waiting for review; nothing was changed in the database.",
      "action": "returns.propose",
      "kind": "proposal",
      "data": null,
      "proposal": {
        "id": "wrp_1",
        "state": "review_required",
        "target": "returns:7",
        "diff": {
          "status": {
            "before": "opened",
            "proposed": "checked"
          }
        },
        "approval_required": true,
        "writeback": {
          "mode": "direct_update",
          "applied": false
        },
        "next": "A person reviews and decides outside of this conversation; until then nothing is changed, and you cannot approve it."
      },
      "error": null,
      "evidence": {
        "bundle_id": "ev_2",
        "note": "Kept on record for reviewers; you need not do anything with it."
      },
      "source_database_changed": false,
      "_meta": {
        "tenant_id": "acme",
        "principal": "clerk-7",
        "provenance": "environment",
        "canonical_capability": "returns.propose"
      }
    }
    "#);
}

#[test]
fn a_refusal_is_an_envelope_too() {
    let refusal = Refusal::new(SafeCode::Internal, "The call could not be answered; an operator finds the cause under the diagnostic id.");
    let meta = Meta::capability("returns.inspect").diagnosed(DiagnosticId::new("diag_1").unwrap());
    insta::assert_snapshot!(check(&Envelope::refused("returns.inspect", Kind::Read, refusal, meta)), @r#"
    {
      "ok": false,
      "summary": "The call could not be answered; an operator finds the cause under the diagnostic id.",
      "action": "returns.inspect",
      "kind": "read",
      "data": null,
      "proposal": null,
      "error": {
        "code": "INTERNAL",
        "message": "The call could not be answered; an operator finds the cause under the diagnostic id.",
        "retryable": false
      },
      "evidence": null,
      "source_database_changed": false,
      "_meta": {
        "canonical_capability": "returns.inspect",
        "diagnostic_id": "diag_1"
      }
    }
    "#);
}

#[test]
fn the_name_of_an_unknown_tool_is_cut() {
    let refusal = Refusal::new(SafeCode::CapabilityNotFound, "No capability has that name.");
    let envelope = Envelope::refused(&"x".repeat(1_000_000), Kind::Read, refusal, Meta::default());
    assert_eq!(envelope.action().chars().count(), 201);
}

#[test]
fn only_states_that_wait_for_a_person_require_approval() {
    let states = [
        (ProposalState::ReviewRequired, true),
        (ProposalState::ShadowProposalCreated, true),
        (ProposalState::Approved, false),
        (ProposalState::PendingWorker, false),
    ];
    for (state, required) in states {
        let envelope = a_proposal(state);
        let notice = envelope.proposed().unwrap();
        assert_eq!(notice.approval_required, required, "{state:?}");
        assert!(!notice.writeback.applied);
    }
}

#[test]
fn what_no_constructor_makes_is_refused_on_reading() {
    let refused = |change: fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut value = a_read().to_value();
        change(value.as_object_mut().unwrap());
        serde_json::from_value::<Envelope>(value).unwrap_err().to_string()
    };
    insta::assert_snapshot!(refused(|object| drop(object.insert("data".into(), serde_json::Value::Null))), @"an envelope holds exactly one of `data`, `proposal` and `error`, this one holds 0");
    insta::assert_snapshot!(refused(|object| drop(object.insert("ok".into(), false.into()))), @"`ok` is false but `error` says otherwise");
    insta::assert_snapshot!(refused(|object| drop(object.insert("source_database_changed".into(), true.into()))), @"`source_database_changed` is true");
}

#[cfg(feature = "schemas")]
#[test]
fn every_envelope_is_valid_by_both_forms_of_the_schema() {
    let (_, published) = crate::schemas::schemas().remove(0);
    let tool = serde_json::Value::Object(crate::schemas::output_schema());
    let refusal = || Refusal::new(SafeCode::TemporarilyUnavailable, "Later.").retry_after(std::time::Duration::from_secs(1));
    let answers = [
        a_read(),
        a_proposal(ProposalState::ReviewRequired),
        a_proposal(ProposalState::ShadowProposalCreated),
        Envelope::refused("a.b", Kind::Read, refusal(), Meta::default()),
        Envelope::refused("a.b", Kind::Proposal, refusal(), Meta::capability("a.b").diagnosed(DiagnosticId::new("diag_1").unwrap())),
    ];
    for schema in [published.to_value(), tool] {
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        for answer in &answers {
            let errors: Vec<_> = validator.iter_errors(&answer.to_value()).map(|error| error.to_string()).collect();
            assert_eq!(errors, [""; 0], "{answer:?}");
        }
    }
}

#[cfg(feature = "schemas")]
#[test]
fn the_published_schema_refuses_what_holds_two_outcomes() {
    let (_, published) = crate::schemas::schemas().remove(0);
    let validator = jsonschema::draft202012::new(&published.to_value()).unwrap();
    let mut value = a_read().to_value();
    value["proposal"] = a_proposal(ProposalState::ReviewRequired).to_value()["proposal"].clone();
    assert!(!validator.is_valid(&value));
    value["data"] = serde_json::Value::Null;
    assert!(validator.is_valid(&value));
}
